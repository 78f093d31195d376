// The first and last thing that peers parse of each other before they are peers: one record of fixed size.

import ClusterModel

/// What travels on a connection. Each pair of nodes keeps one connection of each kind and direction, so that a
/// snapshot never delays a heartbeat.
package enum ConnectionKind: UInt8, Sendable, Hashable, CaseIterable, Comparable {
    /// SWIM, heartbeats, votes.
    case control = 1
    /// Raft appends and their answers.
    case append = 2
    /// Snapshots and catch-up.
    case bulk = 3
    /// Everything that the application asks another node.
    case calls = 4

    package static func < (left: ConnectionKind, right: ConnectionKind) -> Bool { left.rawValue < right.rawValue }

    /// Its messages come from the replication loop and go to one.
    var isForRaft: Bool { self == .control || self == .append }
}

/// What a dialler wants with a connection.
package enum DialPurpose: Sendable, Hashable {
    /// Exchange hellos and hang up: how founding nodes look at their seeds.
    case probe
    case carry(ConnectionKind)

    var isForRaft: Bool { if case .carry(let kind) = self { kind.isForRaft } else { false } }

    var rawValue: UInt8 {
        switch self {
        case .probe: 0
        case .carry(let kind): kind.rawValue
        }
    }

    init?(rawValue: UInt8) {
        if rawValue == 0 {
            self = .probe
        } else if let kind = ConnectionKind(rawValue: rawValue) {
            self = .carry(kind)
        } else {
            return nil
        }
    }
}

/// Who a node is at this moment. An empty node founds or joins once and is a member from then on.
package enum PeerStanding: Sendable, Hashable {
    /// No cluster yet: it answers probes and refuses everything else with `notReady`.
    case empty
    case member(ClusterID, NodeID, BootCounter)

    package var node: NodeID? { if case .member(_, let node, _) = self { node } else { nil } }
    package var cluster: ClusterID? { if case .member(let cluster, _, _) = self { cluster } else { nil } }
    package var boot: BootCounter? { if case .member(_, _, let boot) = self { boot } else { nil } }
}

/// The wire versions that a node can speak. Both ends use the highest that both have.
package struct WireRange: Sendable, Hashable {
    package let lowest: UInt16
    package let highest: UInt16

    /// - Returns: nil when `lowest` is above `highest`.
    package init?(_ lowest: UInt16, _ highest: UInt16) {
        guard lowest <= highest else { return nil }
        self.lowest = lowest
        self.highest = highest
    }

    private init(only version: UInt16) {
        self.lowest = version
        self.highest = version
    }

    /// What this build speaks.
    package static let current = WireRange(only: 1)

    /// The version of a session between the two, nil when they have none in common.
    package func agreed(with other: WireRange) -> UInt16? {
        let version = min(self.highest, other.highest)
        return version >= max(self.lowest, other.lowest) ? version : nil
    }
}

