import ChatModel
import ClusterModel

// A message is its creating event and what became of it since.

extension DurableEvent {
    package var isMessage: Bool {
        if case .messageCreated = self.body { true } else { false }
    }

    /// The event without what a deletion erases: text, files, attachments and whom it named.
    package var erased: DurableEvent {
        let body: EventBody =
            switch self.body {
            case .messageCreated(let content): .messageCreated(content.erased)
            case .messageEdited(let view): .messageEdited(view.erased)
            case .messageDeleted(let view): .messageDeleted(view.erased)
            case .messagePinned(let view): .messagePinned(view.erased)
            case .messageUnpinned(let view): .messageUnpinned(view.erased)
            case .reactionAdded, .reactionRemoved, .channelUpdated, .channelArchived, .channelUnarchived,
                .memberJoined, .memberLeft, .memberUpdated:
                self.body
            }
        return DurableEvent(channel: self.channel, seq: self.seq, at: self.at, actor: self.actor, body: body)
    }

    package mutating func erase() { self = self.erased }
}

extension MessageContent {
    /// Its place in a thread stays, and the author's key, by which a repeat is recognised.
    package var erased: MessageContent {
        MessageContent(text: "", clientID: self.clientID, thread: self.thread, root: self.root)
    }
}

extension MessageView {
    package var erased: MessageView {
        var view = self
        view.content = self.content.erased
        return view
    }

    /// The message that `event` created, with the text that it has now: the projection's part of what it is.
    ///
    /// - Parameter text: the row of `.messageText`, when there is one.
    /// - Returns: nil for an event of another kind.
    package init?(_ event: DurableEvent, text: [UInt8]?) throws(WireError) {
        guard case .messageCreated(let content) = event.body else { return nil }
        self.init(id: event.messageID, author: event.actor, createdAt: event.at, content: content)
        guard let text else { return }
        let snapshot = try MessageSnapshot(encoded: text)
        self.content = snapshot.content
        self.editedAt = snapshot.editedAt
        self.version = snapshot.version
    }
}
