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

    /// On the loop, once a second: what is too old goes from the log although nothing comes after it, and the segment in
    /// which it stands is left, so that it can go.
    func releaseWhatIsOld() {
        let now = self.milliseconds
        for case let replica? in self.replicas where replica.isCurrent && !replica.isLeaving {
            if replica.retention.isReleaseDue(milliseconds: now) { self.release(replica) }
        }
        guard now - min(self.disk.rolledOverAt, now) >= self.settings.retention.segmentMilliseconds else { return }
        self.disk.rolledOverAt = now
        self.log?.rollOver()
    }

    /// Everything applied now is made durable in the projection, then the log may forget it. What was erased goes first, on
    /// the thread for bulk work: with a large index that takes seconds, and other shards' rows must not wait for it.
    private func checkpoint(_ replica: ShardReplica) {
        replica.retention.beginCheckpoint()
        let generation = replica.generation
        replica.whenProjected(min(replica.appliedIndex, replica.syncedIndex)) {
            guard replica.generation == generation else { return self.fellShort(replica) }
            let projection = replica.projection
            self.run(on: self.bulkPool) { () throws(ProjectionError) in
                try projection.tidy()
            } _: { result in
                if case .failure(let error) = result { return self.ended(.failure(error), of: replica, generation) }
                self.run(on: self.writerPool) { () throws(ProjectionError) in
                    let durable = try projection.checkpoint()
                    return Checkpoint(durable: durable, isComplete: try !projection.holdsErased())
                } _: { result in
                    self.ended(result, of: replica, generation)
                }
            }
        }
    }

    private struct Checkpoint: Sendable {
        let durable: LogIndex
        /// Nothing of what was erased is left.
        let isComplete: Bool
    }

    private func fellShort(_ replica: ShardReplica) {
        replica.retention.endCheckpoint(
            durable: nil, isComplete: false, milliseconds: self.milliseconds, nodeBytes: self.disk.logBytes)
    }

    private func ended(
        _ checkpoint: Result<Checkpoint, ProjectionError>, of replica: ShardReplica, _ generation: UInt64
    ) {
        guard replica.generation == generation, !replica.isLeaving, case .success(let ended) = checkpoint else {
            self.fellShort(replica)
            return self.failed(checkpoint, of: replica, generation)
        }
        precondition(
            ended.durable <= replica.appliedIndex, "durable at \(ended.durable), applied \(replica.appliedIndex)")
        replica.retention.endCheckpoint(
            durable: ended.durable, isComplete: ended.isComplete, milliseconds: self.milliseconds,
            nodeBytes: self.disk.logBytes)
        self.statistics.checkpoints += 1
        self.release(replica)
    }

    private func failed(
        _ checkpoint: Result<Checkpoint, ProjectionError>, of replica: ShardReplica, _ generation: UInt64
    ) {
        guard replica.generation == generation, !replica.isLeaving else { return }
        switch checkpoint {
        case .success: break
        case .failure(.diskFull): self.disk.projectionFoundNoRoom(at: self.milliseconds)
        case .failure(.closed): break
        // Only what was made durable is not known to be: the next one says.
        case .failure(.noDescriptor):
            self.logger.warning(
                "No file descriptor for a checkpoint: it is made again later", metadata: ["shard": "\(replica.shard)"])
        case .failure(let error): self.stop(.projection("shard \(replica.shard), checkpoint: \(error)"))
        }
    }

    /// Lets the log go below what the projection holds durably, but for what lagging followers may want.
    private func release(_ replica: ShardReplica) {
        let last = replica.retention.release(nodeBytes: self.disk.logBytes, milliseconds: self.milliseconds)
        guard let last, last > replica.raft.baseIndex, let note = replica.configurations.inForce(at: last)
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
