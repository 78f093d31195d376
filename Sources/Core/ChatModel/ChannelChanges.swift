import ClusterModel

// What changes about a channel, and how it looks to a member.

/// A change of a channel: what is nil or kept stays.
package struct ChannelPatch: Hashable, Sendable {
    package var topic: String?
    package var type: ChannelType?
    package var broadcastRight: BroadcastRight?
    package var retentionDays: Change<UInt32>

    package init(
        topic: String? = nil, type: ChannelType? = nil, broadcastRight: BroadcastRight? = nil,
        retentionDays: Change<UInt32> = .keep
    ) {
        self.topic = topic
        self.type = type
        self.broadcastRight = broadcastRight
        self.retentionDays = retentionDays
    }
}

/// How far a member has read, and what lies beyond it.
package struct ReadState: Hashable, Sendable {
    package let channel: ChannelID
    package let readSeq: UInt64
    package let unread: UInt32
    package let mentions: UInt32

    package init(channel: ChannelID, readSeq: UInt64, unread: UInt32, mentions: UInt32) {
        self.channel = channel
        self.readSeq = readSeq
        self.unread = unread
        self.mentions = mentions
    }
}

/// A channel to be made, with the folded name that the directory reserved.
package struct NewChannel: Hashable, Sendable {
    package let id: ChannelID
    package let name: String
    package let folded: String
    package let type: ChannelType
    package let topic: String

    package init(id: ChannelID, name: String, folded: String, type: ChannelType, topic: String) {
        self.id = id
        self.name = name
        self.folded = folded
        self.type = type
        self.topic = topic
    }
}

/// What a channel holds beside its record.
package struct ChannelExtra: Hashable, Sendable {
    /// The name as the directory knows it; folding is never done in apply.
    package var folded: String
    /// Rises with each change of the name: what was decided about an older one is refused.
    package var nameEpoch: UInt64
    package var broadcastRight: BroadcastRight?
    package var retentionDays: UInt32?

    package init(folded: String, nameEpoch: UInt64, broadcastRight: BroadcastRight?, retentionDays: UInt32?) {
        self.folded = folded
        self.nameEpoch = nameEpoch
        self.broadcastRight = broadcastRight
        self.retentionDays = retentionDays
    }
}

/// A channel as its viewer sees it.
package struct ChannelView: Hashable, Sendable {
    package let state: ChannelState
    package let extra: ChannelExtra
    /// Members only.
    package let counts: ReadState?

    package init(state: ChannelState, extra: ChannelExtra, counts: ReadState?) {
        self.state = state
        self.extra = extra
        self.counts = counts
    }

    package var channel: ChannelRecord { self.state.channel }
    /// The viewer's membership, nil when it is not in it.
    package var member: MemberRecord? { self.state.member }
}
