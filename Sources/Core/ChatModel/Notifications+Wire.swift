import ClusterModel

// The binary forms of what Notifications.swift declares. docs/schema.md lists every number.

extension NotificationKind: ByteCoded { package static var wireName: StaticStringName { "NotificationKind" } }

extension NotificationRecord: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.writeVariable(self.number)
        writer.write(self.kind)
        writer.write(self.message)
        writer.write(self.actor)
        writer.write(self.text)
        writer.write(self.at)
        writer.write(self.isQuiet)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            number: try reader.readVariable(), kind: try reader.read(), message: try reader.readOptional(),
            actor: try reader.readOptional(), text: try reader.read(String.self, max: WireLimits.text),
            at: try reader.read(), isQuiet: try reader.read())
    }
}

extension NotificationView: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.record)
        writer.write(self.isRead)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(record: try reader.read(), isRead: try reader.read())
    }
}
