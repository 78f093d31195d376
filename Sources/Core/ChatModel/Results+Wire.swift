import ClusterModel

// The binary forms of results, as they travel from a shard's leader to the node that asked.

extension Refusal: Wire {
    package func encode(into writer: inout ByteWriter) { writer.writeVariable(UInt64(self.rawValue)) }
    package init(from reader: inout ByteReader) throws(WireError) {
        let raw = try reader.readVariable()
        guard let value = UInt16(exactly: raw).flatMap(Refusal.init(rawValue:)) else {
            throw .unknownKind(raw, of: "Refusal")
        }
        self = value
    }
}

extension CommandResult: Wire {
    private enum Kind: UInt8, ByteCoded {
        case done = 1
        case refused = 2
        case reserved = 3
        case user = 4
        case session = 5
        case channel = 6
        case membership = 7
        case message = 8
        static var wireName: StaticStringName { "CommandResult" }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .done: writer.write(Kind.done)
        case .refused(let refusal):
            writer.write(Kind.refused)
            writer.write(refusal)
        case .reserved(let role):
            writer.write(Kind.reserved)
            writer.write(role)
        case .user(let user):
            writer.write(Kind.user)
            writer.write(user)
        case .session(let session):
            writer.write(Kind.session)
            writer.write(session)
        case .channel(let channel):
            writer.write(Kind.channel)
            writer.write(channel)
        case .membership(let channel, let seq):
            writer.write(Kind.membership)
            writer.write(channel)
            writer.writeVariable(seq)
        case .message(let event):
            writer.write(Kind.message)
            writer.write(event)
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(Kind.self) {
        case .done: self = .done
        case .refused: self = .refused(try reader.read())
        case .reserved: self = .reserved(try reader.read())
        case .user: self = .user(try reader.read())
        case .session: self = .session(try reader.read())
        case .channel: self = .channel(try reader.read())
        case .membership: self = .membership(try reader.read(), seq: try reader.readVariable())
        case .message: self = .message(try reader.read())
        }
    }
}

extension ChannelState: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.channel)
        writer.write(self.member)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(channel: try reader.read(), member: try reader.readOptional())
    }
}

extension ListedChannel: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.name)
        writer.write(self.id)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(name: try reader.read(String.self, max: WireLimits.name), id: try reader.read())
    }
}
