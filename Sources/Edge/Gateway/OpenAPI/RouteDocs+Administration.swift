import ChatModel
import ClientProtocol

// What the contract says of the routes of administrators and moderators.

extension RouteDoc {
    static let createInvite = RouteDoc(
        "createInvite", .administration, "An invitation to sign up.",
        body: .optional([
            .optional("role", .role),
            .optional("max_uses", .integer(1...Int64(FormLimits.inviteUsesMax))),
            .optional(
                "expires_in",
                .described(
                    .integer(1...InviteRequest.secondsMax), "Seconds; \(InviteRequest.secondsDefault) when absent.")),
        ]),
        answers: [.created(.ref(.invite))], refusals: [.quota, .alreadyExists])

    static let listInvites = RouteDoc(
        "listInvites", .administration, "The invitations that are still good, newest first.", Parameter.page,
        answers: [.ok(.list(.invite))])

    static let revokeInvite = RouteDoc(
        "revokeInvite", .administration, "Makes an invitation worthless.",
        [.path("id", .id(InviteID.self), "The invitation.")], answers: [.noContent])

    static let setRole = RouteDoc(
        "setRole", .administration, "Gives a person a role.", [.user], body: .json([.init("role", .role)]),
        answers: [.ok(.ref(.user), "As it is now.")], refusals: [.conflict])

    static let deactivateUser = RouteDoc(
        "deactivateUser", .administration, "Locks a person out; all its sessions end.", [.user],
        body: .optional([
            .optional(
                "policy", .described(.contentPolicy, "What becomes of the content; absent: as the settings say."))
        ]),
        answers: [.noContent], refusals: [.conflict])

    static let reactivateUser = RouteDoc(
        "reactivateUser", .administration, "Lets a person in again.", [.user], answers: [.noContent],
        refusals: [.conflict])

    static let getWorkspaceSettings = RouteDoc(
        "getWorkspaceSettings", .administration, "What holds for all.", [.consistency],
        answers: [.ok(.ref(.workspaceSettings))])

    static let changeWorkspaceSettings = RouteDoc(
        "changeWorkspaceSettings", .administration, "Changes what is named; null clears what may be without a value.",
        body: .json([
            .optional("name", TextRule.displayName.schema),
            .optional("registration", .registration),
            .optional("allowed_origins", .array(.origin, count: 0...FormLimits.originsMax)),
            .optional("retention_days", .retentionDays),
            .optional("content_policy", .contentPolicy),
            .optional("mention_right", .mentionRight),
            .optional("edit_window_seconds", .editWindowSeconds),
            .optional("public_url", .webAddress),
        ]),
        answers: [.ok(.ref(.workspaceSettings), "As they are now.")])

    static let listAudit = RouteDoc(
        "listAudit", .administration, "What people with power did, newest first.",
        [
            .query("actor_id", .id(UserID.self), "Only of this person."),
            .query("action", .text(bytesMax: FormLimits.nameBytesMax), "How the action begins."),
            .query("target", .text(bytesMax: FormLimits.auditTargetBytesMax), "Only what was done to this."),
            .query("since", .time, "Not before."),
            .query("until", .time, "Before."),
        ] + Parameter.page,
        answers: [.ok(.list(.auditEntry))])

    static let listFlags = RouteDoc(
        "listFlags", .administration, "What was reported.",
        [.query("state", .choice(["open", "resolved"]), "open when absent.")] + Parameter.page,
        answers: [.ok(.list(.flag))])

    static let resolveFlag = RouteDoc(
        "resolveFlag", .administration, "Says what became of a report; the first word stays.",
        [.path("id", .id(FlagID.self), "The report.")],
        body: .json([
            .init("action", .flagAction),
            .optional("note", .text(bytesMax: FormLimits.noteBytesMax)),
        ]),
        answers: [.noContent], refusals: [.quota, .channelArchived])

    static let listEmoji = RouteDoc(
        "listEmoji", .administration, "Names that people gave to emoji.", Parameter.page,
        answers: [.ok(.list(.emoji))])

    static let putEmoji = RouteDoc(
        "putEmoji", .administration, "Gives an emoji a name.",
        body: .json([.init("name", .emojiName), .init("alias", TextRule.emoji.schema)]),
        answers: [.created(.ref(.emoji))], refusals: [.forbidden, .quota, .nameTaken])

    static let deleteEmoji = RouteDoc(
        "deleteEmoji", .administration, "Takes a name from an emoji: for who gave it, and moderators.",
        [.path("name", .emojiName, "The name.")], answers: [.noContent], refusals: [.forbidden])
}

extension Schema {
    private static let authority = "[A-Za-z0-9.:\\[\\]-]+"

    /// As `WebAddress.isOrigin` has it.
    static let origin = Schema.string(
        TextForm(pattern: "^https?://\(Self.authority)$", lengthMax: FormLimits.originBytesMax))
    /// As `WebAddress.isBase` has it.
    static let webAddress = Schema.string(
        TextForm(pattern: "^https?://\(Self.authority)(/[A-Za-z0-9.:\\[\\]_/-]*)?$", lengthMax: FormLimits.urlBytesMax))
}
