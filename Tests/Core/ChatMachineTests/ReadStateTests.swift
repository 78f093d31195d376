import ChatModel
import ClusterModel
import MemoryProjection
import Testing

@testable import ChatMachine

@Suite struct ReadStateTests {
    private func state(_ person: UInt64, _ rig: Rig) -> ReadState? {
        guard case .answer(.channelViews(let views)) = rig.answer(.channels([general], viewer: actor(person))) else {
            return nil
        }
        return views.first?.counts
    }

    @Test func `messages of others are unread until one reads or writes`() throws {
        var rig = Rig.withRooms()
        for text in ["a", "b", "c"] { rig.apply(.postMessage(general, content(text), by: actor(ada), nil)) }
        #expect(self.state(grace, rig) == ReadState(channel: general, readSeq: 2, unread: 3, mentions: 0))
        #expect(self.state(ada, rig) == ReadState(channel: general, readSeq: 5, unread: 0, mentions: 0))
        #expect(self.state(linus, rig) == nil)
        guard case .read(let read) = rig.apply(.readChannel(general, seq: 4, by: actor(grace))) else {
            Issue.record("not read")
            return
        }
        #expect(read == ReadState(channel: general, readSeq: 4, unread: 1, mentions: 0))
        #expect(rig.effects.events.isEmpty && rig.effects.asides.count == 1)
        // Never back, and not beyond the head.
        #expect(rig.apply(.readChannel(general, seq: 1, by: actor(grace))) == .read(read))
        #expect(rig.effects.asides.isEmpty && rig.effects.changes.isEmpty)
        rig.apply(.postMessage(general, content("d"), by: actor(grace), nil))
        #expect(self.state(grace, rig)?.readSeq == 6 && self.state(grace, rig)?.unread == 0)
        rig.apply(.readChannel(general, seq: .max, by: actor(ada)))
        #expect(self.state(ada, rig)?.readSeq == 6)
        #expect(rig.apply(.readChannel(general, seq: 1, by: actor(linus))) == .refused(.forbidden))
        #expect(rig.apply(.readChannel(secret, seq: 1, by: actor(linus))) == .refused(.notFound))
        #expect(try rig.restored() == rig.machine)
        #expect(self.state(grace, rig) == (try rig.restored()).channels[general]?.view(for: user(grace)).counts)
    }

    @Test func `what was said before one came back is not unread`() throws {
        var rig = Rig.withRooms()
        rig.apply(.leaveChannel(general, by: actor(grace)))
        rig.apply(.postMessage(general, content("a"), by: actor(ada), nil))
        rig.apply(.joinChannel(general, by: actor(grace)))
        #expect(self.state(grace, rig) == ReadState(channel: general, readSeq: 5, unread: 0, mentions: 0))
        rig.apply(.postMessage(general, content("b"), by: actor(ada), nil))
        #expect(self.state(grace, rig)?.unread == 1)
    }

    @Test func `a name and everybody's name are mentions, each message once`() throws {
        var rig = Rig.withRooms()
        let named = Mention(user: user(grace), name: "grace")
        let contents = [
            MessageContent(text: "@grace", clientID: nil, thread: nil, mentions: [named]),
            MessageContent(text: "@channel", clientID: nil, thread: nil, broadcast: .channel),
            MessageContent(text: "@grace @channel", clientID: nil, thread: nil, mentions: [named], broadcast: .channel),
            content("none"),
        ]
        for content in contents { rig.apply(.postMessage(general, content, by: actor(ada), nil)) }
        #expect(self.state(grace, rig) == ReadState(channel: general, readSeq: 2, unread: 4, mentions: 3))
        #expect(try rig.restored() == rig.machine)
        rig.apply(.readChannel(general, seq: 3, by: actor(grace)))
        #expect(self.state(grace, rig) == ReadState(channel: general, readSeq: 3, unread: 3, mentions: 2))
        rig.apply(.readChannel(general, seq: 5, by: actor(grace)))
        #expect(self.state(grace, rig) == ReadState(channel: general, readSeq: 5, unread: 1, mentions: 0))
        #expect(try rig.restored() == rig.machine)
    }
}
