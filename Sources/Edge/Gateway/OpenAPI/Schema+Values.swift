import ChatModel
import ClientProtocol
import ClusterModel

// The values that many schemas are made of. Their bounds are those by which nodes read and decide.

extension Schema {
    /// 26 letters of Crockford's base 32, which hold 128 bits: the first has three of them.
    private static let base32 = "[0-7][0-9a-hjkmnp-tv-z]{25}"
    /// A positive number of which every spelling fits into 64 bits.
    private static let number = "[1-9][0-9]{0,18}"

    static func pattern<ID: PrefixedID>(_: ID.Type) -> String { "^\(ID.prefix)\(Self.base32)$" }
    static func id<ID: PrefixedID>(_ type: ID.Type) -> Schema { .text(pattern: Self.pattern(type)) }

    static let messageID = Schema.text(pattern: "^\(ChannelID.prefix)\(Self.base32)\\.\(Self.number)$")
    static let notificationID = Schema.text(pattern: "^\(NotificationID.prefix)\(Self.number)$")

    static let role = Schema.choice { (role: Role) in role.name }
    static let channelRole = Schema.choice { (role: ChannelRole) in role.name }
    static let channelType = Schema.choice { (type: ChannelType) in type.name }
    /// What people may make; the others come about by who is in them.
    static let namedChannelType = Schema.choice([ChannelType.public, .private].map(\.name))
    static let registration = Schema.choice { (registration: Registration) in registration.name }
    static let contentPolicy = Schema.choice { (policy: ContentPolicy) in policy.name }
    static let mentionRight = Schema.choice { (right: BroadcastRight) in right.name }
    static let notifyLevel = Schema.choice { (level: NotifyLevel) in level.name }
    static let presenceStatus = Schema.choice { (status: PresenceStatus) in status.name }
    static let notificationType = Schema.choice { (kind: NotificationKind) in kind.name }
    static let flagAction = Schema.choice { (action: FlagAction) in action.name }

    static let seq = Schema.count
    static let retentionDays = Schema.integer(1...Int64(FormLimits.retentionDaysMax))
    static let editWindowSeconds = Schema.integer(0...Int64(FormLimits.editWindowSecondsMax))
    static let minuteOfDay = Schema.text(pattern: "^([01][0-9]|2[0-3]):[0-5][0-9]$")
    static let dayOrTime = Schema.anyOf([.string(TextForm(format: "date")), .time])
    static let digest = Schema.text(pattern: "^[0-9a-f]{64}$")
}

extension TextRule {
    /// The rule as the contract tells it.
    var schema: Schema {
        var form = TextForm(pattern: self.pattern)
        if self.length.lowerBound > 0 { form.lengthMin = self.length.lowerBound }
        if self.isCountedInBytes {
            form.bytesMax = self.length.upperBound
        } else {
            form.lengthMax = self.length.upperBound
        }
        return .string(form)
    }

    /// C0, DEL, C1, the line separators and the marks of direction, for the inside of a character class.
    private static let control = "\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069"

    /// Beside `control`, what shows nothing (`NameText`), as far as it has four digits. The joiner (200d) and the selector
    /// (fe0f) are not among them: in sequences of emoji they are taken.
    private static let invisible =
        control
        + "\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b\\u200c\\u200e\\u200f\\u2060-\\u2065"
        + "\\u206a-\\u206f\\u2800\\u3164\\ufdd0-\\ufdef\\ufe00-\\ufe0e\\ufeff\\uffa0\\ufff0-\\ufffb\\ufffe\\uffff"

    private var pattern: String? {
        switch self {
        case .username: "^[A-Za-z0-9][A-Za-z0-9._-]*$"
        case .displayName, .channelName: "^[^\\s\(Self.invisible)]([^\(Self.invisible)]*[^\\s\(Self.invisible)])?$"
        case .topic: "^[^\(Self.control)]*$"
        case .emailAddress: "^[^@\\s\(Self.control)]+@[^@\\s\(Self.control)]+$"
        case .password, .messageText, .idempotencyKey, .emoji: nil
        }
    }
}
