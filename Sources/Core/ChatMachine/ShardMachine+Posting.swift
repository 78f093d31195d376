import ChatModel
import ClusterModel

// The hot path: one message into one channel.

extension ShardMachine {
    /// A repeat is answered as the first was, whatever has happened to the channel since: its author learns
    /// what became of a command, not what is in the channel.
    ///
    /// - Parameter isOwed: it was accepted before, by another shard: effects that wait do not hold it up.
    mutating func post(
        _ content: MessageContent, to channel: ChannelID, _ actor: Actor, _ key: IdempotencyKey?,
        isOwed: Bool = false, _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard let index = self.channels.index(forKey: channel) else { return .refused(.notFound) }
        let stored = key?.stored(in: channel)
        if let stored, let earlier = self.messageKeys[stored] {
            guard earlier.fingerprint == stored.fingerprint else { return .refused(.idempotencyKeyReused) }
            var content = self.allowed(content, by: actor, in: index)
            content.root = content.thread.flatMap { self.channels.values[index].content.threads[$0.seq] }
            return .message(
                DurableEvent(
                    channel: channel, seq: earlier.seq, at: earlier.at, actor: actor.user,
                    body: .messageCreated(content)))
        }
        if let refusal = self.channels.values[index].refusal(of: content, by: actor) { return .refused(refusal) }
        if !self.channels.values[index].isHeardByAll(content) {
            guard isOwed || !self.isCongested else { return .refused(.congested) }
            return self.postAddressed(content, in: index, actor, stored, &effects)
        }
        let event = self.emitKeyed(.messageCreated(content), in: index, by: actor.user, key: stored, &effects)
        self.dropMentions(of: actor.user, through: event.seq, in: index, &effects)
        return .message(event)
    }

    /// A message that more follows from than its event: it names people, answers a thread or is for few.
    private mutating func postAddressed(
        _ content: MessageContent, in index: ChannelPlace, _ actor: Actor, _ key: StoredKey?,
        _ effects: inout ApplyEffects
    ) -> CommandResult {
        var content = self.allowed(content, by: actor, in: index)
        let addressees = self.channels.values[index].addressees(of: content, by: actor.user)
        let seq = self.nextSeq(in: index)
        if let root = content.thread?.seq {
            content.root = self.countReply(to: root, by: actor.user, in: index, &effects)
        }
        let event = self.emitKeyed(.messageCreated(content), in: index, by: actor.user, key: key, &effects)
        self.dropMentions(of: actor.user, through: seq, in: index, &effects)
        if !addressees.isBroadcast { self.addMentions(of: addressees.users, at: seq, in: index, &effects) }
        if let root = content.thread?.seq {
            self.followReply(seq, to: root, by: actor.user, naming: addressees.users, in: index, &effects)
        }
        self.notify(addressees, of: event.messageID, by: actor.user, root: content.thread?.seq, in: index, &effects)
        return .message(event)
    }

    /// The content without what this author may not say here.
    private func allowed(_ content: MessageContent, by actor: Actor, in index: ChannelPlace) -> MessageContent {
        guard !content.isPlain else { return content }
        let allowed = self.channels.values[index].allowed(
            content.mentions, content.broadcast, by: actor, self.broadcastRight)
        return MessageContent(
            text: content.text, clientID: content.clientID, thread: content.thread, mentions: allowed.mentions,
            broadcast: allowed.broadcast, files: content.files, attachments: content.attachments)
    }

    /// Who may address everybody, where a channel does not say otherwise.
    var broadcastRight: BroadcastRight { self.workspaceCopy?.broadcastRight ?? .everyone }

    /// Everybody hears of a message in one way only: as named, else as addressed directly, else as a thread's follower.
    private mutating func notify(
        _ addressees: Addressees, of message: MessageID, by author: UserID, root: UInt64?, in index: ChannelPlace,
        _ effects: inout ApplyEffects
    ) {
        let named = self.people(addressees, but: author, in: index)
        var told = Set(named)
        told.insert(author)
        var direct: [UserID] = []
        if self.channels.values[index].isForFew {
            direct = self.channels.values[index].members.map(\.user).filter { told.insert($0).inserted }
        }
        let followers = root.map { self.followers(of: $0, in: index).filter { !told.contains($0) } } ?? []
        self.notify(named, .mention, of: message, by: author, &effects)
        self.notify(direct, .direct, of: message, by: author, &effects)
        self.notify(followers, .thread, of: message, by: author, &effects)
    }

    /// All that a message names, sorted.
    func people(_ addressees: Addressees, but author: UserID, in index: ChannelPlace) -> [UserID] {
        guard addressees.isBroadcast else { return addressees.users }
        return self.channels.values[index].members.map(\.user).filter { $0 != author }
    }
}

extension ChannelEntry {
    /// Direct and group channels: each message is meant for each of them.
    var isForFew: Bool { self.record.type.isForFew }

    /// Nothing follows from such a message but its event. Mutating, as `refusal`.
    fileprivate mutating func isHeardByAll(_ content: MessageContent) -> Bool {
        content.isPlain && content.thread == nil && !self.isForFew
    }

    /// Changes nothing. Mutating, so that the dictionary lends its entry instead of copying it: a copy counts the
    /// references of every field.
    fileprivate mutating func refusal(of content: MessageContent, by actor: Actor) -> Refusal? {
        guard self.member(actor.user) != nil else { return self.isVisible(to: actor) ? .forbidden : .notFound }
        guard self.record.archivedAt == nil else { return .channelArchived }
        // A tombstone may be answered, a reply may not: threads are not nested.
        if let root = content.thread {
            guard let mark = self.index[root.seq], mark.author != nil, mark.root == nil else { return .invalid }
        }
        return self.isFull ? .quota : nil
    }
}
