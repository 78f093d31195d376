import ClusterModel

// The binary forms of what ChannelChanges.swift declares. docs/schema.md lists every number.

extension ChannelPatch: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.topic)
        writer.write(self.type)
        writer.write(self.broadcastRight)
        writer.write(change: self.retentionDays)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            topic: try reader.readOptionalText(max: WireLimits.text), type: try reader.readOptional(),
            broadcastRight: try reader.readOptional(), retentionDays: try reader.readChange32())
    }
}

extension ReadState: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.channel)
        writer.writeVariable(self.readSeq)
        writer.write(self.unread)
        writer.write(self.mentions)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            channel: try reader.read(), readSeq: try reader.readVariable(), unread: try reader.read(),
            mentions: try reader.read())
    }
}

extension NewChannel: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.id)
        writer.write(self.name)
        writer.write(self.folded)
        writer.write(self.type)
        writer.write(self.topic)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            id: try reader.read(), name: try reader.read(String.self, max: WireLimits.name),
            folded: try reader.read(String.self, max: WireLimits.name), type: try reader.read(),
            topic: try reader.read(String.self, max: WireLimits.text))
    }
}

extension ChannelExtra: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.folded)
        writer.writeVariable(self.nameEpoch)
        writer.write(self.broadcastRight)
        writer.write(number: self.retentionDays)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            folded: try reader.read(String.self, max: WireLimits.name), nameEpoch: try reader.readVariable(),
            broadcastRight: try reader.readOptional(), retentionDays: try reader.readOptionalNumber32())
    }
}

extension ChannelView: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.state)
        writer.write(self.extra)
        writer.write(self.counts)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(state: try reader.read(), extra: try reader.read(), counts: try reader.readOptional())
    }
}
