import ClusterModel

/// What a snapshot's bytes are: the state that they hold, and how to tell that they are whole.
package struct SnapshotFile: Hashable, Sendable {
    package static let digestBytes = 32

    /// The log index that the state stands at.
    package let appliedIndex: LogIndex
    /// The machine's hash at that index.
    package let stateHash: UInt64
    /// The file's length.
    package let bytes: UInt64
    /// SHA-256 over the whole file.
    package let digest: [UInt8]
    /// The version of the tables in it; see `Schema`.
    package let schemaVersion: UInt16

    package init(appliedIndex: LogIndex, stateHash: UInt64, bytes: UInt64, digest: [UInt8], schemaVersion: UInt16) {
        self.appliedIndex = appliedIndex
        self.stateHash = stateHash
        self.bytes = bytes
        self.digest = digest
        self.schemaVersion = schemaVersion
    }

    /// The newest tables that this version can read.
    package static var schemaVersionMax: UInt16 { UInt16(Schema.version) }
}

extension SnapshotFile: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.appliedIndex)
        writer.write(self.stateHash)
        writer.writeVariable(self.bytes)
        writer.write(self.digest)
        writer.write(self.schemaVersion)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            appliedIndex: try reader.read(), stateHash: try reader.read(), bytes: try reader.readVariable(),
            digest: try reader.readBytes(max: Self.digestBytes), schemaVersion: try reader.read())
        guard self.digest.count == Self.digestBytes else { throw .invalid("digest") }
    }
}
