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

    /// The best of the newest, the best first. What is rare in this shard's messages weighs more.
    static func bestCandidates(
        _ request: SearchRequest, _ match: SearchRequest.Match, _ channels: [Int64: ShardSearch.Channel],
        _ db: Database
    ) throws -> [Candidate] {
        var found: [Candidate] = []
        let score = match.wanted == nil ? "0" : "bm25(search)"
        guard let rows = try Self.rows(request, match, score, before: nil, db) else { return [] }
        while found.count < Self.rankedMax, let row = try rows.next() {
            guard let message = Self.message(at: row[1], channels) else { continue }
            found.append(Candidate(id: row[0], message: message, rank: Self.score(row[2])))
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

    /// Thousand millionths, so that shards and cursors compare whole numbers: a word that half of all messages have weighs
    /// a millionth.
    private static func score(_ value: Double) -> Int64 {
        value.isFinite ? Int64((min(max(value, -1e6), 1e6) * 1e9).rounded()) : 0
    }

    private static func message(at place: Int64, _ channels: [Int64: ShardSearch.Channel]) -> MessageID? {
        guard let channel = channels[place >> 32], EventRow.seq(place) <= channel.head else { return nil }
        return MessageID(channel: channel.id, seq: EventRow.seq(place))
    }

    /// Id, place and score of what fits, the newest first.
    ///
    /// - Parameter before: milliseconds; nothing is newer.
    private static func rows(
        _ request: SearchRequest, _ match: SearchRequest.Match, _ score: String, before: Int64?, _ db: Database
    ) throws -> RowCursor? {
        let from = request.after.map { $0.milliseconds == .max ? .max : $0.milliseconds + 1 } ?? 0
        var to = request.before.map { $0.milliseconds == .min ? .min : $0.milliseconds - 1 } ?? .max
        if let before { to = min(to, before) }
        guard from <= to else { return nil }
        let columns = "s.id, s.place, \(score)"
        let conditions = """
            s.id >= ?1 AND s.id < ?2 AND (?3 IS NULL OR s.author = ?3) AND (s.has & ?4) = ?4
            """
        var arguments: StatementArguments = [
            SearchRow.idsBegin(at: from),
            SearchRow.idsBegin(at: to == .max ? to : to + 1) | (to == .max ? 0xF_FFFF : 0),
            request.author.map { Data($0.encoded) }, Int64(request.features),
        ]
        let sql: String
        switch (match.wanted, match.unwanted) {
        case (let wanted?, _):
            // Bounds on the index's own rows: it steps to the first of them.
            sql = """
                SELECT \(columns) FROM search CROSS JOIN searchable AS s ON s.id = search.rowid
                WHERE search MATCH ?5 AND search.rowid >= ?1 AND search.rowid < ?2 AND \(conditions)
                ORDER BY search.rowid DESC
                """
            arguments += [wanted]
        case (nil, let unwanted?):
            sql = """
                SELECT \(columns) FROM searchable AS s WHERE \(conditions)
                AND s.id NOT IN (SELECT rowid FROM search WHERE search MATCH ?5) ORDER BY s.id DESC
                """
            arguments += [unwanted]
        case (nil, nil):
            sql = "SELECT \(columns) FROM searchable AS s WHERE \(conditions) ORDER BY s.id DESC"
        }
        return try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: arguments)
    }

    private static func isBefore(_ left: MessageID, _ right: MessageID) -> Bool {
        left.channel != right.channel ? left.channel < right.channel : left.seq < right.seq
    }
}
