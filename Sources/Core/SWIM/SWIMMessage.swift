// The messages of the gossip protocol. They travel on the control connection of a pair of nodes; none needs an answer
// to stay correct, so all of them may be lost, doubled and reordered.

import ClusterModel

/// Numbers the questions of one member, so that a late answer is not taken for one to a later question.
package struct ProbeNumber: Hashable, Sendable {
    package let rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

package struct SWIMMessage: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// "Are you there?" Answered by `.ack`.
        case ping(ProbeNumber)
        /// "Ask this member for me." Answered by `.ack` or, if it stays silent, by `.nack`.
        case pingRequest(ProbeNumber, target: NodeID)
        case ack(ProbeNumber)
        /// The asked member did not answer, but the one who asked it lives: proof that the network to it works.
        case nack(ProbeNumber)
        /// Rumours only.
        case gossip
        /// Everything that the sender believes. Answered by `.syncReply`.
        case syncRequest([Rumour])
        case syncReply([Rumour])
    }

    /// A message of another cluster is refused, whatever it says: addresses are reused.
    package let cluster: ClusterID
    /// The sender as it sees itself. Must be the node that the connection authenticated.
    package let origin: GossipMember
    package let kind: Kind
    /// Piggybacked news.
    package let rumours: [Rumour]

    /// No message has more piggybacked rumours, whatever their size.
    package static let rumoursMax = 64
    /// No table of members is larger; with hosts of 253 bytes it stays below 512 KiB.
    package static let membersMax = 1024

    package init(cluster: ClusterID, origin: GossipMember, kind: Kind, rumours: [Rumour] = []) {
        self.cluster = cluster
        self.origin = origin
        self.kind = kind
        self.rumours = rumours
    }
}

extension ProbeNumber: Wire {
    package func encode(into writer: inout ByteWriter) { writer.writeVariable(self.rawValue) }
    package init(from reader: inout ByteReader) throws(WireError) { self.init(try reader.readVariable()) }
}

extension SWIMMessage.Kind: Wire {
    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .ping(let number):
            writer.write(UInt8(1))
            writer.write(number)
        case .pingRequest(let number, let target):
            writer.write(UInt8(2))
            writer.write(number)
            writer.write(target)
        case .ack(let number):
            writer.write(UInt8(3))
            writer.write(number)
        case .nack(let number):
            writer.write(UInt8(4))
            writer.write(number)
        case .gossip:
            writer.write(UInt8(5))
        case .syncRequest(let rumours):
            writer.write(UInt8(6))
            writer.write(rumours)
        case .syncReply(let rumours):
            writer.write(UInt8(7))
            writer.write(rumours)
        }
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        func table() throws(WireError) -> [Rumour] {
            try reader.readArray(bytesEach: Rumour.bytesMin, max: SWIMMessage.membersMax)
        }
        let raw = try reader.read(UInt8.self)
        switch raw {
        case 1: self = .ping(try reader.read())
        case 2: self = .pingRequest(try reader.read(), target: try reader.read())
        case 3: self = .ack(try reader.read())
        case 4: self = .nack(try reader.read())
        case 5: self = .gossip
        case 6: self = .syncRequest(try table())
        case 7: self = .syncReply(try table())
        default: throw .unknownKind(UInt64(raw), of: "SWIMMessage.Kind")
        }
    }
}

extension SWIMMessage: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.cluster)
        writer.write(self.origin)
        writer.write(self.kind)
        writer.write(self.rumours)
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            cluster: try reader.read(), origin: try reader.read(), kind: try reader.read(),
            rumours: try reader.readArray(bytesEach: Rumour.bytesMin, max: Self.rumoursMax))
    }
}
