import ChatModel
import ClientProtocol

// Accounts, sessions and people, as `JSONWriter+Users` and the routes of sessions write them.

extension Component {
    static let grantSchema = Schema.object([
        .init("user", .ref(.user)),
        .init("access_token", .text),
        .init("token_type", .choice(["Bearer"])),
        .init("expires_in", .described(.count, "Seconds that the access token is good for.")),
        .init("refresh_token", .text),
    ])

    /// RFC 7662: of a token that is not good nothing but that is told.
    static let introspectionSchema = Schema.object([
        .init("active", .bool),
        .sometimes("sub", .id(UserID.self)),
        .sometimes("scope", .role),
        .sometimes("sid", .id(SessionID.self)),
        .sometimes("token_type", .choice(["Bearer"])),
        .sometimes("iss", .text),
        .sometimes("aud", .text),
        .sometimes("iat", .count),
        .sometimes("exp", .count),
    ])

    static let sessionSchema = Schema.object([
        .init("id", .id(SessionID.self)),
        .init("created_at", .time),
        .init("last_used_at", .described(.time, "When its refresh token was last rotated.")),
        .init("expires_at", .time),
        .init("user_agent", .nullable(.text)),
        .init("address", .nullable(.text)),
        .init("current", .described(.bool, "Whether the request itself came in this session.")),
    ])

    static let userSchema = Schema.object([
        .init("id", .id(UserID.self)),
        .init("username", TextRule.username.schema),
        .init("display_name", .text),
        .sometimes("email", .nullable(.described(.text, "Shown to the person itself and to administrators."))),
        .init("avatar_url", .nullable(.uri)),
        .init("role", .role),
        .init("status_text", .text),
        .init("status_until", .nullable(.time)),
        .init("created_at", .time),
        .init("deactivated_at", .nullable(.time)),
    ])

    static let presenceSchema = Schema.object([
        .init("user_id", .id(UserID.self)),
        .init("status", .presenceStatus),
        .init("until", .nullable(.time)),
    ])
}
