import ClusterModel

// The binary forms of events and notices. docs/schema.md lists every number.

/// The number of an event's kind: first byte of its body, and a column of the projection.
package enum EventKind: UInt8, Sendable, Hashable, CaseIterable {
    case messageCreated = 1
    case messageEdited = 2
    case messageDeleted = 3
    case reactionAdded = 4
    case reactionRemoved = 5
    case messagePinned = 6
    case messageUnpinned = 7
    case channelUpdated = 8
    case channelArchived = 9
    case channelUnarchived = 10
    case memberJoined = 11
    case memberLeft = 12
    case memberUpdated = 13
    /// `EventBody.messageCreated` whose content is not plain.
    case richMessageCreated = 14
}
extension EventKind: ByteCoded { package static var wireName: StaticStringName { "EventKind" } }

extension EventBody: Wire {
    package var kind: EventKind {
        switch self {
        case .messageCreated(let content): content.isPlain ? .messageCreated : .richMessageCreated
        case .messageEdited: .messageEdited
        case .messageDeleted: .messageDeleted
        case .reactionAdded: .reactionAdded
        case .reactionRemoved: .reactionRemoved
        case .messagePinned: .messagePinned
        case .messageUnpinned: .messageUnpinned
        case .channelUpdated: .channelUpdated
        case .channelArchived: .channelArchived
        case .channelUnarchived: .channelUnarchived
        case .memberJoined: .memberJoined
        case .memberLeft: .memberLeft
        case .memberUpdated: .memberUpdated
        }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.kind)
        switch self {
        case .messageCreated(let content):
            if content.isPlain { content.encodePlain(into: &writer) } else { writer.write(content) }
        case .messageEdited(let messageView):
            writer.write(messageView)
        case .messageDeleted(let messageView):
            writer.write(messageView)
        case .reactionAdded(let seq, let emoji, let user):
            writer.writeVariable(seq)
            writer.write(emoji)
            writer.write(user)
        case .reactionRemoved(let seq, let emoji, let user):
            writer.writeVariable(seq)
            writer.write(emoji)
            writer.write(user)
        case .messagePinned(let messageView):
            writer.write(messageView)
        case .messageUnpinned(let messageView):
            writer.write(messageView)
        case .channelUpdated(let channel, let channelExtra):
            writer.write(channel)
            writer.write(channelExtra)
        case .channelArchived(let channel, let channelExtra):
            writer.write(channel)
            writer.write(channelExtra)
        case .channelUnarchived(let channel, let channelExtra):
            writer.write(channel)
            writer.write(channelExtra)
        case .memberJoined(let user, let channelRole):
            writer.write(user)
            writer.write(channelRole)
        case .memberLeft(let user, let channelRole):
            writer.write(user)
            writer.write(channelRole)
        case .memberUpdated(let user, let channelRole):
            writer.write(user)
            writer.write(channelRole)
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(EventKind.self) {
        case .messageCreated: self = .messageCreated(try MessageContent(plainFrom: &reader))
        case .richMessageCreated: self = .messageCreated(try MessageContent(richFrom: &reader))
        case .messageEdited: self = .messageEdited(try reader.read())
        case .messageDeleted: self = .messageDeleted(try reader.read())
        case .reactionAdded:
            self = .reactionAdded(
                seq: try reader.readVariable(), emoji: try reader.read(String.self, max: WireLimits.name),
                try reader.read())
        case .reactionRemoved:
            self = .reactionRemoved(
                seq: try reader.readVariable(), emoji: try reader.read(String.self, max: WireLimits.name),
                try reader.read())
        case .messagePinned: self = .messagePinned(try reader.read())
        case .messageUnpinned: self = .messageUnpinned(try reader.read())
        case .channelUpdated: self = .channelUpdated(try reader.read(), try reader.read())
        case .channelArchived: self = .channelArchived(try reader.read(), try reader.read())
        case .channelUnarchived: self = .channelUnarchived(try reader.read(), try reader.read())
        case .memberJoined: self = .memberJoined(try reader.read(), try reader.read())
        case .memberLeft: self = .memberLeft(try reader.read(), try reader.read())
        case .memberUpdated: self = .memberUpdated(try reader.read(), try reader.read())
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
        case notificationCreated = 4
        case settingsUpdated = 5
        case draftUpdated = 6
        case userUpdated = 7
        case readUpdated = 8
        case threadReadUpdated = 9
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
        case .notificationCreated(let notification):
            writer.write(Kind.notificationCreated)
            writer.write(notification)
        case .settingsUpdated: writer.write(Kind.settingsUpdated)
        case .draftUpdated(let channel):
            writer.write(Kind.draftUpdated)
            writer.write(channel)
        case .userUpdated(let user, let profileExtra):
            writer.write(Kind.userUpdated)
            writer.write(user)
            writer.write(profileExtra)
        case .readUpdated(let readState):
            writer.write(Kind.readUpdated)
            writer.write(readState)
        case .threadReadUpdated(let message, let seq, let unread):
            writer.write(Kind.threadReadUpdated)
            writer.write(message)
            writer.writeVariable(seq)
            writer.write(unread)
        }
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(Kind.self) {
        case .channelJoined: self = .channelJoined(try reader.read(), seq: try reader.readVariable())
        case .channelLeft: self = .channelLeft(try reader.read())
        case .sessionRevoked: self = .sessionRevoked(try reader.read())
        case .notificationCreated: self = .notificationCreated(try reader.read())
        case .settingsUpdated: self = .settingsUpdated
        case .draftUpdated: self = .draftUpdated(try reader.read())
        case .userUpdated: self = .userUpdated(try reader.read(), try reader.read())
        case .readUpdated: self = .readUpdated(try reader.read())
        case .threadReadUpdated:
            self = .threadReadUpdated(try reader.read(), seq: try reader.readVariable(), unread: try reader.read())
        }
    }
}
