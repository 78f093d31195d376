import ChatModel
import ClusterModel

// The hot path: one message into one channel.

extension ShardMachine {
    /// A repeat is answered as the first was, whatever has happened to the channel since: its author learns
    /// what became of a command, not what is in the channel.
    mutating func post(
        _ content: MessageContent, to channel: ChannelID, _ actor: Actor, _ key: IdempotencyKey?,
        _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard let index = self.channels.index(forKey: channel) else { return .refused(.notFound) }
        let stored = key?.stored(in: channel)
        if let stored, let earlier = self.messageKeys[stored] {
            guard earlier.fingerprint == stored.fingerprint else { return .refused(.idempotencyKeyReused) }
            return .message(
                DurableEvent(
                    channel: channel, seq: earlier.seq, at: earlier.at, actor: actor.user,
                    body: .messageCreated(content)))
        }
        if let refusal = self.channels.values[index].refusal(of: content, by: actor) { return .refused(refusal) }
        let event = self.emit(.messageCreated(content), in: index, by: actor.user, key: stored, &effects)
        if let stored { self.messageKeys.insert(stored, seq: event.seq, at: event.at) }
        return .message(event)
    }
}

extension ChannelEntry {
    /// Changes nothing. Mutating, so that the dictionary lends its entry instead of copying it: a copy counts the
    /// references of every field.
    fileprivate mutating func refusal(of content: MessageContent, by actor: Actor) -> Refusal? {
        guard self.member(actor.user) != nil else { return self.isVisible(to: actor) ? .forbidden : .notFound }
        guard self.record.archivedAt == nil else { return .channelArchived }
        if let root = content.thread, root.seq == 0 || root.seq > self.record.seq { return .invalid }
        return self.isFull ? .quota : nil
    }
}
