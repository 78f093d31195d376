import ChatModel
import ClusterModel
import Placement
import Testing

@testable import ChatMachine

@Suite struct DirectoryTests {
    static let secrets = ClusterSecrets(tokenSigningKey: [1], tokenKeyID: "k", macKey: [2])
    static func record(_ number: UInt64, port: UInt16? = nil, boot: UInt64 = 1) -> NodeRecord {
        NodeRecord(
            id: node(number), name: "n\(number)", address: PeerAddress(host: "10.0.0.1", port: port ?? UInt16(number)),
            clientAddress: "", state: .active, boot: BootCounter(boot))
    }
    static func directory() -> Rig { Rig(shard: .directory, map: ShardMap(shardCount: 4)) }
    static func name(_ text: String, _ kind: NameKind = .user) -> UniqueName { UniqueName(kind: kind, name: text) }

    @Test func `a new node joins and becomes active with a new epoch`() {
        var rig = Self.directory()
        #expect(rig.apply(.registerNode(Self.record(1))) == .done)
        #expect(rig.machine.registry[node(1)]?.state == .joining && rig.machine.registry.epoch == .zero)
        #expect(rig.apply(.activateNode(node(1))) == .done)
        #expect(rig.machine.registry.active == [node(1)] && rig.machine.registry.epoch == RingEpoch(1))
        #expect(rig.effects.registryChanged)
        #expect(rig.apply(.registerNode(Self.record(1))) == .done)
        #expect(rig.apply(.activateNode(node(1))) == .done)
        #expect(rig.machine.registry.epoch == RingEpoch(1) && !rig.effects.registryChanged)
    }

    @Test func `a wiped node under its old address replaces the old one at once`() {
        var rig = Self.directory()
        rig.apply(.registerNode(Self.record(1)))
        rig.apply(.activateNode(node(1)))
        #expect(rig.apply(.registerNode(Self.record(7, port: 1))) == .done)
        #expect(rig.machine.registry[node(1)]?.state == .removed)
        #expect(rig.machine.registry[node(7)]?.state == .joining && rig.machine.registry.epoch == RingEpoch(2))
        #expect(rig.apply(.registerNode(Self.record(1))) == .refused(.forbidden))
        #expect(rig.apply(.activateNode(node(1))) == .refused(.forbidden))
        #expect(rig.apply(.setNodeState(node(1), .active)) == .refused(.forbidden))
    }

