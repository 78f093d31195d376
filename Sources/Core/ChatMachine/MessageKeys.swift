import ClusterModel
import DequeModule

/// The idempotency keys of messages for 24 h: an entry of 40 bytes in the order of arrival and a table from key
/// to place, about 80 bytes a key together.
///
/// Not in it: the message. A repeat carries the same content, so `seq` and `at` make the event again.
struct MessageKeys: Sendable {
    struct Entry: Hashable, Sendable {
        let high: UInt64
        let low: UInt64
        let fingerprint: UInt64
        let seq: UInt64
        let at: Timestamp
    }
    private struct Pair: Hashable {
        let high: UInt64
        let low: UInt64

        /// What dictionaries of the standard library ask for.
        func _rawHashValue(seed: Int) -> Int { PairHash.of(self.high, self.low, seed: seed) }
    }

    static let lifeMilliseconds: Int64 = 24 * 3600 * 1000

    private var entries: Deque<Entry> = []
    /// Numbers of arrival modulo 2^32: fewer keys than that are ever remembered at once.
    private var numbers: [Pair: UInt32] = [:]
    private var firstNumber: UInt32 = 0

    var count: Int { self.entries.count }

    /// How far one step of the log's time may bring keys towards their end.
    static let stepMillisecondsMax: Int64 = 10 * 60 * 1000

    /// Through when keys are forgotten after the log's time has risen from `last` to `now`.
    ///
    /// A day behind the log's time, as long as that rises as time does. Leaders whose clocks are wrong can take it
    /// through a day within seconds, so a single step counts ten minutes at most. What is missing then is made up for
    /// at twice the speed of the log's time: no key lives for less than half a day of anybody's clock, and a
    /// shard that is quiet at night has forgotten as much as others by noon.
    static func forgottenThrough(after forgotten: Timestamp, from last: Timestamp, to now: Timestamp) -> Timestamp {
        let wanted = now.advanced(byMilliseconds: -Self.lifeMilliseconds)
        guard last != .zero else { return wanted }
        let (step, overflow) = now.milliseconds.subtractingReportingOverflow(last.milliseconds)
        let counted = overflow || step > Self.stepMillisecondsMax / 2 ? Self.stepMillisecondsMax : 2 * step
        return min(wanted, forgotten.advanced(byMilliseconds: counted))
    }

    subscript(key: StoredKey) -> Entry? {
        guard let number = self.numbers[Pair(high: key.high, low: key.low)] else { return nil }
        return self.entries[Int(number &- self.firstNumber)]
    }

    /// Remembers a key that is not there yet; entries come in the order of their time.
    mutating func insert(_ key: StoredKey, seq: UInt64, at: Timestamp) {
        let number = self.firstNumber &+ UInt32(truncatingIfNeeded: self.entries.count)
        guard self.numbers.updateValue(number, forKey: Pair(high: key.high, low: key.low)) == nil else {
            preconditionFailure("a key is remembered twice")
        }
        self.entries.append(
            Entry(high: key.high, low: key.low, fingerprint: key.fingerprint, seq: seq, at: at))
    }

    mutating func remove(through horizon: Timestamp) {
        while let first = self.entries.first, first.at <= horizon {
            self.entries.removeFirst()
            self.numbers[Pair(high: first.high, low: first.low)] = nil
            self.firstNumber &+= 1
        }
    }
}

extension MessageKeys: Equatable {
    /// The same keys with the same answers; keys of one moment may stand in any order.
    static func == (left: MessageKeys, right: MessageKeys) -> Bool {
        left.entries.count == right.entries.count
            && left.entries.allSatisfy {
                right[StoredKey(high: $0.high, low: $0.low, fingerprint: $0.fingerprint)] == $0
            }
    }
}
