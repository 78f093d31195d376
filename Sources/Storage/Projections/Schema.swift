import ChatMachine
import ChatModel
import ClusterModel
import GRDB

/// The tables of a projection file, and how older files become this.
enum Schema {
    /// Stands in `user_version`; a file that has it needs no migrator at open.
    static let version = 3

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("keep events by channel and seq, records by key") { db in
            // One row: how far the log has been applied. Written in the transaction of its rows.
            try db.execute(
                sql: """
                    CREATE TABLE mark (
                        id INTEGER PRIMARY KEY CHECK (id = 1),
                        shard INTEGER NOT NULL,
                        applied_index INTEGER NOT NULL,
                        state_hash INTEGER NOT NULL
                    )
                    """)
            try db.execute(sql: "CREATE TABLE channel (number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE)")
            // id = channel number << 32 | seq, so that a page of history is neighbouring rows and the table
            // needs no second index. The short columns come before the body: a scan for keys reads no text.
            try db.execute(
                sql: """
                    CREATE TABLE event (
                        id INTEGER PRIMARY KEY,
                        kind INTEGER NOT NULL,
                        at INTEGER NOT NULL,
                        actor BLOB NOT NULL,
                        idempotency BLOB,
                        body BLOB NOT NULL
                    )
                    """)
            try db.execute(
                sql: """
                    CREATE TABLE record (
                        kind INTEGER NOT NULL,
                        key BLOB NOT NULL,
                        value BLOB NOT NULL,
                        PRIMARY KEY (kind, key)
                    ) WITHOUT ROWID
                    """)
            try db.execute(sql: "PRAGMA user_version = 1")
        }
        migrator.registerMigration("keep events in runs") { db in
            // id = channel number << 32 | seq of the first event. See EventRun for the two blobs.
            try db.execute(
                sql: """
                    CREATE TABLE run (
                        id INTEGER PRIMARY KEY,
                        count INTEGER NOT NULL,
                        head BLOB NOT NULL,
                        body BLOB NOT NULL
                    )
                    """)
            try Self.moveEvents(db)
            try db.execute(sql: "DROP TABLE event; PRAGMA user_version = 2")
        }
        migrator.registerMigration("keep items beside records") { db in
            // What only reads need, by kind and key: never in the machine. Keys begin with their owner.
            try db.execute(
                sql: """
                    CREATE TABLE item (
                        kind INTEGER NOT NULL,
                        key BLOB NOT NULL,
                        value BLOB NOT NULL,
                        PRIMARY KEY (kind, key)
                    ) WITHOUT ROWID
                    """)
            try db.execute(sql: "PRAGMA user_version = 3")
        }
        return migrator
    }

    /// From one row an event to one row a run.
    private static func moveEvents(_ db: Database) throws {
        let insert = try db.makeStatement(sql: "INSERT INTO run (id, count, head, body) VALUES (?, ?, ?, ?)")
        let rows = try Row.fetchCursor(db, sql: "SELECT id, at, actor, idempotency, body FROM event ORDER BY id")
        var run = EventRun()
        var channel: Int64 = 0
        while let row = try rows.next() {
            let (id, at): (Int64, Int64) = (row[0], row[1])
            let seq = EventRow.seq(id)
            if id >> 32 != channel || !run.takes(seq) {
                try RowBatch.write(run, of: channel, insert)
                run.removeAll()
                channel = id >> 32
            }
            let key = try ShardProjection.bytes(row, 3)
            // A run holds an author's and a body's bytes as the older row did, one behind the other.
            let body = try ShardProjection.bytes(row, 2) + ShardProjection.bytes(row, 4)
            try body.withUnsafeBytes {
                run.append(
                    seq, at: Timestamp(milliseconds: at), key.isEmpty ? nil : try Self.storedKey(key), body: $0)
            }
        }
        try RowBatch.write(run, of: channel, insert)
    }

    private static func storedKey(_ bytes: [UInt8]) throws(WireError) -> StoredKey {
        var reader = ByteReader(bytes)
        let key = StoredKey(high: try reader.read(), low: try reader.read(), fingerprint: try reader.read())
        guard reader.isAtEnd else { throw .trailingBytes(reader.remaining) }
        return key
    }
}

/// Where the run that begins with an event stands.
enum EventRow {
    static func id(_ channelNumber: Int64, _ seq: UInt64) -> Int64 {
        channelNumber << 32 | Int64(truncatingIfNeeded: min(seq, UInt64(UInt32.max)))
    }
    static func seq(_ id: Int64) -> UInt64 { UInt64(truncatingIfNeeded: id) & 0xFFFF_FFFF }
}
