/// Why the server closes a socket. The range carries the client's retry policy.
package enum CloseCode: UInt16, Sendable, Hashable, CaseIterable {
    // Reconnect and resume.
    /// Drain and SIGTERM; after the jitter of the `reconnect` frame.
    case goingAway = 1001
    case internalError = 1011
    /// Restart without a drain.
    case serviceRestart = 1012
    case tryAgainLater = 1013
    /// The unsent backlog passed its bound; the log has what was missed.
    case slowConsumer = 4000
    /// Two heartbeats missed.
    case heartbeatsMissed = 4001
    /// The rate limit was passed persistently.
    case rateLimited = 4029

    // Stop: a person must act.
    case protocolError = 1002
    /// A binary frame.
    case unsupportedData = 1003
    case notUTF8 = 1007
    /// More than 16 sockets in one session: the oldest is closed.
    case policyViolation = 1008
    /// A frame over 64 KiB.
    case tooBig = 1009
    /// Not JSON, or no object.
    case malformed = 4400
    /// Not authenticated in time, or a bad token.
    case unauthenticated = 4401
    /// The session was revoked or the user deactivated.
    case sessionRevoked = 4403

    /// Whether a client comes back by itself and resumes.
    package var mayReconnect: Bool {
        switch self {
        case .goingAway, .internalError, .serviceRestart, .tryAgainLater, .slowConsumer, .heartbeatsMissed,
            .rateLimited:
            true
        case .protocolError, .unsupportedData, .notUTF8, .policyViolation, .tooBig, .malformed, .unauthenticated,
            .sessionRevoked:
            false
        }
    }

    /// The close frame's reason, ASCII and under 123 bytes.
    package var reason: StaticString {
        switch self {
        case .goingAway: "going away"
        case .internalError: "internal error"
        case .serviceRestart: "restarting"
        case .tryAgainLater: "try again later"
        case .slowConsumer: "slow consumer"
        case .heartbeatsMissed: "heartbeats missed"
        case .rateLimited: "rate limited"
        case .protocolError: "protocol error"
        case .unsupportedData: "text frames only"
        case .notUTF8: "not UTF-8"
        case .policyViolation: "too many sockets"
        case .tooBig: "frame too big"
        case .malformed: "malformed frame"
        case .unauthenticated: "not authenticated"
        case .sessionRevoked: "session revoked"
        }
    }
}
