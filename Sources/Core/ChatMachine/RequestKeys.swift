import ChatModel
import ClusterModel
import DequeModule

/// The idempotency keys of one person's requests, for 24 h of the log's time: what was asked under each, and whether
/// its answer is kept. The answers themselves are on disk only.
struct RequestKeys: Sendable, Equatable {
    /// More make the oldest be forgotten.
    static let countMax = 10_000

    struct Claim: Sendable, Equatable {
        let key: StoredKey
        let at: Timestamp
        var isComplete: Bool
    }

    private struct Pair: Hashable, Sendable {
        let high: UInt64
        let low: UInt64
    }
    private struct Turn: Hashable, Comparable, Sendable {
        let at: Timestamp
        let pair: Pair

        static func < (left: Turn, right: Turn) -> Bool {
            (left.at, left.pair.high, left.pair.low) < (right.at, right.pair.high, right.pair.low)
        }
    }

    private var claims: [Pair: Claim] = [:]
    /// All of them in the order in which they are forgotten.
    private var turns: Deque<Turn> = []

    var count: Int { self.turns.count }

    subscript(key: StoredKey) -> Claim? { self.claims[Pair(high: key.high, low: key.low)] }

    /// Remembers a key that is not there; it is not complete yet.
    mutating func claim(_ key: StoredKey, at: Timestamp) -> Claim {
        let claim = Claim(key: key, at: at, isComplete: false)
        let turn = Turn(at: at, pair: Pair(high: key.high, low: key.low))
        precondition(self.claims.updateValue(claim, forKey: turn.pair) == nil, "a key is claimed twice")
        var place = self.turns.count
        // Claims of one moment stand in the order of their keys, so that a restored machine has the same.
        while place > 0, turn < self.turns[place - 1] { place -= 1 }
        self.turns.insert(turn, at: place)
        return claim
    }

    /// - Returns: the claim as it is now; nil when there is none, or it was complete before.
    mutating func complete(_ key: StoredKey) -> Claim? {
        let pair = Pair(high: key.high, low: key.low)
        guard var claim = self.claims[pair], !claim.isComplete else { return nil }
        claim.isComplete = true
        self.claims[pair] = claim
        return claim
    }

    /// Takes out the first claim when it is at or before `horizon`, or when there are too many for one more.
    mutating func takeForgotten(through horizon: Timestamp) -> Claim? {
        guard let first = self.turns.first, first.at <= horizon || self.turns.count >= Self.countMax else { return nil }
        self.turns.removeFirst()
        return self.claims.removeValue(forKey: first.pair)
    }

    /// - Returns: false for a key that is there already.
    mutating func restore(_ claim: Claim) -> Bool {
        let pair = Pair(high: claim.key.high, low: claim.key.low)
        guard self.claims.updateValue(claim, forKey: pair) == nil else { return false }
        self.turns.append(Turn(at: claim.at, pair: pair))
        return true
    }

    /// Once all have been restored.
    mutating func sort() {
        guard self.turns.count > 1 else { return }
        self.turns.sort()
    }
}

extension RequestKeys.Claim {
    /// `user · high · low`
    func recordKey(of user: UserID) -> [UInt8] { RecordKey.of(user) + RecordKey.of(self.key.high, self.key.low) }

    /// `fingerprint u64 · at · complete bool`
    var record: [UInt8] {
        var writer = ByteWriter()
        writer.write(self.key.fingerprint)
        writer.write(self.at)
        writer.write(self.isComplete)
        return writer.bytes
    }

    /// - Returns: nil for a key that no claim has.
    init?(key: [UInt8], value: [UInt8]) throws(WireError) {
        guard key.count == 32, let pair: SessionID = RecordKey.id(key, at: 16) else { return nil }
        var reader = ByteReader(value)
        let fingerprint: UInt64 = try reader.read()
        self.init(
            key: StoredKey(high: pair.high, low: pair.low, fingerprint: fingerprint), at: try reader.read(),
            isComplete: try reader.read())
        guard reader.isAtEnd else { throw .invalid("request key") }
    }
}
