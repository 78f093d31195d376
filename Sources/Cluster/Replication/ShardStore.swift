// A node's files beside the log: projections, and snapshots on their way out and in.

import ClusterModel
import Projections

/// The shards' files as a host uses them; see `ShardFolder` for what they are on a disk.
///
/// Every call may block. For one shard they come one at a time from the platform's bulk pool, those that touch the
/// projection itself from its writer pool.
package protocol ShardStore: Sendable {
    /// Clears away what a stopped process had under way. Before anything else.
    func sweep() throws(ProjectionError)

    func makeOutgoing(of shard: ShardID, from projection: any ReplicaProjection) throws(ProjectionError) -> SnapshotFile
    func readOutgoing(of shard: ShardID, at offset: UInt64, count: Int) throws(ProjectionError) -> [UInt8]
    func removeOutgoing(of shard: ShardID) throws(ProjectionError)

    func beginIncoming(of shard: ShardID) throws(ProjectionError)
    func writeIncoming(of shard: ShardID, _ bytes: [UInt8], at offset: UInt64) throws(ProjectionError)
    /// Durable and verified when this returns, and still there after a crash.
    func sealIncoming(of shard: ShardID, as file: SnapshotFile) throws(ProjectionError)
    func removeIncoming(of shard: ShardID) throws(ProjectionError)
    /// Where the sealed file stands; nil when there is none.
    func sealedIndex(of shard: ShardID) throws(ProjectionError) -> LogIndex?
    /// The sealed file takes the projection's place, which nobody has open.
    func switchToSealed(of shard: ShardID) throws(ProjectionError)

    /// The projection is no good; what has arrived for it stays. Nobody has it open.
    func removeProjection(of shard: ShardID) throws(ProjectionError)
    /// Nothing of the shard is left. Nobody has its projection open.
    func removeAll(of shard: ShardID) throws(ProjectionError)
}

/// The files of a data directory.
struct DiskShardStore: ShardStore {
    let folder: ShardFolder

    func sweep() throws(ProjectionError) {
        try self.folder.create()
        try self.folder.sweep()
    }
    func makeOutgoing(
        of shard: ShardID, from projection: any ReplicaProjection
    ) throws(ProjectionError) -> SnapshotFile {
        guard let projection = projection as? ShardProjection else {
            preconditionFailure("a disk's projections are files")
        }
        return try self.folder.makeOutgoing(projection)
    }
    func readOutgoing(of shard: ShardID, at offset: UInt64, count: Int) throws(ProjectionError) -> [UInt8] {
        try self.folder.readOutgoing(shard, at: offset, count: count)
    }
    func removeOutgoing(of shard: ShardID) throws(ProjectionError) { try self.folder.removeOutgoing(shard) }
    func beginIncoming(of shard: ShardID) throws(ProjectionError) { try self.folder.beginIncoming(shard) }
    func writeIncoming(of shard: ShardID, _ bytes: [UInt8], at offset: UInt64) throws(ProjectionError) {
        try self.folder.writeIncoming(shard, bytes, at: offset)
    }
    func sealIncoming(of shard: ShardID, as file: SnapshotFile) throws(ProjectionError) {
        try self.folder.sealIncoming(shard, as: file)
    }
    func removeIncoming(of shard: ShardID) throws(ProjectionError) { try self.folder.removeIncoming(shard) }
    func sealedIndex(of shard: ShardID) throws(ProjectionError) -> LogIndex? { try self.folder.sealedIndex(of: shard) }
    func switchToSealed(of shard: ShardID) throws(ProjectionError) { try self.folder.switchToSealed(shard) }
    func removeProjection(of shard: ShardID) throws(ProjectionError) { try self.folder.removeProjection(of: shard) }
    func removeAll(of shard: ShardID) throws(ProjectionError) { try self.folder.removeAll(of: shard) }
}
