import ChatModel
import ClusterModel
import Testing

@testable import ChatMachine

/// Which channels a search looks into, and when it asks no file at all.
@Suite struct SearchScopeTests {
    /// Ada has written in both rooms, Grace in the public one only, which Linus has not joined.
    private func rooms() -> Rig {
        var rig = Rig.withRooms()
        rig.pass(milliseconds: 1_000)
        rig.apply(.postMessage(general, content("one"), by: actor(ada), nil))
        rig.apply(.postMessage(secret, content("two"), by: actor(ada), nil))
        rig.apply(.postMessage(general, content("three"), by: actor(grace), nil))
        return rig
    }

    private func channels(
        _ rig: Rig, _ viewer: Actor, _ change: (inout SearchRequest) -> Void = { _ in }
    ) -> [ChannelID]? {
        var request = SearchRequest(terms: [], channels: [], limit: 20)
        change(&request)
        switch rig.answer(.search(rig.machine.shard, request, viewer: viewer)) {
        case .needsHistory(.search(let search)): return search.channels.map(\.id).sorted()
        case .answer(.hits([], isComplete: true)): return nil
        case let other:
            Issue.record("\(other)")
            return nil
        }
    }

    @Test func `a search looks into what the viewer sees, and asks no file where that is nothing`() {
        let rig = self.rooms()
        #expect(self.channels(rig, actor(ada)) == [general, secret])
        #expect(self.channels(rig, actor(grace)) == [general])
        #expect(self.channels(rig, actor(linus)) == [general])
        #expect(self.channels(rig, actor(linus, .guest)) == nil)
        #expect(self.channels(rig, actor(grace)) { $0.channels = [secret] } == nil)
        #expect(self.channels(rig, actor(grace)) { $0.channels = [secret, general, channel(77)] } == [general])
        #expect(self.channels(Rig(), actor(ada)) == nil)
    }

    @Test func `channels that can not have such a message are left out`() throws {
        var rig = self.rooms()
        #expect(self.channels(rig, actor(ada)) { $0.author = user(grace) } == [general])
        #expect(self.channels(rig, actor(ada)) { $0.author = user(linus) } == nil)
        #expect(self.channels(rig, actor(ada)) { $0.after = rig.now } == nil)
        #expect(self.channels(rig, actor(ada)) { $0.before = rig.now } == [general, secret], "they were made before")
        #expect(self.channels(rig, actor(ada)) { $0.before = rig.now.advanced(byMilliseconds: -1_000) } == nil)
        // Only a joining is in there.
        rig.apply(.createChannel(channel(9), name: "empty", type: .public, topic: "", by: actor(ada), nil))
        #expect(self.channels(rig, actor(ada)) == [general, secret])
        // A deleted message is not one to find.
        let message = MessageID(channel: secret, seq: try #require(rig.machine.head(of: secret)))
        let deleted = rig.apply(.deleteMessage(message, asModerator: false, by: actor(ada), nil))
        guard case .view = deleted else { Issue.record("\(deleted)"); return }
        #expect(self.channels(rig, actor(ada)) == [general])
        #expect(
            try rig.restored().answer(
                .search(
                    rig.machine.shard, SearchRequest(terms: [], channels: [secret], limit: 1), viewer: actor(ada)))
                == .answer(.hits([], isComplete: true)))
    }
}
