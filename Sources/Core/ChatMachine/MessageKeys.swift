import ClusterModel
import DequeModule

/// The idempotency keys of messages for 24 h: an entry of 40 bytes in the order of arrival and a table from key
/// to place, about 70 bytes a key together.
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
    static let lifeMilliseconds: Int64 = 24 * 3600 * 1000

    private var entries: Deque<Entry> = []
    /// Numbers of arrival modulo 2^32: fewer keys than that are ever remembered at once.
    private var numbers = KeySlots()
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
        let number = self.numbers.number(ofHash: Self.hash(key.high, key.low)) { number in
            let entry = self.entries[Int(number &- self.firstNumber)]
            return entry.high == key.high && entry.low == key.low
        }
        return number.map { self.entries[Int($0 &- self.firstNumber)] }
    }

    /// Brings near what a look for the key will touch.
    mutating func prefetch(_ key: StoredKey) { self.numbers.prefetch(hash: Self.hash(key.high, key.low)) }

    private static func hash(_ high: UInt64, _ low: UInt64) -> UInt64 {
        UInt64(bitPattern: Int64(PairHash.of(high, low, seed: 0)))
    }

    /// Remembers a key; entries come in the order of their time.
    ///
    /// - Precondition: it is not there yet.
    mutating func insert(_ key: StoredKey, seq: UInt64, at: Timestamp) {
        assert(self[key] == nil, "a key is remembered twice")
        let number = self.firstNumber &+ UInt32(truncatingIfNeeded: self.entries.count)
        self.numbers.insert(number, hash: Self.hash(key.high, key.low))
        self.entries.append(
            Entry(high: key.high, low: key.low, fingerprint: key.fingerprint, seq: seq, at: at))
    }

    mutating func remove(through horizon: Timestamp) {
        while let first = self.entries.first, first.at <= horizon {
            self.entries.removeFirst()
            self.numbers.remove(self.firstNumber, hash: Self.hash(first.high, first.low))
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
