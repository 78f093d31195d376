// Searches: every shard is asked for its first hits, and the first of all are the answer.

import ChatModel
import ChatService
import ClusterModel
import NIOCore
import Placement
import Replication

extension Router {
    /// The hits of all shards that may have some, as if they were one: one call to each node that leads some of them.
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
        self.onLoop {
            var alone: [ShardID] = []
            var byLeader: [NodeID: [ShardID]] = [:]
            for shard in shards {
                if consistency == .local && self.host.holdsReplica(of: shard) || self.host.isLeader(of: shard) {
                    alone.append(shard)
                } else if let leader = self.leader(of: shard), leader != self.nodeID, self.links.isConnected(leader) {
                    byLeader[leader, default: []].append(shard)
                } else {
                    alone.append(shard)
                }
            }
            let gathering = NIOLoopBoundBox(
                GatheredHits(
                    awaited: alone.count + byLeader.count, order: request.order, limit: Int(request.limit)),
                eventLoop: self.loop)
            let take: @Sendable (Result<QueryAnswer, ServiceError>) -> Void = { result in
                self.onLoop { if let answer = gathering.value.take(result) { completion(answer) } }
            }
            let searchAlone: @Sendable ([ShardID]) -> Void = { shards in
                // Waves hold themselves until they are over; without a shard nothing would end them.
                guard !shards.isEmpty else { return }
                let waves = NIOLoopBoundBox<SearchWaves?>(nil, eventLoop: self.loop)
                waves.value = SearchWaves(shards, order: request.order) { shard in
                    let query = Query.search(shard, gathering.value.narrowed(request), viewer: viewer)
                    self.answer(query, consistency: consistency) { result in
                        self.onLoop {
                            take(result)
                            if !gathering.value.isOpen { waves.value?.stop() }
                            waves.value?.answered()
                            // It holds what holds it.
                            if waves.value?.isOver == true { waves.value = nil }
                        }
                    }
                }
                waves.value?.next()
            }
            for (leader, shards) in byLeader.sorted(by: { $0.key < $1.key }) {
                let batch = SearchBatch(
                    shards: shards, request: request, viewer: viewer, isLocal: consistency == .local)
                self.links.search(batch, at: leader) { reply in
                    self.onLoop {
                        guard gathering.value.isOpen else { return }
                        // What is not known there goes the way of every read, which tries until its deadline.
                        let rest = reply?.unanswered ?? shards
                        gathering.value.await(more: rest.count)
                        take(.success(.hits(reply?.hits ?? [], isComplete: reply?.isComplete ?? true)))
                        searchAlone(rest)
                    }
                }
            }
            searchAlone(alone)
        }
    }

    /// How long a node gathers for another one, which waits for two seconds and then asks shard by shard.
    private static let gatheringTime = TimeAmount.milliseconds(1_500)

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
                return completion(SearchReply(hits: [], isComplete: true, unanswered: batch.shards))
            }
            let gathering = ServedSearch(batch, shards, completion)
            let giveUp = self.loop.scheduleTask(in: Self.gatheringTime) { gathering.end() }
            let waves = SearchWaves(shards.sorted(), order: batch.request.order) { shard in
                let query = Query.search(shard, gathering.narrowed, viewer: batch.viewer)
                let done: (ReadOutcome) -> Void = { gathering.take($0, of: shard) }
                if batch.isLocal {
                    self.host.readLocally(shard, query, done)
                } else {
                    self.host.read(shard, query, done)
                }
            }
            gathering.whenAnswered = { waves.answered() }
            gathering.whenEnded = {
                giveUp.cancel()
                waves.stop()
            }
            waves.next()
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

/// A search on behalf of another node. On the loop.
private final class ServedSearch {
    private var open: Set<ShardID>
    private var unanswered: [ShardID] = []
    private var gathered: GatheredHits
    private var completion: (@Sendable (SearchReply) -> Void)?
    private let request: SearchRequest
    var whenAnswered: (() -> Void)?
    var whenEnded: (() -> Void)?

    init(_ batch: SearchBatch, _ shards: Set<ShardID>, _ completion: @escaping @Sendable (SearchReply) -> Void) {
        self.open = shards
        self.request = batch.request
        self.gathered = GatheredHits(
            awaited: shards.count + 1, order: batch.request.order, limit: Int(min(batch.request.limit, 200)))
        self.completion = completion
    }

    func take(_ outcome: ReadOutcome, of shard: ShardID) {
        guard self.completion != nil, self.open.remove(shard) != nil else { return }
        if case .answer(let answer) = outcome, case .hits = answer {
            // Never the last one: what is gathered is read at the end.
            _ = self.gathered.take(.success(answer))
        } else {
            self.unanswered.append(shard)
        }
        if self.open.isEmpty { self.end() } else { self.whenAnswered?() }
    }

    /// What the next shard is asked for.
    var narrowed: SearchRequest { self.gathered.narrowed(self.request) }

    func end() {
        guard let completion = self.completion else { return }
        self.completion = nil
        self.whenEnded?()
        // They hold what holds this.
        self.whenEnded = nil
        self.whenAnswered = nil
        completion(
            SearchReply(
                hits: self.gathered.hits, isComplete: self.gathered.isComplete,
                unanswered: (self.unanswered + self.open).sorted()))
    }
}
