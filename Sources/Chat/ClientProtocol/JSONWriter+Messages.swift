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
        self.message(
            MessageView(id: event.messageID, author: event.actor, createdAt: event.at, content: content),
            showsClientID: showsClientID)
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
            self.key("parsed")
            self.value(MessageParser.parse(view.content))
        }
        self.field("created_at", view.createdAt)
        self.field("edited_at", view.editedAt)
        self.field("deleted_at", view.deletedAt)
        self.field("pinned_at", view.pinnedAt)
        self.field("thread_id", view.content.thread)
        self.emptyArrayField("files")
        self.key("attachments")
        // Canonical JSON since it was taken in.
        if view.content.attachments.isEmpty {
            self.beginArray()
            self.endArray()
        } else {
            self.encoded(Array(view.content.attachments.utf8))
        }
        self.key("reactions")
        self.beginArray()
        for group in view.reactions { self.reactions(group) }
        self.endArray()
        self.field("reply_count", view.thread?.replyCount ?? 0)
        self.field("last_reply_at", view.thread?.lastReplyAt)
        self.users("participants", view.thread?.participants ?? [])
        // A deletion is told in one form to all, so a tombstone has no author's form anywhere.
        if showsClientID, view.deletedAt == nil { self.field("client_id", view.content.clientID) }
        self.endObject()
    }

    mutating func users(_ name: StaticString, _ users: [UserID]) {
        self.key(name)
        self.beginArray()
        for user in users { self.value(user) }
        self.endArray()
    }

    package mutating func reactions(_ group: ReactionGroup) {
        self.beginObject()
        self.field("emoji", group.emoji)
        self.field("count", group.count)
        self.users("user_ids", group.users)
        self.endObject()
    }

    /// One text that a message had.
    package mutating func edit(_ edit: MessageEdit) {
        self.beginObject()
        self.field("seq", edit.seq)
        self.field("text", edit.text)
        self.field("edited_at", edit.at)
        self.field("user_id", edit.by)
        self.endObject()
    }

    /// How far the reader has read a thread: fields of an object that is open.
    package mutating func threadFields(_ state: ThreadState) {
        self.field("following", state.isFollowing)
        self.field("read_seq", state.readSeq)
        self.field("unread", state.unread)
    }

    /// What the root of a thread shows, beside the event that changed it.
    mutating func thread(_ thread: ThreadSummary, in channel: ChannelID) {
        self.beginObject()
        self.field("id", MessageID(channel: channel, seq: thread.root))
        self.field("reply_count", thread.replyCount)
        self.field("last_reply_at", thread.lastReplyAt)
        self.users("participants", thread.participants)
        self.endObject()
    }
}
