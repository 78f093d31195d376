import ChatMachine
import ChatModel
import ClusterModel
import Foundation
import GRDB

/// Runs as the second schema had them, whose heads hold times and keys only; and how they become those of now.
///
///     head: at of the first event i64, then for each event var (milliseconds since the one before << 1 | has key)
///           and, with a key, high u64, low u64, fingerprint u64
enum FirstRuns {
    private struct Entry {
        let at: Timestamp
        let key: StoredKey?
    }

    /// From one row an event to one row a run, of one event each: `rewrite` follows in the next migration.
    static func moveEvents(_ db: Database) throws {
        let insert = try db.makeStatement(sql: "INSERT INTO run (id, count, head, body) VALUES (?, 1, ?, ?)")
        let rows = try Row.fetchCursor(db, sql: "SELECT id, at, actor, idempotency, body FROM event ORDER BY id")
        while let row = try rows.next() {
            let (id, at): (Int64, Int64) = (row[0], row[1])
            let key = try ShardProjection.bytes(row, 3)
            guard key.isEmpty || key.count == 24 else { throw WireError.invalid("idempotency") }
            var head = ByteWriter()
            head.write(at)
            head.writeVariable(key.isEmpty ? 0 : 1)
            key.withUnsafeBytes { head.append(raw: $0) }
            // A run holds an author's and a body's bytes as the older row did, one behind the other.
            let body = try ShardProjection.bytes(row, 2) + ShardProjection.bytes(row, 4)
            try insert.execute(arguments: [id, Data(head.bytes), Data(body)])
        }
    }

    /// Writes all runs again, with what the machine's index keeps of each event in their heads.
    static func rewrite(_ db: Database) throws {
        try db.execute(sql: "ALTER TABLE run RENAME TO first_run")
        try db.execute(sql: Schema.runTable)
        let insert = try db.makeStatement(sql: "INSERT INTO run (id, count, head, body) VALUES (?, ?, ?, ?)")
        let rows = try Row.fetchCursor(db, sql: "SELECT id, count, head, body FROM first_run ORDER BY id")
        var run = EventRun()
        var channel: Int64 = 0
        while let row = try rows.next() {
            let (id, count): (Int64, Int64) = (row[0], row[1])
            let entries = try Self.entries(ShardProjection.bytes(row, 2), count: count)
            var reader = ByteReader(try ShardProjection.bytes(row, 3))
            for (place, entry) in entries.enumerated() {
                let seq = EventRow.seq(id) + UInt64(place)
                if id >> 32 != channel || !run.takes(seq) {
                    try RowBatch.write(run, of: channel, insert)
                    run.removeAll()
                    channel = id >> 32
                }
                // Who it belongs to does not matter here: a mark has no channel.
                let event = DurableEvent(
                    channel: ChannelID(high: 0, low: 0), seq: seq, at: entry.at, actor: try reader.read(),
                    body: try reader.read())
                let body = event.actor.encoded + event.body.encoded
                body.withUnsafeBytes { run.append(seq, MessageIndex.Mark(event), entry.key, body: $0) }
            }
            guard reader.isAtEnd else { throw WireError.trailingBytes(reader.remaining) }
        }
        try RowBatch.write(run, of: channel, insert)
        try db.execute(sql: "DROP TABLE first_run")
    }

    private static func entries(_ head: [UInt8], count: Int64) throws(WireError) -> [Entry] {
        guard count > 0, count <= Int64(EventRun.countMax) else { throw .invalid("FirstRuns.count") }
        var reader = ByteReader(head)
        var time: Int64 = try reader.read()
        var entries: [Entry] = []
        for _ in 0..<count {
            let word = Int64(bitPattern: try reader.readVariable())
            time = time &+ (word >> 1)
            var key: StoredKey?
            if word & 1 == 1 {
                key = StoredKey(high: try reader.read(), low: try reader.read(), fingerprint: try reader.read())
            }
            entries.append(Entry(at: Timestamp(milliseconds: time), key: key))
        }
        guard reader.isAtEnd else { throw .trailingBytes(reader.remaining) }
        return entries
    }
}
