import ChatModel
import ClusterModel
import Placement
import Testing

@testable import ChatMachine

/// Commands over few people and rooms, so that they meet; now and then a value that nobody would send.
struct CommandGenerator {
    var generator: SeededGenerator
    init(seed: UInt64) { self.generator = SeededGenerator(seed: seed) }

    mutating func below(_ bound: UInt64) -> UInt64 { self.generator.next() % bound }
    mutating func chance(_ percent: UInt64) -> Bool { self.below(100) < percent }
    mutating func number() -> UInt64 {
        switch self.below(8) {
        case 0: .max
        case 1: self.generator.next()
        default: self.below(8)
        }
    }
    mutating func person() -> UserID { user(self.below(6)) }
    mutating func room() -> ChannelID { channel(self.below(5)) }
    mutating func device() -> SessionID { session(self.below(6)) }
    mutating func machine() -> NodeID { node(self.below(5)) }
    mutating func time(_ now: Timestamp) -> Timestamp {
        switch self.below(20) {
        case 0: Timestamp(milliseconds: .max)
        case 1: Timestamp(milliseconds: .min)
        case 2: now.advanced(byMilliseconds: 30 * 3600 * 1000)
        default: now.advanced(byMilliseconds: Int64(self.below(2000)) - 500)
        }
    }
    mutating func text() -> String {
        switch self.below(12) {
        case 0: ""
        case 1: String(repeating: "x", count: 17_000)
        case 2: "e\u{301}"
        case 3: "\u{e9}"
        default: "text \(self.below(9))"
        }
    }
    mutating func who() -> Actor {
        let roles: [Role] = [.guest, .member, .member, .member, .moderator, .admin]
        return Actor(user: self.person(), role: roles[Int(self.below(6))], session: self.device())
    }
    mutating func key(_ who: Actor) -> IdempotencyKey? {
        guard self.chance(60) else { return nil }
        let owner = self.chance(95) ? who.user : self.person()
        return IdempotencyKey(user: owner, key: "k\(self.below(200))", fingerprint: self.chance(90) ? 0 : 1)
    }
    mutating func owner() -> NameOwner { self.chance(50) ? .user(self.person()) : .channel(self.room()) }
    mutating func effect(_ now: Timestamp) -> ShardEffect {
        self.chance(50)
            ? .setMembership(self.person(), self.room(), isMember: self.chance(50), version: self.number())
            : .revokeSession(self.device(), self.person(), until: self.time(now))
    }

    mutating func command(_ now: Timestamp) -> Command {
        let who = self.who()
        switch self.below(46) {
        case 40:
            return .startNode(
                NodeStart(
                    node: self.machine(), boot: BootCounter(self.number()), nonce: self.below(3),
                    address: PeerAddress(host: "h", port: UInt16(self.below(6))), clientAddress: self.text(),
                    versions: FeatureRange(.first, FeatureVersion(1 + UInt16(self.below(3)))) ?? .current))
        case 41: return .activateNodes([self.machine(), self.machine()])
        case 42: return .drainNode(self.machine())
        case 43: return .removeNode(self.machine())
        case 44: return .buryNode(self.machine())
        case 45: return .setActiveVersion(FeatureVersion(UInt16(self.below(4))))
        case 0:
            let id = self.machine()
            return .registerNode(
                NodeRecord(
                    id: id, name: self.text(),
                    address: PeerAddress(host: "h", port: UInt16(self.below(6))), clientAddress: self.text(),
                    state: .active, boot: BootCounter(self.number())))
        case 1: return .activateNode(self.machine())
        case 2: return .setNodeState(self.machine(), NodeState.allCases[Int(self.below(5))])
        case 3:
            return .bootNode(
                self.machine(), boot: BootCounter(self.number()), address: PeerAddress(host: "h", port: 1),
                clientAddress: self.text())
        case 4:
            return .initialise(
                ClusterSecrets(tokenSigningKey: [1], tokenKeyID: self.text(), macKey: [2]),
                Registration.allCases[Int(self.below(3))])
        case 5, 6:
            let owner = self.owner()
            return .reserveName(UniqueName(kind: owner.nameKind, name: self.text()), owner, listed: self.chance(50))
        case 7, 8:
            let owner = self.owner()
            return .confirmName(UniqueName(kind: owner.nameKind, name: self.text()), owner)
        case 9: return .releaseName(UniqueName(kind: .user, name: self.text()), self.owner())
        case 10: return .revokeSession(self.device(), self.person(), until: self.time(now))
        case 11, 12:
            let person = self.person()
            return .createUser(
                UserRecord(
                    id: person, username: "u", displayName: self.text(), email: nil, role: .member,
                    passwordHash: "p", createdAt: .zero, deactivatedAt: self.chance(5) ? now : nil))
        case 13: return self.chance(20) ? .abortUser(self.person()) : .abortUser(user(self.below(50)))
        case 14, 15:
            return .startSession(
                SessionRecord(
                    id: self.device(), user: self.person(), generation: self.number(), rotatedAt: self.time(now),
                    createdAt: self.time(now), expiresAt: self.time(now)))
        case 16, 17: return .rotateSession(self.person(), self.device(), generation: self.number())
        case 18: return .endSession(self.person(), self.device())
        case 19:
            return .setMembership(self.person(), self.room(), isMember: self.chance(50), version: self.number())
        case 20, 21:
            return .createChannel(
                self.room(), name: self.text(), type: ChannelType.allCases[Int(self.below(4))], topic: self.text(),
                by: who, self.key(who))
        case 22: return self.chance(4) ? .abortChannel(self.room()) : .abortChannel(channel(self.below(50)))
        case 23, 24: return .joinChannel(self.room(), by: who)
        case 25: return .leaveChannel(self.room(), by: who)
        case 26, 27: return .addMember(self.room(), self.person(), by: who)
        case 28: return .removeMember(self.room(), self.person(), by: who)
        case 29, 30:
            return .applyEffect(
                OutboxEntry(
                    source: ShardID(UInt16(self.below(3))),
                    position: OutboxPosition(index: LogIndex(self.number()), ordinal: UInt32(self.below(3))),
                    target: .user(self.person()), effect: self.effect(now)))
        case 31:
            return .outboxDelivered(
                target: ShardID(UInt16(self.below(4))),
                through: OutboxPosition(index: LogIndex(self.below(3000)), ordinal: 0))
        default:
            let room = self.room()
            let thread = self.chance(20) ? MessageID(channel: room, seq: self.number()) : nil
            return .postMessage(
                room, MessageContent(text: self.text(), clientID: nil, thread: thread), by: who, self.key(who))
        }
    }
}

