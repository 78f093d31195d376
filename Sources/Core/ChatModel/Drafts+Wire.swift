import ClusterModel

// The binary forms of what Drafts.swift declares. docs/schema.md lists every number.

extension Draft: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.channel)
        writer.write(self.thread)
        writer.write(self.text)
        writer.write(self.at)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            channel: try reader.read(), thread: try reader.readOptional(),
            text: try reader.read(String.self, max: WireLimits.text), at: try reader.read())
    }
}

extension ScheduledMessage: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.id)
        writer.write(self.channel)
        writer.write(self.content)
        writer.write(self.sendAt)
        writer.write(self.createdAt)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            id: try reader.read(), channel: try reader.read(), content: try reader.read(), sendAt: try reader.read(),
            createdAt: try reader.read())
    }
}

extension Reminder: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.id)
        writer.write(self.message)
        writer.write(self.text)
        writer.write(self.at)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            id: try reader.read(), message: try reader.readOptional(),
            text: try reader.read(String.self, max: WireLimits.text), at: try reader.read())
    }
}
