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

    /// The first messages that fit, in the order that is asked for, at most `limit`; or what is left of those that did.
    ///
    /// All that has been written is in the index before it is asked; `isComplete` is false when that, or the search
    /// itself, would take too long, or the index is being built anew.
    func hits(of search: ShardSearch) throws(ProjectionError) -> QueryAnswer {
        let found: [SearchHit]?
        switch search.step {
        case .messages(let messages):
            // What has changed since they were found is no hit here, and is found anew.
            found = try self.look { db in try self.hits(messages, of: search, db) }
        case .everything, .positions:
            found = try self.catchUp() ? self.look { db in try self.hits(of: search, db) } : nil
        }
        return .hits(found ?? [], isComplete: found != nil)
    }

    /// Where the first messages stand that fit, as the index has them: what has become of them is seen when they are read.
    package func positions(
        of search: ShardSearch
    ) throws(ProjectionError) -> (positions: [SearchPosition], isComplete: Bool) {
        let found = try self.catchUp() ? self.look { db in try self.positions(of: search, db) } : nil
        return (found ?? [], found != nil)
    }

    /// - Returns: nil when the index is not whole, or the time was over.
    private func look<Value>(_ body: (Database) throws -> Value) throws(ProjectionError) -> Value? {
        let end = Self.now() + Self.secondsMax * 1_000_000_000
        return try self.readForSearch { db in
            // In the same snapshot as the search: it may have begun since.
            guard try !SearchTodo.has(.isRebuilding, db) else { return nil }
            return try withUnsafePointer(to: end) { end in
                // Of this connection: whoever reads next has all the time.
                search_deadline_set(UnsafeMutableRawPointer(db.sqliteConnection), end)
                defer { search_deadline_set(UnsafeMutableRawPointer(db.sqliteConnection), nil) }
                do {
                    return try body(db)
                } catch let error as DatabaseError where error.resultCode == .SQLITE_INTERRUPT {
                    return nil
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

    private static func limit(_ request: SearchRequest) -> Int { max(1, Int(min(request.limit, 200))) }

    /// The channels by their numbers in this file; of the others it has nothing.
    private func channels(_ search: ShardSearch) -> [Int64: ShardSearch.Channel] {
        var channels: [Int64: ShardSearch.Channel] = [:]
        for channel in search.channels {
            if let number = self.number(of: channel.id) { channels[number] = channel }
        }
        return channels
    }

    private func positions(of search: ShardSearch, _ db: Database) throws -> [SearchPosition] {
        let limit = Self.limit(search.request)
        return try Self.candidates(search.request, search.request.matchExpression, self.channels(search), limit, db)
            .prefix(limit).map { SearchPosition(rank: $0.rank, message: $0.message) }
    }

    private static func candidates(
        _ request: SearchRequest, _ match: SearchRequest.Match, _ channels: [Int64: ShardSearch.Channel], _ limit: Int,
        _ db: Database
    ) throws -> [Candidate] {
        switch request.order {
        case .relevance: try Self.bestCandidates(request, match, channels, db)
        case .newest: try Self.newestCandidates(request, match, channels, limit: limit, db)
        }
    }

    private func hits(_ messages: [MessageID], of search: ShardSearch, _ db: Database) throws -> [SearchHit] {
        let channels = self.channels(search)
        let found = try Self.candidates(Array(messages.prefix(200)), channels, db)
        return try self.hits(found[...], search.request, search.request.matchExpression, channels, db)
    }

    private func hits(of search: ShardSearch, _ db: Database) throws -> [SearchHit] {
        var request = search.request
        let limit = Self.limit(request)
        let channels = self.channels(search)
        let match = request.matchExpression
        var hits: [SearchHit] = []
        while true {
            let found = try Self.candidates(request, match, channels, limit, db)
            var rest = found[...]
            while hits.count < limit, !rest.isEmpty {
                let page = rest.prefix(limit - hits.count)
                hits += try self.hits(page, request, match, channels, db)
                rest = rest.dropFirst(page.count)
            }
            // Those that changed since the viewer's right was found are no hits: the next ones take their places.
            guard hits.count < limit, request.order == .newest, found.count == limit, let last = found.last else {
                return hits
            }
            request.position = SearchPosition(rank: last.rank, message: last.message)
        }
    }

    /// What these messages are now, those that are still there and still fit.
    private func hits(
        _ found: ArraySlice<Candidate>, _ request: SearchRequest, _ match: SearchRequest.Match,
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
        let texts = try Self.texts(of: found.map(\.id), request, match, db)
        return found.compactMap { candidate in
            // Where the index has another text than the view, it is one that the viewer may not see yet.
            guard let view = views[candidate.message], view.deletedAt == nil, let (text, piece) = texts[candidate.id],
                text.utf8.elementsEqual(SearchRow.plain(view.content.text).utf8)
            else { return nil }
            return SearchHit(
                message: view, highlight: Highlight.html(piece),
                score: request.order == .relevance ? candidate.rank : 0)
        }
    }
}
