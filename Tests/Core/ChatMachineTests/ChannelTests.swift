import ChatModel
import ClusterModel
import MemoryProjection
import Testing

@testable import ChatMachine

@Suite struct ChannelTests {
    @Test func `creating a channel makes its creator the owner by event 1`() {
        var rig = Rig()
        rig.apply(.createUser(account(ada)))
        let result = rig.apply(.createChannel(general, name: "general", type: .public, topic: "t", by: actor(ada), nil))
        guard case .channel(let record) = result else { Issue.record("\(result)"); return }
        #expect(record.seq == 1 && record.memberCount == 1 && record.createdAt == rig.now)
        #expect(rig.effects.events.map(\.body) == [.memberJoined(user(ada), .owner)])
        #expect(rig.effects.notices.map(\.1) == [.channelJoined(general, seq: 1)])
    }

    @Test func `a repeated creation gives the same channel`() {
        var rig = Rig.withRooms()
        let before = rig.machine.stateHash
        let again = rig.apply(.createChannel(general, name: "general", type: .public, topic: "", by: actor(ada), nil))
        guard case .channel(let record) = again else { Issue.record("\(again)"); return }
        #expect(record.id == general && rig.machine.stateHash == before && rig.effects.events.isEmpty)
        #expect(
            rig.apply(.createChannel(general, name: "general", type: .public, topic: "", by: actor(grace), nil))
                == .refused(.alreadyExists))
    }

    @Test func `a creation's key gives the first channel and refuses another meaning`() {
        var rig = Rig.withRooms()
        let first = rig.apply(
            .createChannel(channel(7), name: "a", type: .public, topic: "", by: actor(ada), key(ada, "k")))
        let again = rig.apply(
            .createChannel(channel(8), name: "a", type: .public, topic: "", by: actor(ada), key(ada, "k")))
        #expect(first == again)
        #expect(
            rig.apply(.createChannel(channel(8), name: "b", type: .public, topic: "", by: actor(ada), key(ada, "k", 2)))
                == .refused(.idempotencyKeyReused))
        #expect(rig.machine.head(of: channel(8)) == nil)
    }

    @Test func `an aborted channel can not be created and a created one not be aborted`() {
        var rig = Rig.withRooms()
        #expect(rig.apply(.abortChannel(channel(9))) == .done)
        #expect(rig.apply(.abortChannel(channel(9))) == .done)
        #expect(
            rig.apply(.createChannel(channel(9), name: "x", type: .public, topic: "", by: actor(ada), nil))
                == .refused(.aborted))
        #expect(rig.apply(.abortChannel(general)) == .refused(.alreadyExists))
    }

    @Test func `a guest creates nothing and direct channels have no way in yet`() {
        var rig = Rig.withRooms()
        #expect(
            rig.apply(.createChannel(channel(9), name: "x", type: .public, topic: "", by: actor(ada, .guest), nil))
                == .refused(.forbidden))
        #expect(
            rig.apply(.createChannel(channel(9), name: "x", type: .direct, topic: "", by: actor(ada), nil))
                == .refused(.invalid))
    }

    @Test func `only public channels can be joined and not by guests`() {
        var rig = Rig.withRooms()
        #expect(rig.apply(.joinChannel(secret, by: actor(linus))) == .refused(.notFound))
        #expect(rig.apply(.joinChannel(channel(99), by: actor(linus))) == .refused(.notFound))
        #expect(rig.apply(.joinChannel(general, by: actor(linus, .guest))) == .refused(.notFound))
        #expect(rig.apply(.joinChannel(general, by: actor(linus))).membershipSeq == 3)
    }

    @Test func `joining twice is one event with the same answer`() {
        var rig = Rig.withRooms()
        let head = rig.machine.head(of: general)
        #expect(rig.apply(.joinChannel(general, by: actor(grace))).membershipSeq == 2)
        #expect(rig.apply(.addMember(general, user(grace), by: actor(ada))).membershipSeq == 2)
        #expect(rig.effects.events.isEmpty && rig.machine.head(of: general) == head)
    }

    @Test func `members bring others into a private channel and outsiders do not see it`() {
        var rig = Rig.withRooms()
        #expect(rig.apply(.addMember(secret, user(linus), by: actor(grace))) == .refused(.notFound))
        #expect(rig.apply(.addMember(secret, user(grace), by: actor(ada))).membershipSeq == 2)
        #expect(rig.apply(.addMember(secret, user(linus), by: actor(grace))).membershipSeq == 3)
        #expect(rig.apply(.addMember(secret, user(9), by: actor(linus, .guest))) == .refused(.forbidden))
        #expect(rig.apply(.addMember(general, user(9), by: actor(linus))) == .refused(.forbidden))
    }

    @Test func `owners remove others and everybody removes oneself`() {
        var rig = Rig.withRooms()
        rig.apply(.addMember(secret, user(grace), by: actor(ada)))
        rig.apply(.addMember(secret, user(linus), by: actor(ada)))
        #expect(rig.apply(.removeMember(secret, user(linus), by: actor(grace))) == .refused(.forbidden))
        #expect(rig.apply(.removeMember(secret, user(linus), by: actor(9))) == .refused(.notFound))
        #expect(rig.apply(.removeMember(secret, user(linus), by: actor(ada))).membershipSeq == 4)
        #expect(rig.apply(.removeMember(secret, user(linus), by: actor(ada))).membershipSeq == 4)
        #expect(rig.apply(.leaveChannel(secret, by: actor(grace))).membershipSeq == 5)
        #expect(rig.apply(.leaveChannel(secret, by: actor(grace))) == .refused(.notFound))
    }

    @Test func `the last owner stays while others are in a private channel`() {
        var rig = Rig.withRooms()
        rig.apply(.addMember(secret, user(grace), by: actor(ada)))
        #expect(rig.apply(.leaveChannel(secret, by: actor(ada))) == .refused(.lastOwner))
        rig.apply(.leaveChannel(secret, by: actor(grace)))
        #expect(rig.apply(.leaveChannel(secret, by: actor(ada))).membershipSeq == 4)
    }

    @Test func `after a removal every read of a private channel finds nothing`() {
        var rig = Rig.withRooms()
        rig.apply(.addMember(secret, user(grace), by: actor(ada)))
        rig.apply(.postMessage(secret, content("hush"), by: actor(ada), nil))
        let viewer = actor(grace)
        let queries: [Query] = [
            .channel(secret, viewer: viewer), .members(secret, viewer: viewer, after: nil, limit: 10),
            .history(secret, viewer: viewer, .newest, limit: 10),
            .message(MessageID(channel: secret, seq: 3), viewer: viewer),
            .events(secret, viewer: viewer, after: 0, limit: 10),
        ]
        for query in queries { #expect(rig.answer(query) != .answer(.refused(.notFound)), "\(query)") }
        rig.apply(.removeMember(secret, user(grace), by: actor(ada)))
        for query in queries { #expect(rig.answer(query) == .answer(.refused(.notFound)), "\(query)") }
        #expect(rig.answer(.channels([general, secret], viewer: viewer)) != .answer(.channelViews([])))
        guard case .answer(.channelViews(let seen)) = rig.answer(.channels([general, secret], viewer: viewer)) else {
            Issue.record("no channels")
            return
        }
        #expect(seen.map(\.state.channel.id) == [general])
    }

    @Test func `a public channel is read by all but guests`() {
        let rig = Rig.withRooms()
        #expect(
            rig.answer(.history(general, viewer: actor(linus), .before(2), limit: 5000))
                == .needsHistory(.messages(general, .before(2), limit: 1000, head: 2)))
        #expect(
            rig.answer(.history(general, viewer: actor(linus, .guest), .newest, limit: 5))
                == .answer(.refused(.notFound)))
        #expect(
            rig.answer(.message(MessageID(channel: general, seq: 3), viewer: actor(linus)))
                == .answer(.refused(.notFound)))
    }

    @Test func `a feed that is at the head is answered without the disk`() {
        let rig = Rig.withRooms()
        #expect(rig.answer(.feed(general, after: 2, limit: 10)) == .answer(.events([], head: 2)))
        #expect(
            rig.answer(.feed(general, after: 1, limit: 10))
                == .needsHistory(.events(general, after: 1, limit: 10, head: 2)))
        #expect(rig.answer(.feed(channel(99), after: 0, limit: 10)) == .answer(.refused(.notFound)))
    }

    @Test func `members are listed by pages`() {
        var rig = Rig.withRooms()
        rig.apply(.joinChannel(general, by: actor(linus)))
        func page(_ after: UserID?, _ limit: UInt32) -> [UserID] {
            guard
                case .answer(.members(let members)) = rig.answer(
                    .members(general, viewer: actor(ada), after: after, limit: limit))
            else { return [] }
            return members.map(\.user)
        }
        #expect(page(nil, 2) == [user(ada), user(grace)])
        #expect(page(user(grace), 2) == [user(linus)])
    }

    @Test func `an archived channel takes no writes`() throws {
        var rig = Rig.withRooms()
        let key = RecordKey.of(general)
        var record = try #require(
            rig.rows.records[MemoryProjection.Place(kind: RecordKind.channel.rawValue, key: key)].map {
                try ChannelRecord(encoded: $0)
            })
        record.archivedAt = rig.now
        rig.rows.records[MemoryProjection.Place(kind: RecordKind.channel.rawValue, key: key)] = record.encoded
        rig.machine = try rig.restored()
        #expect(rig.apply(.postMessage(general, content("x"), by: actor(ada), nil)) == .refused(.channelArchived))
        #expect(rig.apply(.joinChannel(general, by: actor(linus))) == .refused(.channelArchived))
        #expect(rig.apply(.addMember(general, user(linus), by: actor(ada))) == .refused(.channelArchived))
        #expect(rig.apply(.leaveChannel(general, by: actor(grace))) == .refused(.channelArchived))
    }
}
