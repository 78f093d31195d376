import ChatModel
import ClientProtocol

// What the contract says of channels and of who is in them.

extension RouteDoc {
    static let createChannel = RouteDoc(
        "createChannel", .channels, "Makes a channel with the caller as its owner.",
        body: .json([
            .init("name", TextRule.channelName.schema),
            .init("type", .namedChannelType),
            .optional("topic", TextRule.topic.schema),
        ]),
        answers: [.created(.ref(.channel))], refusals: [.forbidden, .nameTaken, .alreadyExists, .aborted])

    static let listChannels = RouteDoc(
        "listChannels", .channels, "The public channels in the order of their names.",
        [
            .query("query", .text(bytesMax: FormLimits.displayNameBytesMax), "How the name begins."),
            .query("archived", .bool, "Whether to show archived ones too."),
        ] + Parameter.page,
        answers: [.ok(.list(.channel))], refusals: [.forbidden])

    static let listOwnChannels = RouteDoc(
        "listOwnChannels", .channels, "The channels that one is in, with what one has not read.", Parameter.page,
        answers: [.ok(.list(.sidebarChannel))])

    static let getChannel = RouteDoc(
        "getChannel", .channels, "A channel.", [.channel, .consistency], answers: [.ok(.ref(.channel))])

    static let changeChannel = RouteDoc(
        "changeChannel", .channels, "Changes what is named; null takes back the channel's own rule.", [.channel],
        body: .json([
            .optional("name", TextRule.channelName.schema),
            .optional("topic", TextRule.topic.schema),
            .optional("type", .namedChannelType),
            .optional("mention_right", .mentionRight),
            .optional("retention_days", .retentionDays),
        ]),
        answers: [.ok(.ref(.channel), "As it is now.")],
        refusals: [.forbidden, .quota, .nameTaken, .channelArchived, .conflict])

    static let archiveChannel = RouteDoc(
        "archiveChannel", .channels, "Nothing is written to it any more.", [.channel], answers: [.noContent],
        refusals: [.forbidden, .quota])

    static let unarchiveChannel = RouteDoc(
        "unarchiveChannel", .channels, "Opens an archived channel again.", [.channel], answers: [.noContent],
        refusals: [.forbidden, .quota])

    static let openDirect = RouteDoc(
        "openDirect", .channels, "The direct or group channel of exactly these people, made once.",
        body: .json([
            .init(
                "user_ids",
                .described(
                    .array(.id(UserID.self), count: 1...FormLimits.directPeopleMax),
                    "The others; oneself may be named too."))
        ]),
        answers: [.ok(.ref(.channel), "It was there."), .created(.ref(.channel))],
        refusals: [.notFound, .forbidden, .userDeactivated, .alreadyExists, .aborted])

    static let readChannel = RouteDoc(
        "readChannel", .channels, "Moves one's own marker on; it never goes back.", [.channel],
        body: .json([.init("seq", .seq)]), answers: [.ok(.ref(.readState), "How far one has read now.")],
        refusals: [.forbidden])

    // MARK: Members

    private static let member = Parameter.path("user_id", .id(UserID.self), "The person.")

    static let joinChannel = RouteDoc(
        "joinChannel", .channels, "Enters a public channel.", [.channel], answers: [.noContent],
        refusals: [.forbidden, .quota, .channelArchived])

    static let leaveChannel = RouteDoc(
        "leaveChannel", .channels, "Leaves a channel.", [.channel], answers: [.noContent],
        refusals: [.forbidden, .quota, .channelArchived, .lastOwner])

    static let listMembers = RouteDoc(
        "listMembers", .channels, "Who is in a channel.", [.channel] + Parameter.page,
        answers: [.ok(.list(.member))])

    static let addMember = RouteDoc(
        "addMember", .channels, "Puts a person into a channel, or gives a member another role.",
        [.channel, Self.member], body: .optional([.optional("role", .channelRole)]), answers: [.ok(.ref(.member))],
        refusals: [.forbidden, .userDeactivated, .quota, .channelArchived, .lastOwner])

    static let removeMember = RouteDoc(
        "removeMember", .channels, "Takes a person out of a channel.", [.channel, Self.member],
        answers: [.noContent], refusals: [.forbidden, .quota, .channelArchived, .lastOwner])
}
