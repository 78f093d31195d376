import ChatModel
import ClusterModel
import Placement

// Whom a message names: what is unread by them, and whose inboxes hear of it.

extension ShardMachine {
    typealias ChannelPlace = Dictionary<ChannelID, ChannelEntry>.Index

    /// More of them a member and channel are not kept apart: the oldest counts as read.
    static let unreadMentionsMax = 1000
    /// People that one effect names.
    static let notifiedMax = 1000
    /// While so many effects wait, nothing more is accepted that would need another.
    static let outboxMax = 50_000

    var isCongested: Bool { self.outbox.count >= Self.outboxMax }

    // MARK: Unread

    /// These people have a mention to read, those of them who have not read beyond it.
    mutating func addMentions(
        of users: [UserID], at seq: UInt64, in index: ChannelPlace, _ effects: inout ApplyEffects
    ) {
        for user in users where self.marker(of: user, in: index).map({ $0 < seq }) ?? false {
            var seqs = self.channels.values[index].content.mentions.removeValue(forKey: user) ?? []
            let (place, isPresent) = seqs.place(of: seq, by: \.self)
            if !isPresent {
                seqs.insert(seq, at: place)
                self.record(.put(kind: .mention, key: self.mentionKey(user, seq, index), value: []), &effects)
                if seqs.count > Self.unreadMentionsMax {
                    let oldest = seqs.removeFirst()
                    self.record(.delete(kind: .mention, key: self.mentionKey(user, oldest, index)), &effects)
                }
            }
            self.channels.values[index].content.mentions[user] = seqs
        }
    }

    /// These people are not mentioned any more by the message at `seq`.
    mutating func removeMentions(
        of users: [UserID], at seq: UInt64, in index: ChannelPlace, _ effects: inout ApplyEffects
    ) {
        for user in users {
            guard var seqs = self.channels.values[index].content.mentions[user] else { continue }
            let (place, isPresent) = seqs.place(of: seq, by: \.self)
            guard isPresent else { continue }
            seqs.remove(at: place)
            self.channels.values[index].content.mentions[user] = seqs.isEmpty ? nil : seqs
            self.record(.delete(kind: .mention, key: self.mentionKey(user, seq, index)), &effects)
        }
    }

    /// Whoever still has the message at `seq` to read as a mention; sorted.
    func mentioned(at seq: UInt64, in index: ChannelPlace) -> [UserID] {
        self.channels.values[index].content.mentions
            .filter { $0.value.place(of: seq, by: \.self).isPresent }.map(\.key).sorted()
    }

    /// The member has read through `seq`.
    mutating func dropMentions(
        of user: UserID, through seq: UInt64, in index: ChannelPlace, _ effects: inout ApplyEffects
    ) {
        guard self.channels.values[index].hasMentions(),
            let seqs = self.channels.values[index].content.mentions[user], let first = seqs.first, first <= seq
        else { return }
        let left = Array(seqs.drop { $0 <= seq })
        self.channels.values[index].content.mentions[user] = left.isEmpty ? nil : left
        for read in seqs.prefix(seqs.count - left.count) {
            self.record(.delete(kind: .mention, key: self.mentionKey(user, read, index)), &effects)
        }
    }

    /// The channel's events through `seq` go: what was unread of them, and what is known of them.
    ///
    /// The rows of `.trim` take the records of messages with them; mentions are sorted by people and are not among
    /// those.
    mutating func trimContent(through seq: UInt64, in index: ChannelPlace, _ effects: inout ApplyEffects) {
        for user in self.channels.values[index].content.mentions.keys.sorted() {
            self.dropMentions(of: user, through: seq, in: index, &effects)
        }
        self.channels.values[index].content.trim(through: seq)
    }

    /// Who is no member any more follows nothing there and has nothing to read.
    mutating func forgetMember(_ user: UserID, in channel: ChannelID, _ effects: inout ApplyEffects) {
        guard let index = self.channels.index(forKey: channel) else { return }
        self.dropMentions(of: user, through: .max, in: index, &effects)
        for root in self.channels.values[index].content.roots(followedBy: user) {
            self.channels.values[index].content.removeFollow(of: user, of: root)
            self.record(.delete(kind: .follow, key: MessageRecordKey.of(channel, root, user)), &effects)
        }
    }

