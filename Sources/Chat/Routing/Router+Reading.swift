// Reads: at the leader by default, wherever it is; from the nearest replica when the caller says so.

import ChatModel
import ChatService
import ClusterModel
import NIOCore
import Placement
import Replication
import Synchronization

extension Router: ChatService {
    package var feeds: any FeedSource { self }

    package func answer(_ query: Query, consistency: Consistency) async throws(ServiceError) -> QueryAnswer {
        let result: Result<QueryAnswer, ServiceError> = await withCheckedContinuation { continuation in
            self.answer(query, consistency: consistency) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Any thread. `completion` runs once: on the loop, or on the thread that has the answer first, which is one that reads
    /// from the disk or one on which other nodes' answers come in.
    package func answer(
        _ query: Query, consistency: Consistency,
        completion: @escaping @Sendable (Result<QueryAnswer, ServiceError>) -> Void
    ) {
        if case .search(.directory, let request, let viewer) = query {
            return self.searchEverywhere(request, viewer, consistency, completion)
        }
        self.onLoop {
            self.attempt(
                PendingQuery(
                    shard: self.shardMap.shard(of: query.key), query: query, consistency: consistency,
                    deadline: self.loop.now + self.settings.readDeadline, complete: completion))
        }
    }

    /// A read that looks for whoever can serve it. Every attempt is a read of its own at the leader.
    private struct PendingQuery: Sendable {
        let shard: ShardID
        let query: Query
        let consistency: Consistency
        let deadline: NIODeadline
        let complete: @Sendable (Result<QueryAnswer, ServiceError>) -> Void
        /// Before the next attempt.
        var pause = TimeAmount.milliseconds(10)
    }

    private func attempt(_ read: PendingQuery) {
        let shard = read.shard
        if read.consistency == .local, self.host.holdsReplica(of: shard) {
            self.attempt(read) { self.host.readLocally(shard, read.query, $0) }
        } else if self.host.isLeader(of: shard) {
            self.attempt(read) { self.host.read(shard, read.query, $0) }
        } else {
            if !self.host.holdsReplica(of: shard), self.hint(for: shard) == nil { self.guessHolder(of: shard) }
            guard let leader = self.leader(of: shard), leader != self.nodeID else {
                return self.attempted(read, .notLeader(nil))
            }
            let isLocal = read.consistency == .local
            // Taken anew for each attempt: it must not be older than the question, and may be as new as possible.
            let request = ReadRequest(
                shard: shard, query: read.query, isLocal: isLocal,
                voucher: isLocal ? nil : self.host.readVoucher(for: shard))
            self.links.read(request, at: leader) { reply in
                // Whoever waits for it need not wait for the loop too.
                if case .answer(let answer) = reply { return read.complete(.success(answer)) }
                self.onLoop {
                    self.learn(from: reply, of: leader, about: shard)
                    self.attempted(read, reply)
                }
            }
        }
    }

    /// At this node's own replica. It may not be able to answer for as long as its projection finds no room on the disk,
    /// or a quorum no voice: the deadline answers then.
    private func attempt(_ read: PendingQuery, by ask: (ReadCompletion) -> Void) {
        let attempt = LocalAttempt(read)
        ask(
            .anywhere { outcome in
                guard let read = attempt.end() else { return }
                // Whoever waits for it need not wait for the loop too.
                if case .answer(let answer) = outcome { return read.complete(.success(answer)) }
                self.onLoop { self.attempted(read, ReadReply(outcome)) }
            })
        // Not taken back, since that would wake the loop for each answer: it holds next to nothing.
        self.loop.scheduleTask(deadline: read.deadline) {
            if let read = attempt.end() { self.attempted(read, .unavailable) }
        }
    }

    func learn(from reply: ReadReply, of node: NodeID, about shard: ShardID) {
        switch reply {
        case .answer: break
        case .notLeader(let hint): if !self.host.holdsReplica(of: shard) { self.hints[shard] = hint }
        case .overloaded: break
        case .unavailable: if self.hints[shard] == node { self.hints[shard] = nil }
        }
    }

    private func attempted(_ read: PendingQuery, _ reply: ReadReply) {
        if case .answer(let answer) = reply { return read.complete(.success(answer)) }
        if case .overloaded = reply { return read.complete(.failure(.overloaded)) }
        guard self.loop.now < read.deadline else { return read.complete(.failure(.unavailable(retryAfterSeconds: 1))) }
        var next = read
        next.pause = min(read.pause * 2, .milliseconds(100))
        let attempt = next
        self.loop.scheduleTask(in: read.pause) { self.attempt(attempt) }
    }

    /// Any thread: another node's read, for a shard that has its leader (or at least a replica) here.
    package func serve(_ request: ReadRequest) async -> ReadReply {
        await withCheckedContinuation { continuation in
            self.serve(request) { continuation.resume(returning: $0) }
        }
    }

    /// The same. `completion` runs once: on a reader's thread for what had to be read from the disk, else on the loop.
    package func serve(_ request: ReadRequest, completion: @escaping @Sendable (ReadReply) -> Void) {
        guard self.shardMap.contains(request.shard) else { return completion(.unavailable) }
        self.onLoop {
            let complete = ReadCompletion.anywhere { completion(ReadReply($0)) }
            if request.isLocal {
                self.host.readLocally(request.shard, request.query, complete)
            } else {
                self.host.read(request.shard, request.query, voucher: request.voucher, complete)
            }
        }
    }

    // MARK: Status

    package var readiness: Readiness {
        self.health.withLock { $0 }
    }

    package func clusterStatus() async -> ClusterStatus {
        let here: (own: [GroupStatus], all: [GroupStatus])? = try? await self.loop.submit {
            (self.host.groups(ledOnly: true), self.host.groups(ledOnly: false))
        }.get()
        let directory = self.directory
        var shards: [ShardID: GroupStatus] = [:]
        for group in here?.all ?? [] { shards[group.shard] = group }
        // A leader knows best; a newer term wins over an older leader's belief.
        func take(_ groups: [GroupStatus]) {
            for group in groups where group.term >= shards[group.shard]?.term ?? .zero { shards[group.shard] = group }
        }
        await withTaskGroup(of: [GroupStatus].self) { tasks in
            for node in directory.registry.nodes where node.id != self.nodeID && self.links.isConnected(node.id) {
                tasks.addTask { await self.links.groups(ledBy: node.id) }
            }
            for await groups in tasks { take(groups) }
        }
        take(here?.own ?? [])
        let ring = Ring(directory.registry, shardCount: self.shardMap.shardCount)
        return ClusterStatus(
            cluster: self.host.cluster, epoch: directory.registry.epoch,
            versions: ClusterStatus.Versions(
                active: directory.registry.activeVersion, supported: directory.registry.supportedVersion),
            nodes: directory.registry.nodes.map { node in
                ClusterStatus.Node(
                    record: node, gossip: node.id == self.nodeID ? "alive" : self.links.gossip(about: node.id))
            },
            shards: shards.values.sorted { $0.shard < $1.shard }.map { group in
                ClusterStatus.Shard(
                    id: group.shard, leader: group.leader, term: group.term,
                    replicas: group.replicas.map {
                        ClusterStatus.ReplicaStatus(node: $0.node, isVoter: $0.isVoter, lag: $0.lag)
                    },
                    ideal: ring.replicas(of: group.shard))
            })
    }

    /// Any thread: the groups that this node leads, for another node's status.
    package func groupsLedHere() async -> [GroupStatus] {
        (try? await self.loop.submit { self.host.groups(ledOnly: true) }.get()) ?? []
    }
}

extension Router {
    /// One attempt at this node's own replica, which ends once: by an outcome or by its deadline. Any thread.
    private final class LocalAttempt: Sendable {
        private let read: Mutex<PendingQuery?>

        init(_ read: PendingQuery) { self.read = Mutex(read) }

        /// - Returns: nil when it has ended before.
        func end() -> PendingQuery? {
            self.read.withLock { read in
                defer { read = nil }
                return read
            }
        }
    }
}

extension ReadReply {
    init(_ outcome: ReadOutcome) {
        switch outcome {
        case .answer(let answer): self = .answer(answer)
        case .notLeader(let leader): self = .notLeader(leader)
        case .overloaded: self = .overloaded
        // Only a search by steps is answered so, and none is asked for here.
        case .unavailable, .positions: self = .unavailable
        }
    }
}
