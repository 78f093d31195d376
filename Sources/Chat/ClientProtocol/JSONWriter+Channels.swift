import ChatModel
import ClusterModel

// The JSON forms of channels and members.

extension JSONWriter {
    /// A channel that has just been made: it has no rules of its own yet.
    package mutating func channel(_ channel: ChannelRecord) {
        self.channel(channel, ChannelExtra(folded: "", nameEpoch: 0, broadcastRight: nil, retentionDays: nil))
    }

    package mutating func channel(_ view: ChannelView) { self.channel(view.channel, view.extra) }

    /// A channel as its member's sidebar shows it.
    package mutating func sidebarChannel(_ view: ChannelView, isMuted: Bool) {
        self.beginObject()
        self.channelFields(view.channel)
        self.channelFields(view.extra)
        self.readFields(
            view.counts
                ?? ReadState(channel: view.channel.id, readSeq: view.channel.seq, unread: 0, mentions: 0))
        self.field("muted", isMuted)
        self.endObject()
    }

    /// How far somebody has read: the answer to reading.
    package mutating func readState(_ state: ReadState) {
        self.beginObject()
        self.field("channel_id", state.channel)
        self.readFields(state)
        self.endObject()
    }

    mutating func readFields(_ state: ReadState) {
        self.field("read_seq", state.readSeq)
        self.field("unread", UInt64(state.unread))
        self.field("mentions", UInt64(state.mentions))
    }

    mutating func channelFields(_ channel: ChannelRecord) {
        self.field("id", channel.id)
        self.field("name", channel.name)
        self.field("type", channel.type.name)
        self.field("topic", channel.topic)
        self.field("created_by", channel.createdBy)
        self.field("created_at", channel.createdAt)
        self.field("archived_at", channel.archivedAt)
        self.field("member_count", channel.memberCount)
        self.field("seq", channel.seq)
    }

    /// A channel with what it holds beside its record, as events and answers about changes show it.
    package mutating func channel(_ channel: ChannelRecord, _ extra: ChannelExtra) {
        self.beginObject()
        self.channelFields(channel)
        self.channelFields(extra)
        self.endObject()
    }

    private mutating func channelFields(_ extra: ChannelExtra) {
        self.field("mention_right", extra.broadcastRight?.name)
        self.key("retention_days")
        if let days = extra.retentionDays { self.value(days) } else { self.null() }
    }

    package mutating func member(_ member: MemberRecord) {
        self.beginObject()
        self.field("user_id", member.user)
        self.field("role", member.role.name)
        self.field("joined_at", member.joinedAt)
        self.endObject()
    }
}
