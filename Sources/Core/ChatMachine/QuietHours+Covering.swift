import ChatModel
import ClusterModel

// Arithmetic on whole days and minutes: apply knows offsets from UTC and no zones.

extension QuietHours {
    private static let minutesADay: Int64 = 1440

    /// Whether `time` lies in them. A span that ends at or before the minute at which it begins ends on the next day, and
    /// belongs to the day on which it began.
    func covers(_ time: Timestamp) -> Bool {
        let seconds = time.milliseconds / 1000 - (time.milliseconds % 1000 < 0 ? 1 : 0)
        let minutes = seconds / 60 - (seconds % 60 < 0 ? 1 : 0) + Int64(self.offsetMinutes)
        let day = minutes / Self.minutesADay - (minutes % Self.minutesADay < 0 ? 1 : 0)
        let minute = minutes - day * Self.minutesADay
        let (from, to) = (Int64(self.fromMinute), Int64(self.toMinute))
        if from < to { return self.begins(on: day) && minute >= from && minute < to }
        return (self.begins(on: day) && minute >= from) || (self.begins(on: day - 1) && minute < to)
    }

    /// - Parameter day: counted from 1970-01-01, which was a Thursday.
    private func begins(on day: Int64) -> Bool {
        let weekday = ((day + 3) % 7 + 7) % 7
        return self.days & (1 << UInt8(weekday)) != 0
    }
}
