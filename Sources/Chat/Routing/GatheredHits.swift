import ChatModel
import ClusterModel

/// Where the hits of several nodes stand, on their way to being one page.
struct GatheredHits {
    private let order: SearchOrder
    private let limit: Int
    /// The first of all, in their order, and which node found each.
    private(set) var found: [(position: SearchPosition, node: NodeID)] = []

    init(order: SearchOrder, limit: Int) {
        self.order = order
        self.limit = limit
    }

    /// - Parameter positions: in any order.
    mutating func take(_ positions: [SearchPosition], from node: NodeID) {
        guard !positions.isEmpty else { return }
        self.found += positions.map { ($0, node) }
        self.found.sort { self.order.comesFirst($0.position, $1.position) }
        if self.found.count > self.limit { self.found.removeLast(self.found.count - self.limit) }
    }

    /// Whether there may be more behind the last.
    var isFull: Bool { self.found.count == self.limit }
    var last: SearchPosition? { self.found.last?.position }

    /// The messages by the nodes that found them.
    var byNode: [NodeID: [MessageID]] {
        Dictionary(grouping: self.found, by: \.node).mapValues { $0.map(\.position.message) }
    }

    /// The page, without those that are no hits any more.
    func page(_ hits: [MessageID: SearchHit]) -> [SearchHit] {
        self.found.compactMap { position, _ in
            guard let hit = hits[position.message] else { return nil }
            // The place that it was found at: a page's cursor is made of it.
            return SearchHit(
                message: hit.message, highlight: hit.highlight, score: self.order == .relevance ? position.rank : 0)
        }
    }
}

extension SearchOrder {
    /// The order that cursors go on in: by time or score, then by channel and seq, the greatest first.
    func comesFirst(_ left: SearchPosition, _ right: SearchPosition) -> Bool {
        if left.rank != right.rank { return self == .newest ? left.rank > right.rank : left.rank < right.rank }
        let (left, right) = (left.message, right.message)
        return left.channel != right.channel ? left.channel > right.channel : left.seq > right.seq
    }
}
