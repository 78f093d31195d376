// Who is a member: the directory's registry of nodes. Gossip says who answers; this says who belongs.

/// What the registry says of a node. The order is the way through life.
package enum NodeState: UInt8, Sendable, Hashable, CaseIterable {
    /// Registered, catching up as a learner of the directory.
    case joining = 1
    /// Holds replicas.
    case active = 2
    /// Being emptied by an operator.
    case draining = 3
    /// Given up by the directory's leader after `deadAfter`.
    case dead = 4
    /// Gone for ever; its id is refused.
    case removed = 5

    package var name: String {
        switch self {
        case .joining: "joining"
        case .active: "active"
        case .draining: "draining"
        case .dead: "dead"
        case .removed: "removed"
        }
    }
    /// Placement gives shards to these nodes only.
    package var holdsReplicas: Bool { self == .active }
}

/// One node as the directory knows it.
package struct NodeRecord: Hashable, Sendable {
    package let id: NodeID
    package var name: String
    /// Where peers dial it.
    package var address: PeerAddress
    /// Where its clients connect, for people to read; empty when unknown.
    package var clientAddress: String
    package var state: NodeState
    /// The highest boot counter the directory has seen of it.
    package var boot: BootCounter
    /// What the node has said of itself at its last start. Not part of the record's own binary form.
    package var life = NodeLife()

    package init(
        id: NodeID, name: String, address: PeerAddress, clientAddress: String, state: NodeState, boot: BootCounter
    ) {
        self.id = id
        self.name = name
        self.address = address
        self.clientAddress = clientAddress
        self.state = state
        self.boot = boot
    }
}

/// The registry at one epoch. Placement is a pure function of the epoch's active nodes.
package struct NodeRegistry: Hashable, Sendable {
    package var epoch: RingEpoch
    /// In the order of their ids.
    package var nodes: [NodeRecord]
    /// The version that leaders may propose in; see FeatureVersion.swift. Not part of the binary form.
    package var activeVersion = FeatureVersion.first

    package init(epoch: RingEpoch, nodes: [NodeRecord]) {
        self.epoch = epoch
        self.nodes = nodes.sorted { $0.id < $1.id }
    }

    package static let empty = NodeRegistry(epoch: .zero, nodes: [])

    package subscript(id: NodeID) -> NodeRecord? { self.nodes.first { $0.id == id } }
    package var active: [NodeID] { self.nodes.filter { $0.state.holdsReplicas }.map(\.id) }
    /// All but those that are gone for ever.
    package var members: [NodeRecord] { self.nodes.filter { $0.state != .removed } }
}

extension NodeRegistry {
    /// So long it is remembered how many nodes were given up.
    package static let burialWindowMilliseconds: Int64 = 10 * 60 * 1000
    /// Nodes are not given up below this many: shrinking to two voters would tolerate no failure more.
    package static let activeLeftMin = 3

    /// The brakes on giving nodes up without an operator: never more than a third of them, or one, in ten minutes, and
    /// never so many that fewer than three are left. They look at the directory's log time, so every replica agrees.
    package func mayBury(_ node: NodeID, at now: Timestamp) -> Bool {
        let members = self.members
        let since = now.advanced(byMilliseconds: -Self.burialWindowMilliseconds)
        let recent = members.count { $0.id != node && $0.life.deadAt.map { $0 > since } ?? false }
        return recent < max(1, (members.count - 1) / 3) && self.active.count { $0 != node } >= Self.activeLeftMin
    }

    /// What every member supports: an upgrade can be finalised up to here. nil while one has not told.
    package var supportedVersion: FeatureVersion? {
        let members = self.members
        guard members.allSatisfy({ $0.life.nonce != 0 }) else { return nil }
        return members.map(\.life.versions.highest).min()
    }
}

extension NodeState: Wire {
    package func encode(into writer: inout ByteWriter) { writer.write(self.rawValue) }
    package init(from reader: inout ByteReader) throws(WireError) {
        let raw = try reader.read(UInt8.self)
        guard let state = NodeState(rawValue: raw) else { throw .unknownKind(UInt64(raw), of: "NodeState") }
        self = state
    }
}

extension NodeRecord: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.id)
        writer.write(self.name)
        writer.write(self.address)
        writer.write(self.clientAddress)
        writer.write(self.state)
        writer.write(self.boot)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            id: try reader.read(), name: try reader.read(String.self, max: 253), address: try reader.read(),
            clientAddress: try reader.read(String.self, max: 300), state: try reader.read(), boot: try reader.read())
    }
}

extension NodeRegistry: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.epoch)
        writer.write(self.nodes)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(epoch: try reader.read(), nodes: try reader.readArray(bytesEach: 16))
    }
}
