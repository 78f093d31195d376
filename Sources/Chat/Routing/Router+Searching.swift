// Searches: every shard says where its first hits stand, and the first of all are the answer.

import ChatMachine
import ChatModel
import ChatService
import ClusterModel
import NIOCore
import Placement
import Replication

extension Router {
    /// The hits of all shards that may have some, as if they were one: two calls to each node that leads some of them.
    /// The directory has no messages, so that a search there is taken for this one.
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
        self.onLoop { SpreadSearch(self, request, viewer, consistency, shards, completion).begin() }
    }

    /// Any thread: another node's search, in shards that have their leader (or at least a replica) here.
    package func serve(_ batch: SearchBatch) async -> SearchReply {
        await withCheckedContinuation { continuation in
            self.serve(batch) { continuation.resume(returning: $0) }
        }
    }

    /// The same. `completion` runs once, on the loop.
    package func serve(_ batch: SearchBatch, completion: @escaping @Sendable (SearchReply) -> Void) {
        let shards = Set(batch.shards.filter { self.shardMap.contains($0) && $0 != .directory })
        self.onLoop {
            guard !shards.isEmpty else {
                return completion(
                    SearchReply(unanswered: batch.shards.map { SearchReply.Unanswered(shard: $0, leader: nil) }))
            }
            let search = ServedSearch(self.nodeID, batch, shards, completion)
            search.giveUp = self.loop.scheduleTask(in: .milliseconds(Int64(batch.millisecondsLeft))) { search.end() }
            let messages = Dictionary(grouping: batch.messages) { self.shard(of: $0.channel) }
            let vouchers = Dictionary(batch.vouchers.map { ($0.shard, $0.voucher) }) { first, _ in first }
            for shard in shards.sorted() {
                var request = batch.request
                var step = SearchStep.positions
                if !batch.messages.isEmpty {
                    let here = messages[shard] ?? []
                    step = .messages(here)
                    // Whoever may not see those sees none, and no other channel is looked at.
                    request.channels = Set(here.map(\.channel)).sorted()
                    guard !here.isEmpty else {
                        search.take(.positions([], isComplete: true), of: shard)
                        continue
                    }
                }
                let errand = SearchErrand(step: step, ticket: search.ticket)
                let query = Query.search(shard, request, viewer: batch.viewer)
                let done = ReadCompletion.onLoop { search.take($0, of: shard) }
                // What was found here was decided on this replica's state, or an earlier one.
                if batch.isLocal || !batch.messages.isEmpty {
                    self.host.readLocally(shard, query, search: errand, done)
                } else {
                    self.host.read(shard, query, search: errand, voucher: vouchers[shard], done)
                }
            }
        }
    }

    // MARK: The index

    /// Has all members make their indices of texts anew. Returns when each has been told or did not answer.
    package func rebuildSearch() async -> SearchRebuild {
        let members = self.directory.registry.nodes.filter { $0.state != .removed && $0.id != self.nodeID }.map(\.id)
        _ = await self.rebuildIndicesHere()
        return await withTaskGroup(of: (NodeID, Bool).self) { tasks in
            for node in members {
                tasks.addTask {
                    await withCheckedContinuation { continuation in
                        self.links.rebuildIndices(at: node) { continuation.resume(returning: (node, $0 != nil)) }
                    }
                }
            }
            var told: [NodeID] = [self.nodeID]
            var missing: [NodeID] = []
            for await (node, hasHeard) in tasks { if hasHeard { told.append(node) } else { missing.append(node) } }
            return SearchRebuild(told: told.sorted(), missing: missing.sorted())
        }
    }

    /// Any thread.
    ///
    /// - Returns: how many replicas there are.
    package func rebuildIndicesHere() async -> Int {
        // The loop refuses work only when the node has ended.
        (try? await self.loop.submit { self.host.rebuildIndices() }.get()) ?? 0
    }
}

/// A step of a search in this node's shards. On the loop, and nowhere else: so `@unchecked Sendable` is true.
private final class ServedSearch: @unchecked Sendable {
    private let node: NodeID
    private var open: Set<ShardID>
    private var gathered: GatheredHits
    private var reply = SearchReply()
    private var completion: (@Sendable (SearchReply) -> Void)?
    let ticket = SearchTicket()
    var giveUp: Scheduled<Void>?

    init(
        _ node: NodeID, _ batch: SearchBatch, _ shards: Set<ShardID>,
        _ completion: @escaping @Sendable (SearchReply) -> Void
    ) {
        self.node = node
        self.open = shards
        self.gathered = GatheredHits(order: batch.request.order, limit: Int(min(batch.request.limit, 200)))
        self.completion = completion
    }

    func take(_ outcome: ReadOutcome, of shard: ShardID) {
        guard self.completion != nil, self.open.remove(shard) != nil else { return }
        switch outcome {
        case .positions(let positions, let isComplete):
            self.gathered.take(positions, from: self.node)
            self.reply.isComplete = self.reply.isComplete && isComplete
        case .answer(.hits(let hits, let isComplete)):
            self.reply.hits += hits
            self.reply.isComplete = self.reply.isComplete && isComplete
        case .answer, .unavailable: self.reply.unanswered.append(.init(shard: shard, leader: nil))
        case .notLeader(let leader): self.reply.unanswered.append(.init(shard: shard, leader: leader))
        case .overloaded: self.reply.isOverloaded = true
        }
        // Without one of them there is no page.
        if self.open.isEmpty || self.reply.isOverloaded || !self.reply.isComplete { self.end() }
    }

    func end() {
        guard let completion = self.completion else { return }
        self.completion = nil
        self.giveUp?.cancel()
        self.giveUp = nil
        self.ticket.end()
        self.reply.positions = self.gathered.found.map(\.position)
        self.reply.unanswered += self.open.sorted().map { .init(shard: $0, leader: nil) }
        completion(self.reply)
    }
}
