import ChatModel
import ClusterModel

// What all changes of a message have in common: finding it, recognising a repeat, showing what it is now.

/// A message that somebody wants to change, and may see.
struct FoundMessage {
    let id: MessageID
    let index: ShardMachine.ChannelPlace
    let mark: MessageIndex.Mark
    let author: UserID
}

extension ShardMachine {
    /// - Returns: nil for what is not there, or not for this person: the two are one.
    func find(_ message: MessageID, for actor: Actor) -> FoundMessage? {
        guard let found = self.find(message), self.channels.values[found.index].isVisible(to: actor) else { return nil }
        return found
    }

    func find(_ message: MessageID) -> FoundMessage? {
        guard let index = self.channels.index(forKey: message.channel),
            let mark = self.channels.values[index].index[message.seq], let author = mark.author
        else { return nil }
        return FoundMessage(id: message, index: index, mark: mark, author: author)
    }

    /// Why somebody who sees a message may not write to its channel; nil when it may.
    func refusal(ofWritingTo index: ChannelPlace, by actor: Actor) -> Refusal? {
        guard self.channels.values[index].member(actor.user) != nil else { return .forbidden }
        guard self.channels.values[index].record.archivedAt == nil else { return .channelArchived }
        return self.channels.values[index].isFull ? .quota : nil
    }

    /// What the key of a command led to before.
    enum Repeated {
        case no(StoredKey?)
        /// The seq and the time of the event.
        case yes(seq: UInt64, at: Timestamp)
        case reused
    }

    func repeated(_ key: IdempotencyKey?, as kind: CommandKind, in channel: ChannelID) -> Repeated {
        guard let stored = key?.stored(as: kind, in: channel) else { return .no(nil) }
        guard let earlier = self.messageKeys[stored] else { return .no(stored) }
        return earlier.fingerprint == stored.fingerprint ? .yes(seq: earlier.seq, at: earlier.at) : .reused
    }

    /// As `emit`, and the key is remembered: it must not be known yet.
    @discardableResult
    mutating func emitKeyed(
        _ body: EventBody, in index: ChannelPlace, by actor: UserID, key: StoredKey?, _ effects: inout ApplyEffects
    ) -> DurableEvent {
        let event = self.emit(body, in: index, by: actor, key: key, &effects)
        if let key { self.messageKeys.insert(key, seq: event.seq, at: event.at) }
        return event
    }

    /// The seq that the channel's next event will have.
    func nextSeq(in index: ChannelPlace) -> UInt64 { self.channels.values[index].record.seq + 1 }

    /// Its state, to be changed and put back by `put`.
    func state(of seq: UInt64, in index: ChannelPlace) -> MessageStateRecord {
        self.channels.values[index].content.states[seq] ?? MessageStateRecord()
    }

    mutating func put(
        _ state: MessageStateRecord, of seq: UInt64, in index: ChannelPlace, _ effects: inout ApplyEffects
    ) {
        self.channels.values[index].content.set(state, of: seq)
        let key = MessageRecordKey.of(self.channels.values[index].record.id, seq)
        self.record(.put(kind: .messageState, key: key, value: state.encoded), &effects)
    }

    /// What a message is now, with a text that the caller knows.
    func view(_ found: FoundMessage, _ content: MessageContent, editedAt: Timestamp?) -> MessageView {
        let contents = self.channels.values[found.index].content
        let seq = found.id.seq
        let state = contents.states[seq]
        var content = content
        content.thread = found.mark.root.map { MessageID(channel: found.id.channel, seq: $0) }
        content.root = nil
        var view = MessageView(
            id: found.id, author: found.author, createdAt: found.mark.at, content: content, editedAt: editedAt,
            deletedAt: state?.deletedAt, version: state?.edits.last ?? 0, pinnedAt: state?.pinnedAt,
            reactions: contents.reactions[seq]?.views(usersMax: MessageOverlay.usersShown) ?? [],
            thread: contents.threads[seq])
        guard view.deletedAt != nil else { return view }
        view.content = MessageContent(plain: "", clientID: nil, thread: content.thread)
        view.editedAt = nil
        view.version = 0
        view.pinnedAt = nil
        view.reactions = []
        return view
    }

    /// Its tombstone.
    func tombstone(_ found: FoundMessage) -> MessageView {
        self.view(found, MessageContent(plain: "", clientID: nil, thread: nil), editedAt: nil)
    }
}
