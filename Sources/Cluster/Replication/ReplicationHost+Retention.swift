// Checkpoints of projections, and letting go of the log below them.

import ClusterModel
import Failpoints
import Logging
import Projections
import Raft

extension ReplicationHost {
    /// On the loop, once a second. Few at a time: a checkpoint is an fsync, and rows of other shards wait behind it.
    func checkpointWhatIsDue() {
        let now = self.milliseconds
        var begun = 0
        for case let replica? in self.replicas where replica.isCurrent && !replica.isLeaving {
            guard begun < self.settings.checkpointsPerSecondMax else { return }
            guard replica.retention.isCheckpointDue(milliseconds: now, nodeBytes: self.disk.logBytes) else { continue }
            self.checkpoint(replica)
            begun += 1
        }
    }

    /// Everything applied now is made durable in the projection, then the log may forget it. What was erased goes first, on
    /// the thread for bulk work: with a large index that takes seconds, and other shards' rows must not wait for it.
    private func checkpoint(_ replica: ShardReplica) {
        replica.retention.beginCheckpoint()
        let generation = replica.generation
        replica.whenProjected(min(replica.appliedIndex, replica.syncedIndex)) {
            guard replica.generation == generation else { return replica.retention.endCheckpoint() }
            let projection = replica.projection
            self.run(on: self.bulkPool) { () throws(ProjectionError) in
                try projection.tidy()
            } _: { result in
                if case .failure(let error) = result { return self.ended(.failure(error), of: replica, generation) }
                self.run(on: self.writerPool) { () throws(ProjectionError) in
                    try projection.checkpoint()
                } _: { result in
                    self.ended(result, of: replica, generation)
                }
            }
        }
    }

    private func ended(
        _ checkpoint: Result<LogIndex, ProjectionError>, of replica: ShardReplica, _ generation: UInt64
    ) {
        replica.retention.endCheckpoint()
        guard replica.generation == generation, !replica.isLeaving else { return }
        switch checkpoint {
        case .success(let durable):
            self.statistics.checkpoints += 1
            self.release(replica, durable: durable)
        case .failure(.diskFull): self.disk.projectionFoundNoRoom(at: self.milliseconds)
        case .failure(.closed): break
        case .failure(let error): self.stop(.projection("shard \(replica.shard), checkpoint: \(error)"))
        }
    }

    /// Lets the log go below what the projection holds durably, but for what lagging followers may want.
    func release(_ replica: ShardReplica, durable: LogIndex) {
        precondition(durable <= replica.appliedIndex, "durable at \(durable), applied \(replica.appliedIndex)")
        guard let last = replica.retention.release(durable: durable, nodeBytes: self.disk.logBytes),
            last > replica.raft.baseIndex, let note = replica.configurations.inForce(at: last)
        else { return }
        let bytes = note.encoded
        guard bytes.count <= self.noteBytesMax else {
            self.logger.warning(
                "The log keeps its entries: the group is too large to describe",
                metadata: ["shard": "\(replica.shard)", "bytes": "\(bytes.count)"])
            return
        }
        Failpoints.hit(.retentionReleaseBefore)
        self.log?.release(replica.shard, below: last.next(), note: bytes)
        replica.configurations.forget(before: last)
        replica.step(.compacted(through: last))
        self.statistics.releases += 1
        Failpoints.hit(.retentionReleaseAfter)
    }
}
