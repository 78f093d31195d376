// Searches: every shard is asked for its newest hits, and the newest of all are the answer.

import ChatModel
import ChatService
import ClusterModel
import NIOCore
import Placement

extension Router {
    /// The hits of all shards that may have some, newest first, as if they were one. The directory has no messages, so
    /// that a search there is taken for this one.
    ///
    /// Any thread. `completion` runs once. One shard that does not answer fails the search: a page that lacks its hits
    /// would look complete.
    func searchEverywhere(
        _ request: SearchRequest, _ viewer: Actor, _ consistency: Consistency,
        _ completion: @escaping @Sendable (Result<QueryAnswer, ServiceError>) -> Void
    ) {
        let shards =
            request.channels.isEmpty
            ? self.shardMap.shards
            : Set(request.channels.map { self.shard(of: $0) }).sorted { $0.rawValue < $1.rawValue }
        self.onLoop {
            let gathering = NIOLoopBoundBox(
                GatheredHits(awaited: shards.count, limit: Int(request.limit)), eventLoop: self.loop)
            for shard in shards {
                self.answer(.search(shard, request, viewer: viewer), consistency: consistency) { result in
                    self.onLoop {
                        if let answer = gathering.value.take(result) { completion(answer) }
                    }
                }
            }
        }
    }
}

/// Pages of hits on their way to being one.
struct GatheredHits {
    private var awaited: Int
    private let limit: Int
    private var hits: [SearchHit] = []
    private var isComplete = true

    init(awaited: Int, limit: Int) {
        self.awaited = awaited
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
            self.hits = Array((self.hits + hits).sorted(by: Self.comesFirst).prefix(self.limit))
        case .success:
            self.isComplete = false
        }
        self.awaited -= 1
        return self.awaited == 0 ? .success(.hits(self.hits, isComplete: self.isComplete)) : nil
    }

    /// The order that cursors go on in: by time, then by channel and seq, the greatest first.
    static func comesFirst(_ left: SearchHit, _ right: SearchHit) -> Bool {
        let (left, right) = (left.message, right.message)
        if left.createdAt != right.createdAt { return left.createdAt > right.createdAt }
        if left.id.channel != right.id.channel { return left.id.channel > right.id.channel }
        return left.id.seq > right.id.seq
    }
}
