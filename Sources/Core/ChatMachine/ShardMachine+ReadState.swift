import ChatModel
import ClusterModel

// How far members have read. What is unread is counted when it is asked for and stands nowhere.

extension ShardMachine {
    /// Moves the own read marker, never back; a seq beyond the head is the head. Archived channels can be read too.
    mutating func readChannel(_ channel: ChannelID, _ seq: UInt64, _ actor: Actor, _ effects: inout ApplyEffects)
        -> CommandResult
    {
        guard let index = self.channels.index(forKey: channel), self.channels.values[index].isVisible(to: actor) else {
            return .refused(.notFound)
        }
        guard var member = self.channels.values[index].member(actor.user) else { return .refused(.forbidden) }
        let reached = min(seq, self.channels.values[index].record.seq)
        guard reached > self.channels.values[index].marker(of: member) else {
            return .read(self.channels.values[index].readState(of: member))
        }
        member.readSeq = reached
        self.replace(member, in: index, &effects)
        self.dropMentions(of: actor.user, through: reached, in: index, &effects)
        let state = self.channels.values[index].readState(of: member)
        effects.asides.append((channel, actor.user, .readUpdated(state)))
        return .read(state)
    }

    /// A member with another role or marker.
    mutating func replace(
        _ member: MemberRecord, in index: Dictionary<ChannelID, ChannelEntry>.Index, _ effects: inout ApplyEffects
    ) {
        let (place, isPresent) = self.channels.values[index].members.place(of: member.user, by: \.user)
        guard isPresent else { return }
        self.channels.values[index].members[place] = member
        let key = RecordKey.of(self.channels.values[index].record.id, member.user)
        self.record(.put(kind: .member, key: key, value: member.encoded), &effects)
    }
}

extension ChannelEntry {
    /// Through where a member has read.
    ///
    /// Whoever writes has read so far: that moves no record, it follows from the index, so that a post writes
    /// nothing but its event. No own message ever lies beyond the marker.
    func marker(of member: MemberRecord) -> UInt64 {
        max(member.readSeq, member.joinedSeq, self.index.lastMessage(by: member.user) ?? 0, self.index.floor)
    }

    /// Unread: live messages of others beyond the marker, replies too, since that is what the history shows.
    /// Mentions: those of them that name the member or everybody, each once.
    func readState(of member: MemberRecord) -> ReadState {
        let marker = self.marker(of: member)
        let everybody = self.index.broadcasts(after: marker, notBy: member.user)
        let named = (self.content.mentions[member.user] ?? []).filter { seq in
            seq > marker && !everybody.place(of: seq, by: \.self).isPresent
        }
        return ReadState(
            channel: self.record.id, readSeq: marker, unread: self.index.messages(after: marker),
            mentions: UInt32(clamping: named.count + everybody.count))
    }

    /// What a viewer sees of it; whether it may is somebody else's question.
    func view(for viewer: UserID) -> ChannelView {
        let member = self.member(viewer)
        return ChannelView(
            state: ChannelState(channel: self.record, member: member), extra: self.extra,
            counts: member.map { self.readState(of: $0) })
    }
}
