import ClusterModel
import DequeModule

/// The idempotency keys of messages for 24 h of log time: an entry of 40 bytes in the order of arrival and
/// a table from key to place, about 80 bytes a key together.
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
    }

    static let lifeMilliseconds: Int64 = 24 * 3600 * 1000

    private var entries: Deque<Entry> = []
    /// Numbers of arrival modulo 2^32: fewer keys than that are ever remembered at once.
    private var numbers: [Pair: UInt32] = [:]
    private var firstNumber: UInt32 = 0

    var count: Int { self.entries.count }

    static func isExpired(_ at: Timestamp, _ now: Timestamp) -> Bool {
        at.advanced(byMilliseconds: Self.lifeMilliseconds) <= now
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

    mutating func removeExpired(_ now: Timestamp) {
        while let first = self.entries.first, Self.isExpired(first.at, now) {
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
