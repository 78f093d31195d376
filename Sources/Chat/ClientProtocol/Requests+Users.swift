import ChatModel
import ClusterModel

// The bodies of requests about oneself. Each answers with the 422 that names every wrong field.

extension ProfilePatch {
    package static let statusCharactersMax = 100

    /// `{display_name?, email?, status_text?, status_until?}`; null empties what may be empty.
    package init(_ object: JSONObject, now: Timestamp) throws(Problem) {
        var fields = FieldReader(object)
        let displayName = fields.optionalString("display_name", .displayName)
        let email = fields.optionalString("email", .emailAddress)
        var statusText = fields.optionalString("status_text", .topic)
        let until = fields.optionalTime("status_until")
        if object["display_name"] == .null { fields.refuse("display_name", "can not be empty") }
        if let text = statusText,
            text.utf8.count > FormLimits.statusTextBytesMax || text.count > Self.statusCharactersMax
        {
            fields.refuse("status_text", "must have at most \(Self.statusCharactersMax) characters")
        }
        if object["status_text"] == .null { statusText = "" }
        if let until, until <= now { fields.refuse("status_until", "must lie ahead") }
        if let avatar = object["avatar_file_id"], avatar != .null {
            fields.refuse("avatar_file_id", "names no file that you have uploaded")
        }
        if let problem = fields.problem { throw problem }
        self.init(
            displayName: displayName,
            email: object["email"] == .null ? .clear : email.map { .set($0) } ?? .keep,
            statusText: statusText,
            statusUntil: object["status_until"] == .null ? .clear : until.map { .set($0) } ?? .keep)
    }
}

extension UserSettings {
    /// `{notifications?: {level?, channels?, quiet_hours?}, theme?, language?}`; what is absent gets its default.
    package init(_ object: JSONObject) throws(Problem) {
        var fields = FieldReader(object)
        var settings = UserSettings.initial
        switch object["notifications"] {
        case nil, .null: break
        case .object(let notifications): settings.readNotifications(notifications, &fields)
        default: fields.refuse("notifications", "must be an object")
        }
        for name in ["theme", "language"] {
            guard let text = fields.optionalString(name, .topic), text.utf8.count > FormLimits.tokenBytesMax else {
                continue
            }
            fields.refuse(name, "must have at most \(FormLimits.tokenBytesMax) bytes")
        }
        if let problem = fields.problem { throw problem }
        settings.theme = object["theme"]?.asString ?? ""
        settings.language = object["language"]?.asString ?? ""
        self = settings
    }

    private mutating func readNotifications(_ object: JSONObject, _ fields: inout FieldReader) {
        switch object["level"] {
        case nil, .null: break
        case .string(let name):
            if let level = NotifyLevel(name: name) { self.level = level } else { fields.refuseLevel("level") }
        default: fields.refuseLevel("level")
        }
        switch object["channels"] {
        case nil, .null: break
        case .object(let channels): self.readChannels(channels, &fields)
        default: fields.refuse("notifications.channels", "must be an object")
        }
        switch object["quiet_hours"] {
        case nil, .null: break
        case .object(let hours): self.quiet = QuietHours(hours, &fields)
        default: fields.refuse("notifications.quiet_hours", "must be an object")
        }
    }

    private mutating func readChannels(_ object: JSONObject, _ fields: inout FieldReader) {
        guard object.members.count <= Self.overridesMax else {
            fields.refuse("notifications.channels", "must name at most \(Self.overridesMax) channels")
            return
        }
        for member in object.members {
            guard let channel = ChannelID(member.name), let override = member.value.asObject else {
                fields.refuse("notifications.channels", "must map ids of channels to objects")
                return
            }
            let level = override["level"] ?? .null
            let muted = override["muted"] ?? .bool(false)
            let known = level.asString.flatMap(NotifyLevel.init(name:))
            if level != .null, known == nil { fields.refuseLevel("channels.level") }
            if muted.asBool == nil, muted != .null {
                fields.refuse("notifications.channels.muted", "must be a boolean")
            }
            self.overrides.append(ChannelOverride(channel: channel, level: known, muted: muted.asBool ?? false))
        }
        // An id has one spelling, and a name stands once in an object: all of them differ.
        self.overrides.sort { $0.channel < $1.channel }
    }
}

extension FieldReader {
    fileprivate mutating func refuseLevel(_ field: String) {
        self.refuse("notifications.\(field)", "must be 'all', 'mentions' or 'none'")
    }
}

