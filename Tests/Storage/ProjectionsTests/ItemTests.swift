import ChatMachine
import ChatModel
import ClusterModel
import MemoryProjection
import Placement
import Testing

@testable import Projections

/// The table `item`, and what erasing and trimming take away: the file and the mirror in memory alike.
@Suite struct ItemTests {
    /// A history in the file and in memory, from the same changes.
    private struct Pair {
        var shard: Shard
        var mirror = MemoryProjection()

        init(_ folder: Folder) throws {
            self.shard = try Shard(folder.file)
            self.shard.apply(.createChannel(general, name: "general", type: .public, topic: "", by: actor(1), nil))
            for number in 2...40 { self.shard.post("m\(number)", key: "k\(number)") }
            try self.write([])
        }

        mutating func write(_ changes: [RowChange]) throws {
            self.shard.pending += changes
            if self.shard.projection.appliedIndex == self.shard.index { self.shard.index = self.shard.index.next() }
            self.mirror.take(self.shard.pending)
            try self.shard.write()
        }

        func bothAnswer(_ request: HistoryRequest) throws -> QueryAnswer {
            let answer = try self.shard.projection.answer(request)
            #expect(try answer == self.mirror.answer(request))
            return answer
        }
        func texts() throws -> [UInt64: String] {
            guard case .events(let events, _) = try self.bothAnswer(.events(general, after: 0, limit: 99, head: 40))
            else { return [:] }
            return Dictionary(
                uniqueKeysWithValues: events.compactMap { event in
                    if case .messageCreated(let content) = event.body { (event.seq, content.text) } else { nil }
                })
        }
    }

    private func message(_ seq: UInt64) -> MessageID { MessageID(channel: general, seq: seq) }
    private func snapshot(_ text: String, version: UInt64) -> [UInt8] {
        MessageSnapshot(
            content: MessageContent(text: text, clientID: nil, thread: nil), editedAt: .zero, version: version
        ).encoded
    }

