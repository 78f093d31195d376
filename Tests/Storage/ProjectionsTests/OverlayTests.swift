import ChatMachine
import ChatModel
import ClusterModel
import MemoryProjection
import Testing

@testable import Projections

/// A message as it is now: its creating event and the rows beside it, from the file and from memory alike.
@Suite struct OverlayTests {
    private let shard: Shard
    private let mirror: MemoryProjection
    private let folder: Folder

    private static func id(_ seq: UInt64) -> MessageID { MessageID(channel: general, seq: seq) }
    private static func text(_ text: String, version: UInt64) -> [UInt8] {
        MessageSnapshot(
            content: MessageContent(text: text, clientID: nil, thread: nil),
            editedAt: Timestamp(milliseconds: Int64(version)), version: version
        ).encoded
    }
    private static func reaction(
        _ seq: UInt64, by number: UInt64, _ emoji: String, at event: UInt64, since: UInt64? = nil
    ) -> RowChange {
        var writer = ByteWriter()
        writer.writeVariable(event)
        writer.writeVariable(since ?? event)
        return .put(
            kind: .reaction, key: ItemKey.of(Self.id(seq)) + ItemKey.of(user(number), 0).prefix(16) + Array(emoji.utf8),
            value: writer.bytes)
    }

    init() throws {
        self.folder = try Folder()
        var shard = try Shard(self.folder.file)
        var mirror = MemoryProjection()
        shard.apply(.createChannel(general, name: "general", type: .public, topic: "", by: actor(1), nil))
        for number in 2...40 { shard.post("m\(number)") }
        shard.pending += [
            .keep(.messageText, key: ItemKey.of(Self.id(5)), value: Self.text("third", version: 35)),
            .keep(
                .edit, key: ItemKey.of(Self.id(5), edit: 5),
                value: ItemKey.value(text: "m5", at: .zero, by: user(1))),
            .keep(
                .edit, key: ItemKey.of(Self.id(5), edit: 30),
                value: ItemKey.value(text: "second", at: Timestamp(milliseconds: 30), by: user(1))),
            .keep(
                .edit, key: ItemKey.of(Self.id(5), edit: 35),
                value: ItemKey.value(text: "third", at: Timestamp(milliseconds: 35), by: user(1))),
            .put(
                kind: .messageState, key: ItemKey.of(Self.id(6)),
                value: MessageStateRecord(deletedAt: Timestamp(milliseconds: 9), deletedBy: user(2)).encoded),
            .put(
                kind: .messageState, key: ItemKey.of(Self.id(7)),
                value: MessageStateRecord(pinnedAt: Timestamp(milliseconds: 8), pins: [33]).encoded),
            .put(
                kind: .thread, key: ItemKey.of(Self.id(8)),
                value: ThreadSummary(root: 8, replyCount: 2, lastReplyAt: .zero, participants: [user(1)]).recordValue),
            Self.reaction(5, by: 1, "b", at: 37, since: 35), Self.reaction(5, by: 2, "a", at: 36),
            Self.reaction(5, by: 3, "b", at: 38, since: 35), Self.reaction(6, by: 3, "b", at: 31),
        ]
        mirror.take(shard.pending)
        // Only the rows matter here: a machine from this file would want to know what they mean.
        try shard.write()
        self.shard = shard
        self.mirror = mirror
    }

    private func views(_ request: HistoryRequest) throws -> [MessageView] {
        let answer = try self.shard.projection.answer(request)
        #expect(try answer == self.mirror.answer(request))
        guard case .views(let views, _) = answer else {
            Issue.record("\(answer)")
            return []
        }
        return views
    }

    @Test func `a page shows texts, deletions, pins, reactions and threads of now`() throws {
        let page = try self.views(.messages(general, .after(4), limit: 4, head: 40))
        #expect(page.map(\.id.seq) == [5, 6, 7, 8])
        #expect(page.map(\.content.text) == ["third", "", "m7", "m8"])
        #expect(page[0].version == 35 && page[0].editedAt == Timestamp(milliseconds: 35))
        #expect(
            page[0].reactions == [
                ReactionGroup(emoji: "b", count: 2, users: [user(1), user(3)]),
                ReactionGroup(emoji: "a", count: 1, users: [user(2)]),
            ])
        #expect(page[1].deletedAt == Timestamp(milliseconds: 9) && page[1].reactions.isEmpty)
        #expect(page[2].pinnedAt == Timestamp(milliseconds: 8))
        #expect(page[3].thread?.replyCount == 2)
        #expect(try self.views(.message(general, seq: 5, head: 40)) == [page[0]])
        #expect(try self.views(.messages(general, .around(6), limit: 4, head: 40)).contains(page[1]))
    }

    @Test(
        arguments: [(29, "m5", 0), (30, "second", 30), (34, "second", 30), (35, "third", 35)]
            as [(UInt64, String, UInt64)])
    func `an edit behind the head does not show`(head: UInt64, text: String, version: UInt64) throws {
        let view = try #require(try self.views(.views(general, seqs: [5], head: head)).first)
        #expect(view.content.text == text && view.version == version)
        #expect(view.reactions.isEmpty && (view.editedAt == nil) == (version == 0))
    }

    @Test func `a reaction behind the head does not show`() throws {
        let view = try #require(try self.views(.views(general, seqs: [5], head: 37)).first)
        #expect(view.reactions.map(\.count) == [1, 1])
    }

    @Test func `scattered messages come in the order asked for`() throws {
        #expect(try self.views(.views(general, seqs: [40, 5, 1, 8, 99], head: 40)).map(\.id.seq) == [40, 5, 8])
    }

    @Test func `a thread is its root and its replies`() throws {
        let state = ThreadState(isFollowing: true, readSeq: 3, unread: 1)
        let request = HistoryRequest.thread(Self.id(8), replies: [9, 10], state: state, head: 40)
        let answer = try self.shard.projection.answer(request)
        #expect(try answer == self.mirror.answer(request))
        guard case .thread(let root, let replies, let shown) = answer else { return #expect(Bool(false)) }
        #expect(root.id.seq == 8 && replies.map(\.id.seq) == [9, 10] && shown == state)
        let missing = HistoryRequest.thread(Self.id(1), replies: [9], state: state, head: 40)
        #expect(try self.shard.projection.answer(missing) == .refused(.notFound))
    }

    @Test func `ranges join near seqs and part far ones`() {
        #expect(MessageOverlay.ranges([71, 5, 6, 200] as [UInt64]) == [5...6, 71...71, 200...200])
        #expect(MessageOverlay.ranges([1, 65] as [UInt64]) == [1...65])
        #expect(MessageOverlay.ranges([] as [UInt64]).isEmpty)
    }
}
