import ChatModel
import ClientProtocol

// What belongs to one person, as `JSONWriter+Notifications` and `JSONWriter+Settings` write it.

extension Component {
    static let settingsSchema = Schema.object([
        .init(
            "notifications",
            .object([
                .init("level", .notifyLevel),
                .init(
                    "channels",
                    .map(
                        .object([.init("level", .nullable(.notifyLevel)), .init("muted", .bool)]),
                        keys: Schema.pattern(ChannelID.self), countMax: UserSettings.overridesMax)),
                .init("quiet_hours", .nullable(.object(Self.quietHoursFields))),
            ])),
        .init("theme", .text),
        .init("language", .text),
    ])

    private static let quietHoursFields: [Schema.Field] = [
        .init("from", .minuteOfDay),
        .init("to", .minuteOfDay),
        .init("utc_offset_minutes", .integer(QuietHours.offsets)),
        .init("days", .described(.array(.integer(1...7), count: 0...7), "1 is Monday.")),
    ]

    static let notificationSchema = Schema.object([
        .init("id", .notificationID),
        .init("type", .notificationType),
        .init("channel_id", .nullable(.id(ChannelID.self))),
        .init("message_id", .nullable(.messageID)),
        .init("actor_id", .nullable(.id(UserID.self))),
        .sometimes("text", .described(.text, "Of a reminder, or the beginning of what could not be sent.")),
        .init("read", .bool),
        .init("at", .time),
    ])

    static let draftSchema = Schema.object([
        .init("channel_id", .id(ChannelID.self)),
        .init("thread_id", .nullable(.messageID)),
        .init("text", .text),
        .init("updated_at", .time),
    ])

    static let scheduledMessageSchema = Schema.object([
        .init("id", .id(ScheduledID.self)),
        .init("channel_id", .id(ChannelID.self)),
        .init("thread_id", .nullable(.messageID)),
        .init("text", .text),
        .init("send_at", .time),
        .init("created_at", .time),
    ])

    static let reminderSchema = Schema.object([
        .init("id", .id(ReminderID.self)),
        .init("message_id", .nullable(.messageID)),
        .init("text", .text),
        .init("at", .time),
    ])
}
