import CSearchTokenizer
import ChatModel
import ClusterModel
import Failpoints
import Foundation
import GRDB

// The index of texts: built behind everything else from what the file holds, and from nothing else.

enum SearchIndex {
    /// What a search waits for; further behind it is refused.
    static let lagMax = 2_000
    /// Places that one transaction looks at: some milliseconds.
    static let stepMax = 256

    static func register(on db: Database) throws {
        let code = search_tokenizer_register(UnsafeMutableRawPointer(db.sqliteConnection))
        guard code == 0 else {
            throw DatabaseError(resultCode: ResultCode(rawValue: code), message: "no tokenizer for the search index")
        }
    }
}

/// A message as the index has it.
struct SearchRow: Equatable {
    let place: Int64
    let author: UserID
    let at: Timestamp
    let features: UInt8
    let text: String

    static let link: UInt8 = 1
    static let file: UInt8 = 2
    static let pin: UInt8 = 4
    static let reaction: UInt8 = 8

    /// - Returns: nil for a message with nothing to find.
    init?(_ view: MessageView, place: Int64) {
        guard view.deletedAt == nil, !view.content.text.isEmpty || !view.content.files.isEmpty else { return nil }
        let text = Self.plain(view.content.text)
        self.place = place
        self.author = view.author
        self.at = view.createdAt
        self.features =
            (text.contains("http://") || text.contains("https://") ? Self.link : 0)
            | (view.content.files.isEmpty ? 0 : Self.file) | (view.pinnedAt == nil ? 0 : Self.pin)
            | (view.reactions.isEmpty ? 0 : Self.reaction)
        self.text = text
    }

    /// Without control characters: one would end a text early, two mark what was found.
    static func plain(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 32 && $0 != 10 }) else { return text }
        return String(decoding: text.utf8.map { $0 < 32 && $0 != 10 ? 32 : $0 }, as: UTF8.self)
    }

    // Ids are times, so that the newest hits are the last rows: milliseconds << 20 | seq, and the next free one for
    // messages that would share it.
    static let millisecondsMax: Int64 = 1 << 42
    static func idsBegin(at time: Int64) -> Int64 { min(max(time, 0), Self.millisecondsMax) << 20 }
    var firstID: Int64 { Self.idsBegin(at: self.at.milliseconds) | (self.place & 0xF_FFFF) }
}

extension ShardProjection {
    /// Brings the index nearer to what has been written, in a transaction of its own.
    ///
    /// - Returns: whether there is more to do.
    @discardableResult
    package func index() throws(ProjectionError) -> Bool {
        guard self.wantsIndexing else { return false }
        return try self.indexStep().isMore
    }

    /// - Returns: whether messages are left that the index has not seen, or anything at all.
    func indexStep() throws(ProjectionError) -> (isBehind: Bool, isMore: Bool) {
        Failpoints.hit(.searchIndexBefore)
        return try self.change { db in
            var left = SearchIndex.stepMax
            loop: while left > 0, let work = try SearchTodo.next(db) {
                switch work {
                case .messages(let places):
                    try Self.index(places, db)
                    left -= max(places.count, 1)
                case .trimmed(let places):
                    let limit = left
                    let forgotten = try Self.forget(places, limit: limit, db)
                    left -= max(forgotten, 1)
                    if forgotten == limit { break loop }
                }
                try SearchTodo.remove(work, db)
            }
            let next = try SearchTodo.next(db)
            let isBehind = if case .messages? = next { true } else { false }
            if !isBehind { try SearchTodo.remove(.isRebuilding, db) }
            let rows = SearchIndex.stepMax - left
            // Not before others can see it: who then finds nothing to wait for reads what was indexed here. And not after
            // the next transaction of the writer, which may have something new.
            db.afterNextTransaction { [weak self] _ in
                self?.noteIndexed(rows: rows, isBehind: isBehind, isMore: next != nil)
            }
            return (isBehind, next != nil)
        }
    }

    /// Forgets the index and has it built again from the messages. Takes about a second for a million of them; searches
    /// answer that they are not complete until `index` has come to the end.
    package func rebuildIndex() throws(ProjectionError) {
        try self.change { db in
            try db.execute(sql: "INSERT INTO search (search) VALUES ('delete-all'); DELETE FROM searchable")
            try SearchTodo.noteEverything(db)
            self.noteIndexing(rows: try SearchTodo.rows(db))
        }
    }

    /// Compares what these messages are now with what the index has of them.
    private static func index(_ places: Range<Int64>, _ db: Database) throws {
        let number = places.lowerBound >> 32
        guard
            let row = try Row.fetchOne(
                db.cachedStatement(sql: "SELECT id FROM channel WHERE number = ?"),
                arguments: [number])
        else { return }
        let channel = try ChannelID(encoded: Self.bytes(row, 0))
        let first = EventRow.seq(places.lowerBound)
        let last = first + UInt64(places.count) - 1
        let events = try Self.newer(
            channel, number, .message, after: max(first, 1) - 1, last, places.count, db)
        var wanted: [Int64: SearchRow] = [:]
        for view in try Self.views(of: events, channel, .max, db) {
            let place = EventRow.id(number, view.id.seq)
            wanted[place] = SearchRow(view, place: place)
        }
        var changes: [IndexChange] = []
        let rows = try Row.fetchCursor(
            db.cachedStatement(sql: "SELECT id, place, has, text FROM searchable WHERE place >= ? AND place < ?"),
            arguments: [places.lowerBound, places.upperBound])
        while let row = try rows.next() {
            let (id, place, features, text): (Int64, Int64, Int64, String) = (row[0], row[1], row[2], row[3])
            let now = wanted.removeValue(forKey: place)
            guard now?.text != text || Int64(now?.features ?? 0) != features else { continue }
            changes.append(IndexChange(id: id, old: text, new: now))
        }
        changes += wanted.values.map { IndexChange(id: $0.firstID, old: nil, new: $0) }
        // FTS5 writes its hash out whenever ids fall.
        changes.sort { ($0.id, $0.new?.place ?? 0) < ($1.id, $1.new?.place ?? 0) }
        for change in changes { try change.write(db) }
    }

