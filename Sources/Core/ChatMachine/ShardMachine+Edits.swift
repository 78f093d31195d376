import ChatModel
import ClusterModel

// New texts for old messages.

extension ShardMachine {
    /// A message has no more texts than these beside its first.
    static let editsMax = 1000

    /// The author changes the text; the snapshot must be what the message is.
    mutating func editMessage(
        _ message: MessageID, _ text: String, _ mentions: [Mention], _ broadcast: Broadcast?,
        _ snapshot: MessageSnapshot, _ actor: Actor, _ key: IdempotencyKey?, _ effects: inout ApplyEffects
    ) -> CommandResult {
        let stored: StoredKey?
        switch self.repeated(key, as: .editMessage, in: message.channel) {
        case .reused: return .refused(.idempotencyKeyReused)
        case .yes(let seq, let at):
            guard let found = self.find(message) else { return .refused(.notFound) }
            let content = self.edited(found, text, mentions, broadcast, snapshot, by: actor)
            var view = self.view(found, content, editedAt: at)
            if view.deletedAt == nil { view.version = seq }
            return .view(view)
        case .no(let new): stored = new
        }
        guard let found = self.find(message, for: actor), !found.mark.isDeleted else { return .refused(.notFound) }
        guard found.author == actor.user else { return .refused(.forbidden) }
        if let refusal = self.refusal(ofWritingTo: found.index, by: actor) { return .refused(refusal) }
        guard !self.isEditWindowOver(found.mark.at) else { return .refused(.editWindowOver) }
        let state = self.state(of: message.seq, in: found.index)
        guard snapshot.version == state.edits.last ?? 0 else { return .refused(.conflict) }
        guard !snapshot.content.text.utf8.elementsEqual(text.utf8) else {
            return .view(self.view(found, snapshot.content, editedAt: snapshot.editedAt))
        }
        guard state.edits.count < Self.editsMax else { return .refused(.quota) }
        guard !self.isCongested else { return .refused(.congested) }
        let content = self.edited(found, text, mentions, broadcast, snapshot, by: actor)
        return .view(self.apply(content, to: found, instead: snapshot, state, stored, &effects))
    }

    private func isEditWindowOver(_ createdAt: Timestamp) -> Bool {
        guard let seconds = self.workspaceCopy?.editWindowSeconds else { return false }
        return self.clock > createdAt.advanced(byMilliseconds: Int64(seconds) * 1000)
    }

    /// What the message says afterwards.
    private func edited(
        _ found: FoundMessage, _ text: String, _ mentions: [Mention], _ broadcast: Broadcast?,
        _ snapshot: MessageSnapshot, by actor: Actor
    ) -> MessageContent {
        let allowed = self.channels.values[found.index].allowed(mentions, broadcast, by: actor, self.broadcastRight)
        return MessageContent(
            text: text, clientID: snapshot.content.clientID,
            thread: found.mark.root.map { MessageID(channel: found.id.channel, seq: $0) },
            mentions: allowed.mentions, broadcast: allowed.broadcast, files: snapshot.content.files,
            attachments: snapshot.content.attachments)
    }

    private mutating func apply(
        _ content: MessageContent, to found: FoundMessage, instead snapshot: MessageSnapshot,
        _ state: MessageStateRecord, _ key: StoredKey?, _ effects: inout ApplyEffects
    ) -> MessageView {
        let (message, index) = (found.id, found.index)
        let seq = self.nextSeq(in: index)
        let before = self.channels.values[index].addressees(of: snapshot.content, by: found.author)
        let after = self.channels.values[index].addressees(of: content, by: found.author)

        var state = state
        if state.edits.isEmpty {
            self.keepText(snapshot.content.text, of: message, seq: message.seq, at: found.mark.at, found, &effects)
        }
        state.edits.append(seq)
        if state.isBroadcast != nil || after.isBroadcast != found.mark.isBroadcast {
            state.isBroadcast = after.isBroadcast
        }
        self.channels.values[index].index.setBroadcast(message.seq, after.isBroadcast)
        self.put(state, of: message.seq, in: index, &effects)

        self.keepText(content.text, of: message, seq: seq, at: self.clock, found, &effects)
        let now = MessageSnapshot(content: content, editedAt: self.clock, version: seq)
        self.record(.keep(.messageText, key: ItemKey.of(message), value: now.encoded), &effects)

        let view = self.view(found, content, editedAt: self.clock)
        self.emitKeyed(.messageEdited(view), in: index, by: found.author, key: key, &effects)

        // Whom everybody's mention reaches has none of its own beside it.
        let unread = after.isBroadcast ? [] : after.users
        let gone = Set(self.mentioned(at: message.seq, in: index)).subtracting(unread).sorted()
        self.removeMentions(of: gone, at: message.seq, in: index, &effects)
        self.addMentions(of: unread, at: message.seq, in: index, &effects)
        let told = Set(self.people(before, but: found.author, in: index))
        let new = self.people(after, but: found.author, in: index).filter { !told.contains($0) }
        self.notify(new, .mention, of: message, by: found.author, &effects)
        return view
    }

    private mutating func keepText(
        _ text: String, of message: MessageID, seq: UInt64, at: Timestamp, _ found: FoundMessage,
        _ effects: inout ApplyEffects
    ) {
        self.record(
            .keep(
                .edit, key: ItemKey.of(message, edit: seq),
                value: ItemKey.value(text: text, at: at, by: found.author)), &effects)
    }

    /// All texts that it had; of one that was never edited there is none beside its event, of a deleted one none at
    /// all.
    func editsAnswer(_ message: MessageID, _ viewer: Actor) -> MachineAnswer {
        guard let found = self.find(message, for: viewer) else { return .answer(.refused(.notFound)) }
        let state = self.channels.values[found.index].content.states[message.seq]
        guard !found.mark.isDeleted, state?.edits.isEmpty == false else { return .answer(.edits([])) }
        return .needsHistory(.edits(message, head: self.channels.values[found.index].record.seq))
    }
}
