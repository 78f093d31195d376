import ChatMachine
import ChatModel
import ClusterModel
import GRDB
import Testing

@testable import Projections

@Suite struct EventRunTests {
    private func event(_ seq: UInt64, at: Int64, bytes: Int = 10) -> DurableEvent {
        DurableEvent(
            channel: general, seq: seq, at: Timestamp(milliseconds: at), actor: user(seq % 3),
            body: .messageCreated(
                MessageContent(text: String(repeating: "x", count: bytes), clientID: nil, thread: nil)))
    }

    @Test func `a run gives back its events and keys`() throws {
        var run = EventRun()
        let key = StoredKey(high: .max, low: 1, fingerprint: 2)
        // The last one is earlier than the one before: no log leads to it, and it costs bytes only.
        let events = [
            self.event(7, at: 1_000), self.event(8, at: 1_000), self.event(9, at: 900_000), self.event(10, at: 5),
        ]
        for (place, event) in events.enumerated() { run.append(event, place == 1 ? key : nil) }
        #expect(run.first == 7 && run.next == 11)
        let back = try EventRun.events(general, first: 7, count: 4, head: run.headBytes, body: run.bodyBytes)
        #expect(back == events)
        let entries = try EventRun.entries(run.headBytes, first: 7, count: 4)
        #expect(entries.map(\.key) == [nil, key, nil, nil])
        #expect(entries.map(\.mark) == events.map { MessageIndex.Mark($0) })
    }

    @Test func `a run ends at its bounds and at a gap`() {
        var run = EventRun()
        for seq in 1...UInt64(EventRun.countMax) { run.append(self.event(seq, at: 1), nil) }
        #expect(!run.takes(UInt64(EventRun.countMax) + 1))
        run.removeAll()
        run.append(self.event(1, at: 1, bytes: 16_000), nil)
        #expect(run.takes(2) && !run.takes(3) && !run.takes(1))
        run.append(self.event(2, at: 1, bytes: 16_000), nil)
        run.append(self.event(3, at: 1, bytes: 16_000), nil)
        #expect(!run.takes(4))
    }

    @Test(arguments: [-1, 0, 3, 65, .max] as [Int64])
    func `a row that says another count is refused`(count: Int64) {
        var run = EventRun()
        run.append(self.event(1, at: 1), nil)
        run.append(self.event(2, at: 1), nil)
        #expect(throws: WireError.self) {
            try EventRun.events(general, first: 1, count: count, head: run.headBytes, body: run.bodyBytes)
        }
        #expect(throws: WireError.self) {
            try EventRun.events(general, first: 1, count: 1, head: run.headBytes, body: run.bodyBytes)
        }
    }

    @Test func `pages begin and end anywhere in a run`() throws {
        let folder = try Folder()
        var shard = try Shard(folder.file)
        shard.apply(.createChannel(general, name: "general", type: .public, topic: "", by: actor(1), nil))
        for number in 2...200 { shard.post("m\(number)", key: "k\(number)") }
        try shard.write()
        for number in 201...205 {
            shard.post("m\(number)")
            try shard.write()
        }
        let projection = shard.projection
        let all = try projection.events(general, after: 0, limit: 1_000)
        #expect(all.map(\.seq) == Array(1...205))
        for seq in stride(from: UInt64(1), through: 205, by: 3) {
            #expect(try projection.events(general, after: seq - 1, limit: 1) == [all[Int(seq) - 1]])
            let after = try projection.events(general, after: seq, limit: 7)
            #expect(after == Array(all[Int(seq)...].prefix(7)))
            let before = try projection.history(general, .before(seq), limit: 7)
            #expect(before.map(\.id) == all[1..<max(Int(seq) - 1, 1)].suffix(7).map(\.messageID))
            let headed = try projection.events(general, after: 0, limit: 1_000, head: seq)
            #expect(headed.count == Int(seq))
        }
        #expect(try projection.events(general, after: 205, limit: 1).isEmpty)
        #expect(try Shard(folder.file).machine == shard.machine)
    }

    @Test func `a file with a row for each event becomes one with runs`() throws {
        let folder = try Folder()
        var shard = try Shard.withHistory(folder.file)
        let events = try shard.projection.events(general, after: 0, limit: 100)
        shard.post("later", key: "later")
        let later = try #require(
            shard.pending.compactMap { change -> StoredKey? in
                if case .event(_, let key) = change { key } else { nil }
            }.last)
        // Back to what the first version wrote.
        try shard.projection.damage(
            """
            CREATE TABLE event (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, at INTEGER NOT NULL, actor BLOB NOT NULL,
                idempotency BLOB, body BLOB NOT NULL);
            DROP TABLE run;
            DROP TABLE item; DROP TABLE search; DROP TABLE searchable; DROP TABLE search_todo;
            DELETE FROM grdb_migrations WHERE identifier <> 'keep events by channel and seq, records by key';
            PRAGMA user_version = 1
            """)
        var key = ByteWriter()
        for word in [later.high, later.low, later.fingerprint] { key.write(word) }
        for event in events {
            func hex(_ bytes: [UInt8]) -> String {
                "x'" + bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() + "'"
            }
            try shard.projection.damage(
                """
                INSERT INTO event VALUES (\(1 << 32 | event.seq), \(event.body.kind.rawValue), \(event.at.milliseconds),
                    \(hex(event.actor.encoded)), \(event.seq == 5 ? hex(key.bytes) : "NULL"), \(hex(event.body.encoded)))
                """)
        }
        let moved = try Shard(folder.file)
        #expect(try moved.projection.events(general, after: 0, limit: 100) == events)
        #expect(moved.machine.head(of: general) == 32)
        // Its key came along.
        var again = moved
        again.now = shard.now.advanced(byMilliseconds: -1)
        again.post("later", key: "later")
        #expect(again.machine.head(of: general) == 32)
    }

    @Test func `a run that can not be read is not skipped`() throws {
        let folder = try Folder()
        let shard = try Shard.withHistory(folder.file)
        try shard.projection.damage("UPDATE run SET head = x'00'")
        #expect(throws: ProjectionError.self) { try Shard(folder.file) }
        #expect(throws: ProjectionError.self) { try shard.projection.events(general, after: 0, limit: 10) }
    }
}

extension EventRun {
    fileprivate mutating func append(_ event: DurableEvent, _ key: StoredKey?) {
        let body = event.actor.encoded + event.body.encoded
        body.withUnsafeBytes { self.append(event.seq, MessageIndex.Mark(event), key, body: $0) }
    }
}
