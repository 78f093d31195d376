import CSearchTokenizer
import ChatMachine
import ChatModel
import ClusterModel
import Foundation
import GRDB

// Finding messages of one shard. What a viewer may see was decided on the machine's state before.

extension ShardProjection {
    /// How long one search may keep the reader from others.
    private static let secondsMax: CLongLong = 1

    /// The newest messages that fit, at most `limit`.
    ///
    /// All that has been written is in the index before it is asked; `isComplete` is false when that, or the search
    /// itself, would take too long.
    func hits(of search: ShardSearch) throws(ProjectionError) -> QueryAnswer {
        guard try self.catchUp() else { return .hits([], isComplete: false) }
        let end = Self.now() + Self.secondsMax * 1_000_000_000
        return try self.read { db in
            try withUnsafePointer(to: end) { end in
                // Of this connection: whoever reads next has all the time.
                search_deadline_set(UnsafeMutableRawPointer(db.sqliteConnection), end)
                defer { search_deadline_set(UnsafeMutableRawPointer(db.sqliteConnection), nil) }
                do {
                    return .hits(try self.hits(of: search, db), isComplete: true)
                } catch let error as DatabaseError where error.resultCode == .SQLITE_INTERRUPT {
                    return .hits([], isComplete: false)
                }
            }
        }
    }

    private static func now() -> CLongLong {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return CLongLong(time.tv_sec) * 1_000_000_000 + CLongLong(time.tv_nsec)
    }

    /// - Returns: false when the index is too far behind to wait for it.
    private func catchUp() throws(ProjectionError) -> Bool {
        guard self.wantsIndexing else { return true }
        let lag = try self.read { db in
            // Much that was trimmed is forgotten at one stroke.
            try Int.fetchOne(
                db, sql: "SELECT COALESCE(SUM(min(count, ?)), 0) FROM search_todo WHERE place >= 0",
                arguments: [SearchIndex.stepMax]) ?? 0
        }
        guard lag <= SearchIndex.lagMax else { return false }
        // What is written meanwhile is not waited for.
        for _ in 0...lag / SearchIndex.stepMax + 1 where try self.index() == false { break }
        return true
    }

    private struct Candidate {
        let id: Int64
        let message: MessageID
        let at: Int64
    }

    private func hits(of search: ShardSearch, _ db: Database) throws -> [SearchHit] {
        let request = search.request
        var channels: [Int64: ShardSearch.Channel] = [:]
        for channel in search.channels {
            if let number = self.number(of: channel.id) { channels[number] = channel }
        }
        let match = request.matchExpression
        let found = try Self.candidates(request, match, channels, db)
        let heads = Dictionary(search.channels.map { ($0.id, $0.head) }, uniquingKeysWith: max)
        var views: [MessageID: MessageView] = [:]
        for (channel, page) in Dictionary(grouping: found, by: \.message.channel) {
            guard let number = self.number(of: channel), let head = heads[channel] else { continue }
            var events: [UInt64: DurableEvent] = [:]
            for seq in page.map(\.message.seq).sorted() where events[seq] == nil {
                for event in try Self.run(holding: seq, of: channel, number, db) { events[event.seq] = event }
            }
            let messages = page.compactMap { events[$0.message.seq] }
            for view in try Self.views(of: messages, channel, head, db) { views[view.id] = view }
        }
        return try found.compactMap { candidate in
            guard let view = views[candidate.message], view.deletedAt == nil,
                let highlight = try Self.highlight(candidate.id, of: view, match, db)
            else { return nil }
            return SearchHit(message: view, highlight: highlight, score: 0)
        }
    }

