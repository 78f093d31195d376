import ChatModel
import ClientProtocol

// What the contract says of messages, reactions, pins, threads and searching.

extension RouteDoc {
    /// What a message is posted with, but for its thread.
    static let messageFields: [Schema.Field] = [.init("channel_id", .id(ChannelID.self))] + Self.replyFields

    private static let replyFields: [Schema.Field] = [
        .init("text", TextRule.messageText.schema),
        .optional(
            "client_id",
            .described(
                TextRule.idempotencyKey.schema,
                "The message's idempotency key; beside it the header is ignored.")),
        .optional("file_ids", .described(.array(.any, count: 0...0), "There are no files yet.")),
        .optional(
            "attachments",
            .described(
                .array(.any, count: 0...MessageContent.attachmentsMax),
                "At most \(MessageContent.attachmentsBytesMax) bytes as JSON.")),
    ]

    static let postMessage = RouteDoc(
        "postMessage", .messages, "Writes a message.",
        body: .json(
            Self.messageFields + [
                .optional("thread_id", .described(.messageID, "A message of the channel that is no reply."))
            ]),
        answers: [.accepted(.ref(.message))], refusals: Self.postRefusals)

    private static let postRefusals: [ProblemCode] = [.notFound, .forbidden, .quota, .channelArchived]

    static let listMessages = RouteDoc(
        "listMessages", .messages, "A page of a channel, oldest first; without a position the newest.",
        [
            .required("channel_id", .id(ChannelID.self), "The channel."),
            .query("before", .seq, "Only messages before this number; excludes the other two."),
            .query("after", .seq, "Only messages after this number; excludes the other two."),
            .query("around", .seq, "The messages round this number; excludes the other two."),
            .limit, .consistency,
        ],
        answers: [.ok(.list(.message))], refusals: [.notFound])

    static let getMessage = RouteDoc(
        "getMessage", .messages, "A message.", [.message, .consistency], answers: [.ok(.ref(.message))])

    static let editMessage = RouteDoc(
        "editMessage", .messages, "Gives one's own message another text.", [.message],
        body: .json([.init("text", TextRule.messageText.schema)]), answers: [.ok(.ref(.message), "As it is now.")],
        refusals: [.forbidden, .quota, .editWindowOver, .channelArchived, .conflict])

    static let deleteMessage = RouteDoc(
        "deleteMessage", .messages, "Erases a message; a tombstone stays.", [.message], answers: [.noContent],
        refusals: [.forbidden, .quota, .channelArchived])

    static let deleteMessageAsModerator = RouteDoc(
        "deleteMessageAsModerator", .administration, "Erases a message of any channel.", [.message],
        answers: [.noContent], refusals: [.quota, .channelArchived])

    static let listEdits = RouteDoc(
        "listEdits", .messages, "All texts that a message had, oldest first.", [.message] + Parameter.page,
        answers: [.ok(.list(.edit))])

    static let flagMessage = RouteDoc(
        "flagMessage", .messages, "Reports a message to the moderators.", [.message],
        body: .json([.init("reason", .text(1...FormLimits.reasonBytesMax))]),
        answers: [.created(.object([.init("id", .id(FlagID.self))]), "The report.")])

    // MARK: Reactions and pins

    private static let emoji = Parameter.path(
        "emoji", .text(TextRule.emoji.length), "The emoji itself or its name, without white space.")

    static let addReaction = RouteDoc(
        "addReaction", .messages, "Puts an emoji on a message.", [.message, Self.emoji],
        answers: [.ok(.object([.init("items", .array(.ref(.reaction)))]), "All reactions to the message.")],
        refusals: [.forbidden, .quota, .channelArchived])

    static let removeReaction = RouteDoc(
        "removeReaction", .messages, "Takes one's own emoji from a message.", [.message, Self.emoji],
        answers: [.noContent], refusals: [.forbidden, .quota, .channelArchived])

    static let listReactions = RouteDoc(
        "listReactions", .messages, "All reactions, each with all of its people.", [.message] + Parameter.page,
        answers: [.ok(.list(.reaction))])

    static let pinMessage = RouteDoc(
        "pinMessage", .messages, "Keeps a message in sight.", [.message],
        answers: [.ok(.ref(.message), "As it is now.")],
        refusals: [.forbidden, .quota, .channelArchived, .conflict])

    static let unpinMessage = RouteDoc(
        "unpinMessage", .messages, "Lets a pinned message go.", [.message], answers: [.noContent],
        refusals: [.forbidden, .quota, .channelArchived, .conflict])

    static let listPins = RouteDoc(
        "listPins", .messages, "The pinned messages of a channel, newest pin first.", [.channel] + Parameter.page,
        answers: [.ok(.list(.message))])

    // MARK: Threads

    private static let root = Parameter.path("id", .messageID, "The root of the thread.")

    static let postReply = RouteDoc(
        "postReply", .threads, "Replies to a message that is no reply itself.", [Self.root],
        body: .json(Self.replyFields), answers: [.accepted(.ref(.message))], refusals: Self.postRefusals)

    static let getThread = RouteDoc(
        "getThread", .threads, "A message and the replies to it, oldest first.", [Self.root] + Parameter.page,
        answers: [.ok(.ref(.thread))])

    static let followThread = RouteDoc(
        "followThread", .threads, "Has oneself told of replies.", [Self.root], answers: [.ok(.ref(.threadState))],
        refusals: [.forbidden])

    static let unfollowThread = RouteDoc(
        "unfollowThread", .threads, "Is told of replies no more.", [Self.root], answers: [.noContent],
        refusals: [.forbidden])

    static let readThread = RouteDoc(
        "readThread", .threads, "Moves one's own marker in a thread on; it never goes back.", [Self.root],
        body: .json([.init("seq", .seq)]), answers: [.ok(.ref(.threadState))], refusals: [.forbidden])

    // MARK: Searching

    private static let searched: [Parameter] = [
        .query(
            "q", .text(bytesMax: SearchText.bytesMax),
            "Words and operators; required where no other filter is given."),
        .query("channel_id", .text, "Only in this channel: an id, or a name."),
        .query("from", .text, "Only of this person: an id, or a user name."),
        .query("has", Self.features, "`link`, `file`, `pin`, `reaction`, or several with commas."),
        .query("before", .dayOrTime, "Only messages before it; a day begins in UTC."),
        .query("after", .dayOrTime, "Only messages after it; a day begins in UTC."),
        .query(
            "sort", .choice { (order: SearchOrder) in order.name },
            "Newest first, or first what fits best; newest when absent."),
    ]

    /// As `SearchText.feature` has them; commas may be too many.
    private static let features: Schema = {
        let feature = "(link|file|pin|reaction)"
        return .text(pattern: "^,*(\(feature)(,+\(feature))*,*)?$")
    }()

    static let searchMessages = RouteDoc(
        "searchMessages", .search, "Messages that fit, from all channels that one may see now.",
        Self.searched + Parameter.page, answers: [.ok(.list(.searchHit))], refusals: [.searchBehind])

    static let searchFiles = RouteDoc(
        "searchFiles", .search, "Files that fit: none, since there are no files yet.",
        Self.searched + [.limit],
        answers: [.ok(.object([.init("items", .array(.any, count: 0...0)), .init("next_cursor", .null)]))])
}
