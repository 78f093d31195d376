import ClusterModel

// The binary forms of what one shard's log asks of another.

extension OutboxPosition: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.index)
        writer.writeVariable(UInt64(self.ordinal))
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        let index = try reader.read(LogIndex.self)
        guard let ordinal = UInt32(exactly: try reader.readVariable()) else { throw .invalid("outbox ordinal") }
        self.init(index: index, ordinal: ordinal)
    }
}

extension ShardEffect: Wire {
    private enum Kind: UInt8, ByteCoded {
        case setMembership = 1
        case revokeSession = 2
        static var wireName: StaticStringName { "ShardEffect" }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .setMembership(let user, let channel, let isMember, let version):
            writer.write(Kind.setMembership)
            writer.write(user)
            writer.write(channel)
            writer.write(isMember)
            writer.writeVariable(version)
        case .revokeSession(let session, let user, let until):
            writer.write(Kind.revokeSession)
            writer.write(session)
            writer.write(user)
            writer.write(until)
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(Kind.self) {
        case .setMembership:
            self = .setMembership(
                try reader.read(), try reader.read(), isMember: try reader.read(), version: try reader.readVariable())
        case .revokeSession: self = .revokeSession(try reader.read(), try reader.read(), until: try reader.read())
        }
    }
}

extension OutboxEntry: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.source)
        writer.write(self.position)
        writer.write(self.target)
        writer.write(self.effect)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            source: try reader.read(), position: try reader.read(), target: try reader.read(),
            effect: try reader.read())
    }
}