    /// Newest first: ids grow with time.
    private static func candidates(
        _ request: SearchRequest, _ match: SearchRequest.Match, _ channels: [Int64: ShardSearch.Channel],
        _ db: Database
    ) throws -> [Candidate] {
        let from = request.after.map { $0.milliseconds == .max ? .max : $0.milliseconds + 1 } ?? 0
        var to = request.before.map { $0.milliseconds == .min ? .min : $0.milliseconds - 1 } ?? .max
        if let position = request.position { to = min(to, position.rank) }
        guard from <= to else { return [] }
        let columns = "s.id, s.place"
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
                SELECT \(columns) FROM search JOIN searchable AS s ON s.id = search.rowid
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
        var found: [Candidate] = []
        let limit = max(1, Int(min(request.limit, 200)))
        let rows = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: arguments)
        while let row = try rows.next() {
            let (id, place): (Int64, Int64) = (row[0], row[1])
            let at = id >> 20
            // Ids of one millisecond are in no order that other shards have: all of them, then a cut.
            if found.count >= limit, let last = found.last, last.at != at { break }
            guard let channel = channels[place >> 32], EventRow.seq(place) <= channel.head else { continue }
            let message = MessageID(channel: channel.id, seq: EventRow.seq(place))
            if let position = request.position, at == position.rank, !Self.isBefore(message, position.message) {
                continue
            }
            found.append(Candidate(id: id, message: message, at: at))
        }
        found.sort { $0.at != $1.at ? $0.at > $1.at : Self.isBefore($1.message, $0.message) }
        return Array(found.prefix(limit))
    }

    private static func isBefore(_ left: MessageID, _ right: MessageID) -> Bool {
        left.channel != right.channel ? left.channel < right.channel : left.seq < right.seq
    }

    /// - Returns: nil when the index has another text than the view: one that the viewer may not see yet.
    private static func highlight(
        _ id: Int64, of view: MessageView, _ match: SearchRequest.Match, _ db: Database
    ) throws -> String? {
        guard
            let text = try String.fetchOne(
                db.cachedStatement(sql: "SELECT text FROM searchable WHERE id = ?"), arguments: [id]),
            text.utf8.elementsEqual(SearchRow.plain(view.content.text).utf8)
        else { return nil }
        guard let wanted = match.wanted else { return Highlight.html(text) }
        let snippet = try String.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT snippet(search, 0, char(1), char(2), '…', 32) FROM search
                    WHERE search MATCH ? AND rowid = ?
                    """), arguments: [wanted, id])
        return Highlight.html(snippet ?? text)
    }
}

/// A piece of a text as HTML: escaped, with `<mark>` round what was found.
enum Highlight {
    static let charactersMax = 200

    /// - Parameter text: 1 and 2 stand where a mark begins and ends.
    static func html(_ text: String) -> String {
        var html = ""
        var count = 0
        var isMarked = false
        // By scalars: a mark must not melt into a character with what follows.
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\u{1}":
                if !isMarked { html += "<mark>" }
                isMarked = true
                continue
            case "\u{2}":
                if isMarked { html += "</mark>" }
                isMarked = false
                continue
            case "&": html += "&amp;"
            case "<": html += "&lt;"
            case ">": html += "&gt;"
            case "\"": html += "&quot;"
            case "'": html += "&#39;"
            default: html.unicodeScalars.append(scalar)
            }
            count += 1
            guard count < Self.charactersMax else {
                html += "…"
                break
            }
        }
        return isMarked ? html + "</mark>" : html
    }
}

extension SearchRequest {
    /// The conditions on words as FTS5 wants them. Every word is quoted: nothing of its syntax gets through.
    struct Match {
        let wanted: String?
        /// What must not be there, when nothing is wanted.
        let unwanted: String?
    }

    var matchExpression: Match {
        func quoted(_ text: String) -> String {
            "\""
                + SearchRow.plain(text).split(separator: "\"", omittingEmptySubsequences: false)
                .joined(separator: "\"\"") + "\""
        }
        func expression(_ words: SearchWords) -> String {
            switch words {
            case .word(let text), .phrase(let text): quoted(text)
            case .prefix(let text): quoted(text) + " *"
            }
        }
        let wanted = self.terms.filter { !$0.isExcluded }.map { expression($0.words) }
        let unwanted = self.terms.filter(\.isExcluded).map { expression($0.words) }
        let all = wanted.joined(separator: " AND ")
        guard !wanted.isEmpty else {
            return Match(
                wanted: nil, unwanted: unwanted.isEmpty ? nil : unwanted.joined(separator: " OR "))
        }
        return Match(
            wanted: unwanted.isEmpty ? all : "(\(all)) NOT (\(unwanted.joined(separator: " OR ")))", unwanted: nil)
    }
}
