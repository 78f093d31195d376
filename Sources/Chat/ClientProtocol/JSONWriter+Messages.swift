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
            self.parsed(view.content)
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
        if showsClientID { self.field("client_id", view.content.clientID) }
        self.endObject()
    }

    /// What a client needs not find in the text by itself: whom it names, and where. Offsets are in UTF-16 units.
    private mutating func parsed(_ content: MessageContent) {
        let mentions = content.mentions
        let broadcast = content.broadcast
        self.beginObject()
        self.key("entities")
        self.beginArray()
        if !mentions.isEmpty || broadcast != nil { self.entities(content.text, mentions, broadcast) }
        self.endArray()
        var seen: Set<UserID> = []
        self.users("mentions", mentions.map(\.user).filter { seen.insert($0).inserted })
        self.field("mentions_channel", broadcast == .channel)
        if case .here(let users) = broadcast {
            self.users("here_user_ids", users)
        } else {
            self.users("here_user_ids", [])
        }
        self.emptyArrayField("links")
        self.emptyArrayField("emoji")
        self.endObject()
    }

    private mutating func entities(_ text: String, _ mentions: [Mention], _ broadcast: Broadcast?) {
        let named = Dictionary(mentions.map { ($0.name, $0.user) }, uniquingKeysWith: { first, _ in first })
        for word in MentionText.words(text) {
            if let name = word.candidates.first(where: { named[$0] != nil }), let user = named[name] {
                self.beginEntity("mention", word, name)
                self.field("user_id", user)
                self.endObject()
            } else if let everybody = word.everybody, let name = word.candidates.last,
                broadcast != nil, (everybody == .channel) == (broadcast == .channel)
            {
                self.beginEntity("broadcast", word, name)
                self.field("name", name)
                self.endObject()
            }
        }
    }

    private mutating func beginEntity(_ type: String, _ word: MentionWord, _ name: String) {
        self.beginObject()
        self.field("type", type)
        self.field("offset", word.offset)
        // Names are ASCII: a unit for each byte, and one for the sign.
        self.field("length", name.utf8.count + 1)
    }

    private mutating func users(_ name: StaticString, _ users: [UserID]) {
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
