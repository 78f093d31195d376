import ClusterModel

/// A new node asks a member to be let in. It has proved the cluster key by TLS; the directory decides.
package struct JoinRequest: Sendable, Hashable {
    package let record: NodeRecord

    package init(record: NodeRecord) { self.record = record }
}

package enum JoinAnswer: Sendable, Hashable {
    /// Registered. The nodes to connect to, and how many shards the cluster was founded with.
    case welcome(NodeRegistry, shardCount: UInt16)
    /// The directory can not decide now: ask again, or another member.
    case later
    /// The directory has decided against it.
    case refused(UInt16)
}

extension JoinRequest: Wire {
    package func encode(into writer: inout ByteWriter) { writer.write(self.record) }
    package init(from reader: inout ByteReader) throws(WireError) { self.init(record: try reader.read()) }
}

extension JoinAnswer: Wire {
    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .welcome(let registry, let shardCount):
            writer.write(UInt8(1))
            writer.write(registry)
            writer.write(shardCount)
        case .later:
            writer.write(UInt8(2))
        case .refused(let code):
            writer.write(UInt8(3))
            writer.write(code)
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .welcome(try reader.read(), shardCount: try reader.read())
        case 2: self = .later
        case 3: self = .refused(try reader.read())
        case let kind: throw .unknownKind(UInt64(kind), of: "JoinAnswer")
        }
    }
}
