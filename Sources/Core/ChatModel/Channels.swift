import ClusterModel

// Channels, members and events, as the channel's shard keeps them.

package enum ChannelType: UInt8, Sendable, Hashable, CaseIterable {
    case `public` = 1
    case `private` = 2
    case direct = 3
    case group = 4

    /// A conversation of certain people, not a place that one joins.
    package var isForFew: Bool {
        switch self {
        case .direct, .group: true
        case .public, .private: false
        }
    }

    package var name: String {
        switch self {
        case .public: "public"
        case .private: "private"
        case .direct: "direct"
        case .group: "group"
        }
    }
    package init?(name: String) {
        guard let found = ChannelType.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }
}

package enum ChannelRole: UInt8, Sendable, Hashable, NamedCase {
    case member = 1
    case owner = 2

    package var name: String {
        switch self {
        case .member: "member"
        case .owner: "owner"
        }
    }
}

/// A channel. `seq` is the number of its last durable event.
package struct ChannelRecord: Hashable, Sendable {
    package let id: ChannelID
    package var name: String
    package var type: ChannelType
    package var topic: String
    package let createdBy: UserID
    package let createdAt: Timestamp
    package var archivedAt: Timestamp?
    package var memberCount: UInt64
    package var seq: UInt64

    package init(
        id: ChannelID, name: String, type: ChannelType, topic: String, createdBy: UserID, createdAt: Timestamp,
        archivedAt: Timestamp? = nil, memberCount: UInt64, seq: UInt64
    ) {
        self.id = id
        self.name = name
        self.type = type
        self.topic = topic
        self.createdBy = createdBy
        self.createdAt = createdAt
        self.archivedAt = archivedAt
        self.memberCount = memberCount
        self.seq = seq
    }
}

package struct MemberRecord: Hashable, Sendable {
    package let user: UserID
    package var role: ChannelRole
    package let joinedAt: Timestamp
    /// The seq of its `member.joined`.
    package let joinedSeq: UInt64
    /// The last seq that the member has read.
    package var readSeq: UInt64

    package init(user: UserID, role: ChannelRole, joinedAt: Timestamp, joinedSeq: UInt64, readSeq: UInt64) {
        self.user = user
        self.role = role
        self.joinedAt = joinedAt
        self.joinedSeq = joinedSeq
        self.readSeq = readSeq
    }
}

/// What happened in a channel. Numbers are for ever; see docs/schema.md.
package enum EventBody: Hashable, Sendable {
    case messageCreated(MessageContent)
    indirect case messageEdited(MessageView)
    indirect case messageDeleted(MessageView)
    case reactionAdded(seq: UInt64, emoji: String, UserID)
    case reactionRemoved(seq: UInt64, emoji: String, UserID)
    indirect case messagePinned(MessageView)
    indirect case messageUnpinned(MessageView)
    indirect case channelUpdated(ChannelRecord, ChannelExtra)
    indirect case channelArchived(ChannelRecord, ChannelExtra)
    indirect case channelUnarchived(ChannelRecord, ChannelExtra)
    case memberJoined(UserID, ChannelRole)
    case memberLeft(UserID, ChannelRole)
    case memberUpdated(UserID, ChannelRole)
}

/// One durable event: the unit of the channel's gapless sequence.
package struct DurableEvent: Hashable, Sendable {
    package let channel: ChannelID
    /// 1, 2, 3 … within the channel.
    package let seq: UInt64
    package let at: Timestamp
    package let actor: UserID
    package let body: EventBody

    package init(channel: ChannelID, seq: UInt64, at: Timestamp, actor: UserID, body: EventBody) {
        self.channel = channel
        self.seq = seq
        self.at = at
        self.actor = actor
        self.body = body
    }

    package var messageID: MessageID { MessageID(channel: self.channel, seq: self.seq) }
}

/// What a user's own connections must hear beside the channels' events.
package enum UserNotice: Hashable, Sendable {
    /// Own membership began; `seq` is that of the own `member.joined`. Later events of the channel follow.
    case channelJoined(ChannelID, seq: UInt64)
    case channelLeft(ChannelID)
    /// The session ended: its sockets close with 4403.
    case sessionRevoked(SessionID)
    indirect case notificationCreated(NotificationRecord)
    case settingsUpdated
    case draftUpdated(ChannelID)
    /// Own profile or standing; without the password hash.
    indirect case userUpdated(UserRecord, ProfileExtra)
    /// An aside: from the channel's shard to the member's own devices.
    indirect case readUpdated(ReadState)
    /// An aside, as `readUpdated`.
    case threadReadUpdated(MessageID, seq: UInt64, unread: UInt32)
}
