import ChatModel
import ClusterModel
import Testing

@testable import ClientProtocol

@Suite struct PeopleRequestTests {
    static let now = Timestamp(milliseconds: 1_800_000_000_000)

    static func object(_ text: String) throws -> JSONObject {
        try #require(try JSONValue(parsing: text).asObject)
    }

    /// The fields that a body is refused for.
    static func complaints<Value>(_ body: () throws(Problem) -> Value) -> Set<String> {
        do throws(Problem) {
            _ = try body()
            return []
        } catch {
            return Set(error.errors.map(\.field))
        }
    }

    @Test func `settings that were shown can be put back`() throws {
        let channels = (1...3).map { ChannelID(high: 7, low: $0) }
        let settings = UserSettings(
            level: .all,
            overrides: [
                ChannelOverride(channel: channels[0], level: nil, muted: true),
                ChannelOverride(channel: channels[1], level: NotifyLevel.none, muted: false),
                ChannelOverride(channel: channels[2], level: .mentions, muted: true),
            ],
            quiet: QuietHours(fromMinute: 1320, toMinute: 425, offsetMinutes: -570, days: 0b101_0001), theme: "dark",
            language: "pt-BR")
        var writer = JSONWriter()
        writer.settings(settings)
        #expect(try UserSettings(try Self.object(String(decoding: writer.bytes, as: UTF8.self))) == settings)
        var initial = JSONWriter()
        initial.settings(.initial)
        #expect(try UserSettings(try Self.object(String(decoding: initial.bytes, as: UTF8.self))) == .initial)
        #expect(try UserSettings(JSONObject()) == .initial)
    }

    @Test(arguments: [
        (#"{"notifications": 1}"#, "notifications"),
        (#"{"notifications": {"level": "loud"}}"#, "notifications.level"),
        (#"{"notifications": {"channels": {"x": {}}}}"#, "notifications.channels"),
        (#"{"notifications": {"quiet_hours": {"from": "7:00", "to": "08:00"}}}"#, "notifications.quiet_hours.from"),
        (#"{"notifications": {"quiet_hours": {"from": "07:00", "to": "08:60"}}}"#, "notifications.quiet_hours.to"),
        (
            #"{"notifications": {"quiet_hours": {"from": "07:00", "to": "08:00", "days": [8]}}}"#,
            "notifications.quiet_hours.days"
        ),
        (
            #"{"notifications": {"quiet_hours": {"from": "07:00", "to": "08:00", "utc_offset_minutes": 841}}}"#,
            "notifications.quiet_hours.utc_offset_minutes"
        ),
        (#"{"theme": []}"#, "theme"),
    ])
    func `settings that make no sense name what is wrong`(_ body: String, _ field: String) throws {
        let object = try Self.object(body)
        #expect(Self.complaints { () throws(Problem) in try UserSettings(object) } == [field])
    }

    @Test func `times of day are two digits, a colon and two digits`() {
        for minute in 0..<1440 as Range<UInt16> {
            #expect(MinuteOfDay(MinuteOfDay(minute).text)?.minute == minute)
        }
        for text in ["", "1:00", "24:00", "12:60", "12.30", "12:3", "-1:00", "12:300", "١٢:٠٠"] {
            #expect(MinuteOfDay(text) == nil, "\(text)")
        }
    }

    @Test func `a profile's field is kept when absent and emptied by null`() throws {
        let kept = try ProfilePatch(JSONObject(), now: Self.now)
        #expect(kept == ProfilePatch())
        let emptied = try ProfilePatch(
            try Self.object(#"{"email": null, "status_text": null, "status_until": null}"#), now: Self.now)
        #expect(emptied == ProfilePatch(email: .clear, statusText: "", statusUntil: .clear))
        let wrong = try Self.object(#"{"display_name": null, "status_until": "2001-01-01T00:00:00Z"}"#)
        #expect(
            Self.complaints { () throws(Problem) in try ProfilePatch(wrong, now: Self.now) }
                == ["display_name", "status_until"])
    }

    @Test func `notifications are read by ids or through one`() throws {
        let some = try ReadNotificationsRequest(try Self.object(#"{"ids": ["ntf_3", "ntf_1"]}"#))
        #expect(some.numbers == [3, 1] && some.through == nil)
        #expect(try ReadNotificationsRequest(try Self.object(#"{"through": "ntf_9"}"#)).through == 9)
        for body in ["{}", #"{"ids": [1]}"#, #"{"ids": ["ntf_01"]}"#, #"{"ids": "ntf_1"}"#] {
            let object = try Self.object(body)
            #expect(
                Self.complaints { () throws(Problem) in try ReadNotificationsRequest(object) } == ["ids"], "\(body)")
        }
    }

    @Test func `a failed scheduled message has a channel and no message`() {
        let record = NotificationRecord(
            number: 4, kind: .scheduledFailed, message: MessageID(channel: ChannelID(high: 1, low: 2), seq: 0),
            actor: nil, text: "too late", at: .zero, isQuiet: false)
        var writer = JSONWriter()
        writer.notification(NotificationView(record: record, isRead: false))
        let text = String(decoding: writer.bytes, as: UTF8.self)
        #expect(text.contains(#""id":"ntf_4","type":"scheduled_failed","channel_id":"chn_"#))
        #expect(text.contains(#""message_id":null,"actor_id":null,"text":"too late","read":false"#))
    }
}
