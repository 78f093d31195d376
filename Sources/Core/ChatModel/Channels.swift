import ClusterModel

// Channels, members and messages, as the channel's shard keeps them.

package enum ChannelType: UInt8, Sendable, Hashable, CaseIterable {
    case `public` = 1
    case `private` = 2
    case direct = 3
    case group = 4

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

package enum ChannelRole: UInt8, Sendable, Hashable, CaseIterable {
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

/// What a person wrote.
package struct MessageContent: Hashable, Sendable {
    /// 1–16,384 bytes of UTF-8.
    package var text: String
    /// The author's own idempotency key; shown to its author only.
    package var clientID: String?
    /// The root of the thread that it answers.
    package var thread: MessageID?

    package init(text: String, clientID: String?, thread: MessageID?) {
        self.text = text
        self.clientID = clientID
        self.thread = thread
    }

    package static let textBytesMax = 16_384
    package static let clientIDBytesMax = 128
}

/// What happened in a channel. Numbers are for ever; see docs/schema.md.
package enum EventBody: Hashable, Sendable {
    case messageCreated(MessageContent)
    case memberJoined(UserID, ChannelRole)
    case memberLeft(UserID, ChannelRole)
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
}
