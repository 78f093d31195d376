import ClusterModel

// The binary forms of channels and members. docs/schema.md lists every number.

extension ChannelType: ByteCoded { package static var wireName: StaticStringName { "ChannelType" } }
extension ChannelRole: ByteCoded { package static var wireName: StaticStringName { "ChannelRole" } }

extension ChannelRecord: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.id)
        writer.write(self.name)
        writer.write(self.type)
        writer.write(self.topic)
        writer.write(self.createdBy)
        writer.write(self.createdAt)
        writer.write(self.archivedAt)
        writer.writeVariable(self.memberCount)
        writer.writeVariable(self.seq)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            id: try reader.read(), name: try reader.read(String.self, max: WireLimits.name), type: try reader.read(),
            topic: try reader.read(String.self, max: WireLimits.text), createdBy: try reader.read(),
            createdAt: try reader.read(), archivedAt: try reader.readOptional(),
            memberCount: try reader.readVariable(), seq: try reader.readVariable())
    }
}

extension MemberRecord: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.user)
        writer.write(self.role)
        writer.write(self.joinedAt)
        writer.writeVariable(self.joinedSeq)
        writer.writeVariable(self.readSeq)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            user: try reader.read(), role: try reader.read(), joinedAt: try reader.read(),
            joinedSeq: try reader.readVariable(), readSeq: try reader.readVariable())
    }
}
