import ClusterModel
import Failpoints
import Glibc

/// The folder of a node's projections, and of snapshots on their way out and in.
///
///     0007.sqlite      the projection (with -wal and -shm while it is open)
///     0007.outgoing    a copy that is being sent
///     0007.incoming    a copy that is arriving: any part of it may be missing
///     0007.snapshot    a copy that has arrived whole and was verified, and takes the projection's place next
///
/// Every call blocks on the disk. One caller at a time for each shard and kind of file.
package struct ShardFolder: Sendable {
    package let directory: String

    /// - Parameter directory: made if it is not there.
    package init(directory: String) { self.directory = directory }

    package func create() throws(ProjectionError) {
        guard mkdir(self.directory, 0o700) == 0 || errno == EEXIST else {
            throw FileWork.failure(self.directory, "create")
        }
        try FileWork.syncFolder(of: self.directory)
    }

    package func projection(of shard: ShardID) -> String { self.path(shard, "sqlite") }
    func outgoing(of shard: ShardID) -> String { self.path(shard, "outgoing") }
    func incoming(of shard: ShardID) -> String { self.path(shard, "incoming") }
    func sealed(of shard: ShardID) -> String { self.path(shard, "snapshot") }

    private func path(_ shard: ShardID, _ kind: String) -> String {
        let digits = String(shard.rawValue)
        return "\(self.directory)/\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits).\(kind)"
    }

    // MARK: Out

    package func makeOutgoing(_ projection: ShardProjection) throws(ProjectionError) -> SnapshotFile {
        try projection.snapshot(to: self.outgoing(of: projection.shard))
    }

    package func readOutgoing(
        _ shard: ShardID, at offset: UInt64, count: Int
    ) throws(ProjectionError) -> [UInt8] {
        let path = self.outgoing(of: shard)
        return try FileWork.withFile(path, O_RDONLY) { descriptor throws(ProjectionError) in
            try FileWork.read(path, descriptor, at: offset, count: count)
        }
    }

    package func removeOutgoing(_ shard: ShardID) throws(ProjectionError) {
        try FileWork.remove(self.outgoing(of: shard))
    }

    // MARK: In

    /// An empty file for what is to arrive.
    package func beginIncoming(_ shard: ShardID) throws(ProjectionError) {
        try FileWork.withFile(self.incoming(of: shard), O_WRONLY | O_CREAT | O_TRUNC) { _ in }
    }

    package func writeIncoming(_ shard: ShardID, _ bytes: [UInt8], at offset: UInt64) throws(ProjectionError) {
        let path = self.incoming(of: shard)
        try FileWork.withFile(path, O_WRONLY) { descriptor throws(ProjectionError) in
            try FileWork.write(bytes, path, descriptor, at: offset)
        }
        Failpoints.hit(.snapshotChunkWritten)
    }

    /// Makes the arrived file durable, looks through it, and gives it the name under which it waits for its turn.
    package func sealIncoming(_ shard: ShardID, as file: SnapshotFile) throws(ProjectionError) {
        let path = self.incoming(of: shard)
        try FileWork.sync(path)
        Failpoints.hit(.snapshotVerifyBefore)
        try ShardProjection.verify(snapshot: path, of: shard, as: file)
        Failpoints.hit(.snapshotRenameBefore)
        try FileWork.rename(path, to: self.sealed(of: shard))
        Failpoints.hit(.snapshotRenameAfter)
    }

    package func removeIncoming(_ shard: ShardID) throws(ProjectionError) {
        try FileWork.remove(self.incoming(of: shard))
        try FileWork.remove(self.sealed(of: shard))
    }

    /// Where the file stands that waits for its turn; nil when none does.
    package func sealedIndex(of shard: ShardID) throws(ProjectionError) -> LogIndex? {
        let path = self.sealed(of: shard)
        return FileWork.exists(path) ? try ShardProjection.appliedIndex(ofFileAt: path) : nil
    }

    /// The sealed file takes the projection's place. Nobody has the projection open.
    package func switchToSealed(_ shard: ShardID) throws(ProjectionError) {
        Failpoints.hit(.snapshotSwapBefore)
        let path = self.projection(of: shard)
        // Before the new file has the name: what belongs to the old one must not be taken for its log.
        try FileWork.remove(path + "-wal")
        try FileWork.remove(path + "-shm")
        try FileWork.syncFolder(of: path)
        Failpoints.hit(.snapshotSwapMiddle)
        try FileWork.rename(self.sealed(of: shard), to: path)
        Failpoints.hit(.snapshotSwapAfter)
    }

    // MARK: Removal

    /// Nobody has the projection open. What has arrived for the shard stays.
    package func removeProjection(of shard: ShardID) throws(ProjectionError) {
        let path = self.projection(of: shard)
        for file in [path, path + "-wal", path + "-shm", path + "-journal"] { try FileWork.remove(file) }
        try FileWork.syncFolder(of: path)
    }

    /// Nothing of the shard is left. Nobody has the projection open.
    package func removeAll(of shard: ShardID) throws(ProjectionError) {
        try self.removeIncoming(shard)
        try self.removeOutgoing(shard)
        try self.removeProjection(of: shard)
    }

    /// Clears away what a stopped process had under way. Sealed files stay: their shards' logs say what they are.
    package func sweep() throws(ProjectionError) {
        for name in try FileWork.names(in: self.directory)
        where name.contains(".outgoing") || name.contains(".incoming") {
            try FileWork.remove("\(self.directory)/\(name)")
        }
    }
}
