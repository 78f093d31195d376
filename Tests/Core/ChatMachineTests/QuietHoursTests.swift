import ChatModel
import ClusterModel
import Testing

@testable import ChatMachine

@Suite struct QuietHoursTests {
    /// 2026-01-05 was a Monday.
    static let monday = Timestamp(milliseconds: 1_767_571_200_000)
    static let everyDay: UInt8 = 0b111_1111

    struct Case: Sendable {
        let from: UInt16
        let to: UInt16
        let offset: Int16
        let days: UInt8
        /// Minutes since Monday's midnight in UTC.
        let minute: Int64
        let isQuiet: Bool
    }

    @Test(arguments: [
        Case(from: 60, to: 120, offset: 0, days: everyDay, minute: 59, isQuiet: false),
        Case(from: 60, to: 120, offset: 0, days: everyDay, minute: 60, isQuiet: true),
        Case(from: 60, to: 120, offset: 0, days: everyDay, minute: 119, isQuiet: true),
        Case(from: 60, to: 120, offset: 0, days: everyDay, minute: 120, isQuiet: false),
        // Over midnight: the night belongs to the evening.
        Case(from: 1320, to: 420, offset: 0, days: 1, minute: 1320, isQuiet: true),
        Case(from: 1320, to: 420, offset: 0, days: 1, minute: 1440 + 419, isQuiet: true),
        Case(from: 1320, to: 420, offset: 0, days: 1, minute: 1440 + 420, isQuiet: false),
        Case(from: 1320, to: 420, offset: 0, days: 1, minute: 419, isQuiet: false),
        Case(from: 1320, to: 420, offset: 0, days: 1 << 6, minute: 419, isQuiet: true),
        Case(from: 1320, to: 420, offset: 0, days: 1, minute: 1440 + 1320, isQuiet: false),
        // East of Greenwich Monday begins on Sunday, in the west it ends on Tuesday.
        Case(from: 0, to: 60, offset: 840, days: 1, minute: -840, isQuiet: true),
        Case(from: 0, to: 60, offset: 840, days: 1, minute: -841, isQuiet: false),
        Case(from: 1380, to: 0, offset: -720, days: 1, minute: 1440 + 719, isQuiet: true),
        Case(from: 1380, to: 0, offset: -720, days: 1, minute: 1440 + 720, isQuiet: false),
        // The same minute twice is a whole day.
        Case(from: 600, to: 600, offset: 0, days: 1, minute: 599, isQuiet: false),
        Case(from: 600, to: 600, offset: 0, days: 1, minute: 600, isQuiet: true),
        Case(from: 600, to: 600, offset: 0, days: 1, minute: 1440 + 599, isQuiet: true),
        Case(from: 600, to: 600, offset: 0, days: 0, minute: 700, isQuiet: false),
    ])
    func `quiet hours follow the person's own clock and weekday`(_ given: Case) {
        let hours = QuietHours(
            fromMinute: given.from, toMinute: given.to, offsetMinutes: given.offset, days: given.days)
        let time = Self.monday.advanced(byMilliseconds: given.minute * 60_000)
        #expect(hours.covers(time) == given.isQuiet)
        #expect(hours.covers(time.advanced(byMilliseconds: 59_999)) == given.isQuiet)
    }

    @Test func `no time traps, not even one before 1970`() {
        let hours = QuietHours(fromMinute: 1439, toMinute: 1438, offsetMinutes: -720, days: Self.everyDay)
        for milliseconds in [Int64.min, -86_400_001, -1, 0, .max] {
            _ = hours.covers(Timestamp(milliseconds: milliseconds))
        }
        #expect(hours.covers(Timestamp(milliseconds: -1)))
    }
}
