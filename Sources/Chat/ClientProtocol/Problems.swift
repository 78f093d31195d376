import ChatModel

// What can be wrong, as clients see it: one table for REST problems (RFC 9457) and socket errors.
// docs/errors.md is its prose; a test holds the two together.

/// The `code` of a problem or of a socket's error. Stable for ever; status and title follow from it.
package enum ProblemCode: String, Sendable, Hashable, CaseIterable {
    case malformed
    case unauthenticated
    case invalidToken = "invalid_token"
    case invalidCredentials = "invalid_credentials"
    case invalidRefreshToken = "invalid_refresh_token"
    case sessionEnded = "session_ended"
    case forbidden
    case inviteRequired = "invite_required"
    case inviteInvalid = "invite_invalid"
    case registrationClosed = "registration_closed"
    case userDeactivated = "user_deactivated"
    case quota
    case notFound = "not_found"
    case methodNotAllowed = "method_not_allowed"
    case timeout
    case nameTaken = "name_taken"
    case alreadyExists = "already_exists"
    case channelArchived = "channel_archived"
    case lastOwner = "last_owner"
    case aborted
    case conflict
    case unsupportedVersion = "unsupported_version"
    case tooLarge = "too_large"
    case addressTooLong = "uri_too_long"
    case unsupportedMediaType = "unsupported_media_type"
    case invalid
    case idempotencyKeyReused = "idempotency_key_reused"
    case unknownType = "unknown_type"
    case rateLimited = "rate_limited"
    case headersTooLarge = "headers_too_large"
    case `internal`
    case unavailable
    case outcomeUnknown = "outcome_unknown"
    case overloaded
    case notReady = "not_ready"
    case diskFull = "disk_full"
    case editWindowOver = "edit_window_over"
    case searchBehind = "search_behind"

    /// The HTTP status. `unknown_type` exists on the socket only and has the status that REST would give.
    package var status: Int {
        switch self {
        case .malformed: 400
        case .unauthenticated, .invalidToken, .invalidCredentials, .invalidRefreshToken, .sessionEnded: 401
        case .forbidden, .inviteRequired, .inviteInvalid, .registrationClosed, .userDeactivated, .quota,
            .editWindowOver:
            403
        case .notFound: 404
        case .methodNotAllowed: 405
        case .timeout: 408
        case .nameTaken, .alreadyExists, .channelArchived, .lastOwner, .aborted, .conflict, .unsupportedVersion: 409
        case .tooLarge: 413
        case .addressTooLong: 414
        case .unsupportedMediaType: 415
        case .invalid, .idempotencyKeyReused, .unknownType: 422
        case .rateLimited: 429
        case .headersTooLarge: 431
        case .internal: 500
        case .unavailable, .outcomeUnknown, .overloaded, .notReady, .searchBehind: 503
        case .diskFull: 507
        }
    }

    /// One short sentence, the same for every occurrence.
    package var title: String {
        switch self {
        case .malformed: "The request could not be read."
        case .unauthenticated: "Sign in first."
        case .invalidToken: "The access token is not valid."
        case .invalidCredentials: "The user name or the password is wrong."
        case .invalidRefreshToken: "The refresh token is not valid."
        case .sessionEnded: "The session has ended."
        case .forbidden: "You may not do this."
        case .inviteRequired: "Signing up needs an invite."
        case .inviteInvalid: "The invite is not valid."
        case .registrationClosed: "Signing up is closed."
        case .userDeactivated: "The account is deactivated."
        case .quota: "A limit on the number of things is reached."
        case .notFound: "There is no such thing."
        case .methodNotAllowed: "The method is not allowed here."
        case .timeout: "The request took too long to arrive."
        case .nameTaken: "The name is taken."
        case .alreadyExists: "It exists already."
        case .channelArchived: "The channel is archived."
        case .lastOwner: "The last owner can not leave."
        case .aborted: "The creation was aborted; try again."
        case .conflict: "The state of the cluster does not allow it now."
        case .unsupportedVersion: "Not every node supports that version."
        case .tooLarge: "The request is too large."
        case .addressTooLong: "The address is too long."
        case .unsupportedMediaType: "The body's media type is not supported."
        case .invalid: "The request is not valid."
        case .idempotencyKeyReused: "The idempotency key was used for another request."
        case .unknownType: "The type of the frame is not known."
        case .rateLimited: "Too many requests."
        case .headersTooLarge: "The headers are too large."
        case .internal: "Something went wrong on our side."
        case .unavailable: "Not available at the moment."
        case .outcomeUnknown: "It is not known whether the request was carried out."
        case .overloaded: "Too busy at the moment."
        case .notReady: "The node is not ready."
        case .editWindowOver: "The message can not be edited any more."
        case .searchBehind: "The search index is catching up."
        case .diskFull: "The disk is full."
        }
    }

    /// What `Retry-After` says where the error itself does not know better: all 429 and 503 have one.
    package var retryAfterSecondsDefault: Int? {
        switch self.status {
        case 429, 503: 1
        default: nil
        }
    }
}

