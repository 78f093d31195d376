import ChatModel
import ClientProtocol

// What the contract says of what belongs to one person: settings, inbox, drafts, scheduled messages, reminders.

extension RouteDoc {
    static let getSettings = RouteDoc(
        "getSettings", .own, "One's own settings.", [.consistency], answers: [.ok(.ref(.settings))])

    static let putSettings = RouteDoc(
        "putSettings", .own, "Replaces one's own settings; what is absent gets its default.",
        body: .json([
            .optional(
                "notifications",
                .object([
                    .optional("level", .notifyLevel),
                    .optional(
                        "channels",
                        .map(
                            .object([.optional("level", .notifyLevel), .optional("muted", .bool)]),
                            keys: Schema.pattern(ChannelID.self), countMax: UserSettings.overridesMax)),
                    .optional(
                        "quiet_hours",
                        .object([
                            .init("from", .minuteOfDay),
                            .init("to", .minuteOfDay),
                            .init("utc_offset_minutes", .integer(QuietHours.offsets), isRequired: false),
                            .init(
                                "days", .described(.array(.integer(1...7)), "1 is Monday; all when absent."),
                                isRequired: false),
                        ])),
                ])),
            .optional("theme", Self.token),
            .optional("language", Self.token),
        ]),
        answers: [.ok(.ref(.settings), "As they are now.")])

    private static let token: Schema = {
        guard case .string(var form) = TextRule.topic.schema else { return TextRule.topic.schema }
        form.bytesMax = FormLimits.tokenBytesMax
        return .string(form)
    }()

    static let listNotifications = RouteDoc(
        "listNotifications", .own, "What one was told of, newest first.",
        [
            .query("type", .notificationType, "Only these."),
            .query("unread", .bool, "Only those that were not read."),
        ] + Parameter.page,
        answers: [
            .ok(
                .object(
                    Component.listFields(.ref(.notification))
                        + [.init("unread", .described(.count, "Unread ones of every type."))]))
        ])

    static let readNotifications = RouteDoc(
        "readNotifications", .own, "Marks notifications as read: some by their ids, or all up to one.",
        body: .json(
            .anyOf([
                .object([
                    .init("ids", Self.notificationIDs),
                    .optional("through", .notificationID),
                ]),
                .object([
                    .optional("ids", Self.notificationIDs),
                    .init("through", .notificationID),
                ]),
            ])),
        answers: [.ok(.object([.init("unread", .count)]), "How many are left.")])

    private static let notificationIDs = Schema.array(.notificationID, count: 0...FormLimits.notificationsReadMax)

    // MARK: Drafts

    private static let draftPlace: [Parameter] = [
        .path("channel_id", .id(ChannelID.self), "The channel."),
        .query("thread_id", .messageID, "The root of a thread of the channel."),
    ]

    static let listDrafts = RouteDoc(
        "listDrafts", .own, "All drafts.", [.consistency], answers: [.ok(.list(.draft))])

    static let putDraft = RouteDoc(
        "putDraft", .own, "Keeps what one has begun to write in a channel or thread.", Self.draftPlace,
        body: .json([.init("text", TextRule.messageText.schema)]), answers: [.ok(.ref(.draft), "As it is kept.")],
        refusals: [.quota, .userDeactivated])

    static let deleteDraft = RouteDoc(
        "deleteDraft", .own, "Throws a draft away, if there is one.", Self.draftPlace, answers: [.noContent])

    // MARK: Scheduled messages

    static let listScheduled = RouteDoc(
        "listScheduled", .own, "What one lets be posted later.", [.consistency],
        answers: [.ok(.list(.scheduledMessage))])

    static let schedule = RouteDoc(
        "schedule", .own, "Has a message posted later, within 120 days.",
        body: .json(
            Self.messageFields + [
                .optional("thread_id", .described(.messageID, "A message of the channel.")),
                .init("send_at", .described(.time, "Must lie ahead.")),
            ]),
        answers: [.created(.ref(.scheduledMessage))],
        refusals: [.notFound, .forbidden, .quota, .userDeactivated, .alreadyExists])

    static let cancelScheduled = RouteDoc(
        "cancelScheduled", .own, "Takes a scheduled message back.",
        [.path("id", .id(ScheduledID.self), "The scheduled message.")], answers: [.noContent])

    // MARK: Reminders

    static let listReminders = RouteDoc(
        "listReminders", .own, "What one wants to be told.", [.consistency], answers: [.ok(.list(.reminder))])

    static let setReminder = RouteDoc(
        "setReminder", .own, "Has oneself told of a message or a text at a time, within a year.",
        body: .json(
            .anyOf([
                .object([
                    .init("message_id", .messageID),
                    .optional("text", Self.reminderText),
                    .init("at", .described(.time, "Must lie ahead.")),
                ]),
                .object([
                    .optional("message_id", .messageID),
                    .init("text", .text(1...FormLimits.reasonBytesMax)),
                    .init("at", .described(.time, "Must lie ahead.")),
                ]),
            ])),
        answers: [.created(.ref(.reminder))], refusals: [.notFound, .quota, .userDeactivated, .alreadyExists])

    private static let reminderText = Schema.text(bytesMax: FormLimits.reasonBytesMax)

    static let cancelReminder = RouteDoc(
        "cancelReminder", .own, "Takes a reminder back.", [.path("id", .id(ReminderID.self), "The reminder.")],
        answers: [.noContent])
}
