import ChatModel
import ClientProtocol

// What the contract says of `UserRoutes`, `ProfileRoutes`, `PresenceRoutes` and the finding of people.

extension RouteDoc {
    static let getOwnUser = RouteDoc(
        "getOwnUser", .people, "Oneself.", [.consistency], answers: [.ok(.ref(.user))])

    static let getUser = RouteDoc(
        "getUser", .people, "A person.", [.user, .consistency], answers: [.ok(.ref(.user))])

    static let changeOwnUser = RouteDoc(
        "changeOwnUser", .people, "Changes what is named; null empties what may be empty.",
        body: .json([
            .init("display_name", TextRule.displayName.schema, isRequired: false),
            .optional("email", TextRule.emailAddress.schema),
            .optional("status_text", Self.statusText),
            .optional("status_until", .described(.time, "Must lie ahead.")),
            .optional("avatar_file_id", .described(.null, "There are no files yet.")),
        ]),
        answers: [.ok(.ref(.user), "As it is now.")], refusals: [.userDeactivated])

    private static let statusText: Schema = {
        guard case .string(var form) = TextRule.topic.schema else { return TextRule.topic.schema }
        form.bytesMax = nil
        form.lengthMax = ProfilePatch.statusCharactersMax
        return .string(form)
    }()

    private static let prefix = Schema.text(bytesMax: FormLimits.displayNameBytesMax)
    private static let deactivated = Parameter.query(
        "deactivated", .bool, "Whether to show deactivated people too: for administrators.")

    static let findUsers = RouteDoc(
        "findUsers", .people, "People by the beginning of a name, in the order of their user names.",
        [.query("query", Self.prefix, "How the user name begins, or a word of the display name."), Self.deactivated]
            + Parameter.page,
        answers: [.ok(.list(.user))], refusals: [.forbidden])

    static let searchUsers = RouteDoc(
        "searchUsers", .search, "People by the beginning of a name, in the order of their user names.",
        [.query("q", Self.prefix, "How the user name begins, or a word of the display name."), Self.deactivated]
            + Parameter.page,
        answers: [.ok(.list(.user))], refusals: [.forbidden])

    static let choosePresence = RouteDoc(
        "choosePresence", .people, "Says how one wants to be seen.",
        body: .json(
            .anyOf([
                .object([
                    .init("status", .choice([PresenceStatus.dnd.name])),
                    .optional("until", .described(.time, "Must lie ahead.")),
                ]),
                .object([
                    .init("status", .choice(PresenceStatus.allCases.filter { $0 != .dnd }.map(\.name))),
                    .init("until", .null, isRequired: false),
                ]),
            ])),
        answers: [.ok(.ref(.presence), "As one is seen now.")], refusals: [.userDeactivated])

    static let listPresence = RouteDoc(
        "listPresence", .people, "How people are seen; who is not there or not visible is left out.",
        [
            .required(
                "user_ids", .text, "Ids with commas between them, at most \(RestService.presenceMax).")
        ],
        answers: [.ok(.list(.presence))])
}
