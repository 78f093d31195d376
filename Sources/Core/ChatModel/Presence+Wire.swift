import ClusterModel

// The binary forms of what Presence.swift declares. docs/schema.md lists every number.

extension PresenceState: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.user)
        writer.write(self.status)
        writer.write(self.until)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(user: try reader.read(), status: try reader.read(), until: try reader.readOptional())
    }
}

extension TypingNote: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.channel)
        writer.write(self.user)
        writer.write(self.isOver)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(channel: try reader.read(), user: try reader.read(), isOver: try reader.read())
    }
}
