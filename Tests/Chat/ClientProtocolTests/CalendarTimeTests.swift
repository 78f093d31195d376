import ClusterModel
import Testing

@testable import ClientProtocol

@Suite struct CalendarTimeTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"), (1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
        (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"), (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (Int64.max, "9999-12-31T23:59:59.999Z"), (Int64.min, "0000-01-01T00:00:00.000Z"),
    ])
    func `a moment has one text`(milliseconds: Int64, text: String) {
        #expect(CalendarTime(Timestamp(milliseconds: milliseconds)).text == text)
    }

    @Test(arguments: [
        ("2023-11-14T22:13:20Z", 1_700_000_000_000), ("2023-11-14t22:13:20.1239z", 1_700_000_000_123),
        ("2023-11-15T00:13:20.5+02:00", 1_700_000_000_500), ("2023-11-14T14:43:20-07:30", 1_700_000_000_000),
    ])
    func `other forms of RFC 3339 are read`(text: String, milliseconds: Int64) {
        #expect(CalendarTime(text)?.timestamp.milliseconds == milliseconds)
    }

    @Test(arguments: [
        "", "2023", "2023-11-14", "2023-02-29T00:00:00Z", "2023-13-01T00:00:00Z", "2023-00-01T00:00:00Z",
        "2023-01-00T00:00:00Z", "2023-01-32T00:00:00Z", "2023-01-01T24:00:00Z", "2023-01-01T00:60:00Z",
        "2023-01-01T00:00:60Z", "2023-01-01T00:00:00", "2023-01-01T00:00:00.Z", "2023-01-01 00:00:00Z",
        "2023-01-01T00:00:00Zx", "2023-01-01T00:00:00+24:00", "0000-01-01T00:00:00+00:01", "+023-01-01T00:00:00Z",
    ])
    func `what is no date-time is refused`(text: String) {
        #expect(CalendarTime(text) == nil)
    }

    @Test func `every day of nine centuries survives the way there and back`() {
        for day in stride(from: Int64(-200_000), through: 130_000, by: 1) {
            let time = Timestamp(milliseconds: day * 86_400_000 + 12_345_678)
            let text = CalendarTime(time).text
            #expect(CalendarTime(text)?.timestamp == time)
        }
    }
}
