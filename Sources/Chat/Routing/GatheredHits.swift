import ChatModel
import ChatService
import ClusterModel

/// Pages of hits on their way to being one.
struct GatheredHits {
    private var awaited: Int
    private let order: SearchOrder
    private let limit: Int
    private(set) var hits: [SearchHit] = []
    private(set) var isComplete = true

    init(awaited: Int, order: SearchOrder, limit: Int) {
        self.awaited = awaited
        self.order = order
        self.limit = limit
    }

    /// - Returns: what to answer, once.
    mutating func take(_ result: Result<QueryAnswer, ServiceError>) -> Result<QueryAnswer, ServiceError>? {
        guard self.awaited > 0 else { return nil }
        switch result {
        case .failure, .success(.refused):
            self.awaited = 0
            return result
        case .success(.hits(let hits, let isComplete)):
            self.isComplete = self.isComplete && isComplete
            self.merge(hits)
        case .success:
            self.isComplete = false
        }
        self.awaited -= 1
        return self.awaited == 0 ? .success(.hits(self.hits, isComplete: self.isComplete)) : nil
    }

    /// False once there is an answer.
    var isOpen: Bool { self.awaited > 0 }

    /// So many pages more will come.
    mutating func await(more count: Int) { if self.isOpen { self.awaited += count } }

    /// The same search without what can not be on the page any more: a full page of the newest has an oldest message.
    func narrowed(_ request: SearchRequest) -> SearchRequest {
        guard self.order == .newest, self.hits.count >= self.limit, let last = self.hits.last?.message.createdAt else {
            return request
        }
        var request = request
        // Those of the same millisecond are told apart by their ids.
        let before = last.advanced(byMilliseconds: -1)
        request.after = max(request.after ?? before, before)
        return request
    }

    private mutating func merge(_ hits: [SearchHit]) {
        guard !hits.isEmpty else { return }
        let order = self.order
        self.hits = Array((self.hits + hits).sorted { order.comesFirst($0, $1) }.prefix(self.limit))
    }
}

extension SearchOrder {
    /// The order that cursors go on in: by time or score, then by channel and seq, the greatest first.
    func comesFirst(_ left: SearchHit, _ right: SearchHit) -> Bool {
        switch self {
        case .newest:
            if left.message.createdAt != right.message.createdAt {
                return left.message.createdAt > right.message.createdAt
            }
        case .relevance:
            if left.score != right.score { return left.score < right.score }
        }
        let (left, right) = (left.message.id, right.message.id)
        return left.channel != right.channel ? left.channel > right.channel : left.seq > right.seq
    }
}
