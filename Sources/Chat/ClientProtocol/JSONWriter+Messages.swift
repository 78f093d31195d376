import ChatModel
import ClusterModel

// The JSON forms of messages and of events about them.

extension JSONWriter {
    /// The message that `event` created; an event of another kind has none and gives null.
    ///
    /// - Parameter showsClientID: whether the reader is the author; only it sees its own key.
    package mutating func message(_ event: DurableEvent, showsClientID: Bool) {
        guard case .messageCreated(let content) = event.body else { return self.null() }
        self.message(event, content, showsClientID: showsClientID)
    }

    mutating func message(_ event: DurableEvent, _ content: MessageContent, showsClientID: Bool) {
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

    /// A message as it is now.
    ///
    /// - Parameter showsClientID: as for an event's message.
    package mutating func message(_ view: MessageView, showsClientID: Bool) {
        self.beginObject()
        self.field("id", view.id)
        self.field("channel_id", view.id.channel)
        self.field("seq", view.id.seq)
        self.field("user_id", view.author)
        if view.deletedAt == nil {
            self.field("text", view.content.text)
            self.nullField("parsed")
        }
        self.field("created_at", view.createdAt)
        self.field("edited_at", view.editedAt)
        self.field("deleted_at", view.deletedAt)
        self.field("pinned_at", view.pinnedAt)
        self.field("thread_id", view.content.thread)
        self.emptyArrayField("files")
        self.emptyArrayField("attachments")
        self.key("reactions")
        self.beginArray()
        for group in view.reactions { self.reactions(group) }
        self.endArray()
        self.field("reply_count", view.thread?.replyCount ?? 0)
        self.field("last_reply_at", view.thread?.lastReplyAt)
        self.key("participants")
        self.beginArray()
        for user in view.thread?.participants ?? [] { self.value(user) }
        self.endArray()
        if showsClientID { self.field("client_id", view.content.clientID) }
        self.endObject()
    }

    package mutating func reactions(_ group: ReactionGroup) {
        self.beginObject()
        self.field("emoji", group.emoji)
        self.field("count", group.count)
        self.key("user_ids")
        self.beginArray()
        for user in group.users { self.value(user) }
        self.endArray()
        self.endObject()
    }

    /// What the root of a thread shows, beside the event that changed it.
    mutating func thread(_ thread: ThreadSummary, in channel: ChannelID) {
        self.beginObject()
        self.field("id", MessageID(channel: channel, seq: thread.root))
        self.field("reply_count", thread.replyCount)
        self.field("last_reply_at", thread.lastReplyAt)
        self.key("participants")
        self.beginArray()
        for user in thread.participants { self.value(user) }
        self.endArray()
        self.endObject()
    }
}
