import ClusterModel

// The binary forms of what Messages.swift declares. docs/schema.md lists every number.

extension Broadcast: Wire {
    private enum Kind: UInt8, ByteCoded {
        case channel = 1
        case here = 2
        static var wireName: StaticStringName { "Broadcast" }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .channel: writer.write(Kind.channel)
        case .here(let value):
            writer.write(Kind.here)
            writer.write(value)
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(Kind.self) {
        case .channel: self = .channel
        case .here: self = .here(try reader.readArray(bytesEach: 16))
        }
    }
}

extension Mention: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.user)
        writer.write(self.name)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(user: try reader.read(), name: try reader.read(String.self, max: WireLimits.name))
    }
}

extension ThreadSummary: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.writeVariable(self.root)
        writer.write(self.replyCount)
        writer.write(self.lastReplyAt)
        writer.write(self.participants)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            root: try reader.readVariable(), replyCount: try reader.read(), lastReplyAt: try reader.readOptional(),
            participants: try reader.readArray(bytesEach: 16))
    }
}

extension MessageSnapshot: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.content)
        writer.write(self.editedAt)
        writer.writeVariable(self.version)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(content: try reader.read(), editedAt: try reader.readOptional(), version: try reader.readVariable())
    }
}

extension ReactionGroup: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.emoji)
        writer.write(self.count)
        writer.write(self.users)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            emoji: try reader.read(String.self, max: WireLimits.name), count: try reader.read(),
            users: try reader.readArray(bytesEach: 16))
    }
}

extension MessageView: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.id)
        writer.write(self.author)
        writer.write(self.createdAt)
        writer.write(self.content)
        writer.write(self.editedAt)
        writer.write(self.deletedAt)
        writer.writeVariable(self.version)
        writer.write(self.pinnedAt)
        writer.write(self.reactions)
        writer.write(self.thread)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            id: try reader.read(), author: try reader.read(), createdAt: try reader.read(), content: try reader.read(),
            editedAt: try reader.readOptional(), deletedAt: try reader.readOptional(),
            version: try reader.readVariable(), pinnedAt: try reader.readOptional(),
            reactions: try reader.readArray(bytesEach: 6), thread: try reader.readOptional())
    }
}

extension MessageEdit: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.writeVariable(self.seq)
        writer.write(self.by)
        writer.write(self.at)
        writer.write(self.text)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            seq: try reader.readVariable(), by: try reader.read(), at: try reader.read(),
            text: try reader.read(String.self, max: WireLimits.text))
    }
}

extension ThreadState: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.isFollowing)
        writer.writeVariable(self.readSeq)
        writer.write(self.unread)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(isFollowing: try reader.read(), readSeq: try reader.readVariable(), unread: try reader.read())
    }
}

extension MessageContent: Wire {
    /// The full layout; `encodePlain` is what messages without anything but text have in the log.
    package func encode(into writer: inout ByteWriter) {
        self.encodePlain(into: &writer)
        writer.write(self.mentions)
        writer.write(self.broadcast)
        writer.write(self.files)
        writer.write(self.attachments)
        writer.write(self.root)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        let plain = try MessageContent(plainFrom: &reader)
        self.init(
            text: plain.text, clientID: plain.clientID, thread: plain.thread,
            mentions: try reader.readArray(bytesEach: 17), broadcast: try reader.readOptional(),
            files: try reader.readArray(bytesEach: 16),
            attachments: try reader.read(String.self, max: WireLimits.text), root: try reader.readOptional())
    }

    /// Text, client id and thread.
    func encodePlain(into writer: inout ByteWriter) {
        writer.write(self.text)
        writer.write(self.clientID)
        writer.write(self.thread)
    }
    init(plainFrom reader: inout ByteReader) throws(WireError) {
        self.init(
            plain: try reader.read(String.self, max: WireLimits.text),
            clientID: try reader.readOptionalText(max: WireLimits.key), thread: try reader.readOptional())
    }

    /// For the numbers that mean "not plain": a value has one form only.
    init(richFrom reader: inout ByteReader) throws(WireError) {
        try self.init(from: &reader)
        guard !self.isPlain else { throw .invalid("plain content in the full layout") }
    }
}
