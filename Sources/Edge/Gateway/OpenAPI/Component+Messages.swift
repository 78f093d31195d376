import ChatModel
import ClientProtocol

// Messages and what belongs to them, as `JSONWriter+Messages` writes them.

extension Component {
    static let messageSchema = Schema.object([
        .init("id", .messageID),
        .init("channel_id", .id(ChannelID.self)),
        .init("seq", .seq),
        .init("user_id", .id(UserID.self)),
        .sometimes("text", .described(.text, "Not in a message that was deleted.")),
        .sometimes("parsed", .ref(.parsedText)),
        .init("created_at", .time),
        .init("edited_at", .nullable(.time)),
        .init("deleted_at", .nullable(.time)),
        .init("pinned_at", .nullable(.time)),
        .init("thread_id", .nullable(.described(.messageID, "The root that it is a reply to."))),
        .init("files", .described(.array(.any), "Empty: there are no files yet.")),
        .init("attachments", .array(.any, count: 0...MessageContent.attachmentsMax)),
        .init("reactions", .described(.array(.ref(.reaction)), "Each with the first twenty people.")),
        .init("reply_count", .count),
        .init("last_reply_at", .nullable(.time)),
        .init("participants", .described(.array(.id(UserID.self)), "The first ten who replied.")),
        .sometimes("client_id", .nullable(.described(.text, "Shown to the author only."))),
    ])

    static let parsedTextSchema = Schema.object([
        .init("entities", .array(.ref(.entity))),
        .init("mentions", .array(.id(UserID.self))),
        .init("mentions_channel", .bool),
        .init("here_user_ids", .array(.id(UserID.self))),
        .init("links", .array(.text)),
        .init("emoji", .array(.text)),
    ])

    /// Something that means more than its letters, and where it stands: offset, length and the lengths of its marks in
    /// UTF-16 units.
    static let entitySchema = Schema.object([
        .init(
            "type",
            .choice([
                "bold", "italic", "strike", "code", "pre", "quote", "heading", "list_item", "link", "mention",
                "broadcast", "channel", "emoji", "message_link",
            ])),
        .init("offset", .count),
        .init("length", .count),
        .sometimes("open", .described(.count, "The length of the marks before it; not of names.")),
        .sometimes("close", .described(.count, "The length of the marks behind it; not of names.")),
        .sometimes("language", .nullable(.described(.text, "Of `pre`."))),
        .sometimes("level", .described(.integer(1...6), "Of a heading.")),
        .sometimes("number", .nullable(.described(.count, "Of an item of a list that is counted."))),
        .sometimes("url", .described(.text, "Of a link: http, https or mailto.")),
        .sometimes("user_id", .described(.id(UserID.self), "Of a mention.")),
        .sometimes("name", .described(.text, "Of a broadcast, or of an emoji.")),
        .sometimes("channel_id", .id(ChannelID.self)),
        .sometimes("message_id", .messageID),
    ])

    static let reactionSchema = Schema.object([
        .init("emoji", .text),
        .init("count", .count),
        .init("user_ids", .array(.id(UserID.self))),
    ])

    static let editSchema = Schema.object([
        .init("seq", .seq),
        .init("text", .text),
        .init("edited_at", .time),
        .init("user_id", .id(UserID.self)),
    ])

    static let threadStateFields: [Schema.Field] = [
        .init("following", .bool),
        .init("read_seq", .seq),
        .init("unread", .count),
    ]

    static let threadSchema = Schema.object(
        [.init("root", .ref(.message))] + Self.listFields(.ref(.message)) + Self.threadStateFields)

    static let searchHitSchema = Schema.object([
        .init("message", .ref(.message)),
        .init("highlight", .described(.text, "HTML: escaped text with `<mark>` round what was found.")),
        .sometimes("score", .described(.integer(Int64.min...Int64.max), "How well it fits, when sorted by that.")),
    ])
}