    private func mentionKey(_ user: UserID, _ seq: UInt64, _ index: ChannelPlace) -> [UInt8] {
        MessageRecordKey.mention(self.channels.values[index].record.id, user, seq)
    }

    /// Through where a member has read; nil for who is none.
    private func marker(of user: UserID, in index: ChannelPlace) -> UInt64? {
        self.channels.values[index].member(user).map { self.channels.values[index].marker(of: $0) }
    }

    // MARK: Inboxes

    /// Tells people's inboxes of a message: one effect a shard, in the order of shards and people.
    mutating func notify(
        _ users: [UserID], _ kind: NotificationKind, of message: MessageID, by author: UserID,
        _ effects: inout ApplyEffects
    ) {
        guard !users.isEmpty else { return }
        let map = self.map
        let placed = users.map { (shard: map.owner(of: .user($0)), user: $0) }
            .sorted { ($0.shard, $0.user) < ($1.shard, $1.user) }
        var start = 0
        while start < placed.count {
            let shard = placed[start].shard
            var end = start
            while end < placed.count, placed[end].shard == shard, end - start < Self.notifiedMax { end += 1 }
            self.send(
                .notify(message, kind, actor: author, at: self.clock, placed[start..<end].map(\.user)),
                to: .shard(shard), &effects)
            start = end
        }
    }
}

/// Whom a message reaches by name: members only, never its author.
struct Addressees: Hashable, Sendable {
    /// `@channel`: everybody.
    var isBroadcast = false
    /// Named, or online when `@here` was said; sorted.
    var users: [UserID] = []
}

extension ChannelEntry {
    /// Of anybody. Mutating, as all that the hot path asks: the dictionary lends its entry.
    fileprivate mutating func hasMentions() -> Bool { !self.content.mentions.isEmpty }

    /// Mutating, as that.
    mutating func addressees(of content: MessageContent, by author: UserID) -> Addressees {
        guard !content.isPlain else { return Addressees() }
        return self.addressees(content.mentions, content.broadcast, by: author)
    }

    func addressees(_ mentions: [Mention], _ broadcast: Broadcast?, by author: UserID) -> Addressees {
        var found = Set(mentions.map(\.user))
        var isBroadcast = false
        switch broadcast {
        case .channel: isBroadcast = true
        case .here(let online): found.formUnion(online)
        case nil: break
        }
        found.remove(author)
        return Addressees(isBroadcast: isBroadcast, users: found.filter { self.member($0) != nil }.sorted())
    }

    /// Mentions of members, each person once under each name; a broadcast only by who may.
    func allowed(_ mentions: [Mention], _ broadcast: Broadcast?, by actor: Actor, _ right: BroadcastRight)
        -> (mentions: [Mention], broadcast: Broadcast?)
    {
        // Names by their bytes: what Unicode finds equal changes between builds.
        var seen: Set<[UInt8]> = []
        let kept = mentions.filter { self.member($0.user) != nil && seen.insert($0.encoded).inserted }
        guard self.mayBroadcast(actor, right) else { return (kept, nil) }
        guard case .here(let online) = broadcast else { return (kept, broadcast) }
        return (kept, .here(Set(online).filter { self.member($0) != nil }.sorted()))
    }

    private func mayBroadcast(_ actor: Actor, _ workspace: BroadcastRight) -> Bool {
        guard actor.role > .guest else { return false }
        switch self.extra.broadcastRight ?? workspace {
        case .everyone: return true
        case .owners: return self.isModerated(by: actor)
        case .nobody: return false
        }
    }

    /// Its owners; in a public channel moderators too, and administrators wherever they are members.
    func isModerated(by actor: Actor) -> Bool {
        let member = self.member(actor.user)
        return member?.role == .owner || (self.record.type == .public && actor.role >= .moderator)
            || (actor.role == .admin && member != nil)
    }
}
