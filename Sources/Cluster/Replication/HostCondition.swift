// What an operator may want to know of a node's disk and replicas, at a glance.

import ClusterModel
import Raft

/// A value taken on the loop.
package struct HostCondition: Hashable, Sendable {
    package let disk: DiskWatchdog.State
    /// Copies of shards under way from here and to here.
    package let snapshotsSending: Int
    package let snapshotsReceiving: Int
    /// By rising number.
    package let shardsRefused: [ShardID]
    /// Replicas whose log has lost entries that their group has not given back yet.
    package let shardsDamaged: Int
    /// Replicas that have no state to serve from, and wait for a copy of one.
    package let shardsBehind: Int
}

extension ReplicationHost {
    /// On the loop.
    package var condition: HostCondition {
        var damaged = 0
        var behind = 0
        for replica in self.replicas {
            guard let replica else { continue }
            if replica.raft.isDamaged { damaged += 1 }
            if replica.awaitsState { behind += 1 }
        }
        return HostCondition(
            disk: self.watchdog.state, snapshotsSending: self.snapshots.sender.activeCount,
            snapshotsReceiving: self.snapshots.receiver.count, shardsRefused: self.refused.keys.sorted(),
            shardsDamaged: damaged, shardsBehind: behind)
    }
}
