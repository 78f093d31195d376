// What somebody who checks a host from outside can see of it.

import ChatMachine
import ChatModel
import ClusterModel
import Raft

/// Hears of every entry that a node applies and of every term that it leads: the simulator's ear.
/// All calls come on the host's loop.
package protocol ReplicationWitness: AnyObject {
    /// - Parameters:
    ///   - stateHash: the machine's after the entry.
    ///   - events: what the entry added to channels; empty for entries without a command.
    func applied(_ shard: ShardID, _ entry: Entry, stateHash: UInt64, events: [DurableEvent])
    func becameLeader(of shard: ShardID, in term: Term)
    /// A snapshot took the machine's place; the next applied entry is the one after `index`.
    func adopted(_ shard: ShardID, at index: LogIndex, stateHash: UInt64)
}

extension ReplicationWitness {
    package func adopted(_ shard: ShardID, at index: LogIndex, stateHash: UInt64) {}
}

/// Where one replica stands.
package struct ReplicaStanding: Hashable, Sendable {
    package let appliedIndex: LogIndex
    /// The last index that its log has let go of.
    package let baseIndex: LogIndex
    package let stateHash: UInt64
    package let term: Term
    package let isLeader: Bool
    package let isVoter: Bool
    /// A committed configuration has left it out.
    package let isDetached: Bool
    package let voters: [NodeID]
    /// Of its own, not answered yet.
    package let proposalsWaiting: Int
}

extension ReplicationHost {
    /// A machine that has applied nothing.
    func emptyMachine(of shard: ShardID) -> ShardMachine {
        var machine = ShardMachine(shard: shard, map: self.shardMap)
        machine.followsDictionaryOrder = self.settings.faults.contains(.unorderedApply)
        return machine
    }

    /// On the loop.
    package func standing(of shard: ShardID) -> ReplicaStanding? {
        guard let replica = self.replicas[Int(shard.rawValue)] else { return nil }
        let configuration = replica.raft.configuration
        return ReplicaStanding(
            appliedIndex: replica.appliedIndex, baseIndex: replica.raft.baseIndex, stateHash: replica.machine.stateHash,
            term: replica.raft.term,
            isLeader: replica.isLeader, isVoter: configuration.isVoter(replica.raft.id),
            isDetached: replica.isDetached, voters: configuration.voters.map(\.node),
            proposalsWaiting: replica.proposalsWaiting)
    }
}

/// Bugs to plant, so that the simulator can show that it would see them. None in a node.
package struct ReplicationFaults: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Every replica answers linearizable reads from what it happens to have applied.
    package static let readsWithoutQuorum = ReplicationFaults(rawValue: 1)
    /// Apply follows the order of a dictionary.
    package static let unorderedApply = ReplicationFaults(rawValue: 2)
}