    @Test func `a boot counter that falls is refused and a dead node joins again`() {
        var rig = Self.directory()
        rig.apply(.registerNode(Self.record(1, boot: 5)))
        rig.apply(.activateNode(node(1)))
        let moved = PeerAddress(host: "10.0.0.9", port: 9)
        #expect(
            rig.apply(.bootNode(node(1), boot: BootCounter(4), address: moved, clientAddress: ""))
                == .refused(.forbidden))
        #expect(rig.apply(.bootNode(node(1), boot: BootCounter(6), address: moved, clientAddress: "c")) == .done)
        #expect(rig.machine.registry[node(1)]?.address == moved && rig.machine.registry.epoch == RingEpoch(1))
        rig.apply(.setNodeState(node(1), .dead))
        #expect(rig.machine.registry.epoch == RingEpoch(2) && rig.machine.registry.active.isEmpty)
        rig.apply(.bootNode(node(1), boot: BootCounter(7), address: moved, clientAddress: "c"))
        #expect(rig.machine.registry[node(1)]?.state == .joining)
    }

    @Test func `a node that has moved is not replaced by the next at its old address`() {
        var rig = Self.directory()
        let old = PeerAddress(host: "10.0.0.1", port: 1)
        let new = PeerAddress(host: "10.0.0.1", port: 2)
        func record(_ number: UInt64) -> NodeRecord {
            NodeRecord(
                id: node(number), name: "\(old)", address: old, clientAddress: "", state: .joining, boot: .zero)
        }
        rig.apply(.registerNode(record(1)))
        rig.apply(.bootNode(node(1), boot: BootCounter(1), address: new, clientAddress: ""))
        rig.apply(.registerNode(record(2)))
        #expect(rig.machine.registry.nodes.map(\.state) == [.joining, .joining])
    }

    @Test func `a cluster is initialised once`() {
        var rig = Self.directory()
        #expect(rig.apply(.initialise(Self.secrets, .open)) == .done)
        #expect(rig.effects.directoryChanged && rig.machine.secrets == Self.secrets)
        #expect(rig.apply(.initialise(Self.secrets, .closed)) == .refused(.alreadyExists))
        #expect(rig.machine.registration == .open)
    }

    @Test func `the first account is the administrator and others need what the setting says`() {
        for (registration, expected) in [
            (Registration.open, CommandResult.reserved(.member)), (.invite, .refused(.inviteRequired)),
            (.closed, .refused(.registrationClosed)),
        ] {
            var rig = Self.directory()
            rig.apply(.initialise(Self.secrets, registration))
            #expect(rig.apply(.reserveName(Self.name("ada"), .user(user(1)), listed: false)) == .reserved(.admin))
            #expect(rig.apply(.reserveName(Self.name("grace"), .user(user(2)), listed: false)) == expected)
            #expect(rig.apply(.reserveName(Self.name("ada"), .user(user(1)), listed: false)) == .reserved(.admin))
        }
    }

    @Test func `a first account that was given up leaves its place to the next`() {
        var rig = Self.directory()
        rig.apply(.initialise(Self.secrets, .closed))
        rig.apply(.reserveName(Self.name("ada"), .user(user(1)), listed: false))
        rig.apply(.releaseName(Self.name("ada"), .user(user(1))))
        #expect(rig.apply(.reserveName(Self.name("grace"), .user(user(2)), listed: false)) == .reserved(.admin))
    }

    @Test func `a name has one owner`() {
        var rig = Self.directory()
        rig.apply(.initialise(Self.secrets, .open))
        let name = Self.name("general", .channel)
        #expect(rig.apply(.reserveName(name, .channel(general), listed: true)) == .done)
        #expect(rig.apply(.reserveName(name, .channel(secret), listed: true)) == .refused(.nameTaken))
        #expect(rig.answer(.nameOwner(name)) == .answer(.nameOwner(nil)))
        #expect(rig.apply(.confirmName(name, .channel(secret))) == .refused(.notFound))
        #expect(rig.apply(.releaseName(name, .channel(secret))) == .refused(.notFound))
        #expect(rig.apply(.confirmName(name, .channel(general))) == .done)
        #expect(rig.answer(.nameOwner(name)) == .answer(.nameOwner(.channel(general))))
        #expect(rig.apply(.reserveName(name, .user(user(1)), listed: false)) == .refused(.invalid))
    }

    @Test func `confirmed public channels are listed by name and page`() {
        var rig = Self.directory()
        for (number, text) in ["cats", "bats", "café", "dogs", "catalog"].enumerated() {
            let owner = NameOwner.channel(channel(UInt64(number)))
            rig.apply(.reserveName(Self.name(text, .channel), owner, listed: text != "dogs"))
            if text != "bats" { rig.apply(.confirmName(Self.name(text, .channel), owner)) }
        }
        func list(_ prefix: String, _ after: String, _ limit: UInt32) -> [String] {
            guard
                case .answer(.listedChannels(let channels)) = rig.answer(
                    .listedChannels(prefix: prefix, after: after, limit: limit))
            else { return [] }
            return channels.map(\.name)
        }
        #expect(
            list("", "", 10)
                == ["café", "catalog", "cats"].sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) })
        #expect(list("cat", "", 10) == ["catalog", "cats"])
        #expect(list("cat", "catalog", 10) == ["cats"])
        #expect(list("", "", 1).count == 1)
        #expect(list("x", "", 10).isEmpty)
    }

    @Test func `names that stay reserved can be found`() {
        var rig = Self.directory()
        rig.apply(.reserveName(Self.name("b", .channel), .channel(channel(1)), listed: false))
        rig.pass(milliseconds: 10)
        rig.apply(.reserveName(Self.name("a", .channel), .channel(channel(2)), listed: false))
        let later = rig.now.advanced(byMilliseconds: 1)
        #expect(rig.machine.stalePendingNames(olderThan: later).map(\.0.name) == ["b", "a"])
        #expect(rig.machine.stalePendingNames(olderThan: rig.now).map(\.0.name) == ["b"])
        rig.apply(.confirmName(Self.name("b", .channel), .channel(channel(1))))
        rig.apply(.releaseName(Self.name("a", .channel), .channel(channel(2))))
        #expect(rig.machine.stalePendingNames(olderThan: later).isEmpty)
    }

    @Test func `a revocation is kept until its time and no longer`() {
        var rig = Self.directory()
        rig.apply(.initialise(Self.secrets, .open))
        let until = rig.now.advanced(byMilliseconds: 1000)
        rig.apply(.revokeSession(session(1), user(1), until: until))
        rig.apply(.revokeSession(session(2), user(1), until: Timestamp(milliseconds: .max)))
        #expect(rig.machine.revokedSessions == [session(1), session(2)])
        rig.pass(milliseconds: 1000)
        rig.apply(.activateNode(node(1)))
        #expect(rig.machine.revokedSessions == [session(2)] && rig.effects.directoryChanged)
        rig.pass(milliseconds: 24 * 3600 * 1000)
        rig.apply(.activateNode(node(1)))
        #expect(rig.machine.revokedSessions.isEmpty)
    }
}
