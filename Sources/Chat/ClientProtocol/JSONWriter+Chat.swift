import ChatModel
import ClusterModel

// The JSON forms of the product's values: the shapes that api consumers rely on, written field by field, so
// that no field appears because a record got one. A password hash has no way into any of them.

/// Who looks at a user.
package enum UserView: Sendable, Hashable {
    /// The user itself or an admin: with the mail address.
    case full
    case others

    package init(of user: UserID, by viewer: Actor) {
        self = user == viewer.user || viewer.role == .admin ? .full : .others
    }
}

extension JSONWriter {
    package mutating func user(_ user: UserRecord, view: UserView) {
        self.beginObject()
        self.field("id", user.id)
        self.field("username", user.username)
        self.field("display_name", user.displayName)
        if view == .full { self.field("email", user.email) }
        self.nullField("avatar_url")
        self.field("role", user.role.name)
        self.field("status_text", "")
        self.field("created_at", user.createdAt)
        self.field("deactivated_at", user.deactivatedAt)
        self.endObject()
    }

    package mutating func channel(_ channel: ChannelRecord) {
        self.beginObject()
        self.channelFields(channel)
        self.endObject()
    }

    /// A channel as its member's sidebar shows it.
    package mutating func sidebarChannel(_ state: ChannelState) {
        self.beginObject()
        self.channelFields(state.channel)
        let readSeq = min(state.member?.readSeq ?? 0, state.channel.seq)
        self.field("read_seq", readSeq)
        self.field("unread", state.channel.seq - readSeq)
        self.field("mentions", 0)
        self.field("muted", false)
        self.endObject()
    }

    private mutating func channelFields(_ channel: ChannelRecord) {
        self.field("id", channel.id)
        self.field("name", channel.name)
        self.field("type", channel.type.name)
        self.field("topic", channel.topic)
        self.field("created_by", channel.createdBy)
        self.field("created_at", channel.createdAt)
        self.field("archived_at", channel.archivedAt)
        self.field("member_count", channel.memberCount)
        self.field("seq", channel.seq)
    }

    package mutating func member(_ member: MemberRecord) {
        self.beginObject()
        self.field("user_id", member.user)
        self.field("role", member.role.name)
        self.field("joined_at", member.joinedAt)
        self.endObject()
    }

    /// The message that `event` created; an event of another kind has none and gives null.
    ///
    /// - Parameter showsClientID: whether the reader is the author; only it sees its own key.
    package mutating func message(_ event: DurableEvent, showsClientID: Bool) {
        guard case .messageCreated(let content) = event.body else { return self.null() }
        self.message(event, content, showsClientID: showsClientID)
    }

    private mutating func message(_ event: DurableEvent, _ content: MessageContent, showsClientID: Bool) {
        self.beginObject()
        self.field("id", event.messageID)
        self.field("channel_id", event.channel)
        self.field("seq", event.seq)
        self.field("user_id", event.actor)
        self.field("text", content.text)
        self.nullField("parsed")
        self.field("created_at", event.at)
        self.nullField("edited_at")
        self.nullField("deleted_at")
        self.field("thread_id", content.thread)
        self.emptyArrayField("files")
        self.emptyArrayField("reactions")
        self.field("reply_count", 0)
        if showsClientID { self.field("client_id", content.clientID) }
        self.endObject()
    }

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
        case .memberJoined(let user, let role), .memberLeft(let user, let role):
            self.key("member")
            self.beginObject()
            self.field("user_id", user)
            self.field("role", role.name)
            self.endObject()
        }
        self.endObject()
    }
}

extension DurableEvent {
    /// The `type` of the event on the wire.
    package var typeName: String {
        switch self.body {
        case .messageCreated: "message.created"
        case .memberJoined: "member.joined"
        case .memberLeft: "member.left"
        }
    }

    /// Whether its author must get another form than everyone else: the one with `client_id`.
    package var hasAuthorForm: Bool {
        switch self.body {
        case .messageCreated: true
        case .memberJoined, .memberLeft: false
        }
    }
}
