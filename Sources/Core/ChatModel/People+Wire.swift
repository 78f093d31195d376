import ClusterModel

// The binary forms of users, sessions and the cluster's secrets. docs/schema.md lists every number.

/// An enumeration whose binary form is its raw byte.
package protocol ByteCoded: RawRepresentable, Wire where RawValue == UInt8 {
    /// Names the type in a decoding error.
    static var wireName: StaticStringName { get }
}

extension ByteCoded {
    package func encode(into writer: inout ByteWriter) { writer.write(self.rawValue) }
    package init(from reader: inout ByteReader) throws(WireError) {
        let raw = try reader.read(UInt8.self)
        guard let value = Self(rawValue: raw) else { throw .unknownKind(UInt64(raw), of: Self.wireName) }
        self = value
    }
}

/// How long the texts of a value may be in bytes for it to be decoded at all.
///
/// Wider than what apply lets through (`FormLimits`), so that a later version can widen a limit
/// without meeting a node that can not read its log.
enum WireLimits {
    static let name = 1024
    static let text = 65_536
    static let key = 1024
    static let secret = 1024
}

extension ByteReader {
    mutating func readOptionalText(max: Int) throws(WireError) -> String? {
        try self.read(Bool.self) ? try self.read(String.self, max: max) : nil
    }
}

extension Role: ByteCoded { package static var wireName: StaticStringName { "Role" } }
extension Registration: ByteCoded { package static var wireName: StaticStringName { "Registration" } }

extension Actor: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.user)
        writer.write(self.role)
        writer.write(self.session)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(user: try reader.read(), role: try reader.read(), session: try reader.read())
    }
}

extension UserRecord: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.id)
        writer.write(self.username)
        writer.write(self.displayName)
        writer.write(self.email)
        writer.write(self.role)
        writer.write(self.passwordHash)
        writer.write(self.createdAt)
        writer.write(self.deactivatedAt)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            id: try reader.read(), username: try reader.read(String.self, max: WireLimits.name),
            displayName: try reader.read(String.self, max: WireLimits.name),
            email: try reader.readOptionalText(max: WireLimits.name), role: try reader.read(),
            passwordHash: try reader.read(String.self, max: WireLimits.secret), createdAt: try reader.read(),
            deactivatedAt: try reader.readOptional())
    }
}

extension SessionRecord: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.id)
        writer.write(self.user)
        writer.writeVariable(self.generation)
        writer.write(self.rotatedAt)
        writer.write(self.createdAt)
        writer.write(self.expiresAt)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            id: try reader.read(), user: try reader.read(), generation: try reader.readVariable(),
            rotatedAt: try reader.read(), createdAt: try reader.read(), expiresAt: try reader.read())
    }
}

extension ClusterSecrets: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.tokenSigningKey)
        writer.write(self.tokenKeyID)
        writer.write(self.macKey)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            tokenSigningKey: try reader.readBytes(max: WireLimits.secret),
            tokenKeyID: try reader.read(String.self, max: WireLimits.name),
            macKey: try reader.readBytes(max: WireLimits.secret))
    }
}
