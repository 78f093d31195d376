import ClusterModel

/// What a timer leads to.
enum TimerKind: UInt8, Sendable, Hashable {
    case scheduled = 1
    case reminder = 2
    case statusEnd = 3
    case presenceEnd = 4
    case retention = 5
    case redaction = 6
}

/// What is due when: derived from records, so that it is in none itself.
///
/// A sorted array, the next one last: it is asked for at every tick and taken out at no cost. To set a timer moves those
/// that are due before it.
struct TimerTable: Sendable, Equatable {
    struct Timer: Sendable, Hashable, Comparable {
        let due: Timestamp
        let kind: TimerKind
        /// As a record's key: most significant byte first.
        let key: [UInt8]

        static func < (left: Timer, right: Timer) -> Bool {
            if left.due != right.due { return left.due < right.due }
            if left.kind != right.kind { return left.kind.rawValue < right.kind.rawValue }
            return left.key.lexicographicallyPrecedes(right.key)
        }
    }

    /// The last to be due first.
    private(set) var timers: [Timer] = []

    var first: Timer? { self.timers.last }
    var isEmpty: Bool { self.timers.isEmpty }

    /// The same timer again is one timer.
    mutating func insert(_ kind: TimerKind, _ key: [UInt8], due: Timestamp) {
        let timer = Timer(due: due, kind: kind, key: key)
        let (place, isPresent) = self.place(of: timer)
        if !isPresent { self.timers.insert(timer, at: place) }
    }

    /// - Parameter due: what it was inserted with; the record that it follows from says so.
    mutating func remove(_ kind: TimerKind, _ key: [UInt8], due: Timestamp) {
        let (place, isPresent) = self.place(of: Timer(due: due, kind: kind, key: key))
        if isPresent { self.timers.remove(at: place) }
    }

    /// Takes out the first timer if it is due. O(1).
    mutating func takeFirst(dueBy now: Timestamp) -> Timer? {
        guard let first = self.timers.last, first.due <= now else { return nil }
        return self.timers.popLast()
    }

    private func place(of timer: Timer) -> (index: Int, isPresent: Bool) {
        self.timers.place(of: Later(timer: timer)) { Later(timer: $0) }
    }

    private struct Later: Comparable {
        let timer: Timer
        static func < (left: Later, right: Later) -> Bool { right.timer < left.timer }
    }
}
