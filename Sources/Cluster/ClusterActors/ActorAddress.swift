import ClusterModel

/// What an actor is, by number. A number never changes its meaning; the service it names is in GLOSSARY.md.
package struct ActorKind: Hashable, Sendable, RawRepresentable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Made without a place: reachable only through a reference that its node handed out.
    package static let anonymous = ActorKind(rawValue: 0)
    package static let connection = ActorKind(rawValue: 1)
    package static let routing = ActorKind(rawValue: 2)
    /// The instance is the shard.
    package static let persistence = ActorKind(rawValue: 3)
    package static let webhook = ActorKind(rawValue: 4)
    package static let push = ActorKind(rawValue: 5)
    package static let mail = ActorKind(rawValue: 6)
    package static let notification = ActorKind(rawValue: 7)
    package static let membership = ActorKind(rawValue: 8)
    package static let host = ActorKind(rawValue: 9)
    package static let presence = ActorKind(rawValue: 10)
}

/// Where an actor lives, known without asking anybody: node, kind, instance. Used as the `id` of distributed actors.
package struct ActorAddress: Hashable, Sendable {
    package let node: NodeID
    package let kind: ActorKind
    /// 0 where a node has one of the kind, else its shard.
    package let instance: UInt64

    package init(node: NodeID, kind: ActorKind, instance: UInt64 = 0) {
        self.node = node
        self.kind = kind
        self.instance = instance
    }
}

extension ActorAddress: CustomStringConvertible {
    package var description: String { "\(self.kind.rawValue)/\(self.instance)@\(self.node.short)" }
}

extension ActorAddress: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.node)
        writer.write(self.kind.rawValue)
        writer.writeVariable(self.instance)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            node: try reader.read(), kind: ActorKind(rawValue: try reader.read()), instance: try reader.readVariable())
    }
}
