// A replica's end: asked for, proven, waited for, recorded, then deleted.

import ChatMachine
import ClusterModel
import Failpoints
import Logging
import Placement
import Projections
import Raft
import WriteAheadLog

extension ReplicationHost {
    /// Another replica says that a committed configuration left this one out. From now on it does not serve, so that
    /// this node asks the shard's real holders.
    func leftOut(_ replica: ShardReplica, at index: LogIndex) {
        self.perform(replica.removal.step(.hinted), for: replica)
        guard !replica.isDetached else { return }
        replica.isDetached = true
        self.logger.info(
            "Replica was left out of its group", metadata: ["shard": "\(replica.shard)", "raft.index": "\(index)"])
        self.observer?.replicaDetached(replica.shard)
    }

    func leaderHeard(by replica: ShardReplica) {
        replica.isDetached = false
        if !replica.removal.isMember { _ = replica.removal.step(.leaderHeard) }
    }

    func tickRemoval(of replica: ShardReplica) {
        guard !replica.isLeaving else { return }
        let hasLeader = replica.leaderNode != nil && !replica.isDetached
        self.perform(
            replica.removal.step(.tick(milliseconds: self.milliseconds, hasLeader: hasLeader)), for: replica)
    }

    private func perform(_ effect: RemovalCase.Effect?, for replica: ShardReplica) {
        switch effect {
        case nil: break
        case .ask:
            let own = Replica(id: replica.raft.id, node: self.node)
            for node in self.likelyHolders(of: replica) {
                self.post(.membershipAsked, of: replica.shard, from: own, to: Replica(id: ReplicaID(0), node: node))
            }
        case .remove: self.remove(replica, why: "its group has left it out")
        }
    }

    /// Whoever may lead the group: the members last known, and those that the ring wants.
    private func likelyHolders(of replica: ShardReplica) -> [NodeID] {
        var nodes = Set(replica.raft.configuration.members.map(\.node))
        if let registry = self.directoryMachine?.registry, registry.epoch > .zero {
            nodes.formUnion(Ring(registry, shardCount: self.shardMap.shardCount).replicas(of: replica.shard))
        }
        nodes.remove(self.node)
        return nodes.sorted()
    }

    /// Answered only by a leader that proves, after the question arrived, that it leads.
    func membershipAsked(_ shard: ShardID, by asker: Replica) {
        guard let replica = self.replicas[Int(shard.rawValue)], replica.isLeader else { return }
        let token = self.nextToken()
        replica.membershipQuestions[token] = asker
        replica.step(.read(token: token))
    }

    /// The proof has come. Says nothing to a member, which hears its leader anyway, or to an id of the future.
    func answerMembership(_ replica: ShardReplica, _ asker: Replica) {
        let configuration = replica.raft.committedConfiguration
        guard !configuration.isMember(asker.id), !replica.raft.configuration.isMember(asker.id),
            asker.id < configuration.nextReplicaID
        else { return }
        self.post(
            .leftOut(at: replica.raft.commitIndex), of: replica.shard,
            from: Replica(id: replica.raft.id, node: self.node), to: asker)
    }

    func provenLeftOut(_ shard: ShardID, _ id: ReplicaID, at index: LogIndex) {
        guard let replica = self.replicas[Int(shard.rawValue)], replica.raft.id == id,
            index >= replica.configurations.entries.last?.index ?? .zero
        else { return }
        if !replica.isDetached { self.leftOut(replica, at: index) }
        self.perform(replica.removal.step(.proven), for: replica)
    }

    /// First the tombstone, so that nothing late brings the replica back, then the files.
    func remove(_ replica: ShardReplica, why: String) {
        self.remove(
            replica, ReplicaTombstone(incarnation: replica.raft.incarnation, replica: replica.raft.id), why: why)
    }

    func remove(_ replica: ShardReplica, _ tombstone: ReplicaTombstone, why: String) {
        guard !replica.isLeaving else { return }
        Failpoints.hit(.removalRecordBefore)
        self.logger.notice(
            "Replica is deleted",
            metadata: ["shard": "\(replica.shard)", "raft.replica": "\(replica.raft.id)", "reason": "\(why)"])
        replica.isLeaving = true
        replica.isDetached = true
        replica.generation += 1
        replica.dropRows()
        replica.failEverything()
        self.bury(replica.shard, tombstone)
        self.enqueue(
            WALAppend(
                shard: replica.shard, ticket: ShardReplica.removalTicket,
                removal: self.tombstones[replica.shard]?.encoded))
        self.observer?.replicaDetached(replica.shard)
    }

    func bury(_ shard: ShardID, _ tombstone: ReplicaTombstone) {
        self.tombstones[shard] = self.tombstones[shard].map { $0.merged(with: tombstone) } ?? tombstone
    }

    /// The tombstone is durable.
    func removalRecorded(of replica: ShardReplica) {
        guard replica.isLeaving else { return }
        Failpoints.hit(.removalFilesBefore)
        let (store, shard, projection) = (self.platform.shards, replica.shard, replica.projection)
        self.run(on: self.writerPool) { () throws(ProjectionError) in
            try projection.close()
            try store.removeAll(of: shard)
            Failpoints.hit(.removalFilesAfter)
        } _: { result in
            // Left-overs are removed at the next start, which finds the tombstone.
            if case .failure(let error) = result {
                self.logger.error(
                    "Files of a deleted replica are left", metadata: ["shard": "\(shard)", "error": "\(error)"])
            }
            self.forgetArrival(of: shard)
            self.replicas[Int(shard.rawValue)] = nil
            self.statistics.replicasRemoved += 1
        }
    }
}
