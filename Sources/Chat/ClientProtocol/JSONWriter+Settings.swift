import ChatModel
import ClusterModel

// The JSON form of a person's own settings. What is written here can be put back as it is.

extension JSONWriter {
    package mutating func settings(_ settings: UserSettings) {
        self.beginObject()
        self.key("notifications")
        self.beginObject()
        self.field("level", settings.level.name)
        self.key("channels")
        self.beginObject()
        for override in settings.overrides {
            self.key(override.channel.description)
            self.beginObject()
            self.field("level", override.level?.name)
            self.field("muted", override.muted)
            self.endObject()
        }
        self.endObject()
        self.key("quiet_hours")
        if let quiet = settings.quiet { self.quietHours(quiet) } else { self.null() }
        self.endObject()
        self.field("theme", settings.theme)
        self.field("language", settings.language)
        self.endObject()
    }

    private mutating func quietHours(_ quiet: QuietHours) {
        self.beginObject()
        self.field("from", MinuteOfDay(quiet.fromMinute).text)
        self.field("to", MinuteOfDay(quiet.toMinute).text)
        self.field("utc_offset_minutes", quiet.offsetMinutes)
        self.key("days")
        self.beginArray()
        for day in 1...7 where quiet.days & (1 << UInt8(day - 1)) != 0 { self.value(day) }
        self.endArray()
        self.endObject()
    }
}

/// A time of day as people write it: `22:00`.
struct MinuteOfDay: Hashable {
    let minute: UInt16

    init(_ minute: UInt16) { self.minute = minute }

    /// - Returns: nil for anything but two digits, a colon and two digits within a day.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 5, bytes[2] == UInt8(ascii: ":") else { return nil }
        var digits: [UInt16] = []
        for place in [0, 1, 3, 4] {
            guard (0x30...0x39).contains(bytes[place]) else { return nil }
            digits.append(UInt16(bytes[place] - 0x30))
        }
        let (hours, minutes) = (digits[0] * 10 + digits[1], digits[2] * 10 + digits[3])
        guard hours < 24, minutes < 60 else { return nil }
        self.init(hours * 60 + minutes)
    }

    var text: String {
        func two(_ number: UInt16) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(two(self.minute / 60)):\(two(self.minute % 60))"
    }
}
