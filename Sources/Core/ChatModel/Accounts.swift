import ClusterModel

// What the directory keeps beside names and nodes: accounts, invites, the workspace, emoji, flags, the audit log.

/// What becomes of a deactivated user's messages.
package enum ContentPolicy: UInt8, Sendable, Hashable, NamedCase {
    case keep = 1
    case anonymise = 2
    case redact = 3

    package var name: String {
        switch self {
        case .keep: "keep"
        case .anonymise: "anonymise"
        case .redact: "redact"
        }
    }
}

/// Who may address all of a channel (`@channel`, `@here`); guests never.
package enum BroadcastRight: UInt8, Sendable, Hashable, NamedCase {
    case everyone = 1
    case owners = 2
    case nobody = 3

    package var name: String {
        switch self {
        case .everyone: "everyone"
        case .owners: "owners"
        case .nobody: "nobody"
        }
    }
}

/// What a moderator did about a flag.
package enum FlagAction: UInt8, Sendable, Hashable, NamedCase {
    case dismissed = 1
    case deleted = 2

    package var name: String {
        switch self {
        case .dismissed: "dismissed"
        case .deleted: "deleted"
        }
    }
}

/// An account as the directory lists it: the authority on role and deactivation.
package struct AccountRecord: Hashable, Sendable {
    package let id: UserID
    package let username: String
    package var displayName: String
    package var avatar: FileID?
    package var role: Role
    package var deactivatedAt: Timestamp?
    /// The log index of the last change of standing.
    package var version: UInt64

    package init(
        id: UserID, username: String, displayName: String, avatar: FileID?, role: Role, deactivatedAt: Timestamp?,
        version: UInt64
    ) {
        self.id = id
        self.username = username
        self.displayName = displayName
        self.avatar = avatar
        self.role = role
        self.deactivatedAt = deactivatedAt
        self.version = version
    }
}

/// What the directory decides about a person, as the user's shard is told it.
package struct Standing: Hashable, Sendable {
    package var role: Role
    package var deactivatedAt: Timestamp?
    /// The log index of the change; the newer one wins.
    package var version: UInt64
    package var policy: ContentPolicy

    package init(role: Role, deactivatedAt: Timestamp?, version: UInt64, policy: ContentPolicy) {
        self.role = role
        self.deactivatedAt = deactivatedAt
        self.version = version
        self.policy = policy
    }
}

/// Lets `usesMax` people sign up with a role. Its id is the secret.
package struct InviteRecord: Hashable, Sendable {
    package let id: InviteID
    package let role: Role
    package let usesMax: UInt32
    package var uses: UInt32
    package let expiresAt: Timestamp
    package let createdBy: UserID
    package let createdAt: Timestamp

    package init(
        id: InviteID, role: Role, usesMax: UInt32, uses: UInt32, expiresAt: Timestamp, createdBy: UserID,
        createdAt: Timestamp
    ) {
        self.id = id
        self.role = role
        self.usesMax = usesMax
        self.uses = uses
        self.expiresAt = expiresAt
        self.createdBy = createdBy
        self.createdAt = createdAt
    }
}

/// What administrators set for all.
package struct WorkspaceSettings: Hashable, Sendable {
    package var name: String
    package var registration: Registration
    package var allowedOrigins: [String]
    package var retentionDays: UInt32?
    package var contentPolicy: ContentPolicy
    package var broadcastRight: BroadcastRight
    /// nil: without an end.
    package var editWindowSeconds: UInt32?
    package var publicURL: String?

    package init(
        name: String, registration: Registration, allowedOrigins: [String], retentionDays: UInt32?,
        contentPolicy: ContentPolicy, broadcastRight: BroadcastRight, editWindowSeconds: UInt32?, publicURL: String?
    ) {
        self.name = name
        self.registration = registration
        self.allowedOrigins = allowedOrigins
        self.retentionDays = retentionDays
        self.contentPolicy = contentPolicy
        self.broadcastRight = broadcastRight
        self.editWindowSeconds = editWindowSeconds
        self.publicURL = publicURL
    }
}

extension WorkspaceSettings {
    /// As they are until an administrator changes them.
    package static let initial = WorkspaceSettings(
        name: "", registration: .invite, allowedOrigins: [], retentionDays: nil, contentPolicy: .keep,
        broadcastRight: .everyone, editWindowSeconds: nil, publicURL: nil)
}