extension QuietHours {
    /// From the westernmost to the easternmost clock on earth, in minutes before and after UTC.
    package static let offsets: ClosedRange<Int64> = -720...840

    /// `{from, to, utc_offset_minutes?, days?}`; all days unless told otherwise, 1 is Monday.
    fileprivate init?(_ object: JSONObject, _ fields: inout FieldReader) {
        let place = "notifications.quiet_hours"
        let from = object["from"]?.asString.flatMap { MinuteOfDay($0) }
        let to = object["to"]?.asString.flatMap { MinuteOfDay($0) }
        if from == nil { fields.refuse("\(place).from", "must be a time of day as in '22:00'") }
        if to == nil { fields.refuse("\(place).to", "must be a time of day as in '07:00'") }
        let offset = object["utc_offset_minutes"] ?? .integer(0)
        guard let minutes = offset.asInteger, Self.offsets.contains(minutes) else {
            fields.refuse(
                "\(place).utc_offset_minutes", "must be from \(Self.offsets.lowerBound) to \(Self.offsets.upperBound)")
            return nil
        }
        let days = (object["days"] ?? .array((1...7).map { .integer($0) })).asArray?.map(\.asInteger)
        guard let days, days.allSatisfy({ $0.map { (1...7).contains($0) } ?? false }) else {
            fields.refuse("\(place).days", "must be a list of numbers from 1 to 7")
            return nil
        }
        guard let from, let to else { return nil }
        self.init(
            fromMinute: from.minute, toMinute: to.minute, offsetMinutes: Int16(minutes),
            days: days.reduce(0) { $0 | 1 << UInt8(($1 ?? 1) - 1) })
    }
}

/// `{ids}` or `{through}` of notifications.
package struct ReadNotificationsRequest: Sendable, Hashable {
    package let numbers: [UInt64]
    package let through: UInt64?

    package init(_ object: JSONObject) throws(Problem) {
        var fields = FieldReader(object)
        var numbers: [UInt64] = []
        switch object["ids"] {
        case nil, .null: break
        case .array(let values) where values.count <= FormLimits.notificationsReadMax:
            for value in values {
                guard let id = value.asString.flatMap({ NotificationID($0) }) else {
                    fields.refuse("ids", "must be ids of notifications")
                    break
                }
                numbers.append(id.number)
            }
        case .array: fields.refuse("ids", "must have at most \(FormLimits.notificationsReadMax) items")
        default: fields.refuse("ids", "must be a list")
        }
        let last = fields.optionalString("through")
        let through = last.flatMap { NotificationID($0) }
        if last != nil, through == nil { fields.refuse("through", "must be the id of a notification") }
        if (object["ids"] ?? .null) == .null, last == nil { fields.refuse("ids", "is required, or 'through'") }
        if let problem = fields.problem { throw problem }
        self.numbers = numbers
        self.through = through?.number
    }
}

/// `{message_id?, text?, at}`: one of the first two must be there.
package struct ReminderRequest: Sendable, Hashable {
    package let message: MessageID?
    package let text: String
    package let at: Timestamp

    package init(_ object: JSONObject, now: Timestamp) throws(Problem) {
        var fields = FieldReader(object)
        let message = (object["message_id"] ?? .null) == .null ? nil : fields.messageID("message_id")
        let text = fields.optionalString("text")
        let at = fields.futureTime("at", now: now)
        if let text, text.utf8.count > FormLimits.reasonBytesMax {
            fields.refuse("text", "must have at most \(FormLimits.reasonBytesMax) bytes")
        }
        if (object["message_id"] ?? .null) == .null, text?.isEmpty ?? true {
            fields.refuse("text", "is required, or 'message_id'")
        }
        if let problem = fields.problem { throw problem }
        guard let at else { throw Problem(.invalid) }
        self.message = message
        self.text = text ?? ""
        self.at = at
    }
}

extension FieldReader {
    /// A moment that must be there and lie ahead.
    package mutating func futureTime(_ field: String, now: Timestamp) -> Timestamp? {
        guard self.object[field] ?? .null != .null else {
            self.refuse(field, "is required")
            return nil
        }
        guard let time = self.optionalTime(field) else { return nil }
        guard time > now else {
            self.refuse(field, "must lie ahead")
            return nil
        }
        return time
    }
}