@Suite struct FuzzTests {
    static let seeds: [UInt64] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

    @Test(arguments: Self.seeds)
    func `two machines with one log agree on everything`(seed: UInt64) throws {
        var commands = CommandGenerator(seed: seed)
        var first = Rig(shard: ShardID(2), map: ShardMap(shardCount: 3))
        var second = first
        for _ in 0..<3000 {
            let time = commands.time(first.now)
            first.now = time.milliseconds == .max || time.milliseconds == .min ? first.now : time
            let command = commands.command(time)
            second.now = first.now
            // The second hears it through the log's bytes.
            let heard = command.isWellFormed ? try Command(encoded: command.encoded) : command
            #expect(first.apply(command) == second.apply(heard), "seed \(seed)")
            #expect(first.machine.stateHash == second.machine.stateHash)
        }
        #expect(first.machine == second.machine)
    }

    @Test(arguments: Self.seeds)
    func `sequences have no gap and keys no second message`(seed: UInt64) {
        var commands = CommandGenerator(seed: seed &+ 100)
        var rig = Rig(shard: ShardID(2), map: ShardMap(shardCount: 3))
        var heads: [ChannelID: UInt64] = [:]
        var last = Timestamp.zero
        for _ in 0..<3000 {
            rig.now = commands.time(rig.machine.clock)
            rig.apply(commands.command(rig.machine.clock))
            #expect(rig.machine.clock >= last)
            last = rig.machine.clock
            for event in rig.effects.events {
                #expect(event.seq == heads[event.channel, default: 0] + 1, "seed \(seed)")
                heads[event.channel] = event.seq
            }
            let events = rig.effects.changes.count { if case .event = $0 { true } else { false } }
            #expect(events == rig.effects.events.count)
        }
        for (channel, head) in heads { #expect(rig.machine.head(of: channel) == head) }
        #expect(heads.values.reduce(0, +) > 100, "seed \(seed) posts too little to mean anything")
    }

    @Test(arguments: Self.seeds)
    func `the rows make the same machine again, and it goes on alike`(seed: UInt64) throws {
        var commands = CommandGenerator(seed: seed &+ 200)
        var rig = Rig(shard: ShardID(2), map: ShardMap(shardCount: 3))
        for round in 1...3000 {
            let time = commands.time(rig.now)
            rig.now = time.milliseconds == .max || time.milliseconds == .min ? rig.now : time
            rig.apply(commands.command(rig.now))
            if round % 300 == 0 {
                let restored = try rig.restored()
                #expect(restored == rig.machine, "seed \(seed), round \(round)")
                rig.machine = restored
            }
        }
    }

    @Test func `every query of a fuzzed machine has an answer`() {
        var commands = CommandGenerator(seed: 5)
        var rig = Rig(shard: ShardID(2), map: ShardMap(shardCount: 3))
        for _ in 0..<2000 {
            rig.now = rig.now.advanced(byMilliseconds: 10)
            rig.apply(commands.command(rig.now))
            let limit = UInt32(truncatingIfNeeded: commands.number())
            let viewer = commands.who()
            let room = commands.room()
            let queries: [Query] = [
                .channel(room, viewer: viewer), .channels([room, commands.room()], viewer: viewer),
                .members(room, viewer: viewer, after: commands.person(), limit: limit),
                .history(room, viewer: viewer, .around(commands.number()), limit: limit),
                .message(MessageID(channel: room, seq: commands.number()), viewer: viewer),
                .events(room, viewer: viewer, after: commands.number(), limit: limit),
                .feed(room, after: commands.number(), limit: limit), .user(commands.person()),
                .session(commands.person(), commands.device()), .memberships(commands.person()),
                .listedChannels(prefix: commands.text(), after: commands.text(), limit: limit),
            ]
            for query in queries {
                let isMember = rig.machine.isMember(viewer.user, of: room)
                if case .needsHistory = rig.answer(query), viewer.role == .guest, !isMember {
                    if case .feed = query { continue }
                    Issue.record("\(query) shows a guest what it is not in")
                }
            }
        }
    }
}
