import ClusterModel
import GRDB

/// How far an index of texts is behind what has been written.
package struct IndexLag: Sendable, Hashable {
    /// Messages that are to be looked at; some may be counted twice while there are any.
    package var rows: Int
    /// When the index last had everything; nil while it has. Nothing that waits is older.
    package var since: ContinuousClock.Instant?

    package init(rows: Int = 0, since: ContinuousClock.Instant? = nil) {
        self.rows = rows
        self.since = since
    }
}

/// The table `search_todo`: what the index does not know yet. Written with the rows that it speaks of.
///
/// A place from zero on is a message (`EventRow.id`), with the number of those that follow it. Below zero stand the marks
/// and, from the channel's number << 32 downwards, what was trimmed of a channel: nobody waits for that, since a hit is
/// read again before it is shown.
enum SearchTodo {
    enum Mark: Int64 {
        /// Words of deleted messages stand in older parts of the index, until those are merged.
        case indexHoldsErased = -1
        /// The index was emptied to be built anew: it has not been whole since.
        case isRebuilding = -2
        /// Erased texts stand in the file's log, until that is emptied.
        case logHoldsErased = -3
    }

    enum Work {
        case messages(Range<Int64>)
        case trimmed(Range<Int64>)
    }

    static func note(_ place: Int64, count: Int, _ db: Database) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO search_todo (place, count) VALUES (?, ?)
                ON CONFLICT (place) DO UPDATE SET count = max(count, excluded.count)
                """
        ).execute(arguments: [place, Int64(count)])
    }

    static func noteTrimmed(_ channel: Int64, through seq: UInt64, _ db: Database) throws {
        try Self.note(-(channel << 32), count: Int(min(seq, UInt64(UInt32.max))) + 1, db)
    }

    static func note(_ mark: Mark, _ db: Database) throws {
        try db.cachedStatement(sql: "INSERT OR IGNORE INTO search_todo (place, count) VALUES (?, 0)")
            .execute(arguments: [mark.rawValue])
    }

    static func remove(_ mark: Mark, _ db: Database) throws {
        try db.cachedStatement(sql: "DELETE FROM search_todo WHERE place = ?").execute(arguments: [mark.rawValue])
    }

    static func has(_ mark: Mark, _ db: Database) throws -> Bool {
        try Row.fetchOne(
            db.cachedStatement(sql: "SELECT 1 FROM search_todo WHERE place = ?"), arguments: [mark.rawValue]) != nil
    }

    /// What comes next: messages before what was trimmed.
    static func next(_ db: Database) throws -> Work? {
        let messages = try db.cachedStatement(
            sql: "SELECT place, count FROM search_todo WHERE place >= 0 ORDER BY place LIMIT 1")
        if let row = try Row.fetchOne(messages) {
            let (place, count): (Int64, Int64) = (row[0], row[1])
            return .messages(place..<place + max(0, min(count, 1 << 32)))
        }
        let trimmed = try db.cachedStatement(
            sql: "SELECT place, count FROM search_todo WHERE place <= ? ORDER BY place LIMIT 1")
        guard let row = try Row.fetchOne(trimmed, arguments: [-(Int64(1) << 32)]) else { return nil }
        let (place, count): (Int64, Int64) = (row[0], row[1])
        guard place > -(Int64(1) << 62) else { return nil }
        return .trimmed(-place..<(-place + max(0, min(count, 1 << 32))))
    }

    static func remove(_ work: Work, _ db: Database) throws {
        let place =
            switch work {
            case .messages(let places): places.lowerBound
            case .trimmed(let places): -places.lowerBound
            }
        try db.cachedStatement(sql: "DELETE FROM search_todo WHERE place = ?").execute(arguments: [place])
    }

    /// Messages that are to be looked at.
    static func rows(_ db: Database) throws -> Int {
        try Int.fetchOne(
            db.cachedStatement(sql: "SELECT COALESCE(SUM(count), 0) FROM search_todo WHERE place >= 0")) ?? 0
    }

    /// All messages, and nothing else but the marks.
    static func noteEverything(_ db: Database) throws {
        try db.execute(
            sql: "DELETE FROM search_todo WHERE place >= 0 OR place <= ?", arguments: [-(Int64(1) << 32)])
        try db.execute(sql: "INSERT INTO search_todo (place, count) SELECT id, count FROM run")
        try Self.note(.isRebuilding, db)
    }
}