extension ProblemCode {
    package init(_ refusal: Refusal) {
        self =
            switch refusal {
            case .notFound: .notFound
            case .forbidden: .forbidden
            case .nameTaken: .nameTaken
            case .inviteRequired: .inviteRequired
            case .registrationClosed: .registrationClosed
            case .channelArchived: .channelArchived
            case .idempotencyKeyReused: .idempotencyKeyReused
            case .sessionEnded: .sessionEnded
            case .alreadyExists: .alreadyExists
            case .invalid: .invalid
            case .quota: .quota
            case .userDeactivated: .userDeactivated
            case .aborted: .aborted
            case .lastOwner: .lastOwner
            case .conflict, .staleBoot: .conflict
            case .unsupportedVersion: .unsupportedVersion
            case .inviteInvalid: .inviteInvalid
            case .editWindowOver: .editWindowOver
            case .tooFarBehind: .searchBehind
            case .congested: .overloaded
            }
    }
}

/// One field that is wrong, for a 422.
package struct FieldError: Sendable, Hashable {
    package let field: String
    package let detail: String

    package init(field: String, detail: String) {
        self.field = field
        self.detail = detail
    }
}

/// An answer that says no.
package struct Problem: Error, Sendable, Hashable {
    package var code: ProblemCode
    /// What is special about this occurrence; never a stack, a path, or an address of a node.
    package var detail: String?
    package var errors: [FieldError]
    package var retryAfterSeconds: Int?

    package init(
        _ code: ProblemCode, detail: String? = nil, errors: [FieldError] = [], retryAfterSeconds: Int? = nil
    ) {
        self.code = code
        self.detail = detail
        self.errors = errors
        self.retryAfterSeconds = retryAfterSeconds ?? code.retryAfterSecondsDefault
    }

    package init(_ refusal: Refusal) { self.init(ProblemCode(refusal)) }

    /// The 422 of fields that are wrong.
    package init(_ errors: [FieldError]) {
        self.init(.invalid, detail: errors.first.map { "\($0.field): \($0.detail)" }, errors: errors)
    }

    /// What a socket's `error` frame carries as `detail`.
    package var text: String { self.detail ?? self.code.title }

    /// The body of an `application/problem+json` answer.
    package func body(requestID: String) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "urn:roost:error:" + self.code.rawValue)
            writer.field("title", self.code.title)
            writer.field("status", self.code.status)
            writer.field("code", self.code.rawValue)
            writer.field("detail", self.text)
            writer.field("request_id", requestID)
            guard !self.errors.isEmpty else { return }
            writer.key("errors")
            writer.beginArray()
            for error in self.errors {
                writer.beginObject()
                writer.field("field", error.field)
                writer.field("detail", error.detail)
                writer.endObject()
            }
            writer.endArray()
        }
    }
}
