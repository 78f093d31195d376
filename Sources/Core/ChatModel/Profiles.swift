import ClusterModel

// What a person shows of itself and how it wants to be told of things.

/// What leads to a notification.
package enum NotifyLevel: UInt8, Sendable, Hashable, NamedCase {
    case all = 1
    case mentions = 2
    case none = 3

    package var name: String {
        switch self {
        case .all: "all"
        case .mentions: "mentions"
        case .none: "none"
        }
    }
}

/// Whether a person can be reached.
package enum PresenceStatus: UInt8, Sendable, Hashable, NamedCase {
    case online = 1
    case away = 2
    case dnd = 3
    case offline = 4

    package var name: String {
        switch self {
        case .online: "online"
        case .away: "away"
        case .dnd: "dnd"
        case .offline: "offline"
        }
    }
}

/// A change of one's own profile: what is nil or kept stays.
package struct ProfilePatch: Hashable, Sendable {
    package var displayName: String?
    package var email: Change<String>
    package var statusText: String?
    package var statusUntil: Change<Timestamp>
    package var avatar: Change<FileID>

    package init(
        displayName: String? = nil, email: Change<String> = .keep, statusText: String? = nil,
        statusUntil: Change<Timestamp> = .keep, avatar: Change<FileID> = .keep
    ) {
        self.displayName = displayName
        self.email = email
        self.statusText = statusText
        self.statusUntil = statusUntil
        self.avatar = avatar
    }
}

/// What a profile holds beside the user's record.
package struct ProfileExtra: Hashable, Sendable {
    package var statusText: String
    package var statusUntil: Timestamp?
    package var avatar: FileID?

    package init(statusText: String, statusUntil: Timestamp?, avatar: FileID?) {
        self.statusText = statusText
        self.statusUntil = statusUntil
        self.avatar = avatar
    }
}

/// How one channel differs from a person's own settings.
package struct ChannelOverride: Hashable, Sendable {
    package let channel: ChannelID
    package var level: NotifyLevel?
    package var muted: Bool

    package init(channel: ChannelID, level: NotifyLevel?, muted: Bool) {
        self.channel = channel
        self.level = level
        self.muted = muted
    }
}

/// When notifications make no noise, on the person's own clock.
package struct QuietHours: Hashable, Sendable {
    /// Local minute of the day at which it begins, 0–1439.
    package var fromMinute: UInt16
    /// Local minute at which it ends; before `fromMinute`: on the next day.
    package var toMinute: UInt16
    /// What local time is ahead of UTC.
    package var offsetMinutes: Int16
    /// Bit 0 is Monday; the day on which it begins.
    package var days: UInt8

    package init(fromMinute: UInt16, toMinute: UInt16, offsetMinutes: Int16, days: UInt8) {
        self.fromMinute = fromMinute
        self.toMinute = toMinute
        self.offsetMinutes = offsetMinutes
        self.days = days
    }
}

/// A person's own settings, replaced as a whole.
package struct UserSettings: Hashable, Sendable {
    package var level: NotifyLevel
    /// Sorted by channel, at most 1,000.
    package var overrides: [ChannelOverride]
    package var quiet: QuietHours?
    package var theme: String
    package var language: String

    package init(level: NotifyLevel, overrides: [ChannelOverride], quiet: QuietHours?, theme: String, language: String)
    {
        self.level = level
        self.overrides = overrides
        self.quiet = quiet
        self.theme = theme
        self.language = language
    }
}

/// Where a session was begun; shown to its owner only.
package struct SessionDetail: Hashable, Sendable {
    package let userAgent: String
    package let address: String

    package init(userAgent: String, address: String) {
        self.userAgent = userAgent
        self.address = address
    }
}

/// A session as its owner's list shows it.
package struct SessionView: Hashable, Sendable {
    package let session: SessionRecord
    package let detail: SessionDetail?

    package init(session: SessionRecord, detail: SessionDetail?) {
        self.session = session
        self.detail = detail
    }
}

/// How a person wants to be seen, whatever its devices do.
package struct PresenceChoice: Hashable, Sendable {
    package var status: PresenceStatus
    package var until: Timestamp?

    package init(status: PresenceStatus, until: Timestamp?) {
        self.status = status
        self.until = until
    }
}

/// What a request with an idempotency key was answered, to be answered again.
package struct StoredAnswer: Hashable, Sendable {
    package let status: UInt16
    /// At most 8 KiB.
    package let body: [UInt8]

    package init(status: UInt16, body: [UInt8]) {
        self.status = status
        self.body = body
    }
}

/// A field of a patch: left as it is, given a value, or emptied.
package enum Change<Value> {
    case keep
    case set(Value)
    case clear

    /// What becomes of a field that holds `old`.
    package func applied(to old: Value?) -> Value? {
        switch self {
        case .keep: old
        case .set(let value): value
        case .clear: nil
        }
    }

    package var isKeeping: Bool {
        if case .keep = self { true } else { false }
    }
}

extension Change: Equatable where Value: Equatable {}
extension Change: Hashable where Value: Hashable {}
extension Change: Sendable where Value: Sendable {}

extension UserSettings {
    package static let overridesMax = 1000
    /// Those of a person who has set nothing.
    package static let initial = UserSettings(level: .mentions, overrides: [], quiet: nil, theme: "", language: "")
}
