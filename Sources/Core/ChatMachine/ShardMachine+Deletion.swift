import ChatModel
import ClusterModel

// What is taken back.

extension ShardMachine {
    /// Leaves a tombstone without text. `asModerator`: by the moderators' route, from outside the channel.
    mutating func deleteMessage(
        _ message: MessageID, _ asModerator: Bool, _ actor: Actor, _ key: IdempotencyKey?, _ effects: inout ApplyEffects
    ) -> CommandResult {
        let stored: StoredKey?
        switch self.repeated(key, as: .deleteMessage, in: message.channel) {
        case .reused: return .refused(.idempotencyKeyReused)
        case .yes:
            return self.find(message).map { .view(self.tombstone($0)) } ?? .refused(.notFound)
        case .no(let new): stored = new
        }
        if asModerator, actor.role < .moderator { return .refused(.forbidden) }
        guard let found = asModerator ? self.find(message) : self.find(message, for: actor) else {
            return .refused(.notFound)
        }
        let isAuthor = found.author == actor.user && self.channels.values[found.index].member(actor.user) != nil
        guard asModerator || isAuthor || self.channels.values[found.index].isModerated(by: actor) else {
            return .refused(.forbidden)
        }
        guard !found.mark.isDeleted else { return .view(self.tombstone(found)) }
        if self.channels.values[found.index].record.archivedAt != nil, actor.role < .moderator {
            return .refused(.channelArchived)
        }
        guard !self.channels.values[found.index].isFull else { return .refused(.quota) }
        guard !asModerator || !self.isCongested else { return .refused(.congested) }
        let view = self.erase(found, by: actor.user, stored, &effects)
        if asModerator {
            let author = AuditDetail(name: "author", value: "\(found.author)")
            let note = AuditNote(
                actor: actor.user, action: "message.deleted", target: "\(message)", details: [author], at: self.clock)
            self.send(.audit(note), to: .directory, &effects)
        }
        return .view(view)
    }

    /// Makes a live message a tombstone: text, files, reactions, mentions and pins go, its place in a thread stays.
    ///
    /// - Precondition: the channel has room for an event.
    mutating func erase(
        _ found: FoundMessage, by actor: UserID, _ key: StoredKey?, _ effects: inout ApplyEffects
    ) -> MessageView {
        let (index, channel, seq) = (found.index, found.id.channel, found.id.seq)
        var state = self.state(of: seq, in: index)
        // All events that carry a text of it, its own first.
        let erased = [seq] + (state.edits + state.pins).sorted()
        state.deletedAt = self.clock
        state.deletedBy = actor
        state.pinnedAt = nil
        state.edits = []
        state.pins = []
        state.isBroadcast = nil
        self.put(state, of: seq, in: index, &effects)
        self.channels.values[index].index.setDeleted(seq)
        self.channels.values[index].index.forgetAddressees(seq)
        let reactions = self.channels.values[index].content.reactions.removeValue(forKey: seq)
        for group in reactions?.groups ?? [] {
            for entry in group.entries {
                let key = MessageRecordKey.of(channel, seq, entry.user, emoji: group.emoji)
                self.record(.delete(kind: .reaction, key: key), &effects)
            }
        }
        self.removeMentions(of: self.mentioned(at: seq, in: index), at: seq, in: index, &effects)
        self.record(.erase(channel, seqs: erased), &effects)
        var view = self.tombstone(found)
        if let root = found.mark.root {
            view.content.root = self.discountReply(to: root, writtenAt: found.mark.at, in: index, &effects)
        }
        self.emitKeyed(.messageDeleted(view), in: index, by: actor, key: key, &effects)
        return view
    }
}
