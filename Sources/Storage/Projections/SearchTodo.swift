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

    /// Marks count how often they were noted, so that who takes one away knows whether it is still the one that it saw.
    static func note(_ mark: Mark, _ db: Database) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO search_todo (place, count) VALUES (?, 1)
                ON CONFLICT (place) DO UPDATE SET count = count + 1
                """
        ).execute(arguments: [mark.rawValue])
    }

    /// How often it was noted since it was last taken away; nil when it was not.
    static func count(of mark: Mark, _ db: Database) throws -> Int64? {
        try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT count FROM search_todo WHERE place = ?"), arguments: [mark.rawValue])
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

    /// Neighbouring messages of one channel that are to be looked at.
    struct Piece: Equatable {
        var places: Range<Int64>
        /// Where the last row stands that is done with it.
        var last: Int64
        /// As many messages as its rows speak of; what two of them name is counted twice.
        var rows: Int

        /// A longer one is read in pieces.
        static let countMax = 256
    }

    /// What of the messages comes next, in the order of their places: no place twice, and rows that follow each other
    /// together, so that they are read at once.
    ///
    /// - Parameter max: No row is begun once so many messages are found.
    static func pieces(_ db: Database, max: Int) throws -> [Piece] {
        var pieces: [Piece] = []
        var left = max
        let rows = try Row.fetchCursor(
            db.cachedStatement(sql: "SELECT place, count FROM search_todo WHERE place >= 0 ORDER BY place"))
        while left > 0, let row = try rows.next() {
            let (place, noted): (Int64, Int64) = (row[0], row[1])
            // Never into the next channel, whatever the row says.
            let room = min(((place >> 32 + 1) << 32) &- place, Int64.max - place)
            let count = Int(min(Swift.max(noted, 0), room))
            left -= Swift.max(count, 1)
            let end = place + Int64(count)
            guard let before = pieces.last else {
                pieces.append(Piece(places: place..<end, last: place, rows: Swift.max(count, 1)))
                continue
            }
            let begin = Swift.max(place, before.places.upperBound)
            let isNext = place <= before.places.upperBound && place >> 32 == before.places.lowerBound >> 32
            if isNext, before.places.count + count <= Piece.countMax {
                pieces[pieces.count - 1].places = before.places.lowerBound..<Swift.max(begin, end)
                pieces[pieces.count - 1].last = place
                pieces[pieces.count - 1].rows += Swift.max(count, 1)
            } else {
                pieces.append(
                    Piece(places: begin..<Swift.max(begin, end), last: place, rows: Swift.max(count, 1)))
            }
        }
        return pieces
    }

    static func removeMessages(through place: Int64, _ db: Database) throws {
        try db.cachedStatement(sql: "DELETE FROM search_todo WHERE place >= 0 AND place <= ?")
            .execute(arguments: [place])
    }

    static func removeTrimmed(_ places: Range<Int64>, _ db: Database) throws {
        try db.cachedStatement(sql: "DELETE FROM search_todo WHERE place = ?").execute(arguments: [-places.lowerBound])
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
