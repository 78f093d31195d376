// The binary forms of members and rumours.

import ClusterModel

extension Incarnation: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.boot)
        writer.writeVariable(self.refutations)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(boot: try reader.read(), refutations: try reader.readVariable())
    }
}

extension MemberStatus: Wire {
    package func encode(into writer: inout ByteWriter) { writer.write(self.rawValue) }
    package init(from reader: inout ByteReader) throws(WireError) {
        let raw = try reader.read(UInt8.self)
        guard let status = MemberStatus(rawValue: raw) else { throw .unknownKind(UInt64(raw), of: "MemberStatus") }
        self = status
    }
}

extension GossipMember: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.id)
        writer.write(self.address)
        writer.write(self.incarnation)
        writer.write(self.status)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            id: try reader.read(), address: try reader.read(), incarnation: try reader.read(),
            status: try reader.read())
    }
}

extension Rumour: Wire {
    /// The fewest bytes that a rumour takes: id, empty host, port, two counters, status, the empty rest.
    static let bytesMin = 16 + 1 + 2 + 1 + 1 + 1 + 1

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.member)
        switch self.member.status {
        case .alive: writer.write(UInt8(0))
        case .suspect: writer.write(self.accuser)
        case .dead, .left: writer.writeVariable(self.goneForMilliseconds)
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        let member: GossipMember = try reader.read()
        switch member.status {
        case .alive:
            guard try reader.read(UInt8.self) == 0 else { throw .invalid("Rumour") }
            self.init(member)
        case .suspect: self.init(member, accuser: try reader.readOptional())
        case .dead, .left: self.init(member, goneForMilliseconds: try reader.readVariable())
        }
    }

    var byteCount: Int { self.encoded.count }
}
