/// Lets one line through for each key and interval, with a bounded memory of keys.
struct LogThrottle: Sendable {
    private let intervalMilliseconds: UInt64
    private let keyCountMax: Int
    private var until: [String: UInt64] = [:]

    init(intervalMilliseconds: UInt64, keyCountMax: Int = 1024) {
        self.intervalMilliseconds = intervalMilliseconds
        self.keyCountMax = keyCountMax
    }

    /// - Returns: May a line about `key` be written now? When too many keys are remembered, none is until some expire,
    ///   which is the point: a storm of addresses is not worth a storm of lines.
    mutating func allows(_ key: String, nowMilliseconds now: UInt64) -> Bool {
        if let quiet = self.until[key], now < quiet { return false }
        if self.until.count >= self.keyCountMax {
            self.until = self.until.filter { now < $0.value }
            guard self.until.count < self.keyCountMax else { return false }
        }
        self.until[key] = now + self.intervalMilliseconds
        return true
    }
}
