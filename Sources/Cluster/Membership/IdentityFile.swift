import ClusterModel
import Foundation
import Placement

// Who this data directory is. Written before the node first speaks as a member, never rebuilt.

/// The durable identity of a node: which cluster, which node, how often started.
package struct NodeIdentity: Hashable, Sendable {
    package let cluster: ClusterID
    package let node: NodeID
    /// Bumped and fsynced before each start.
    package var boot: BootCounter
    /// How many shards the cluster was founded with, the directory not counted.
    package let shardCount: Int
    /// True on the founder until its first groups are on disk: only then may empty groups be founded again.
    package var isFounding: Bool

    package init(cluster: ClusterID, node: NodeID, boot: BootCounter, shardCount: Int, isFounding: Bool) {
        self.cluster = cluster
        self.node = node
        self.boot = boot
        self.shardCount = shardCount
        self.isFounding = isFounding
    }
}

/// Why the identity can not be used. None of them is to be mended by the program.
package enum IdentityError: Error, Equatable, CustomStringConvertible {
    /// The file is there but is not what was written: another version, or damaged.
    case damaged(path: String, reason: String)
    case io(path: String, reason: String)

    package var description: String {
        switch self {
        case .damaged(let path, let reason):
            "the identity file \(path) is damaged (\(reason)); restore it from a backup, or empty the data "
                + "directory so that the node joins as a new one"
        case .io(let path, let reason): "the identity file \(path) can not be read or written: \(reason)"
        }
    }
}

/// `identity` in the data directory:
///
///     magic "ROOSTID1" (8) | cluster (16) | node (16) | boot (varint) | shards (u16) | founding (u8) | check (u64)
///
/// Replaced as a whole: written beside, fsynced, renamed, directory fsynced.
package struct IdentityFile: Sendable {
    package let path: String
    private static let magic = Array("ROOSTID1".utf8)

    package init(dataDirectory: String) {
        self.path = dataDirectory + "/identity"
    }

    /// - Returns: nil when there is none: the directory is empty and the node must found or join.
    package func load() throws(IdentityError) -> NodeIdentity? {
        guard FileManager.default.fileExists(atPath: self.path) else { return nil }
        guard let data = FileManager.default.contents(atPath: self.path) else {
            throw .io(path: self.path, reason: "unreadable")
        }
        guard data.count <= 4096 else { throw .damaged(path: self.path, reason: "\(data.count) bytes") }
        let bytes = [UInt8](data)
        guard bytes.count > 16, Array(bytes.prefix(8)) == Self.magic else {
            throw .damaged(path: self.path, reason: "not an identity of this version")
        }
        let body = Array(bytes[8..<bytes.count - 8])
        do throws(WireError) {
            var tail = ByteReader(bytes, in: bytes.count - 8..<bytes.count)
            guard try tail.read(UInt64.self) == StableHash.of(body) else {
                throw WireError.invalid("check sum")
            }
            return try NodeIdentity(encoded: body)
        } catch {
            throw .damaged(path: self.path, reason: "\(error)")
        }
    }

    package func save(_ identity: NodeIdentity) throws(IdentityError) {
        var writer = ByteWriter()
        let body = identity.encoded
        for byte in Self.magic + body { writer.write(byte) }
        writer.write(StableHash.of(body))
        do {
            try DurableFile.replace(self.path, with: writer.bytes)
        } catch {
            throw .io(path: self.path, reason: "\(error)")
        }
    }
}

extension NodeIdentity: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.cluster)
        writer.write(self.node)
        writer.write(self.boot)
        writer.write(UInt16(self.shardCount))
        writer.write(self.isFounding)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        let cluster: ClusterID = try reader.read()
        let node: NodeID = try reader.read()
        let boot: BootCounter = try reader.read()
        let shardCount = Int(try reader.read(UInt16.self))
        guard (1...ShardMap.shardCounts.upperBound).contains(shardCount) else { throw .invalid("shard count") }
        self.init(
            cluster: cluster, node: node, boot: boot, shardCount: shardCount,
            isFounding: try reader.read(Bool.self))
    }
}
