import ChatModel
import ClientProtocol

// What the contract says of `SessionRoutes` and `SessionListRoutes`.

extension RouteDoc {
    static let register = RouteDoc(
        "register", .sessions, "Signs up. The first account of a cluster is its administrator.",
        body: .json([
            .init("username", TextRule.username.schema),
            .init("password", TextRule.password.schema),
            .optional("email", TextRule.emailAddress.schema),
            .optional("display_name", TextRule.displayName.schema),
            .optional("invite", .text),
        ]),
        answers: [.created(.ref(.grant), "The account and its first session.")],
        refusals: [
            .inviteRequired, .inviteInvalid, .registrationClosed, .nameTaken, .alreadyExists, .aborted, .rateLimited,
            .notReady, .unavailable, .outcomeUnknown, .overloaded, .diskFull,
        ])

    static let login = RouteDoc(
        "login", .sessions, "Signs in on a device.",
        body: .json([
            .init("username", .text(bytesMax: LoginRequest.bytesMax)),
            .init("password", .text(bytesMax: LoginRequest.bytesMax)),
        ]),
        answers: [.ok(.ref(.grant), "A new session.")],
        refusals: [
            .invalidCredentials, .userDeactivated, .rateLimited, .notReady, .unavailable, .outcomeUnknown, .overloaded,
            .diskFull,
        ])

    static let refresh = RouteDoc(
        "refresh", .sessions, "Gives fresh tokens; the refresh token is used up.",
        body: .json([.init("refresh_token", .text)]),
        answers: [.ok(.ref(.grant), "The session with its next tokens.")],
        refusals: [
            .invalidRefreshToken, .userDeactivated, .notReady, .unavailable, .outcomeUnknown, .overloaded, .diskFull,
        ])

    static let logout = RouteDoc(
        "logout", .sessions, "Ends the session, and that of the refresh token if it is one's own.",
        body: .optional([.optional("refresh_token", .text)]), answers: [.noContent])

    static let introspect = RouteDoc(
        "introspect", .sessions, "What an access token says and whether it is good (RFC 7662).",
        body: .jsonOrForm([.init("token", .text)]), answers: [.ok(.ref(.introspection))])

    static let listSessions = RouteDoc(
        "listSessions", .sessions, "One's own devices, newest first.", Parameter.page,
        answers: [.ok(.list(.session))])

    static let endOtherSessions = RouteDoc(
        "endOtherSessions", .sessions, "Signs out everywhere but here.", answers: [.noContent])

    static let endSession = RouteDoc(
        "endSession", .sessions, "Signs out one of one's own devices; its sockets close.",
        [.path("id", .id(SessionID.self), "The session.")], answers: [.noContent])
}