/// How a node introduces itself, on either end.
///
///     magic 8 | lowest, highest version 2+2 | purpose 1 | standing 1 | zero 2
///     | cluster 16 | node 16 | boot 8 | nonce 8 | seed list hash 8
///     | port 2 | host length 1 | host 253 | zero up to 384
///
/// Integers are little-endian. Later versions may use the zeros at the end; this one ignores them.
package struct PeerHello: Sendable, Hashable {
    package static let byteCount = 384
    static let magic = Array("ROOSTPN\u{1}".utf8)
    private static let hostBytesMax = 253

    package var versions: WireRange
    package var purpose: DialPurpose
    package var standing: PeerStanding
    /// Random in each process: tells two starts, two clones and oneself under another name.
    package var nonce: UInt64
    /// Of the ordered seed list that the node was started with.
    package var seedListHash: UInt64
    /// Where the node says that it can be dialled.
    package var address: PeerAddress

    package init(
        versions: WireRange = .current, purpose: DialPurpose, standing: PeerStanding, nonce: UInt64,
        seedListHash: UInt64, address: PeerAddress
    ) {
        precondition(address.host.utf8.count <= Self.hostBytesMax, "a host of \(address.host.utf8.count) bytes")
        self.versions = versions
        self.purpose = purpose
        self.standing = standing
        self.nonce = nonce
        self.seedListHash = seedListHash
        self.address = address
    }

    /// Exactly `byteCount` bytes.
    var encoded: [UInt8] {
        var writer = ByteWriter(reservingCapacity: Self.byteCount)
        Self.magic.withUnsafeBytes { writer.append(raw: $0) }
        writer.write(self.versions.lowest)
        writer.write(self.versions.highest)
        writer.write(self.purpose.rawValue)
        writer.write(self.standing.cluster == nil ? UInt8(0) : 1)
        writer.write(UInt16(0))
        writer.write(self.standing.cluster ?? ClusterID(high: 0, low: 0))
        writer.write(self.standing.node ?? NodeID(high: 0, low: 0))
        writer.write(self.standing.boot?.rawValue ?? 0)
        writer.write(self.nonce)
        writer.write(self.seedListHash)
        writer.write(self.address.port)
        var host = Array(self.address.host.utf8)
        writer.write(UInt8(truncatingIfNeeded: host.count))
        host.append(contentsOf: repeatElement(0, count: Self.byteCount - writer.count - host.count))
        host.withUnsafeBytes { writer.append(raw: $0) }
        assert(writer.count == Self.byteCount)
        return writer.bytes
    }
}

extension PeerHello {
    /// Why bytes are no hello.
    enum Malformed: Error, Equatable {
        /// Another protocol, or another generation of this one.
        case magic
        /// A speaker of versions that this build does not know; its other fields were not read.
        case versions(WireRange)
        case content
    }

    /// Reads the versions first: a hello of a later version may mean other things behind them.
    init(bytes: [UInt8], speaking own: WireRange) throws(Malformed) {
        guard bytes.count == Self.byteCount, bytes.starts(with: Self.magic) else { throw .magic }
        var reader = ByteReader(bytes, in: Self.magic.count..<bytes.count)
        do {
            guard let versions = WireRange(try reader.read(), try reader.read()) else { throw Malformed.content }
            guard own.agreed(with: versions) != nil else { throw Malformed.versions(versions) }
            self.versions = versions
            self = try Self(after: versions, &reader, bytes)
        } catch let error as Malformed {
            throw error
        } catch {
            throw .content
        }
    }

    private init(after versions: WireRange, _ reader: inout ByteReader, _ bytes: [UInt8]) throws {
        guard let purpose = DialPurpose(rawValue: try reader.read()) else { throw Malformed.content }
        let state = try reader.read(UInt8.self)
        _ = try reader.read(UInt16.self)
        let cluster: ClusterID = try reader.read()
        let node: NodeID = try reader.read()
        let boot = BootCounter(try reader.read(UInt64.self))
        let nonce = try reader.read(UInt64.self)
        let seedListHash = try reader.read(UInt64.self)
        let port = try reader.read(UInt16.self)
        let length = Int(try reader.read(UInt8.self))
        guard port > 0, length > 0, length <= Self.hostBytesMax, length <= reader.remaining,
            let host = String(validating: bytes[reader.position..<reader.position + length], as: UTF8.self)
        else { throw Malformed.content }
        let nobody = cluster == ClusterID(high: 0, low: 0) || node == NodeID(high: 0, low: 0)
        let standing: PeerStanding
        switch state {
        case 0: standing = .empty
        case 1 where !nobody: standing = .member(cluster, node, boot)
        default: throw Malformed.content
        }
        self.init(
            versions: versions, purpose: purpose, standing: standing, nonce: nonce, seedListHash: seedListHash,
            address: PeerAddress(host: host, port: port))
    }
}
