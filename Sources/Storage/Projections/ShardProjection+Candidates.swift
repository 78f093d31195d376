import ChatMachine
import ChatModel
import ClusterModel
import Foundation
import GRDB

// What an index names, in the order that is asked for.

extension ShardProjection {
    /// Hits of a shard that are ranked by how well they fit: the newest.
    static let rankedMax = 2_000

    /// A message that the index names.
    struct Candidate {
        let id: Int64
        let message: MessageID
        /// What the order goes by: milliseconds, or a score.
        let rank: Int64
    }

    /// Newest first: ids grow with time.
    static func newestCandidates(
        _ request: SearchRequest, _ match: SearchRequest.Match, _ channels: [Int64: ShardSearch.Channel], limit: Int,
        _ db: Database
    ) throws -> [Candidate] {
        var found: [Candidate] = []
        guard let rows = try Self.rows(request, match, "0", before: request.position?.rank, db) else { return [] }
        while let row = try rows.next() {
            let (id, place): (Int64, Int64) = (row[0], row[1])
            let at = id >> 20
            // Ids of one millisecond are in no order that other shards have: all of them, then a cut.
            if found.count >= limit, let last = found.last, last.rank != at { break }
            guard let message = Self.message(at: place, channels) else { continue }
            if let position = request.position, at == position.rank, !Self.isBefore(message, position.message) {
                continue
            }
            found.append(Candidate(id: id, message: message, rank: at))
        }
        found.sort { $0.rank != $1.rank ? $0.rank > $1.rank : Self.isBefore($1.message, $0.message) }
        return Array(found.prefix(limit))
    }

    /// The best of the newest, the best first.
    ///
    /// The score is of the message and of what is looked for alone, see `search_fit.c`: how often a word stands in messages
    /// that the reader does not see is not to be found in it. A day of age costs a thousandth of the best fit, by the
    /// message's own time: scores do not move with the clock, and cursors hold.
    static func bestCandidates(
        _ request: SearchRequest, _ match: SearchRequest.Match, _ channels: [Int64: ShardSearch.Channel],
        _ db: Database
    ) throws -> [Candidate] {
        var found: [Candidate] = []
        let hasWords = match.wanted != nil
        let score = hasWords ? "search_fit(search, \(match.wantedCount))" : "0"
        guard let rows = try Self.rows(request, match, score, before: nil, db) else { return [] }
        while found.count < Self.rankedMax, let row = try rows.next() {
            guard let message = Self.message(at: row[1], channels) else { continue }
            let (id, fit): (Int64, Int64) = (row[0], row[2])
            let milliseconds = id >> 20
            found.append(
                Candidate(
                    id: id, message: message, rank: hasWords ? -(fit + milliseconds / Self.millisecondsEachPoint) : 0))
        }
        if let position = request.position {
            found.removeAll { candidate in
                candidate.rank != position.rank
                    ? candidate.rank < position.rank : !Self.isBefore(candidate.message, position.message)
            }
        }
        found.sort { $0.rank != $1.rank ? $0.rank < $1.rank : Self.isBefore($1.message, $0.message) }
        return found
    }

    /// A thousand points a day.
    private static let millisecondsEachPoint: Int64 = 86_400

    private static func message(at place: Int64, _ channels: [Int64: ShardSearch.Channel]) -> MessageID? {
        guard let channel = channels[place >> 32], EventRow.seq(place) <= channel.head else { return nil }
        return MessageID(channel: channel.id, seq: EventRow.seq(place))
    }

    private static let placesMax = 64

    /// Of these rows, those that still fit: their texts, and where a word is wanted a piece of them with marks round it. One
    /// way through the index for all of them: to find one row of a common word costs as much as to step over all of them.
    static func texts(
        of ids: [Int64], _ request: SearchRequest, _ match: SearchRequest.Match, _ db: Database
    ) throws -> [Int64: (text: String, piece: String)] {
        guard !ids.isEmpty else { return [:] }
        // To choose the best piece, each place is held against each other one: in a text that is the same word three
        // thousand times over that takes a processor a twentieth of a second, and a page of such would take all the time
        // that a search has. There the first piece is as good.
        let piece =
            match.wanted == nil
            ? "s.text"
            : """
            CASE WHEN search_places(search) <= \(Self.placesMax) THEN snippet(search, 0, char(1), char(2), '…', 32)
            ELSE highlight(search, 0, char(1), char(2)) END
            """
        guard let rows = try Self.rows(request, match, "s.text, \(piece)", before: nil, among: ids, db) else {
            return [:]
        }
        var texts: [Int64: (text: String, piece: String)] = [:]
        while let row = try rows.next() { texts[row[0]] = (row[2], row[3]) }
        return texts
    }

