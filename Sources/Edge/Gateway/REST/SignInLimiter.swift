import ClusterModel
import Synchronization

/// Bounds the guessing of passwords: five wrong ones for an account from an address, then nobody signs in to it
/// from there until the window ends, not even with the right one. And a bound for an address over all accounts.
///
/// A pure value; `SignInLimiter` carries it.
struct SignInLedger: Sendable {
    struct Key: Hashable, Sendable {
        /// Folded; nil counts the address as a whole.
        let account: String?
        let address: ConnectionLedger.Key
    }

    private struct Entry {
        var wrong = 0
        /// Attempts whose password is being checked right now: they may all turn out wrong.
        var pending = 0
        var windowEnds: Timestamp
    }

    enum Verdict: Equatable, Sendable {
        case proceed
        case refuse(retryAfterSeconds: Int)
    }

    static let wrongMax = 5
    static let wrongPerAddressMax = 100
    /// At once for one account and address.
    static let pendingMax = 16
    static let windowMilliseconds: Int64 = 300_000

    private var entries: [Key: Entry] = [:]
    private let entriesMax: Int

    init(entriesMax: Int = 100_000) { self.entriesMax = entriesMax }

    var count: Int { self.entries.count }

    /// Before a password is checked; `.proceed` is followed by exactly one `end`.
    mutating func begin(account: String, address: ConnectionLedger.Key, at now: Timestamp) -> Verdict {
        let pair = Key(account: account, address: address)
        let whole = Key(account: nil, address: address)
        if let entry = self.current(pair, at: now), entry.wrong >= Self.wrongMax || entry.pending >= Self.pendingMax {
            return Self.refuse(entry, at: now)
        }
        if let entry = self.current(whole, at: now), entry.wrong >= Self.wrongPerAddressMax {
            return Self.refuse(entry, at: now)
        }
        self.update(pair, at: now) { $0.pending += 1 }
        return .proceed
    }

    /// - Parameter isRight: nil when the check itself failed.
    /// - Returns: whether this was the wrong password after which nobody signs in to the account from the address.
    @discardableResult
    mutating func end(account: String, address: ConnectionLedger.Key, isRight: Bool?, at now: Timestamp) -> Bool {
        let pair = Key(account: account, address: address)
        switch isRight {
        case true?:
            self.entries[pair]?.wrong = 0
        case false?:
            self.update(pair, at: now) { $0.wrong += 1 }
            self.update(Key(account: nil, address: address), at: now) { $0.wrong += 1 }
        case nil:
            break
        }
        guard let entry = self.entries[pair] else { return false }
        self.entries[pair]?.pending = max(entry.pending - 1, 0)
        if entry.pending <= 1, entry.wrong == 0 { self.entries[pair] = nil }
        return isRight == false && entry.wrong == Self.wrongMax
    }

    private func current(_ key: Key, at now: Timestamp) -> Entry? {
        guard let entry = self.entries[key], entry.windowEnds > now else { return nil }
        return entry
    }

    private mutating func update(_ key: Key, at now: Timestamp, _ change: (inout Entry) -> Void) {
        if self.entries.count >= self.entriesMax, self.entries[key] == nil { self.makeRoom(at: now) }
        let ends = now.advanced(byMilliseconds: Self.windowMilliseconds)
        var entry = self.entries[key] ?? Entry(windowEnds: ends)
        if entry.windowEnds <= now {
            entry.wrong = 0
            entry.windowEnds = ends
        }
        change(&entry)
        self.entries[key] = entry
    }

    /// Drops what is over; when all of it is young, the half that ends first.
    private mutating func makeRoom(at now: Timestamp) {
        self.entries = self.entries.filter { $0.value.windowEnds > now || $0.value.pending > 0 }
        guard self.entries.count >= self.entriesMax else { return }
        let ends = self.entries.values.map(\.windowEnds).sorted()
        let median = ends[ends.count / 2]
        self.entries = self.entries.filter { $0.value.windowEnds > median }
    }

    private static func refuse(_ entry: Entry, at now: Timestamp) -> Verdict {
        let milliseconds = max(entry.windowEnds.milliseconds - now.milliseconds, 0)
        return .refuse(retryAfterSeconds: Int((milliseconds + 999) / 1_000).clamped(to: 1...3_600))
    }
}

/// The ledger behind a lock.
final class SignInLimiter: Sendable {
    private let ledger = Mutex(SignInLedger())

    func begin(account: String, address: ConnectionLedger.Key, at now: Timestamp) -> SignInLedger.Verdict {
        self.ledger.withLock { $0.begin(account: account, address: address, at: now) }
    }

    func end(account: String, address: ConnectionLedger.Key, isRight: Bool?, at now: Timestamp) -> Bool {
        self.ledger.withLock { $0.end(account: account, address: address, isRight: isRight, at: now) }
    }
}

extension Int {
    func clamped(to range: ClosedRange<Int>) -> Int { Swift.min(Swift.max(self, range.lowerBound), range.upperBound) }
}
