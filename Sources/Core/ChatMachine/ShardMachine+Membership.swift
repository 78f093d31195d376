import ChatModel
import ClusterModel

// Who is in a channel. The channel's shard is the authority; the user's shard is told.

extension ShardMachine {
    private typealias ChannelIndex = Dictionary<ChannelID, ChannelEntry>.Index

    /// The four commands below in one, recognised by the key when it comes again: also by who has left a private channel
    /// with it.
    mutating func changeMember(
        _ channel: ChannelID, _ user: UserID, _ isMember: Bool, _ actor: Actor, _ key: IdempotencyKey,
        _ effects: inout ApplyEffects
    ) -> CommandResult {
        switch self.repeated(key, as: .changeMember, in: channel) {
        case .reused: return .refused(.idempotencyKeyReused)
        case .yes(let seq, _):
            return self.channels[channel].map { .membership($0.record, seq: seq) } ?? .refused(.notFound)
        case .no(let stored):
            return isMember
                ? self.add(user, to: channel, actor, key: stored, &effects)
                : self.remove(user, from: channel, actor, key: stored, &effects)
        }
    }

    /// Public channels only; to others a channel that one is not in is not there.
    mutating func join(
        _ channel: ChannelID, _ actor: Actor, key: StoredKey? = nil, _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard let entry = self.channels[channel], entry.isVisible(to: actor) else { return .refused(.notFound) }
        guard !entry.isForFew else { return .refused(.forbidden) }
        if let member = entry.member(actor.user) { return .membership(entry.record, seq: member.joinedSeq) }
        return self.admit(actor.user, to: channel, entry, by: actor, key: key, &effects)
    }

    /// By a member; oneself, into a public channel, by oneself.
    mutating func add(
        _ user: UserID, to channel: ChannelID, _ actor: Actor, key: StoredKey? = nil, _ effects: inout ApplyEffects
    ) -> CommandResult {
        if user == actor.user { return self.join(channel, actor, key: key, &effects) }
        guard let entry = self.channels[channel], entry.isVisible(to: actor) else { return .refused(.notFound) }
        guard entry.member(actor.user) != nil, actor.role > .guest, !entry.isForFew else {
            return .refused(.forbidden)
        }
        if let member = entry.member(user) { return .membership(entry.record, seq: member.joinedSeq) }
        return self.admit(user, to: channel, entry, by: actor, key: key, &effects)
    }

    mutating func leave(_ channel: ChannelID, _ actor: Actor, _ effects: inout ApplyEffects) -> CommandResult {
        self.remove(actor.user, from: channel, actor, &effects)
    }

    /// Oneself; others by an owner, and in public channels by moderators and administrators too.
    mutating func remove(
        _ user: UserID, from channel: ChannelID, _ actor: Actor, key: StoredKey? = nil, _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard let index = self.channels.index(forKey: channel) else { return .refused(.notFound) }
        let entry = self.channels.values[index]
        guard entry.isVisible(to: actor) else { return .refused(.notFound) }
        // Who is in it makes the channel what it is.
        guard !entry.isForFew else { return .refused(.forbidden) }
        if user != actor.user {
            let isOwner = entry.member(actor.user)?.role == .owner
            let isModerating = entry.record.type == .public && actor.role >= .moderator
            guard isOwner || isModerating else { return .refused(.forbidden) }
        }
        guard let member = entry.member(user) else { return .membership(entry.record, seq: entry.record.seq) }
        guard entry.record.archivedAt == nil else { return .refused(.channelArchived) }
        guard !entry.isFull else { return .refused(.quota) }
        if entry.record.type == .private, member.role == .owner, entry.members.count > 1,
            entry.members.count(where: { $0.role == .owner }) == 1
        {
            return .refused(.lastOwner)
        }
        guard !self.isCongested else { return .refused(.congested) }
        return self.dismiss(member, at: index, by: actor.user, key: key, &effects)
    }

    private mutating func admit(
        _ user: UserID, to channel: ChannelID, _ entry: ChannelEntry, by actor: Actor, key: StoredKey?,
        _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard entry.record.archivedAt == nil else { return .refused(.channelArchived) }
        guard !entry.isFull else { return .refused(.quota) }
        guard !self.isCongested else { return .refused(.congested) }
        self.admit(user, .member, to: channel, by: actor.user, key: key, &effects)
        if let key, let seq = self.channels[channel]?.record.seq {
            self.messageKeys.insert(key, seq: seq, at: self.clock)
        }
        guard let after = self.channels[channel]?.record else { return .refused(.notFound) }
        return .membership(after, seq: after.seq)
    }

    mutating func admit(
        _ user: UserID, _ role: ChannelRole, to channel: ChannelID, by actor: UserID, key: StoredKey?,
        _ effects: inout ApplyEffects
    ) {
        guard let index = self.channels.index(forKey: channel) else { return }
        let (place, isPresent) = self.channels.values[index].members.place(of: user, by: \.user)
        guard !isPresent else { return }
        let event = self.emit(.memberJoined(user, role), in: index, by: actor, key: key, &effects)
        // What was said before is not unread.
        let member = MemberRecord(
            user: user, role: role, joinedAt: self.clock, joinedSeq: event.seq, readSeq: event.seq)
        self.channels.values[index].members.insert(member, at: place)
        self.channels.values[index].record.memberCount += 1
        self.record(.put(kind: .member, key: RecordKey.of(channel, user), value: member.encoded), &effects)
        self.send(
            .setMembership(user, channel, isMember: true, version: event.seq), to: .user(user), &effects)
    }

    private mutating func dismiss(
        _ member: MemberRecord, at index: ChannelIndex, by actor: UserID, key: StoredKey?,
        _ effects: inout ApplyEffects
    ) -> CommandResult {
        let event = self.emitKeyed(.memberLeft(member.user, member.role), in: index, by: actor, key: key, &effects)
        let (place, isPresent) = self.channels.values[index].members.place(of: member.user, by: \.user)
        if isPresent { self.channels.values[index].members.remove(at: place) }
        self.channels.values[index].record.memberCount = UInt64(self.channels.values[index].members.count)
        self.record(.delete(kind: .member, key: RecordKey.of(event.channel, member.user)), &effects)
        self.forgetMember(member.user, in: event.channel, &effects)
        self.send(
            .setMembership(member.user, event.channel, isMember: false, version: event.seq), to: .user(member.user),
            &effects)
        return .membership(self.channels.values[index].record, seq: event.seq)
    }
}