    /// Where the index has these messages; it may not have all of them.
    static func candidates(
        _ messages: [MessageID], _ channels: [Int64: ShardSearch.Channel], _ db: Database
    ) throws -> [Candidate] {
        let numbers = Dictionary(channels.map { ($1.id, $0) }, uniquingKeysWith: max)
        let select = try db.cachedStatement(sql: "SELECT id FROM searchable WHERE place = ?")
        return try messages.compactMap { message in
            guard let number = numbers[message.channel],
                let id = try Int64.fetchOne(select, arguments: [EventRow.id(number, message.seq)]),
                Self.message(at: EventRow.id(number, message.seq), channels) == message
            else { return nil }
            return Candidate(id: id, message: message, rank: id >> 20)
        }
    }

    /// Id, place and these columns of what fits, the newest first.
    ///
    /// - Parameters:
    ///   - before: milliseconds; nothing is newer.
    ///   - ids: only these, where any are given.
    private static func rows(
        _ request: SearchRequest, _ match: SearchRequest.Match, _ columns: String, before: Int64?,
        among ids: [Int64] = [], _ db: Database
    ) throws -> RowCursor? {
        let from = request.after.map { $0.milliseconds == .max ? .max : $0.milliseconds + 1 } ?? 0
        var to = request.before.map { $0.milliseconds == .min ? .min : $0.milliseconds - 1 } ?? .max
        if let before { to = min(to, before) }
        guard from <= to else { return nil }
        let columns = "s.id, s.place, \(columns)"
        let conditions = """
            s.id >= ?1 AND s.id < ?2 AND (?3 IS NULL OR s.author = ?3) AND (s.has & ?4) = ?4
            """
        var first = SearchRow.idsBegin(at: from)
        var end = SearchRow.idsBegin(at: to == .max ? to : to + 1) | (to == .max ? 0xF_FFFF : 0)
        if let least = ids.min(), let greatest = ids.max() {
            first = max(first, least)
            end = min(end, greatest + 1)
        }
        // The plus keeps SQLite from looking each of them up by itself.
        func among(_ id: String) -> String {
            ids.isEmpty ? "?6 IS NULL" : "+\(id) IN (SELECT value FROM json_each(?6))"
        }
        let list = ids.isEmpty ? nil : "[" + ids.map { "\($0)" }.joined(separator: ",") + "]"
        let arguments: StatementArguments = [
            first, end, request.author.map { Data($0.encoded) }, Int64(request.features),
            match.wanted ?? match.unwanted,
            list,
        ]
        let sql: String
        switch (match.wanted, match.unwanted) {
        case (.some, _):
            // Bounds on the index's own rows: it steps to the first of them.
            sql = """
                SELECT \(columns) FROM search CROSS JOIN searchable AS s ON s.id = search.rowid
                WHERE search MATCH ?5 AND search.rowid >= ?1 AND search.rowid < ?2 AND \(among("search.rowid"))
                AND \(conditions) ORDER BY search.rowid DESC
                """
        case (nil, .some):
            sql = """
                SELECT \(columns) FROM searchable AS s WHERE \(conditions) AND \(among("s.id"))
                AND s.id NOT IN (SELECT rowid FROM search WHERE search MATCH ?5) ORDER BY s.id DESC
                """
        case (nil, nil):
            sql = """
                SELECT \(columns) FROM searchable AS s WHERE \(conditions) AND ?5 IS NULL AND \(among("s.id"))
                ORDER BY s.id DESC
                """
        }
        return try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: arguments)
    }

    private static func isBefore(_ left: MessageID, _ right: MessageID) -> Bool {
        left.channel != right.channel ? left.channel < right.channel : left.seq < right.seq
    }
}
