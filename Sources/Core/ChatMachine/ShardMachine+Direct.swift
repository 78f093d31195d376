import ChatModel
import ClusterModel

// Channels that follow from who is in them.

extension ShardMachine {
    /// The channel of these people, and of them only; its id follows from theirs.
    mutating func openDirect(_ channel: ChannelID, _ users: [UserID], _ actor: Actor, _ effects: inout ApplyEffects)
        -> CommandResult
    {
        let people = Set(users).sorted()
        guard channel == ChannelID.direct(of: people), people.place(of: actor.user, by: \.self).isPresent else {
            return .refused(.invalid)
        }
        guard actor.role > .guest else { return .refused(.forbidden) }
        if let entry = self.channels[channel] {
            // Another channel under this id would be a collision of 128 bits.
            guard entry.isForFew else { return .refused(.alreadyExists) }
            return .opened(entry.record, isNew: false)
        }
        guard !self.abortedChannels.contains(channel) else { return .refused(.aborted) }
        guard !self.isCongested else { return .refused(.congested) }
        let record = ChannelRecord(
            id: channel, name: "", type: people.count > 2 ? .group : .direct, topic: "", createdBy: actor.user,
            createdAt: self.clock, memberCount: 0, seq: 0)
        self.channels[channel] = ChannelEntry(record: record)
        self.record(.put(kind: .channel, key: RecordKey.of(channel), value: record.encoded), &effects)
        for user in people { self.admit(user, .member, to: channel, by: actor.user, key: nil, &effects) }
        return self.channels[channel].map { .opened($0.record, isNew: true) } ?? .refused(.notFound)
    }

    /// Which of these people are in one of these channels with the viewer, sorted.
    func sharingAnswer(_ channels: [ChannelID], _ users: [UserID], _ viewer: Actor) -> MachineAnswer {
        let shared = channels.prefix(Self.pageMax).compactMap { self.channels[$0] }.filter {
            $0.member(viewer.user) != nil
        }
        let found = Set(users.prefix(Self.pageMax)).filter { user in shared.contains { $0.member(user) != nil } }
        return .answer(.users(found.sorted()))
    }
}
