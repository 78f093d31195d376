import ChatModel
import ClusterModel

// What changes about a channel. Each change that is one is an event; what is so already is answered the same.

extension ShardMachine {
    /// The topic by anybody who may write, all else by whom the channel belongs to.
    mutating func updateChannel(
        _ channel: ChannelID, _ patch: ChannelPatch, _ actor: Actor, _ key: IdempotencyKey?,
        _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard let index = self.visible(channel, to: actor) else { return .refused(.notFound) }
        let stored: StoredKey?
        switch self.repeated(key, as: .updateChannel, in: channel) {
        case .no(let key): stored = key
        case .yes: return self.view(of: index, for: actor)
        case .reused: return .refused(.idempotencyKeyReused)
        }
        let entry = self.channels.values[index]
        if let refusal = entry.refusal(of: patch, by: actor) { return .refused(refusal) }
        var changed = entry
        changed.record.topic = patch.topic ?? entry.record.topic
        changed.record.type = patch.type ?? entry.record.type
        changed.extra.broadcastRight = patch.broadcastRight ?? entry.extra.broadcastRight
        switch patch.retentionDays {
        case .keep: break
        case .set(let days): changed.extra.retentionDays = days
        case .clear: changed.extra.retentionDays = nil
        }
        // Texts by their bytes: what Unicode finds equal changes between builds.
        let isSame =
            changed.record.topic.utf8.elementsEqual(entry.record.topic.utf8) && changed.record.type == entry.record.type
            && changed.extra == entry.extra
        guard !isSame else { return self.view(of: index, for: actor) }
        let changesType = changed.record.type != entry.record.type
        guard !changesType || !self.isCongested else { return .refused(.congested) }
        let due = self.retentionDue(in: index)
        self.channels.values[index].record = changed.record
        self.channels.values[index].extra = changed.extra
        self.moveRetention(in: index, from: due)
        self.emitChange(in: index, by: actor.user, key: stored, &effects) { .channelUpdated($0, $1) }
        if changesType { self.tellDirectory(ofTypeIn: index, by: actor.user, &effects) }
        return self.view(of: index, for: actor)
    }

    /// The directory lists public channels; that a history opened or closed is written down there.
    private mutating func tellDirectory(
        ofTypeIn index: Dictionary<ChannelID, ChannelEntry>.Index, by actor: UserID, _ effects: inout ApplyEffects
    ) {
        let entry = self.channels.values[index]
        let name = UniqueName(kind: .channel, name: entry.extra.folded)
        self.send(
            .setNameListed(name, .channel(entry.record.id), isListed: entry.record.type == .public), to: .directory,
            &effects)
        let note = AuditNote(
            actor: actor, action: "channel.type", target: entry.record.id.description,
            details: [AuditDetail(name: "type", value: entry.record.type.name)], at: self.clock)
        self.send(.audit(note), to: .directory, &effects)
    }

    mutating func archiveChannel(
        _ channel: ChannelID, _ actor: Actor, _ key: IdempotencyKey?, _ effects: inout ApplyEffects
    ) -> CommandResult { self.setArchived(true, channel, actor, key, .archiveChannel, &effects) }

    mutating func unarchiveChannel(
        _ channel: ChannelID, _ actor: Actor, _ key: IdempotencyKey?, _ effects: inout ApplyEffects
    ) -> CommandResult { self.setArchived(false, channel, actor, key, .unarchiveChannel, &effects) }

    private mutating func setArchived(
        _ isArchived: Bool, _ channel: ChannelID, _ actor: Actor, _ key: IdempotencyKey?, _ kind: CommandKind,
        _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard let index = self.visible(channel, to: actor) else { return .refused(.notFound) }
        let stored: StoredKey?
        switch self.repeated(key, as: kind, in: channel) {
        case .no(let key): stored = key
        case .yes: return self.view(of: index, for: actor)
        case .reused: return .refused(.idempotencyKeyReused)
        }
        guard !self.channels.values[index].isForFew, self.channels.values[index].isModerated(by: actor) else {
            return .refused(.forbidden)
        }
        guard (self.channels.values[index].record.archivedAt != nil) != isArchived else {
            return self.view(of: index, for: actor)
        }
        guard !self.channels.values[index].isFull else { return .refused(.quota) }
        self.channels.values[index].record.archivedAt = isArchived ? self.clock : nil
        self.emitChange(in: index, by: actor.user, key: stored, &effects) {
            isArchived ? .channelArchived($0, $1) : .channelUnarchived($0, $1)
        }
        return self.view(of: index, for: actor)
    }

