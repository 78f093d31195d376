import ChatModel
import ChatService
import ClusterModel
import NIOCore
import Replication

/// One search of all shards that may have hits, as if they were one.
///
/// Every node is asked where the first hits of its shards stand; the first of all are the page, and only those are read,
/// where they were found. What has changed between the two is no hit any more, and a page that lacks it for that goes on
/// behind its last one.
///
/// The second step needs no quorum: a replica has at least the state on which it decided in the first.
///
/// On the router's loop, and nowhere else: so `@unchecked Sendable` is true. Its deadline holds it until it has ended.
final class SpreadSearch: @unchecked Sendable {
    /// Pages of which some hits had changed before they were read, one after the other.
    private static let roundsMax = 8
    private static let pauseMax = TimeAmount.milliseconds(100)

    private let router: Router
    private var request: SearchRequest
    private let viewer: Actor
    private let consistency: Consistency
    private let shards: [ShardID]
    private let deadline: NIODeadline
    private var completion: ((Result<QueryAnswer, ServiceError>) -> Void)?
    private var giveUp: Scheduled<Void>?

    private var rounds = 0
    private var gathered: GatheredHits
    private var page: [SearchHit] = []
    private var read: [MessageID: SearchHit] = [:]
    /// Questions without an answer.
    private var open = 0
    private var pause = TimeAmount.milliseconds(10)
    private var isStale = false
    /// Nodes that took all the time they were given: they are not asked again.
    private var late: Set<NodeID> = []

    init(
        _ router: Router, _ request: SearchRequest, _ viewer: Actor, _ consistency: Consistency, _ shards: [ShardID],
        _ completion: @escaping (Result<QueryAnswer, ServiceError>) -> Void
    ) {
        self.router = router
        self.request = request
        self.viewer = viewer
        self.consistency = consistency
        self.shards = shards
        self.deadline = router.loop.now + router.settings.readDeadline
        self.completion = completion
        self.gathered = GatheredHits(order: request.order, limit: 0)
    }

    func begin() {
        self.giveUp = self.router.loop.scheduleTask(deadline: self.deadline) { self.end(.failure(Self.unavailable)) }
        self.find()
    }

    private static var unavailable: ServiceError { .unavailable(retryAfterSeconds: 1) }

    private func end(_ result: Result<QueryAnswer, ServiceError>) {
        guard let completion = self.completion else { return }
        self.completion = nil
        self.giveUp?.cancel()
        self.giveUp = nil
        completion(result)
    }

    // MARK: Where they stand

    private func find() {
        self.rounds += 1
        guard self.rounds <= Self.roundsMax else { return self.end(.success(.hits([], isComplete: false))) }
        self.gathered = GatheredHits(order: self.request.order, limit: Int(self.request.limit))
        self.read = [:]
        self.isStale = false
        self.find(in: self.shards)
    }

    private func find(in shards: [ShardID]) {
        var byNode: [NodeID: [ShardID]] = [:]
        var nowhere: [ShardID] = []
        for shard in shards {
            if let node = self.node(of: shard) {
                byNode[node, default: []].append(shard)
            } else {
                nowhere.append(shard)
            }
        }
        // All of them before the first answer.
        self.open += byNode.count
        if !nowhere.isEmpty { self.findLater(in: nowhere) }
        for (node, shards) in byNode.sorted(by: { $0.key < $1.key }) {
            self.ask(node, shards) { reply in self.took(reply, of: node, shards) }
        }
    }

    private func node(of shard: ShardID) -> NodeID? {
        let host = self.router.host
        if host.isLeader(of: shard) || self.consistency == .local && host.holdsReplica(of: shard) {
            return self.router.nodeID
        }
        if !host.holdsReplica(of: shard), self.router.hint(for: shard) == nil { self.router.guessHolder(of: shard) }
        guard let leader = self.router.leader(of: shard), leader != self.router.nodeID,
            self.router.links.isConnected(leader)
        else { return nil }
        return leader
    }

    private func findLater(in shards: [ShardID]) {
        self.open += 1
        self.router.loop.scheduleTask(in: self.pause) {
            self.open -= 1
            // Nobody waits any more, or another answer has ended it.
            if self.completion != nil { self.find(in: shards) }
        }
        self.pause = min(self.pause * 2, Self.pauseMax)
    }