    @Test func `a kept text is the message's, a dropped one no longer`() throws {
        let folder = try Folder()
        var pair = try Pair(folder)
        let key = ItemKey.of(self.message(5))
        try pair.write([.keep(.messageText, key: key, value: self.snapshot("new", version: 40))])
        guard case .views(let views, head: 40) = try pair.bothAnswer(.views(general, seqs: [5, 1, 6, 99], head: 40))
        else { return #expect(Bool(false)) }
        #expect(views.map(\.content.text) == ["new", "m6"])
        #expect(views.map(\.version) == [40, 0])
        try pair.write([.drop(.messageText, key: key)])
        guard case .views(let after, _) = try pair.bothAnswer(.views(general, seqs: [5], head: 40)) else {
            return #expect(Bool(false))
        }
        #expect(after.map(\.content.text) == ["m5"])
    }

    @Test func `the last change of an item in a batch decides`() throws {
        let folder = try Folder()
        var pair = try Pair(folder)
        let key = ItemKey.of(user(1), 1)
        let record = NotificationRecord(
            number: 1, kind: .mention, message: nil, actor: nil, text: "", at: .zero, isQuiet: false)
        try pair.write([
            .keep(.notificationRead, key: key, value: []), .drop(.notificationRead, key: key),
            .keep(.notification, key: key, value: record.encoded),
            .keep(.notification, key: ItemKey.of(user(1), 2), value: record.encoded),
            .keep(.notificationRead, key: ItemKey.of(user(1), 2), value: []),
        ])
        let page = ItemPage(
            kind: .notification, from: ItemKey.of(user(1), 0), to: ItemKey.of(user(2), 0), limit: 9,
            isDescending: true)
        let all = ItemAnswer.notifications(kind: nil, unreadOnly: false, limit: 9, unread: 1)
        guard case .notifications(let views, unread: 1) = try pair.bothAnswer(.items(page, as: all)) else {
            return #expect(Bool(false))
        }
        #expect(views.map(\.isRead) == [true, false])
        let unread = ItemAnswer.notifications(kind: .mention, unreadOnly: true, limit: 9, unread: 1)
        guard case .notifications(let left, _) = try pair.bothAnswer(.items(page, as: unread)) else {
            return #expect(Bool(false))
        }
        #expect(left.map(\.isRead) == [false])
    }

    @Test func `an erased text is in no run and no item any more, its neighbours and keys are`() throws {
        let folder = try Folder()
        var pair = try Pair(folder)
        try pair.write([
            .keep(.messageText, key: ItemKey.of(self.message(7)), value: self.snapshot("second", version: 41)),
            .keep(
                .edit, key: ItemKey.of(self.message(7), edit: 7),
                value: ItemKey.value(text: "first", at: .zero, by: user(1))),
            .keep(
                .edit, key: ItemKey.of(self.message(8), edit: 8),
                value: ItemKey.value(text: "other", at: .zero, by: user(1))),
        ])
        guard case .edits(let edits) = try pair.bothAnswer(.edits(self.message(7), head: 41)) else {
            return #expect(Bool(false))
        }
        #expect(edits.map(\.text) == ["first"])
        try pair.write([.erase(general, seqs: [7, 9])])
        let texts = try pair.texts()
        #expect(texts[7] == "" && texts[9] == "" && texts[6] == "m6" && texts[8] == "m8" && texts.count == 39)
        #expect(try pair.bothAnswer(.edits(self.message(7), head: 41)) == .edits([]))
        guard case .edits(let others) = try pair.bothAnswer(.edits(self.message(8), head: 41)) else {
            return #expect(Bool(false))
        }
        #expect(others.map(\.text) == ["other"])
        // A machine from the file still recognises the message that was sent twice.
        var loaded = try Shard(folder.file)
        loaded.now = pair.shard.now
        loaded.post("m7", key: "k7")
        #expect(loaded.machine.head(of: general) == 40)
    }

    @Test(arguments: [1, 2, 13, 39] as [UInt64])
    func `what is trimmed is gone, and the machine from the rest goes on`(through: UInt64) throws {
        let folder = try Folder()
        var pair = try Pair(folder)
        try pair.write([
            .keep(.messageText, key: ItemKey.of(self.message(2)), value: self.snapshot("x", version: 41)),
            .keep(.messageText, key: ItemKey.of(self.message(40)), value: self.snapshot("y", version: 41)),
        ])
        var floor = ByteWriter()
        floor.writeVariable(through)
        let key = Array(ItemKey.of(MessageID(channel: general, seq: 0)).prefix(16))
        try pair.write([.trim(general, through: through), .put(kind: .floor, key: key, value: floor.bytes)])
        #expect(try pair.texts().keys.sorted() == Array(max(through + 1, 2)...40))
        guard case .views(let views, _) = try pair.bothAnswer(.views(general, seqs: [2, 40], head: 40)) else {
            return #expect(Bool(false))
        }
        #expect(views.map(\.id.seq) == (through < 2 ? [2, 40] : [40]))
        let loaded = try Shard(folder.file)
        #expect(loaded.machine.head(of: general) == 40)
        var mirrored = ShardMachine(shard: ShardID(1), map: ShardMap(shardCount: 1))
        try pair.mirror.restore(
            into: &mirrored, appliedIndex: pair.shard.index, stateHash: pair.shard.machine.stateHash)
        #expect(mirrored == loaded.machine)
    }

    @Test func `what is trimmed leaves the file after a checkpoint`() throws {
        let folder = try Folder()
        var shard = try Shard(folder.file)
        shard.apply(.createChannel(general, name: "general", type: .public, topic: "", by: actor(1), nil))
        for number in 2...20_001 { shard.post("message number \(number) of many that are to go again one day") }
        try shard.write()
        while try shard.projection.index() {}
        _ = try shard.projection.checkpoint()
        let before = try FileWork.length(folder.file)
        shard.pending = [.trim(general, through: 20_000)]
        shard.index = shard.index.next()
        try shard.write()
        while try shard.projection.index() {}
        // The first moves pages within the log, the second has the file cut.
        for _ in 0..<2 {
            try shard.projection.tidy()
            _ = try shard.projection.checkpoint()
        }
        #expect(try FileWork.length(folder.file) < before / 4)
        #expect(try shard.projection.events(general, after: 0, limit: 10).map(\.seq) == [20_001])
        try shard.projection.verify()
    }

    @Test func `a file of the second schema gets the table and keeps its history`() throws {
        let folder = try Folder()
        let events: [DurableEvent]
        do {
            let shard = try Shard.withHistory(folder.file)
            events = try shard.projection.events(general, after: 0, limit: 99)
            // As the second schema had it: times and keys only. All of this history is one run.
            var head = ByteWriter()
            head.write(events[0].at)
            for (before, event) in zip([events[0]] + events, events) {
                head.writeVariable(UInt64(event.at.milliseconds - before.at.milliseconds) << 1)
            }
            let hex = head.bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
            try shard.projection.damage(
                """
                UPDATE run SET head = x'\(hex)';
                DROP TABLE item; DROP TABLE search; DROP TABLE searchable; DROP TABLE search_todo;
                DELETE FROM grdb_migrations WHERE identifier = 'keep items beside records';
                PRAGMA user_version = 2
                """)
            try shard.projection.close()
        }
        var shard = try Shard(folder.file)
        #expect(shard.machine.head(of: general) == 32)
        #expect(try shard.projection.events(general, after: 0, limit: 99) == events)
        shard.pending = [.keep(.audit, key: ItemKey.of(1), value: [1])]
        shard.index = shard.index.next()
        try shard.write()
    }
}
