import ChatModel
import ClusterModel

// Messages that a channel keeps in sight.

extension ShardMachine {
    /// Pinned messages of a channel.
    static let pinsMax = 100
    /// How often a message can be pinned and unpinned: each time writes its text into the log.
    static let pinEventsMax = 1000

    mutating func pin(
        _ message: MessageID, _ snapshot: MessageSnapshot, _ actor: Actor, _ key: IdempotencyKey?,
        _ effects: inout ApplyEffects
    ) -> CommandResult { self.setPinned(true, message, snapshot, actor, key, as: .pin, &effects) }

    mutating func unpin(
        _ message: MessageID, _ snapshot: MessageSnapshot, _ actor: Actor, _ key: IdempotencyKey?,
        _ effects: inout ApplyEffects
    ) -> CommandResult { self.setPinned(false, message, snapshot, actor, key, as: .unpin, &effects) }

    private mutating func setPinned(
        _ isPinned: Bool, _ message: MessageID, _ snapshot: MessageSnapshot, _ actor: Actor, _ key: IdempotencyKey?,
        as kind: CommandKind, _ effects: inout ApplyEffects
    ) -> CommandResult {
        let stored: StoredKey?
        switch self.repeated(key, as: kind, in: message.channel) {
        case .reused: return .refused(.idempotencyKeyReused)
        case .yes:
            guard let found = self.find(message) else { return .refused(.notFound) }
            return .view(self.view(found, snapshot.content, editedAt: snapshot.editedAt))
        case .no(let new): stored = new
        }
        guard let found = self.find(message, for: actor), !found.mark.isDeleted else { return .refused(.notFound) }
        guard self.channels.values[found.index].member(actor.user) != nil, actor.role > .guest else {
            return .refused(.forbidden)
        }
        var state = self.state(of: message.seq, in: found.index)
        guard snapshot.version == state.edits.last ?? 0 else { return .refused(.conflict) }
        guard isPinned != (state.pinnedAt != nil) else {
            return .view(self.view(found, snapshot.content, editedAt: snapshot.editedAt))
        }
        if let refusal = self.refusal(ofWritingTo: found.index, by: actor) { return .refused(refusal) }
        if isPinned {
            // What is pinned can always be unpinned, so the last of its events is left for that.
            guard self.channels.values[found.index].content.pinCount < Self.pinsMax,
                state.pins.count < Self.pinEventsMax
            else { return .refused(.quota) }
        }
        state.pinnedAt = isPinned ? self.clock : nil
        state.pins.append(self.nextSeq(in: found.index))
        self.put(state, of: message.seq, in: found.index, &effects)
        let view = self.view(found, snapshot.content, editedAt: snapshot.editedAt)
        self.emitKeyed(
            isPinned ? .messagePinned(view) : .messageUnpinned(view), in: found.index, by: actor.user, key: stored,
            &effects)
        return .view(view)
    }

    func pinsAnswer(_ channel: ChannelID, _ viewer: Actor) -> MachineAnswer {
        guard let entry = self.channels[channel], entry.isVisible(to: viewer) else {
            return .answer(.refused(.notFound))
        }
        let seqs = entry.content.pins
        guard !seqs.isEmpty else { return .answer(.views([], head: entry.record.seq)) }
        return .needsHistory(.views(channel, seqs: seqs, head: entry.record.seq))
    }
}
