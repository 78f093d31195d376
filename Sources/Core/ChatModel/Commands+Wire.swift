import ClusterModel

// The binary forms of commands and what stands beside them in the log. The kind numbers are for ever:
// changed semantics are a new number, and an unknown one stops a node instead of being skipped.

extension ShardKey: Wire {
    private enum Kind: UInt8, ByteCoded {
        case directory = 1
        case user = 2
        case channel = 3
        case shard = 4
        static var wireName: StaticStringName { "ShardKey" }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .directory: writer.write(Kind.directory)
        case .user(let user):
            writer.write(Kind.user)
            writer.write(user)
        case .channel(let channel):
            writer.write(Kind.channel)
            writer.write(channel)
        case .shard(let shard):
            writer.write(Kind.shard)
            writer.write(shard)
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(Kind.self) {
        case .directory: self = .directory
        case .user: self = .user(try reader.read())
        case .channel: self = .channel(try reader.read())
        case .shard: self = .shard(try reader.read())
        }
    }
}

extension IdempotencyKey: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.user)
        writer.write(self.key)
        writer.write(self.fingerprint)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            user: try reader.read(), key: try reader.read(String.self, max: WireLimits.key),
            fingerprint: try reader.read())
    }
}

extension NameKind: ByteCoded { package static var wireName: StaticStringName { "NameKind" } }

extension UniqueName: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.kind)
        writer.write(self.name)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(kind: try reader.read(), name: try reader.read(String.self, max: WireLimits.name))
    }
}

extension NameOwner: Wire {
    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .user(let user):
            writer.write(NameKind.user)
            writer.write(user)
        case .channel(let channel):
            writer.write(NameKind.channel)
            writer.write(channel)
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(NameKind.self) {
        case .user: self = .user(try reader.read())
        case .channel: self = .channel(try reader.read())
        }
    }
}

extension Command: Wire {
    package func encode(into writer: inout ByteWriter) {
        let kind = self.kind
        writer.write(kind)
        switch kind.section {
        case .directory: self.encodeForDirectory(into: &writer)
        case .user: self.encodeForUser(into: &writer)
        case .channel: self.encodeForChannel(into: &writer)
        case .any: self.encodeForAny(into: &writer)
        }
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        let kind = try reader.read(CommandKind.self)
        switch kind.section {
        case .directory: self = try Self.directory(kind, from: &reader)
        case .user: self = try Self.user(kind, from: &reader)
        case .channel: self = try Self.channel(kind, from: &reader)
        case .any: self = try Self.any(kind, from: &reader)
        }
    }
}

extension NodeStart: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.node)
        writer.write(self.boot)
        writer.write(self.nonce)
        writer.write(self.address)
        writer.write(self.clientAddress)
        writer.write(self.versions)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            node: try reader.read(), boot: try reader.read(), nonce: try reader.read(), address: try reader.read(),
            clientAddress: try reader.read(String.self, max: 300), versions: try reader.read())
    }
}

extension LoggedCommand: Wire {
    /// The layout of everything behind the first byte of a log entry.
    package static let schemaVersion: UInt8 = 1

    package func encode(into writer: inout ByteWriter) {
        writer.write(Self.schemaVersion)
        writer.write(self.at)
        writer.write(self.command)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        let version = try reader.read(UInt8.self)
        guard version == Self.schemaVersion else { throw .unknownKind(UInt64(version), of: "LoggedCommand schema") }
        self.init(at: try reader.read(), command: try reader.read())
    }
}