/// A change of the workspace's settings: what is nil or kept stays.
package struct WorkspacePatch: Hashable, Sendable {
    package var name: String?
    package var registration: Registration?
    package var allowedOrigins: [String]?
    package var retentionDays: Change<UInt32>
    package var contentPolicy: ContentPolicy?
    package var broadcastRight: BroadcastRight?
    package var editWindowSeconds: Change<UInt32>
    package var publicURL: Change<String>

    package init(
        name: String? = nil, registration: Registration? = nil, allowedOrigins: [String]? = nil,
        retentionDays: Change<UInt32> = .keep, contentPolicy: ContentPolicy? = nil,
        broadcastRight: BroadcastRight? = nil, editWindowSeconds: Change<UInt32> = .keep,
        publicURL: Change<String> = .keep
    ) {
        self.name = name
        self.registration = registration
        self.allowedOrigins = allowedOrigins
        self.retentionDays = retentionDays
        self.contentPolicy = contentPolicy
        self.broadcastRight = broadcastRight
        self.editWindowSeconds = editWindowSeconds
        self.publicURL = publicURL
    }
}

/// What shards need of the workspace's settings to decide; the newer version wins.
package struct WorkspaceCopy: Hashable, Sendable {
    package var retentionDays: UInt32?
    package var broadcastRight: BroadcastRight
    package var editWindowSeconds: UInt32?
    package var version: UInt64

    package init(retentionDays: UInt32?, broadcastRight: BroadcastRight, editWindowSeconds: UInt32?, version: UInt64) {
        self.retentionDays = retentionDays
        self.broadcastRight = broadcastRight
        self.editWindowSeconds = editWindowSeconds
        self.version = version
    }
}

/// A name that people write between colons, and the Unicode emoji it stands for.
package struct EmojiRecord: Hashable, Sendable {
    package let name: String
    package let alias: String
    package let createdBy: UserID
    package let createdAt: Timestamp

    package init(name: String, alias: String, createdBy: UserID, createdAt: Timestamp) {
        self.name = name
        self.alias = alias
        self.createdBy = createdBy
        self.createdAt = createdAt
    }
}

/// How a flag ended.
package struct FlagResolution: Hashable, Sendable {
    package let action: FlagAction
    package let by: UserID
    package let at: Timestamp
    package let note: String

    package init(action: FlagAction, by: UserID, at: Timestamp, note: String) {
        self.action = action
        self.by = by
        self.at = at
        self.note = note
    }
}

/// A message that somebody reported to the moderators.
package struct FlagRecord: Hashable, Sendable {
    package let id: FlagID
    package let message: MessageID
    package let author: UserID
    package let reporter: UserID
    package let reason: String
    /// Of the text as it was when it was flagged; at most 1,000 bytes.
    package let excerpt: String
    package let at: Timestamp
    package var resolution: FlagResolution?

    package init(
        id: FlagID, message: MessageID, author: UserID, reporter: UserID, reason: String, excerpt: String,
        at: Timestamp, resolution: FlagResolution?
    ) {
        self.id = id
        self.message = message
        self.author = author
        self.reporter = reporter
        self.reason = reason
        self.excerpt = excerpt
        self.at = at
        self.resolution = resolution
    }
}

/// A named value beside an audited action.
package struct AuditDetail: Hashable, Sendable {
    package let name: String
    package let value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// What somebody with power did, before the log has numbered it.
package struct AuditNote: Hashable, Sendable {
    /// nil: the cluster itself.
    package let actor: UserID?
    /// Dotted, for example `user.role`.
    package let action: String
    package let target: String
    package let details: [AuditDetail]
    package let at: Timestamp

    package init(actor: UserID?, action: String, target: String, details: [AuditDetail], at: Timestamp) {
        self.actor = actor
        self.action = action
        self.target = target
        self.details = details
        self.at = at
    }
}

/// A numbered note. `digest` is the SHA-256 of number, `previous` and the encoded note: a chain.
package struct AuditEntry: Hashable, Sendable {
    package let number: UInt64
    package let note: AuditNote
    package let previous: Digest
    package let digest: Digest

    package init(number: UInt64, note: AuditNote, previous: Digest, digest: Digest) {
        self.number = number
        self.note = note
        self.previous = previous
        self.digest = digest
    }
}

/// Which notes are asked for; nil matches all.
package struct AuditFilter: Hashable, Sendable {
    package var actor: UserID?
    /// Matches as a prefix.
    package var action: String?
    package var target: String?
    package var since: Timestamp?
    package var until: Timestamp?

    package init(
        actor: UserID? = nil, action: String? = nil, target: String? = nil, since: Timestamp? = nil,
        until: Timestamp? = nil
    ) {
        self.actor = actor
        self.action = action
        self.target = target
        self.since = since
        self.until = until
    }
}
