import ChatModel
import ClientProtocol

// What administrators and moderators look at, as `JSONWriter+Accounts` writes it.

extension Component {
    static let inviteSchema = Schema.object([
        .init("invite", .described(.id(InviteID.self), "The secret: whoever has it may use it.")),
        .init("url", .text),
        .init("role", .role),
        .init("max_uses", .count),
        .init("uses", .count),
        .init("expires_at", .time),
        .init("created_by", .id(UserID.self)),
        .init("created_at", .time),
    ])

    static let workspaceSettingsSchema = Schema.object([
        .init("name", .text),
        .init("registration", .registration),
        .init("allowed_origins", .array(.text, count: 0...FormLimits.originsMax)),
        .init("retention_days", .nullable(.retentionDays)),
        .init("content_policy", .contentPolicy),
        .init("mention_right", .mentionRight),
        .init("edit_window_seconds", .nullable(.editWindowSeconds)),
        .init("public_url", .nullable(.text)),
    ])

    static let auditEntrySchema = Schema.object([
        .init("id", .text(pattern: "^[0-9]+$")),
        .init("at", .time),
        .init("actor_id", .nullable(.described(.id(UserID.self), "Null: the cluster itself."))),
        .init("action", .text),
        .init("target", .text),
        .init("details", .map(.text, countMax: FormLimits.auditDetailsMax)),
        .init("previous_hash", .digest),
        .init("hash", .digest),
    ])

    static let flagSchema = Schema.object([
        .init("id", .id(FlagID.self)),
        .init("message_id", .messageID),
        .init("reason", .text),
        .init("excerpt", .text),
        .init("user_id", .described(.id(UserID.self), "The author of the message.")),
        .init("reporter_id", .id(UserID.self)),
        .init("created_at", .time),
        .init("state", .choice(["open", "resolved"])),
        .init(
            "resolution",
            .nullable(
                .object([
                    .init("action", .flagAction),
                    .init("by", .nullable(.id(UserID.self))),
                    .init("at", .time),
                    .init("note", .text),
                ]))),
    ])

    static let emojiSchema = Schema.object([
        .init("name", .emojiName),
        .init("alias", .text),
        .init("created_by", .id(UserID.self)),
        .init("created_at", .time),
    ])
}

extension Schema {
    /// As `EmojiRequest.isName` has it.
    static let emojiName = Schema.string(
        TextForm(pattern: "^[a-z0-9_+-]+$", lengthMin: 1, lengthMax: FormLimits.emojiBytesMax))
}
