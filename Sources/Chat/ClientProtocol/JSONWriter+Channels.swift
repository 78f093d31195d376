import ChatModel
import ClusterModel

// The JSON forms of channels and members.

extension JSONWriter {
    package mutating func channel(_ channel: ChannelRecord) {
        self.beginObject()
        self.channelFields(channel)
        self.endObject()
    }

    /// A channel as its member's sidebar shows it.
    package mutating func sidebarChannel(_ state: ChannelState) {
        self.beginObject()
        self.channelFields(state.channel)
        let readSeq = min(state.member?.readSeq ?? 0, state.channel.seq)
        self.field("read_seq", readSeq)
        self.field("unread", state.channel.seq - readSeq)
        self.field("mentions", 0)
        self.field("muted", false)
        self.endObject()
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
        self.field("mention_right", extra.broadcastRight?.name)
        self.key("retention_days")
        if let days = extra.retentionDays { self.value(days) } else { self.null() }
        self.endObject()
    }

    package mutating func member(_ member: MemberRecord) {
        self.beginObject()
        self.field("user_id", member.user)
        self.field("role", member.role.name)
        self.field("joined_at", member.joinedAt)
        self.endObject()
    }
}
