import ChatMachine
import ChatModel
import ClusterModel
import GRDB

/// The tables of a projection file, and how older files become this.
enum Schema {
    /// Stands in `user_version`; a file that has it needs no migrator at open.
    static let version = 3

    static let runTable = """
        CREATE TABLE run (
            id INTEGER PRIMARY KEY,
            count INTEGER NOT NULL,
            head BLOB NOT NULL,
            body BLOB NOT NULL
        )
        """

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
            try db.execute(sql: Self.runTable)
            try FirstRuns.moveEvents(db)
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
            // Where messages stand whose rows in the index may not be true any more: channel number << 32 | seq of the
            // first, and how many. What stands below zero says `SearchTodo`.
            try db.execute(sql: "CREATE TABLE search_todo (place INTEGER PRIMARY KEY, count INTEGER NOT NULL)")
            // id grows with time, see `SearchRow`; has: 1 link, 2 file, 4 pin, 8 reaction. The text is the index's own
            // copy: it has to be told what it forgets.
            try db.execute(
                sql: """
                    CREATE TABLE searchable (
                        id INTEGER PRIMARY KEY,
                        place INTEGER NOT NULL UNIQUE,
                        author BLOB NOT NULL,
                        has INTEGER NOT NULL,
                        text TEXT NOT NULL
                    )
                    """)
            try db.execute(
                sql: """
                    CREATE VIRTUAL TABLE search USING fts5(
                        text, content='searchable', content_rowid='id', tokenize='cjk61_v1')
                    """)
            try FirstRuns.rewrite(db)
            try db.execute(sql: "INSERT INTO search_todo (place, count) SELECT id, count FROM run")
            try db.execute(sql: "PRAGMA user_version = 3")
        }
        return migrator
    }
}

/// Where the run that begins with an event stands.
enum EventRow {
    static func id(_ channelNumber: Int64, _ seq: UInt64) -> Int64 {
        channelNumber << 32 | Int64(truncatingIfNeeded: min(seq, UInt64(UInt32.max)))
    }
    static func seq(_ id: Int64) -> UInt64 { UInt64(truncatingIfNeeded: id) & 0xFFFF_FFFF }
}
