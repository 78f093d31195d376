import GRDB

/// The tables of a projection file, and how older files become this.
enum Schema {
    /// Stands in `user_version`; a file that has it needs no migrator at open.
    static let version = 1

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
        return migrator
    }
}

/// Where an event's row stands.
enum EventRow {
    static func id(_ channelNumber: Int64, _ seq: UInt64) -> Int64 {
        channelNumber << 32 | Int64(truncatingIfNeeded: min(seq, UInt64(UInt32.max)))
    }
    static func seq(_ id: Int64) -> UInt64 { UInt64(truncatingIfNeeded: id) & 0xFFFF_FFFF }
}
