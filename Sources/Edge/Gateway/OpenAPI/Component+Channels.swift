import ChatModel
import ClientProtocol

// Channels and who is in them, as `JSONWriter+Channels` writes them.

extension Component {
    static let channelFields: [Schema.Field] = [
        .init("id", .id(ChannelID.self)),
        .init("name", .described(.text, "Empty for direct and group channels.")),
        .init("type", .channelType),
        .init("topic", .text),
        .init("created_by", .id(UserID.self)),
        .init("created_at", .time),
        .init("archived_at", .nullable(.time)),
        .init("member_count", .count),
        .init("seq", .described(.seq, "The number of the channel's last event.")),
        .init("mention_right", .nullable(.described(.mentionRight, "Null: what the workspace says."))),
        .init("retention_days", .nullable(.described(.retentionDays, "Null: what the workspace says."))),
    ]

    static let readFields: [Schema.Field] = [
        .init("read_seq", .seq),
        .init("unread", .described(.count, "Messages of others beyond the marker.")),
        .init("mentions", .described(.count, "Those of them that name the reader.")),
    ]

    static let memberSchema = Schema.object([
        .init("user_id", .id(UserID.self)),
        .init("role", .channelRole),
        .init("joined_at", .time),
    ])
}
