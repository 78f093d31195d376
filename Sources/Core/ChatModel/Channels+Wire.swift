import ClusterModel

// The binary forms of channels, members, events and notices. docs/schema.md lists every number.

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

extension MessageContent: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.text)
        writer.write(self.clientID)
        writer.write(self.thread)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            text: try reader.read(String.self, max: WireLimits.text),
            clientID: try reader.readOptionalText(max: WireLimits.key), thread: try reader.readOptional())
    }
}

/// The number of an event's kind: first byte of its body, and a column of the projection.
package enum EventKind: UInt8, Sendable, Hashable, CaseIterable {
    case messageCreated = 1
    case memberJoined = 11
    case memberLeft = 12
}
extension EventKind: ByteCoded { package static var wireName: StaticStringName { "EventKind" } }

extension EventBody: Wire {
    package var kind: EventKind {
        switch self {
        case .messageCreated: .messageCreated
        case .memberJoined: .memberJoined
        case .memberLeft: .memberLeft
        }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.kind)
        switch self {
        case .messageCreated(let content): writer.write(content)
        case .memberJoined(let user, let role), .memberLeft(let user, let role):
            writer.write(user)
            writer.write(role)
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(EventKind.self) {
        case .messageCreated: self = .messageCreated(try reader.read())
        case .memberJoined: self = .memberJoined(try reader.read(), try reader.read())
        case .memberLeft: self = .memberLeft(try reader.read(), try reader.read())
        }
    }
}

extension DurableEvent: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.channel)
        writer.writeVariable(self.seq)
        writer.write(self.at)
        writer.write(self.actor)
        writer.write(self.body)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            channel: try reader.read(), seq: try reader.readVariable(), at: try reader.read(),
            actor: try reader.read(), body: try reader.read())
    }
}

extension UserNotice: Wire {
    private enum Kind: UInt8, ByteCoded {
        case channelJoined = 1
        case channelLeft = 2
        case sessionRevoked = 3
        static var wireName: StaticStringName { "UserNotice" }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .channelJoined(let channel, let seq):
            writer.write(Kind.channelJoined)
            writer.write(channel)
            writer.writeVariable(seq)
        case .channelLeft(let channel):
            writer.write(Kind.channelLeft)
            writer.write(channel)
        case .sessionRevoked(let session):
            writer.write(Kind.sessionRevoked)
            writer.write(session)
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(Kind.self) {
        case .channelJoined: self = .channelJoined(try reader.read(), seq: try reader.readVariable())
        case .channelLeft: self = .channelLeft(try reader.read())
        case .sessionRevoked: self = .sessionRevoked(try reader.read())
        }
    }
}
