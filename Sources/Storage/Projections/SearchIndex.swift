import CSearchTokenizer
import ChatMachine
import ChatModel
import ClusterModel
import Failpoints
import Foundation
import GRDB

// The index of texts: built behind everything else from what the file holds, and from nothing else.

enum SearchIndex {
    /// What a search waits for; further behind it is refused.
    static let lagMax = 2_000
    /// Places that one transaction looks at: some milliseconds. A transaction costs as much as some hundred messages.
    static let stepMax = 1_024
    /// Bytes of text from which on a transaction looks at no more.
    static let stepBytesMax = 1 << 20

    static func register(on db: Database) throws {
        let code = search_tokenizer_register(UnsafeMutableRawPointer(db.sqliteConnection))
        guard code == 0 else {
            throw DatabaseError(resultCode: ResultCode(rawValue: code), message: "no tokenizer for the search index")
        }
    }
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
            let pieces = try SearchTodo.pieces(db, max: left)
            if !pieces.isEmpty { left -= try Self.index(pieces, db) }
            while left > 0, case .trimmed(let places)? = try SearchTodo.next(db) {
                let limit = left
                let forgotten = try Self.forget(places, limit: limit, db)
                left -= max(forgotten, 1)
                if forgotten == limit { break }
                try SearchTodo.removeTrimmed(places, db)
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

    /// Compares what these messages are now with what the index has of them, as far as one transaction should.
    ///
    /// - Returns: how many messages were to be looked at in what is done now.
    private static func index(_ pieces: [SearchTodo.Piece], _ db: Database) throws -> Int {
        var changes: [IndexChange] = []
        var (rows, bytes) = (0, 0)
        var last = pieces[0].last
        for piece in pieces {
            let known = changes.count
            try Self.compare(piece.places, into: &changes, db)
            rows += piece.rows
            last = piece.last
            bytes += changes[known...].reduce(0) { $0 + ($1.new?.text.utf8.count ?? 0) }
            if bytes >= SearchIndex.stepBytesMax { break }
        }
        // Together, so that ids rise through the whole transaction.
        try IndexChange.write(changes, db)
        try SearchTodo.removeMessages(through: last, db)
        return rows
    }

    private static func compare(_ places: Range<Int64>, into changes: inout [IndexChange], _ db: Database) throws {
        guard !places.isEmpty else { return }
        let number = places.lowerBound >> 32
        let found = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT id FROM channel WHERE number = ?"), arguments: [number])
        guard let found else { return }
        let wanted = try Self.searchRows(ChannelID(encoded: Self.bytes(found, 0)), number, places, db)
        var rest = wanted[...]
        // Nothing at all, nearly always: new messages.
        let known = try Row.fetchCursor(
            db.cachedStatement(
                sql: "SELECT id, place, has, text FROM searchable WHERE place >= ? AND place < ? ORDER BY place"),
            arguments: [places.lowerBound, places.upperBound])
        while let row = try known.next() {
            let (id, place, features, text): (Int64, Int64, Int64, String) = (row[0], row[1], row[2], row[3])
            while let next = rest.first?.place, next < place { changes.append(IndexChange(rest.removeFirst())) }
            let now = rest.first?.place == place ? rest.removeFirst() : nil
            if let now, now.text.utf8.elementsEqual(text.utf8), Int64(now.features) == features { continue }
            changes.append(IndexChange(id: id, old: text, new: now))
        }
        for new in rest { changes.append(IndexChange(new)) }
    }

    /// What is to be found of these places' messages as they are now, in the order of their places.
    private static func searchRows(
        _ channel: ChannelID, _ number: Int64, _ places: Range<Int64>, _ db: Database
    ) throws -> [SearchRow] {
        let first = EventRow.seq(places.lowerBound)
        let last = first + UInt64(places.count) - 1
        let events = try Self.newer(
            channel, number, .message, after: max(first, 1) - 1, last, places.count, db)
        // Of most messages nothing became: no view is made for them.
        guard let overlay = try Self.overlay(of: events, channel, .max, db) else {
            return events.compactMap { SearchRow($0, place: EventRow.id(number, $0.seq)) }
        }
        return events.compactMap { event in
            overlay.view(of: event).flatMap { SearchRow($0, place: EventRow.id(number, event.seq)) }
        }
    }

    /// - Returns: how many messages the index has forgotten, at most `limit`.
    private static func forget(_ places: Range<Int64>, limit: Int, _ db: Database) throws -> Int {
        let rows = try Row.fetchAll(
            db.cachedStatement(sql: "SELECT id, text FROM searchable WHERE place >= ? AND place < ? LIMIT ?"),
            arguments: [places.lowerBound, places.upperBound, Int64(limit)])
        try IndexChange.write(rows.map { IndexChange(id: $0[0], old: $0[1], new: nil) }, db)
        return rows.count
    }
}