    private func took(_ reply: SearchReply?, of node: NodeID, _ shards: [ShardID]) {
        self.open -= 1
        guard self.completion != nil else { return }
        guard let reply else { return self.lost(node, shards) }
        guard !reply.isOverloaded else { return self.end(.failure(.overloaded)) }
        guard reply.isComplete else { return self.end(.success(.hits([], isComplete: false))) }
        self.gathered.take(reply.positions, from: node)
        for item in reply.unanswered { self.router.learn(from: .notLeader(item.leader), of: node, about: item.shard) }
        let rest = Set(reply.unanswered.map(\.shard)).intersection(shards).sorted()
        // Its time may have run out there for what took too long, and would again.
        if !rest.isEmpty { if self.late.contains(node) { self.lost(node, rest) } else { self.findLater(in: rest) } }
        if self.open == 0 { self.show() }
    }

    /// The node could not be reached, or has used its time up.
    private func lost(_ node: NodeID, _ shards: [ShardID]) {
        for shard in shards { self.router.learn(from: .unavailable, of: node, about: shard) }
        if self.late.contains(node), shards.contains(where: { self.node(of: $0) == node }) {
            return self.end(.failure(Self.unavailable))
        }
        self.findLater(in: shards)
    }

    // MARK: What they are

    private func show() {
        let byNode = self.gathered.byNode
        self.open += byNode.count
        for (node, messages) in byNode.sorted(by: { $0.key < $1.key }) {
            let shards = Set(messages.map { self.router.shard(of: $0.channel) }).sorted()
            self.ask(node, shards, messages) { reply in self.showed(reply, node) }
        }
        if byNode.isEmpty { self.end(.success(.hits(self.page, isComplete: true))) }
    }

    private func showed(_ reply: SearchReply?, _ node: NodeID) {
        self.open -= 1
        guard self.completion != nil else { return }
        if reply == nil, self.late.contains(node) { return self.end(.failure(Self.unavailable)) }
        if reply?.isOverloaded == true { return self.end(.failure(.overloaded)) }
        if reply?.isComplete == false { return self.end(.success(.hits([], isComplete: false))) }
        for hit in reply?.hits ?? [] { self.read[hit.message.id] = hit }
        if reply == nil || reply?.unanswered.isEmpty == false { self.isStale = true }
        if self.open == 0 { self.assemble() }
    }

    private func assemble() {
        guard !self.isStale else {
            // Whoever found them is gone: others find them, until the deadline.
            self.rounds -= 1
            self.open += 1
            self.router.loop.scheduleTask(in: self.pause) {
                self.open -= 1
                if self.completion != nil { self.find() }
            }
            self.pause = min(self.pause * 2, Self.pauseMax)
            return
        }
        let hits = self.gathered.page(self.read)
        self.page += hits
        guard self.gathered.isFull, hits.count < Int(self.request.limit), let last = self.gathered.last else {
            return self.end(.success(.hits(self.page, isComplete: true)))
        }
        self.request.position = last
        self.request.limit -= UInt32(hits.count)
        self.find()
    }

    // MARK: Asking

    /// Where hits stand is read like anything else.
    private func vouchers(for node: NodeID, _ shards: [ShardID]) -> [ShardVoucher] {
        guard self.consistency != .local, node != self.router.nodeID else { return [] }
        return shards.compactMap { shard in
            self.router.host.readVoucher(for: shard).map { ShardVoucher(shard: shard, voucher: $0) }
        }
    }

    private func ask(
        _ node: NodeID, _ shards: [ShardID], _ messages: [MessageID] = [],
        _ answer: @escaping (SearchReply?) -> Void
    ) {
        let asked = self.router.loop.now
        let left = min(self.deadline - asked, Self.attemptMax)
        let batch = SearchBatch(
            shards: shards, request: self.request, viewer: self.viewer, isLocal: self.consistency == .local,
            messages: messages, vouchers: messages.isEmpty ? self.vouchers(for: node, shards) : [],
            millisecondsLeft: UInt32(clamping: left.nanoseconds / 1_000_000))
        let done = NIOLoopBound(answer, eventLoop: self.router.loop)
        let take: @Sendable (SearchReply?) -> Void = { reply in
            self.router.onLoop {
                if self.router.loop.now >= asked + left - Self.timerSlack { self.late.insert(node) }
                done.value(reply)
            }
        }
        if node == self.router.nodeID {
            self.router.serve(batch) { take($0) }
        } else {
            self.router.links.search(batch, at: node, completion: take)
        }
    }

    /// A node that does not answer may be gone; there is time left to ask the next leader.
    private static let attemptMax = TimeAmount.seconds(2)
    /// What is sent of the time left is whole milliseconds.
    private static let timerSlack = TimeAmount.milliseconds(2)
}
