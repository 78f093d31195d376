import ChatModel
import ClusterModel

// Emoji on messages.

extension ShardMachine {
    /// Different emoji on a message.
    static let emojiMax = 100
    /// Reactions on a message.
    static let reactionsMax = 10_000

    mutating func react(
        _ message: MessageID, _ emoji: String, _ actor: Actor, _ key: IdempotencyKey?, _ effects: inout ApplyEffects
    ) -> CommandResult {
        let stored: StoredKey?
        switch self.repeated(key, as: .react, in: message.channel) {
        case .reused: return .refused(.idempotencyKeyReused)
        case .yes: return .reactions(self.reactions(message))
        case .no(let new): stored = new
        }
        guard let found = self.find(message, for: actor), !found.mark.isDeleted else { return .refused(.notFound) }
        guard self.channels.values[found.index].member(actor.user) != nil else { return .refused(.forbidden) }
        let reactions = self.channels.values[found.index].content.reactions[message.seq] ?? MessageReactions()
        guard !reactions.contains(emoji, by: actor.user) else { return .reactions(self.reactions(message)) }
        if let refusal = self.refusal(ofWritingTo: found.index, by: actor) { return .refused(refusal) }
        guard reactions.contains(emoji) || reactions.groups.count < Self.emojiMax,
            reactions.count < Self.reactionsMax
        else { return .refused(.quota) }
        let event = self.emitKeyed(
            .reactionAdded(seq: message.seq, emoji: emoji, actor.user), in: found.index, by: actor.user, key: stored,
            &effects)
        let since = reactions.since(emoji) ?? event.seq
        self.channels.values[found.index].content.reactions[message.seq, default: MessageReactions()].insert(
            emoji, MessageReactions.Entry(seq: event.seq, user: actor.user), since: since)
        var value = ByteWriter()
        value.writeVariable(event.seq)
        value.writeVariable(since)
        self.record(
            .put(kind: .reaction, key: self.reactionKey(message, actor.user, emoji), value: value.bytes), &effects)
        return .reactions(self.reactions(message))
    }

    mutating func unreact(
        _ message: MessageID, _ emoji: String, _ actor: Actor, _ key: IdempotencyKey?, _ effects: inout ApplyEffects
    ) -> CommandResult {
        let stored: StoredKey?
        switch self.repeated(key, as: .unreact, in: message.channel) {
        case .reused: return .refused(.idempotencyKeyReused)
        case .yes: return .reactions(self.reactions(message))
        case .no(let new): stored = new
        }
        guard let found = self.find(message, for: actor), !found.mark.isDeleted else { return .refused(.notFound) }
        guard self.channels.values[found.index].member(actor.user) != nil else { return .refused(.forbidden) }
        let reactions = self.channels.values[found.index].content.reactions[message.seq] ?? MessageReactions()
        guard reactions.contains(emoji, by: actor.user) else { return .reactions(self.reactions(message)) }
        if let refusal = self.refusal(ofWritingTo: found.index, by: actor) { return .refused(refusal) }
        self.emitKeyed(
            .reactionRemoved(seq: message.seq, emoji: emoji, actor.user), in: found.index, by: actor.user, key: stored,
            &effects)
        var left = reactions
        left.remove(emoji, by: actor.user)
        self.channels.values[found.index].content.reactions[message.seq] = left.isEmpty ? nil : left
        self.record(.delete(kind: .reaction, key: self.reactionKey(message, actor.user, emoji)), &effects)
        return .reactions(self.reactions(message))
    }

    private func reactionKey(_ message: MessageID, _ user: UserID, _ emoji: String) -> [UInt8] {
        MessageRecordKey.of(message.channel, message.seq, user, emoji: emoji)
    }

    /// All of them, with all users.
    private func reactions(_ message: MessageID) -> [ReactionGroup] {
        self.channels[message.channel]?.content.reactions[message.seq]?.views(usersMax: .max) ?? []
    }

    func reactionsAnswer(_ message: MessageID, _ viewer: Actor) -> MachineAnswer {
        guard self.find(message, for: viewer) != nil else { return .answer(.refused(.notFound)) }
        return .answer(.reactions(self.reactions(message)))
    }
}
