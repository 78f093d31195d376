import CSearchTokenizer
import ChatMachine
import ChatModel
import ClusterModel
import Foundation
import GRDB

// Finding messages of one shard. What a viewer may see was decided on the machine's state before.

extension ShardProjection {
    /// How long one search may keep others from the connection of searches.
    private static let secondsMax: CLongLong = 1
    /// Steps of the index that one search waits for: more than what it may be behind, and what is written meanwhile.
    private static let stepsMax = 4 * SearchIndex.lagMax / SearchIndex.stepMax

    /// The first messages that fit, in the order that is asked for, at most `limit`.
    ///
    /// All that has been written is in the index before it is asked; `isComplete` is false when that, or the search
    /// itself, would take too long, or the index is being built anew.
    func hits(of search: ShardSearch) throws(ProjectionError) -> QueryAnswer {
        guard try self.catchUp() else { return .hits([], isComplete: false) }
        let end = Self.now() + Self.secondsMax * 1_000_000_000
        return try self.readForSearch { db in
            // In the same snapshot as the search: it may have begun since.
            guard try !SearchTodo.has(.isRebuilding, db) else { return .hits([], isComplete: false) }
            return try withUnsafePointer(to: end) { end in
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
        guard try self.readForSearch({ db in try SearchTodo.rows(db) }) <= SearchIndex.lagMax else { return false }
        // Until the index has had everything at one moment: that moment is behind all that was written before.
        for _ in 0..<Self.stepsMax where try !self.indexStep().isBehind { return true }
        return false
    }

    private func hits(of search: ShardSearch, _ db: Database) throws -> [SearchHit] {
        var request = search.request
        let limit = max(1, Int(min(request.limit, 200)))
        var channels: [Int64: ShardSearch.Channel] = [:]
        for channel in search.channels {
            if let number = self.number(of: channel.id) { channels[number] = channel }
        }
        let match = request.matchExpression
        var hits: [SearchHit] = []
        while true {
            let found =
                request.order == .relevance
                ? try Self.bestCandidates(request, match, channels, db)
                : try Self.newestCandidates(request, match, channels, limit: limit, db)
            var rest = found[...]
            while hits.count < limit, !rest.isEmpty {
                let page = rest.prefix(limit - hits.count)
                hits += try self.hits(page, request.order, match, channels, db)
                rest = rest.dropFirst(page.count)
            }
            // Those that changed since the viewer's right was found are no hits: the next ones take their places.
            guard hits.count < limit, request.order == .newest, found.count == limit, let last = found.last else {
                return hits
            }
            request.position = SearchPosition(rank: last.rank, message: last.message)
        }
    }

    /// What these messages are now, those that are still there.
    private func hits(
        _ found: ArraySlice<Candidate>, _ order: SearchOrder, _ match: SearchRequest.Match,
        _ channels: [Int64: ShardSearch.Channel], _ db: Database
    ) throws -> [SearchHit] {
        let heads = Dictionary(channels.values.map { ($0.id, $0.head) }, uniquingKeysWith: max)
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
        let snippets = try Self.snippets(of: found, match, db)
        return try found.compactMap { candidate in
            guard let view = views[candidate.message], view.deletedAt == nil,
                let highlight = try Self.highlight(candidate.id, of: view, snippets[candidate.id], db)
            else { return nil }
            return SearchHit(
                message: view, highlight: highlight, score: order == .relevance ? candidate.rank : 0)
        }
    }

    /// What was found in these texts, with marks round it. One way through the index for all of them: to find one row of
    /// a common word costs as much as to step over all of them.
    private static func snippets(
        of found: ArraySlice<Candidate>, _ match: SearchRequest.Match, _ db: Database
    ) throws -> [Int64: String] {
        guard let wanted = match.wanted, let first = found.map(\.id).min(), let last = found.map(\.id).max() else {
            return [:]
        }
        // The plus keeps SQLite from looking each of them up by itself.
        let select = try db.cachedStatement(
            sql: """
                SELECT rowid, snippet(search, 0, char(1), char(2), '…', 32) FROM search
                WHERE search MATCH ?1 AND rowid BETWEEN ?2 AND ?3 AND +rowid IN (SELECT value FROM json_each(?4))
                ORDER BY rowid DESC
                """)
        let ids = "[" + found.map { "\($0.id)" }.joined(separator: ",") + "]"
        var snippets: [Int64: String] = [:]
        let rows = try Row.fetchCursor(select, arguments: [wanted, first, last, ids])
        while let row = try rows.next() { snippets[row[0]] = row[1] }
        return snippets
    }

    /// - Returns: nil when the index has another text than the view: one that the viewer may not see yet.
    private static func highlight(
        _ id: Int64, of view: MessageView, _ snippet: String?, _ db: Database
    ) throws -> String? {
        guard
            let text = try String.fetchOne(
                db.cachedStatement(sql: "SELECT text FROM searchable WHERE id = ?"), arguments: [id]),
            text.utf8.elementsEqual(SearchRow.plain(view.content.text).utf8)
        else { return nil }
        return Highlight.html(snippet ?? text)
    }
}