    /// - Returns: how many messages the index has forgotten, at most `limit`.
    private static func forget(_ places: Range<Int64>, limit: Int, _ db: Database) throws -> Int {
        let rows = try Row.fetchAll(
            db.cachedStatement(sql: "SELECT id, text FROM searchable WHERE place >= ? AND place < ? LIMIT ?"),
            arguments: [places.lowerBound, places.upperBound, Int64(limit)])
        for row in rows { try IndexChange(id: row[0], old: row[1], new: nil).write(db) }
        return rows.count
    }

    /// Steps that a checkpoint waits for, so that the index has forgotten what was erased before it.
    private static let checkpointStepsMax = 4

    /// Nearly always there is nothing left to do: steps follow every write.
    func indexWhatWasErased() throws(ProjectionError) {
        guard self.wantsIndexing, try self.maintain({ db in try SearchTodo.has(.logHoldsErased, db) }) else { return }
        for _ in 0..<Self.checkpointStepsMax where try self.indexStep().isBehind == false { return }
    }

    /// Words of deleted messages stand in the index's older segments until those are merged. Before a checkpoint they
    /// are, so that nothing of what was erased outlives it in a file.
    func forgetErasedWords() throws(ProjectionError) {
        // On the writer: a shard that nobody reads needs no reader for this. Without a change nothing is written.
        try self.change { db in
            guard try SearchTodo.has(.indexHoldsErased, db) else { return }
            try db.execute(sql: "INSERT INTO search (search) VALUES ('optimize')")
            try SearchTodo.remove(.indexHoldsErased, db)
            try SearchTodo.note(.logHoldsErased, db)
        }
    }

    /// Behind a checkpoint the file's log begins anew, and what it held stays there until it is written over. Where that
    /// was erased it is emptied at once, unless somebody reads just now: then at the next checkpoint.
    func emptyLogOfErased() throws(ProjectionError) {
        try self.maintain { db in
            guard try SearchTodo.has(.logHoldsErased, db), !(try SearchTodo.has(.indexHoldsErased, db)) else { return }
            // A checkpoint never waits for a reader.
            try db.execute(sql: "PRAGMA busy_timeout = 0")
            let row = Result { try Row.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
            try db.execute(sql: "PRAGMA busy_timeout = \(Self.busyMilliseconds)")
            guard let row = try row.get(), row[0] as Int64 == 0 else { return }
            try SearchTodo.remove(.logHoldsErased, db)
        }
    }
}

/// One row of the index that is not as it should be.
private struct IndexChange {
    let id: Int64
    /// The text that the index has; nil when it has none.
    let old: String?
    let new: SearchRow?

    func write(_ db: Database) throws {
        switch (self.old, self.new) {
        case (nil, nil): break
        case (nil, let new?): try self.insert(new, db)
        case (let old?, nil):
            try Self.forget(self.id, old, db)
            try db.cachedStatement(sql: "DELETE FROM searchable WHERE id = ?").execute(arguments: [self.id])
        case (let old?, let new?):
            if old != new.text { try Self.forget(self.id, old, db) }
            try db.cachedStatement(sql: "UPDATE searchable SET has = ?, text = ? WHERE id = ?")
                .execute(arguments: [Int64(new.features), new.text, self.id])
            if old != new.text { try Self.learn(self.id, new.text, db) }
        }
    }

    private func insert(_ new: SearchRow, _ db: Database) throws {
        var id = self.id
        let isTaken = try db.cachedStatement(sql: "SELECT 1 FROM searchable WHERE id = ?")
        while try Row.fetchOne(isTaken, arguments: [id]) != nil { id += 1 }
        try db.cachedStatement(sql: "INSERT INTO searchable (id, place, author, has, text) VALUES (?, ?, ?, ?, ?)")
            .execute(arguments: [id, new.place, Data(new.author.encoded), Int64(new.features), new.text])
        try Self.learn(id, new.text, db)
    }

    private static func learn(_ id: Int64, _ text: String, _ db: Database) throws {
        try db.cachedStatement(sql: "INSERT INTO search (rowid, text) VALUES (?, ?)").execute(arguments: [id, text])
    }

    private static func forget(_ id: Int64, _ text: String, _ db: Database) throws {
        try db.cachedStatement(sql: "INSERT INTO search (search, rowid, text) VALUES ('delete', ?, ?)")
            .execute(arguments: [id, text])
        try SearchTodo.note(.indexHoldsErased, db)
        try SearchTodo.note(.indexHoldsErased, db)
    }
}
