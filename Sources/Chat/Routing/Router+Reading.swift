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
        let shard = self.shardMap.shard(of: query.key)
        let deadline = NIODeadline.now() + self.settings.readDeadline
        var pause = Duration.milliseconds(10)
        while true {
            switch await self.attempt(shard, query, consistency) {
            case .answer(let answer): return answer
            case .notLeader, .unavailable: break
            }
            guard NIODeadline.now() < deadline else { throw .unavailable(retryAfterSeconds: 1) }
            do {
                try await Task.sleep(for: pause)
            } catch {
                throw .unavailable(retryAfterSeconds: 1)  // The caller has gone.
            }
            pause = min(pause * 2, .milliseconds(100))
        }
    }

    private enum Place {
        case here(ReadReply)
        case at(NodeID)
        case nowhere
    }

    private func attempt(_ shard: ShardID, _ query: Query, _ consistency: Consistency) async -> ReadReply {
        let place: Place = await withCheckedContinuation { continuation in
            self.loop.execute {
                if consistency == .local, self.host.holdsReplica(of: shard) {
                    self.host.readLocally(shard, query) { continuation.resume(returning: .here(ReadReply($0))) }
                } else if self.host.isLeader(of: shard) {
                    self.host.read(shard, query) { continuation.resume(returning: .here(ReadReply($0))) }
                } else {
                    if !self.host.holdsReplica(of: shard), self.hint(for: shard) == nil { self.guessHolder(of: shard) }
                    if let leader = self.leader(of: shard), leader != self.nodeID {
                        continuation.resume(returning: .at(leader))
                    } else {
                        continuation.resume(returning: .nowhere)
                    }
                }
            }
        }
        switch place {
        case .here(let reply): return reply
        case .nowhere: return .notLeader(nil)
        case .at(let node):
            let request = ReadRequest(shard: shard, query: query, isLocal: consistency == .local)
            let reply = await self.links.read(request, at: node)
            switch reply {
            case .answer: break
            case .notLeader(let hint):
                self.loop.execute { if !self.host.holdsReplica(of: shard) { self.hints[shard] = hint } }
            case .unavailable:
                self.loop.execute { if self.hints[shard] == node { self.hints[shard] = nil } }
            }
            return reply
        }
    }

    /// Any thread: another node's read, for a shard that has its leader (or at least a replica) here.
    package func serve(_ request: ReadRequest) async -> ReadReply {
        guard self.shardMap.contains(request.shard) else { return .unavailable }
        return await withCheckedContinuation { continuation in
            self.loop.execute {
                if request.isLocal {
                    self.host.readLocally(request.shard, request.query) {
                        continuation.resume(returning: ReadReply($0))
                    }
                } else {
                    self.host.read(request.shard, request.query) { continuation.resume(returning: ReadReply($0)) }
                }
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
        return ClusterStatus(
            cluster: self.host.cluster, epoch: directory.registry.epoch,
            nodes: directory.registry.nodes.map { node in
                ClusterStatus.Node(
                    record: node, gossip: node.id == self.nodeID ? "alive" : self.links.gossip(about: node.id))
            },
            shards: shards.values.sorted { $0.shard < $1.shard }.map { group in
                ClusterStatus.Shard(
                    id: group.shard, leader: group.leader, term: group.term,
                    replicas: group.replicas.map {
                        ClusterStatus.ReplicaStatus(node: $0.node, isVoter: $0.isVoter, lag: $0.lag)
                    })
            })
    }

    /// Any thread: the groups that this node leads, for another node's status.
    package func groupsLedHere() async -> [GroupStatus] {
        (try? await self.loop.submit { self.host.groups(ledOnly: true) }.get()) ?? []
    }
}

extension ReadReply {
    init(_ outcome: ReadOutcome) {
        switch outcome {
        case .answer(let answer): self = .answer(answer)
        case .notLeader(let leader): self = .notLeader(leader)
        case .unavailable: self = .unavailable
        }
    }
}
