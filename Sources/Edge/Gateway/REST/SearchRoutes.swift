import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import Identity

// Finding messages and files. People are found in the directory.

extension RestService {
    var searchRoutes: [RestRoute] {
        [
            RestRoute(.get, "/v1/search/messages", .bearer, doc: .searchMessages) { try await self.searchMessages($0) },
            RestRoute(.get, "/v1/search/files", .bearer, doc: .searchFiles) { try await self.searchFiles($0) },
            RestRoute(.post, "/v1/admin/search/rebuild", .admin, doc: .rebuildSearch) {
                try await self.rebuildSearch($0)
            },
        ]
    }

    /// Messages that the caller may see now and that fit, from all shards.
    private func searchMessages(_ call: RestCall) async throws -> RestAnswer {
        let viewer = try call.actor
        let limit = try call.limit()
        let text = try Self.searchText(call)
        try self.spendSearch(viewer.user, call)
        let page = ListPage(
            name: "messages found by \(Self.searchParameters.map { "\($0)=\(call.query[$0] ?? "")" })",
            reader: viewer.user, cursors: SignedCursors(try self.secrets()))
        let position = try page.position(call.query["cursor"], SearchPosition.init(cursor:))
        guard var request = try await self.request(for: text, position, limit, call.consistency) else {
            // Nobody of that name, no such channel: nothing fits.
            return .json { page.write([] as [SearchHit], next: nil, to: &$0) { _, _ in } }
        }
        // Without a word that is wanted nothing fits better than anything else.
        if call.query["sort"] == SearchOrder.relevance.name, text.terms.contains(where: { !$0.isExcluded }) {
            request.order = .relevance
        }
        let order = request.order
        let query = Query.search(.directory, request, viewer: viewer)
        guard case .hits(let hits, let isComplete) = try await self.answer(query, call.consistency) else {
            throw Problem(.internal)
        }
        guard isComplete else { throw Problem(.searchBehind) }
        let last = hits.count == Int(limit) ? hits.last.map { SearchPosition($0, in: order).cursor } : nil
        return await .json(texts: hits.map(\.message).textBytes) { writer in
            page.write(hits, next: last, to: &writer) { $0.hit($1, in: order, for: viewer.user) }
        }
    }

    /// There are no files yet, so none are found.
    private func searchFiles(_ call: RestCall) async throws -> RestAnswer {
        let viewer = try call.actor
        _ = try call.limit()
        let text = try Self.searchText(call)
        guard !text.isEmpty else { throw Problem([FieldError(field: "q", detail: "is required")]) }
        try self.spendSearch(viewer.user, call)
        let page = ListPage(name: "files found", reader: viewer.user, cursors: SignedCursors(try self.secrets()))
        return .json { page.write([] as [SearchHit], next: nil, to: &$0) { _, _ in } }
    }

    // MARK: What is asked

    /// What shapes the list beside its page.
    private static let searchParameters = ["q", "channel_id", "from", "has", "before", "after", "sort"]

    /// The text and the parameters, which say the same as its operators.
    private static func searchText(_ call: RestCall) throws(Problem) -> SearchText {
        var text = try SearchText(call.query["q"] ?? "")
        func refuse(_ field: String, _ detail: String) -> Problem {
            Problem([FieldError(field: field, detail: detail)])
        }
        if let sort = call.query["sort"], SearchOrder(name: sort) == nil {
            throw refuse("sort", "must be 'newest' or 'relevance'")
        }
        if let channel = call.query["channel_id"] {
            guard text.channel == nil else { throw refuse("channel_id", "excludes 'in:'") }
            text.channel = channel
        }
        if let from = call.query["from"] {
            guard text.from == nil else { throw refuse("from", "excludes 'from:'") }
            text.from = from
        }
        for name in call.query["has"]?.split(separator: ",") ?? [] {
            guard let feature = SearchText.feature(String(name)) else {
                throw refuse("has", "must be link, file, pin or reaction")
            }
            text.features |= feature
        }
        if let before = call.query["before"] {
            guard let time = SearchText.time(before) else { throw refuse("before", "must be a time as in RFC 3339") }
            text.before = min(text.before ?? time, time)
        }
        if let after = call.query["after"] {
            guard let time = SearchText.time(after) else { throw refuse("after", "must be a time as in RFC 3339") }
            text.after = max(text.after ?? time, time)
        }
        guard !text.isEmpty else { throw refuse("q", "must have a word to look for") }
        return text
    }

    /// - Returns: nil when a name in it is nobody's.
    private func request(
        for text: SearchText, _ position: SearchPosition?, _ limit: UInt32, _ consistency: Consistency
    ) async throws -> SearchRequest? {
        var request = SearchRequest(
            terms: text.terms, channels: [], features: text.features, before: text.before, after: text.after,
            position: position, limit: limit)
        if let from = text.from {
            guard let author = try await self.author(from, consistency) else { return nil }
            request.author = author
        }
        if let name = text.channel {
            guard let channel = try await self.channel(named: name, consistency) else { return nil }
            request.channels = [channel]
        }
        return request
    }

    private func author(_ text: String, _ consistency: Consistency) async throws -> UserID? {
        if let id = UserID(text) { return id }
        let name = UniqueName(kind: .user, name: FoldedName.username(text))
        guard case .nameOwner(.user(let id)?) = try await self.answer(.nameOwner(name), consistency) else { return nil }
        return id
    }

    private func channel(named text: String, _ consistency: Consistency) async throws -> ChannelID? {
        if let id = ChannelID(text) { return id }
        for form in FoldedName.channelForms(text) {
            let name = UniqueName(kind: .channel, name: form)
            let answer = try await self.answer(.nameOwner(name), consistency)
            if case .nameOwner(.channel(let id)?) = answer { return id }
        }
        return nil
    }

    /// A search asks every shard: fewer of them are allowed than of other requests.
    private func spendSearch(_ user: UserID, _ call: RestCall) throws(Problem) {
        guard self.settings.rateLimits else { return }
        let allowance = self.searches.take(user, at: self.now())
        call.context.allowance.set(allowance)
        guard allowance.isAllowed else {
            throw Problem(.rateLimited, retryAfterSeconds: Int(allowance.retryAfterSeconds))
        }
    }
}

extension SearchPosition {
    fileprivate init(_ hit: SearchHit, in order: SearchOrder) {
        let rank =
            switch order {
            case .newest: hit.message.createdAt.milliseconds
            case .relevance: hit.score
            }
        self.init(rank: rank, message: hit.message.id)
    }

    fileprivate var cursor: String { "\(self.rank) \(self.message)" }
    fileprivate init?(cursor: String) {
        let parts = cursor.split(separator: " ")
        guard parts.count == 2, let rank = Int64(parts[0]), let message = MessageID(parts[1]) else { return nil }
        self.init(rank: rank, message: message)
    }
}

extension JSONWriter {
    fileprivate mutating func hit(_ hit: SearchHit, in order: SearchOrder, for viewer: UserID) {
        self.beginObject()
        self.key("message")
        self.message(hit.message, showsClientID: hit.message.author == viewer)
        self.field("highlight", hit.highlight)
        // Higher is better for people; the index has it the other way round.
        if order == .relevance { self.field("score", -hit.score) }
        self.endObject()
    }
}
