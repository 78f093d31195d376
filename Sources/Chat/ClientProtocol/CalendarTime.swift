import ClusterModel

/// A moment as people write it: RFC 3339 in UTC, to the millisecond, in the years 0–9999.
///
/// The proleptic Gregorian calendar by arithmetic on whole days: years are counted from March, so that the
/// leap day is the last of its year and every month's start is a linear formula.
package struct CalendarTime: Sendable, Hashable {
    package let timestamp: Timestamp

    private static let millisecondsPerDay: Int64 = 86_400_000
    /// 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z.
    private static let range: ClosedRange<Int64> = -62_167_219_200_000...253_402_300_799_999

    /// Moments outside the years 0–9999 have no RFC 3339 form and become the nearest that has one.
    package init(_ timestamp: Timestamp) {
        let milliseconds = min(max(timestamp.milliseconds, Self.range.lowerBound), Self.range.upperBound)
        self.timestamp = Timestamp(milliseconds: milliseconds)
    }

    // MARK: Writing

    /// `2026-01-31T09:30:00.125Z`, 24 bytes.
    package func append(to bytes: inout [UInt8]) {
        let (days, rest) = Self.floorDivide(self.timestamp.milliseconds, by: Self.millisecondsPerDay)
        let date = Self.date(daysSince1970: days)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 24) { text in
            Self.put(date.year, digits: 4, at: 0, in: text)
            text[4] = UInt8(ascii: "-")
            Self.put(date.month, digits: 2, at: 5, in: text)
            text[7] = UInt8(ascii: "-")
            Self.put(date.day, digits: 2, at: 8, in: text)
            text[10] = UInt8(ascii: "T")
            Self.put(rest / 3_600_000, digits: 2, at: 11, in: text)
            text[13] = UInt8(ascii: ":")
            Self.put(rest / 60_000 % 60, digits: 2, at: 14, in: text)
            text[16] = UInt8(ascii: ":")
            Self.put(rest / 1_000 % 60, digits: 2, at: 17, in: text)
            text[19] = UInt8(ascii: ".")
            Self.put(rest % 1_000, digits: 3, at: 20, in: text)
            text[23] = UInt8(ascii: "Z")
            bytes.append(contentsOf: text)
        }
    }

    package var text: String {
        var bytes: [UInt8] = []
        self.append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func put(_ value: Int64, digits: Int, at start: Int, in text: UnsafeMutableBufferPointer<UInt8>) {
        var rest = value
        for place in stride(from: start + digits - 1, through: start, by: -1) {
            text[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    // MARK: Reading

    /// Reads an RFC 3339 date-time with any offset; fractions beyond milliseconds are cut off.
    ///
    /// - Returns: nil for anything else, impossible dates and leap seconds.
    package init?(_ text: String) {
        var scanner = Scanner(text)
        guard let year = scanner.number(digits: 4), scanner.skip("-"),
            let month = scanner.number(digits: 2), scanner.skip("-"),
            let day = scanner.number(digits: 2), scanner.skip("T") || scanner.skip("t"),
            let hour = scanner.number(digits: 2), scanner.skip(":"),
            let minute = scanner.number(digits: 2), scanner.skip(":"),
            let second = scanner.number(digits: 2),
            let fraction = scanner.milliseconds(),
            let offsetMinutes = scanner.offsetMinutes(), scanner.isAtEnd,
            (1...12).contains(month), day >= 1, hour < 24, minute < 60, second < 60
        else { return nil }
        let days = Self.daysSince1970(year: year, month: month, day: day)
        let date = Self.date(daysSince1970: days)
        guard date.year == year, date.month == month, date.day == day else { return nil }
        let minutes = days * 1_440 + hour * 60 + minute - offsetMinutes
        let milliseconds = (minutes * 60 + second) * 1_000 + fraction
        guard Self.range.contains(milliseconds) else { return nil }
        self.timestamp = Timestamp(milliseconds: milliseconds)
    }

    private struct Scanner {
        private let bytes: [UInt8]
        private var position = 0

        init(_ text: String) { self.bytes = Array(text.utf8) }

        var isAtEnd: Bool { self.position == self.bytes.count }

        mutating func skip(_ character: Unicode.Scalar) -> Bool {
            guard !self.isAtEnd, self.bytes[self.position] == UInt8(ascii: character) else { return false }
            self.position += 1
            return true
        }

        private mutating func digit() -> Int64? {
            guard !self.isAtEnd, (0x30...0x39).contains(self.bytes[self.position]) else { return nil }
            self.position += 1
            return Int64(self.bytes[self.position - 1] - 0x30)
        }

        mutating func number(digits: Int) -> Int64? {
            var value: Int64 = 0
            for _ in 0..<digits {
                guard let digit = self.digit() else { return nil }
                value = value * 10 + digit
            }
            return value
        }

        /// `.` and digits, or nothing, which is 0.
        mutating func milliseconds() -> Int64? {
            guard self.skip(".") else { return 0 }
            guard let first = self.digit() else { return nil }
            var value = first * 100
            var place: Int64 = 10
            while let digit = self.digit() {
                value += digit * place
                place /= 10
            }
            return value
        }

        /// `Z`, or `+hh:mm` east of Greenwich.
        mutating func offsetMinutes() -> Int64? {
            if self.skip("Z") || self.skip("z") { return 0 }
            let sign: Int64
            if self.skip("+") { sign = 1 } else if self.skip("-") { sign = -1 } else { return nil }
            guard let hours = self.number(digits: 2), self.skip(":"), let minutes = self.number(digits: 2),
                hours < 24, minutes < 60
            else { return nil }
            return sign * (hours * 60 + minutes)
        }
    }

    // MARK: The calendar

    private struct Date {
        let year: Int64
        let month: Int64
        let day: Int64
    }

    /// Days of 400 years, and from 0000-03-01 to 1970-01-01.
    private static let daysPerEra: Int64 = 146_097
    private static let daysToEpoch: Int64 = 719_468

    private static func date(daysSince1970 days: Int64) -> Date {
        let (era, dayOfEra) = Self.floorDivide(days + Self.daysToEpoch, by: Self.daysPerEra)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return Date(
            year: era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month: month,
            day: dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }

    private static func daysSince1970(year: Int64, month: Int64, day: Int64) -> Int64 {
        let (era, yearOfEra) = Self.floorDivide(month <= 2 ? year - 1 : year, by: 400)
        let monthFromMarch = month > 2 ? month - 3 : month + 9
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * Self.daysPerEra + dayOfEra - Self.daysToEpoch
    }

    private static func floorDivide(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
