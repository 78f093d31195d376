import ChatModel
import ClusterModel

// The JSON forms of a channel's events and of what a person's own devices are told.

extension JSONWriter {
    /// A durable event as the socket delivers it and `fetch` lists it.
    ///
    /// - Parameter showsClientID: as for `message`. An event without a client id has one form for all.
    package mutating func event(_ event: DurableEvent, showsClientID: Bool) {
        self.beginObject()
        self.key("type")
        self.value(event.typeName)
        self.field("channel_id", event.channel)
        self.field("seq", event.seq)
        self.field("at", event.at)
        self.field("actor_id", event.actor)
        switch event.body {
        case .messageCreated(let content):
            self.key("message")
            self.message(event, content, showsClientID: showsClientID)
            self.threadField(content.root, in: event.channel)
        case .messageEdited(let view), .messagePinned(let view), .messageUnpinned(let view):
            self.key("message")
            self.message(view, showsClientID: showsClientID)
        case .messageDeleted(let view):
            self.key("message")
            self.message(view, showsClientID: showsClientID)
            self.threadField(view.content.root, in: event.channel)
        case .reactionAdded(let seq, let emoji, let user), .reactionRemoved(let seq, let emoji, let user):
            self.key("reaction")
            self.beginObject()
            self.field("message_id", MessageID(channel: event.channel, seq: seq))
            self.field("emoji", emoji)
            self.field("user_id", user)
            self.endObject()
        case .channelUpdated(let channel, let extra), .channelArchived(let channel, let extra),
            .channelUnarchived(let channel, let extra):
            self.key("channel")
            self.channel(channel, extra)
        case .memberJoined(let user, let role), .memberLeft(let user, let role), .memberUpdated(let user, let role):
            self.key("member")
            self.beginObject()
            self.field("user_id", user)
            self.field("role", role.name)
            self.endObject()
        }
        self.endObject()
    }

    private mutating func threadField(_ thread: ThreadSummary?, in channel: ChannelID) {
        guard let thread else { return }
        self.key("thread")
        self.thread(thread, in: channel)
    }
}

extension DurableEvent {
    /// The `type` of the event on the wire.
    package var typeName: String {
        switch self.body {
        case .messageCreated: "message.created"
        case .messageEdited: "message.edited"
        case .messageDeleted: "message.deleted"
        case .reactionAdded: "reaction.added"
        case .reactionRemoved: "reaction.removed"
        case .messagePinned: "message.pinned"
        case .messageUnpinned: "message.unpinned"
        case .channelUpdated: "channel.updated"
        case .channelArchived: "channel.archived"
        case .channelUnarchived: "channel.unarchived"
        case .memberJoined: "member.joined"
        case .memberLeft: "member.left"
        case .memberUpdated: "member.updated"
        }
    }

    /// Who wrote the message that the event shows; else who acted. The author's form is for that person.
    package var author: UserID {
        switch self.body {
        case .messageEdited(let view), .messagePinned(let view), .messageUnpinned(let view): view.author
        case .messageCreated, .messageDeleted, .reactionAdded, .reactionRemoved, .channelUpdated, .channelArchived,
            .channelUnarchived, .memberJoined, .memberLeft, .memberUpdated:
            self.actor
        }
    }

    /// Whether its author must get another form than everyone else: the one with `client_id`.
    package var hasAuthorForm: Bool {
        switch self.body {
        case .messageCreated, .messageEdited, .messagePinned, .messageUnpinned: true
        case .messageDeleted, .reactionAdded, .reactionRemoved, .channelUpdated, .channelArchived, .channelUnarchived,
            .memberJoined, .memberLeft, .memberUpdated:
            false
        }
    }
}