    mutating func setChannelRole(
        _ channel: ChannelID, _ user: UserID, _ role: ChannelRole, _ actor: Actor, _ key: IdempotencyKey?,
        _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard let index = self.visible(channel, to: actor) else { return .refused(.notFound) }
        let stored: StoredKey?
        switch self.repeated(key, as: .setChannelRole, in: channel) {
        case .no(let key): stored = key
        case .yes(let seq, _): return .membership(self.channels.values[index].record, seq: seq)
        case .reused: return .refused(.idempotencyKeyReused)
        }
        let entry = self.channels.values[index]
        guard !entry.isForFew, entry.isModerated(by: actor) else { return .refused(.forbidden) }
        guard var member = entry.member(user) else { return .refused(.notFound) }
        guard member.role != role else { return .membership(entry.record, seq: member.joinedSeq) }
        guard entry.record.archivedAt == nil else { return .refused(.channelArchived) }
        guard !entry.isFull else { return .refused(.quota) }
        if member.role == .owner, entry.members.count(where: { $0.role == .owner }) == 1 {
            return .refused(.lastOwner)
        }
        member.role = role
        self.replace(member, in: index, &effects)
        let event = self.emitKeyed(.memberUpdated(user, role), in: index, by: actor.user, key: stored, &effects)
        return .membership(self.channels.values[index].record, seq: event.seq)
    }

    /// As `createChannel`, with the folded name.
    mutating func createNamedChannel(
        _ new: NewChannel, _ actor: Actor, _ key: IdempotencyKey?, _ effects: inout ApplyEffects
    ) -> CommandResult {
        self.create(new.id, new.name, new.type, new.topic, actor, key, folded: new.folded, &effects)
    }

    // MARK: What changes have in common

    /// nil for what is not there, or not for this person: the two are one.
    func visible(_ channel: ChannelID, to actor: Actor) -> Dictionary<ChannelID, ChannelEntry>.Index? {
        guard let index = self.channels.index(forKey: channel), self.channels.values[index].isVisible(to: actor) else {
            return nil
        }
        return index
    }

    func view(of index: Dictionary<ChannelID, ChannelEntry>.Index, for actor: Actor) -> CommandResult {
        .channelView(self.channels.values[index].view(for: actor.user))
    }

    /// The event of a changed channel shows the channel whole, with the event's own seq; its records follow.
    mutating func emitChange(
        in index: Dictionary<ChannelID, ChannelEntry>.Index, by actor: UserID, key: StoredKey?,
        _ effects: inout ApplyEffects, _ body: (ChannelRecord, ChannelExtra) -> EventBody
    ) {
        var record = self.channels.values[index].record
        record.seq = self.nextSeq(in: index)
        self.emitKeyed(body(record, self.channels.values[index].extra), in: index, by: actor, key: key, &effects)
        self.recordChannel(index, &effects)
    }
}

extension ChannelEntry {
    /// Channels of a few people have a topic and nothing else to change.
    fileprivate func refusal(of patch: ChannelPatch, by actor: Actor) -> Refusal? {
        let isMember = self.member(actor.user) != nil
        let isOwned = self.isModerated(by: actor)
        let isTopicOnly = patch.type == nil && patch.broadcastRight == nil && patch.retentionDays == .keep
        guard actor.role > .guest, isTopicOnly ? isMember || isOwned : isOwned && !self.isForFew else {
            return .forbidden
        }
        if let type = patch.type, type != .public, type != .private { return .invalid }
        guard self.record.archivedAt == nil else { return .channelArchived }
        return self.isFull ? .quota : nil
    }
}
