import ClusterModel
import Projections
import Replication

/// A node's files beside the log, in memory: projections, and snapshots on their way out and in.
///
/// A call is done when it returns, and what it did survives, but for what a projection had not checkpointed and
/// for files that had not been sealed: `sweep` clears those away.
final class NodeShards: ShardStore, @unchecked Sendable {
    private struct Files {
        var projection: NodeProjection?
        var outgoing: [UInt8]?
        var incoming: [UInt8]?
        var sealed: [UInt8]?
    }
    private var files: [ShardID: Files] = [:]
    private let forgetsKeys: Bool

    init(forgetsKeys: Bool) { self.forgetsKeys = forgetsKeys }

    func openProjection(of shard: ShardID) -> NodeProjection {
        if let projection = self.files[shard]?.projection { return projection }
        let projection = NodeProjection(shard)
        self.files[shard, default: Files()].projection = projection
        return projection
    }

    func losePower(_ chance: inout Chance) {
        for shard in self.files.keys.sorted() { self.files[shard]?.projection?.losePower(&chance) }
    }

    // MARK: ShardStore

    func sweep() throws(ProjectionError) {
        for shard in self.files.keys.sorted() {
            self.files[shard]?.outgoing = nil
            self.files[shard]?.incoming = nil
        }
    }

    func makeOutgoing(
        of shard: ShardID, from projection: any ReplicaProjection
    ) throws(ProjectionError) -> SnapshotFile {
        guard let projection = projection as? NodeProjection else {
            preconditionFailure("a simulated node's projections are simulated")
        }
        let bytes = projection.snapshot(withoutKeys: self.forgetsKeys)
        self.files[shard, default: Files()].outgoing = bytes
        return SnapshotFile(
            appliedIndex: projection.mark.appliedIndex, stateHash: projection.mark.stateHash,
            bytes: UInt64(bytes.count), digest: Self.digest(of: bytes), schemaVersion: SnapshotFile.schemaVersionMax)
    }

    func readOutgoing(of shard: ShardID, at offset: UInt64, count: Int) throws(ProjectionError) -> [UInt8] {
        guard let bytes = self.files[shard]?.outgoing, offset + UInt64(count) <= UInt64(bytes.count) else {
            throw .storage(path: "outgoing \(shard)", detail: "no \(count) bytes at \(offset)")
        }
        return Array(bytes[Int(offset)..<Int(offset) + count])
    }

    func removeOutgoing(of shard: ShardID) throws(ProjectionError) { self.files[shard]?.outgoing = nil }

    func beginIncoming(of shard: ShardID) throws(ProjectionError) {
        self.files[shard, default: Files()].incoming = []
    }

    func writeIncoming(of shard: ShardID, _ bytes: [UInt8], at offset: UInt64) throws(ProjectionError) {
        guard var incoming = self.files[shard]?.incoming else {
            throw .storage(path: "incoming \(shard)", detail: "not begun")
        }
        self.files[shard]?.incoming = nil
        let end = Int(offset) + bytes.count
        if incoming.count < end { incoming += [UInt8](repeating: 0, count: end - incoming.count) }
        incoming.replaceSubrange(Int(offset)..<end, with: bytes)
        self.files[shard]?.incoming = incoming
    }

    func sealIncoming(of shard: ShardID, as file: SnapshotFile) throws(ProjectionError) {
        let path = "incoming \(shard)"
        guard let bytes = self.files[shard]?.incoming else { throw .storage(path: path, detail: "not begun") }
        guard UInt64(bytes.count) == file.bytes, Self.digest(of: bytes) == file.digest else {
            throw .corrupt(path: path, detail: "another digest")
        }
        let mark = try self.projection(of: shard, from: bytes).mark
        guard mark.appliedIndex == file.appliedIndex, mark.stateHash == file.stateHash else {
            throw .corrupt(path: path, detail: "another mark")
        }
        self.files[shard]?.incoming = nil
        self.files[shard]?.sealed = bytes
    }

    func removeIncoming(of shard: ShardID) throws(ProjectionError) {
        self.files[shard]?.incoming = nil
        self.files[shard]?.sealed = nil
    }

    func sealedIndex(of shard: ShardID) throws(ProjectionError) -> LogIndex? {
        guard let bytes = self.files[shard]?.sealed else { return nil }
        return try self.projection(of: shard, from: bytes).appliedIndex
    }

    func switchToSealed(of shard: ShardID) throws(ProjectionError) {
        guard let bytes = self.files[shard]?.sealed else {
            throw .storage(path: "snapshot \(shard)", detail: "not there")
        }
        self.files[shard]?.projection = try self.projection(of: shard, from: bytes)
        self.files[shard]?.sealed = nil
    }

    private func projection(of shard: ShardID, from bytes: [UInt8]) throws(ProjectionError) -> NodeProjection {
        do throws(WireError) {
            return try NodeProjection(shard, snapshot: bytes)
        } catch {
            throw .corrupt(path: "snapshot \(shard)", detail: "\(error)")
        }
    }

    func removeProjection(of shard: ShardID) throws(ProjectionError) { self.files[shard]?.projection = nil }
    func removeAll(of shard: ShardID) throws(ProjectionError) { self.files[shard] = nil }

    /// 256 bits that tell one file from another; nobody is out to deceive.
    private static func digest(of bytes: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        let hash = StableHash.of(bytes)
        for salt in 0..<4 { writer.write(StableHash.combined(hash, UInt64(salt))) }
        return writer.bytes
    }
}
