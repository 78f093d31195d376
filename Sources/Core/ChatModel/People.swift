import ClusterModel

// Users, their roles and sessions, as the user's shard keeps them.

/// What a person may do in the workspace. The order is by power.
package enum Role: UInt8, Sendable, Hashable, Comparable, CaseIterable {
    /// Sees only the channels it was put in; creates and browses nothing.
    case guest = 1
    case member = 2
    case moderator = 3
    case admin = 4

    package static func < (left: Role, right: Role) -> Bool { left.rawValue < right.rawValue }
    package var name: String {
        switch self {
        case .guest: "guest"
        case .member: "member"
        case .moderator: "moderator"
        case .admin: "admin"
        }
    }
    package init?(name: String) {
        guard let role = Role.allCases.first(where: { $0.name == name }) else { return nil }
        self = role
    }
}

/// Who asks, as its session says. Commands and queries carry it to the shard that decides.
package struct Actor: Hashable, Sendable {
    package let user: UserID
    package let role: Role
    package let session: SessionID

    package init(user: UserID, role: Role, session: SessionID) {
        self.user = user
        self.role = role
        self.session = session
    }
}

/// A user as the user's shard keeps it. `passwordHash` never leaves the node-to-node world.
package struct UserRecord: Hashable, Sendable {
    package let id: UserID
    package var username: String
    package var displayName: String
    package var email: String?
    package var role: Role
    package var passwordHash: String
    package var createdAt: Timestamp
    package var deactivatedAt: Timestamp?

    package init(
        id: UserID, username: String, displayName: String, email: String?, role: Role, passwordHash: String,
        createdAt: Timestamp, deactivatedAt: Timestamp? = nil
    ) {
        self.id = id
        self.username = username
        self.displayName = displayName
        self.email = email
        self.role = role
        self.passwordHash = passwordHash
        self.createdAt = createdAt
        self.deactivatedAt = deactivatedAt
    }
}

/// A signed-in device. Refresh tokens are `(session, generation)` under a MAC, so an authentic old one is
/// recognised without remembering it.
package struct SessionRecord: Hashable, Sendable {
    package let id: SessionID
    package let user: UserID
    /// How often the refresh token was rotated; only the token of this generation is good, and that of
    /// the one before it for ten seconds after the rotation.
    package var generation: UInt64
    package var rotatedAt: Timestamp
    package let createdAt: Timestamp
    package var expiresAt: Timestamp

    package init(
        id: SessionID, user: UserID, generation: UInt64, rotatedAt: Timestamp, createdAt: Timestamp,
        expiresAt: Timestamp
    ) {
        self.id = id
        self.user = user
        self.generation = generation
        self.rotatedAt = rotatedAt
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }
}

/// Who may sign up.
package enum Registration: UInt8, Sendable, Hashable, CaseIterable {
    case invite = 1
    case open = 2
    case closed = 3

    package var name: String {
        switch self {
        case .invite: "invite"
        case .open: "open"
        case .closed: "closed"
        }
    }
    package init?(name: String) {
        guard let found = Registration.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }
}

/// What the directory keeps secret for all nodes: made once by the founder, replicated in its log.
package struct ClusterSecrets: Hashable, Sendable {
    /// Raw private key of the ES256 (P-256) access-token signer, 32 bytes.
    package let tokenSigningKey: [UInt8]
    /// Names the key in JWKS and token headers.
    package let tokenKeyID: String
    /// HMAC key of refresh tokens and cursors, 32 bytes.
    package let macKey: [UInt8]

    package init(tokenSigningKey: [UInt8], tokenKeyID: String, macKey: [UInt8]) {
        self.tokenSigningKey = tokenSigningKey
        self.tokenKeyID = tokenKeyID
        self.macKey = macKey
    }
}
