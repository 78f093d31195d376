// What hosts say to each other beside Raft: pieces of snapshots, and what became of a replica.

import ClusterModel
import Projections
import Raft

/// What a snapshot stands for, and how to tell that it has arrived whole.
package struct SnapshotManifest: Hashable, Sendable {
    package let point: SnapshotPoint
    package let file: SnapshotFile

    package init(point: SnapshotPoint, file: SnapshotFile) {
        self.point = point
        self.file = file
    }

    /// Names the bytes, whoever sends them: whoever offers the same ones may go on where another stopped.
    package var id: SnapshotID {
        SnapshotID(self.file.digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }
}

/// The first eight bytes of a snapshot's digest.
package struct SnapshotID: Hashable, Sendable {
    package let rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// Why a replica takes no snapshot now.
package enum SnapshotRefusal: UInt8, Sendable {
    /// As many arrive there as may at once: ask again in a moment.
    case busy = 1
    /// No such replica lives there.
    case unknownReplica = 2
    /// The tables are newer than that node's version.
    case unknownSchema = 3
    case diskFull = 4
    /// What arrived is not what was promised, or could not be written.
    case failed = 5
}

/// One word between the hosts of two replicas of one shard. Lossy, as Raft's: what matters is said again.
package struct HostMessage: Sendable, Hashable {
    /// Foreign messages are refused whole.
    package let cluster: ClusterID
    package let shard: ShardID
    package let from: Replica
    package let to: Replica
    package let body: Body

    package init(cluster: ClusterID, shard: ShardID, from: Replica, to: Replica, body: Body) {
        self.cluster = cluster
        self.shard = shard
        self.from = from
        self.to = to
        self.body = body
    }

    package enum Body: Hashable, Sendable {
        /// Sender: these bytes are for you. Answered with `.progress`, `.taken` or `.refused`.
        case offer(SnapshotManifest)
        case chunk(SnapshotID, offset: UInt64, bytes: [UInt8])
        /// Receiver: everything below `offset` is here. `rewind`: send on from there, whatever is under way.
        case progress(SnapshotID, offset: UInt64, rewind: Bool)
        /// Receiver: the replica stands at this index or beyond; nothing more is needed.
        case taken(SnapshotID, through: LogIndex)
        case refused(SnapshotID, SnapshotRefusal)
        /// A replica whose projection is gone, though its log is whole: any replica may offer it one.
        case stateWanted(above: LogIndex)
        /// A replica that hears no leader, or was told that it was left out: is it a member still?
        case membershipAsked
        /// The leader, after proving that it leads: the configuration committed at this index has no such replica.
        case leftOut(at: LogIndex)
        /// A replica whose term and vote are lost. It must not take part again; the leader replaces it.
        case lost
    }

    /// A chunk's bytes; the transport's frame holds one with room to spare.
    package static let chunkBytesMax = 256 << 10
}

extension HostMessage: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.cluster)
        writer.write(self.shard)
        writer.write(self.from)
        writer.write(self.to)
        writer.write(self.body)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            cluster: try reader.read(), shard: try reader.read(), from: try reader.read(), to: try reader.read(),
            body: try reader.read())
    }
}

extension SnapshotManifest: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.point)
        writer.write(self.file)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(point: try reader.read(), file: try reader.read())
        guard self.point.index == self.file.appliedIndex, self.point.index > .zero, self.file.bytes > 0,
            self.point.configuration.isWellFormed
        else { throw .invalid("snapshot manifest") }
    }
}

extension SnapshotID: Wire {
    package func encode(into writer: inout ByteWriter) { writer.write(self.rawValue) }
    package init(from reader: inout ByteReader) throws(WireError) { self.init(try reader.read()) }
}

extension HostMessage.Body: Wire {
    /// For ever.
    private enum Kind {
        static let offer: UInt8 = 1
        static let chunk: UInt8 = 2
        static let progress: UInt8 = 3
        static let taken: UInt8 = 4
        static let refused: UInt8 = 5
        static let stateWanted: UInt8 = 6
        static let membershipAsked: UInt8 = 7
        static let leftOut: UInt8 = 8
        static let lost: UInt8 = 9
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .offer(let manifest):
            writer.write(Kind.offer)
            writer.write(manifest)
        case .chunk(let id, let offset, let bytes):
            writer.write(Kind.chunk)
            writer.write(id)
            writer.writeVariable(offset)
            writer.write(bytes)
        case .progress(let id, let offset, let rewind):
            writer.write(Kind.progress)
            writer.write(id)
            writer.writeVariable(offset)
            writer.write(rewind)
        case .taken(let id, let index):
            writer.write(Kind.taken)
            writer.write(id)
            writer.write(index)
        case .refused(let id, let refusal):
            writer.write(Kind.refused)
            writer.write(id)
            writer.write(refusal.rawValue)
        case .stateWanted(let index):
            writer.write(Kind.stateWanted)
            writer.write(index)
        case .membershipAsked: writer.write(Kind.membershipAsked)
        case .leftOut(let index):
            writer.write(Kind.leftOut)
            writer.write(index)
        case .lost: writer.write(Kind.lost)
        }
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        let kind = try reader.read(UInt8.self)
        switch kind {
        case Kind.offer: self = .offer(try reader.read())
        case Kind.chunk:
            self = .chunk(
                try reader.read(), offset: try reader.readVariable(),
                bytes: try reader.readBytes(max: HostMessage.chunkBytesMax))
        case Kind.progress:
            self = .progress(try reader.read(), offset: try reader.readVariable(), rewind: try reader.read(Bool.self))
        case Kind.taken: self = .taken(try reader.read(), through: try reader.read())
        case Kind.refused:
            let id: SnapshotID = try reader.read()
            let raw = try reader.read(UInt8.self)
            guard let refusal = SnapshotRefusal(rawValue: raw) else {
                throw .unknownKind(UInt64(raw), of: "snapshot refusal")
            }
            self = .refused(id, refusal)
        case Kind.stateWanted: self = .stateWanted(above: try reader.read())
        case Kind.membershipAsked: self = .membershipAsked
        case Kind.leftOut: self = .leftOut(at: try reader.read())
        case Kind.lost: self = .lost
        default: throw .unknownKind(UInt64(kind), of: "host message")
        }
    }
}
