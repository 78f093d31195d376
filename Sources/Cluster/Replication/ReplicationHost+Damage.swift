// What this node's disk has lost, and what becomes of the shards that it hit. The others go on.

import ClusterModel
import Failpoints
import Logging
import Placement
import Projections
import Raft
import WriteAheadLog

/// A shard that this node must not serve with what its disk has of it.
package struct RefusedShard: Sendable, CustomStringConvertible {
    /// In words for an operator: what is missing and from where.
    package let description: String
    let recovered: WALRecovery.RecoveredShard
}

extension ReplicationHost {
    /// Shards that wait for an operator, and why.
    package var refusedShards: [ShardID: String] { self.refused.mapValues(\.description) }

    func refuse(_ shard: ShardID, _ recovered: WALRecovery.RecoveredShard, _ reason: String) {
        self.refused[shard] = RefusedShard(description: reason, recovered: recovered)
        self.logger.critical("A shard is not served", metadata: ["shard": "\(shard)", "reason": "\(reason)"])
    }

    /// On the loop, by an operator: the shard goes on with what is left of it. Only where no other replica has it.
    /// - Returns: false when the shard is not refused.
    package func acceptDataLoss(of shard: ShardID) -> Bool {
        guard let refused = self.refused.removeValue(forKey: shard) else { return false }
        self.logger.critical(
            "An operator accepts the loss", metadata: ["shard": "\(shard)", "reason": "\(refused.description)"])
        self.resumeWithLoss(shard, refused.recovered)
        return true
    }

    /// On the loop, by an operator who knows that the other voters are gone for good: this node's replicas become
    /// their groups' only voters, in a higher incarnation, with everything in their logs.
    /// - Returns: the shards that this node has a replica of, and their new incarnation.
    package func forceQuorum(_ shards: [ShardID]) -> [ShardID: GroupIncarnation] {
        var forced: [ShardID: GroupIncarnation] = [:]
        for shard in shards where self.shardMap.contains(shard) {
            guard let replica = self.replicas[Int(shard.rawValue)], !replica.isLeaving else { continue }
            let incarnation = GroupIncarnation(replica.raft.incarnation.rawValue + 1)
            replica.step(.forceQuorum(incarnation))
            replica.isDetached = false
            guard replica.raft.incarnation == incarnation else { continue }
            forced[shard] = incarnation
            self.logger.critical(
                "An operator has made this replica its group's only voter",
                metadata: ["shard": "\(shard)", "raft.incarnation": "\(incarnation)"])
        }
        self.scheduleFlush()
        return forced
    }

    /// The group goes on elsewhere in a higher incarnation: what is here is void.
    func superseded(_ replica: ShardReplica, by incarnation: GroupIncarnation) {
        self.remove(replica, why: "its group goes on in incarnation \(incarnation)")
    }

    /// What the disk had lost is there again.
    func repaired(_ replica: ShardReplica) {
        Failpoints.hit(.damageRepaired)
        self.statistics.replicasRepaired += 1
        self.logger.notice("A damaged replica is whole again", metadata: ["shard": "\(replica.shard)"])
        // Said to the log behind everything that this turn writes.
        self.turn.repaired.append(replica.shard)
        self.scheduleFlush()
    }

    // MARK: A lost vote

    /// Whether a message is for a replica that is gone for good. Its leader learns it, so as to replace the id.
    func isBuried(_ message: RaftMessage, of shard: ShardID) -> Bool {
        if self.nameless.contains(shard) {
            // The vote is lost together with the id that it was given under: the first that is called is that one.
            guard message.isFromLeader else { return true }
            self.nameless.remove(shard)
            self.bury(shard, ReplicaTombstone(incarnation: message.incarnation, replica: message.to.id))
            self.enqueue(
                WALAppend(
                    shard: shard, ticket: ShardReplica.removalTicket, removal: self.tombstones[shard]?.encoded))
        }
        guard let tombstone = self.tombstones[shard],
            tombstone.refuses(message.to.id, of: message.incarnation)
        else { return false }
        if message.isFromLeader { self.post(.lost, of: shard, from: message.to, to: message.from) }
        return true
    }

    /// A member of a group led here is gone for good, though its node is not.
    func peerLost(_ shard: ShardID, _ peer: Replica) {
        guard let replica = self.replicas[Int(shard.rawValue)], replica.isLeader,
            replica.raft.configuration.member(peer.id) == peer, replica.lostPeers.insert(peer.id).inserted
        else { return }
        self.logger.warning(
            "A replica has lost its vote and is replaced",
            metadata: ["shard": "\(shard)", "raft.replica": "\(peer)"])
    }

    /// On the loop, when groups are reconciled: takes a lost replica out; the ring brings the node back under a new
    /// id. The others need one another's votes either way, so this costs no safety and no availability.
    ///
    /// - Returns: whether there was something to do, so that nothing else is done in this round.
    func replaceLost(in replica: ShardReplica, _ epoch: RingEpoch) -> Bool {
        guard !replica.lostPeers.isEmpty else { return false }
        let configuration = replica.raft.configuration
        replica.lostPeers.formIntersection(configuration.members.map(\.id))
        guard let lost = replica.lostPeers.min() else { return false }
        guard !replica.raft.isConfigurationChangePending else { return true }
        let epoch = max(epoch, configuration.epoch)
        if configuration.isLearner(lost) {
            replica.step(.changeConfiguration(.removeLearner(lost, epoch)))
        } else {
            let left = configuration.voters.map(\.id).filter { !replica.lostPeers.contains($0) }
            guard !left.isEmpty else { return false }
            replica.step(.changeConfiguration(.replaceVoters(left, epoch)))
        }
        return true
    }

    // MARK: A lost state

    /// The projection is gone and the log does not reach back: somebody who has the shard is asked for its state,
    /// another one each time.
    func askForState(of replica: ShardReplica) {
        guard case .awaitingState(let index) = replica.standing else { return }
        let others = replica.raft.configuration.members.filter { $0.node != self.node }
        guard !others.isEmpty else { return }
        replica.stateAsked += 1
        let other = others[replica.stateAsked % others.count]
        self.post(
            .stateWanted(above: index), of: replica.shard, from: Replica(id: replica.raft.id, node: self.node),
            to: other)
    }
}
