import ClusterModel
import Synchronization

/// How much of something is allowed: `capacity` at once, and that much again every `windowMilliseconds`.
package struct RatePolicy: Sendable, Hashable {
    package let name: String
    package let capacity: Int64
    package let windowMilliseconds: Int64

    package init(name: String, capacity: Int64, windowMilliseconds: Int64) {
        precondition(capacity > 0 && windowMilliseconds > 0, "\(capacity) in \(windowMilliseconds) ms")
        self.name = name
        self.capacity = capacity
        self.windowMilliseconds = windowMilliseconds
    }

    /// REST requests of one user.
    package static let requests = RatePolicy(name: "requests", capacity: 300, windowMilliseconds: 10_000)
    /// Searches of one user.
    package static let searches = RatePolicy(name: "searches", capacity: 30, windowMilliseconds: 60_000)
    /// Sign-ups from one address.
    package static let registrations = RatePolicy(name: "registrations", capacity: 200, windowMilliseconds: 100_000)
}

/// A token bucket as a value: fills evenly, holds at most the policy's capacity.
package struct TokenBucket: Sendable, Hashable {
    /// Tokens times the window's milliseconds, so that a millisecond's part of a token is whole.
    private var level: Int64
    private var filledAt: Timestamp

    package init(_ policy: RatePolicy, at now: Timestamp) {
        self.level = policy.capacity * policy.windowMilliseconds
        self.filledAt = now
    }

    /// Takes one token. A clock that goes back fills nothing and takes nothing away.
    package mutating func take(_ policy: RatePolicy, at now: Timestamp) -> Allowance {
        let full = policy.capacity * policy.windowMilliseconds
        let elapsed = min(max(now.milliseconds - self.filledAt.milliseconds, 0), policy.windowMilliseconds)
        self.level = min(full, self.level + elapsed * policy.capacity)
        self.filledAt = max(now, self.filledAt)
        let isAllowed = self.level >= policy.windowMilliseconds
        if isAllowed { self.level -= policy.windowMilliseconds }
        let missing = max(policy.windowMilliseconds - self.level, 0)
        return Allowance(
            policy: policy, isAllowed: isAllowed, remaining: self.level / policy.windowMilliseconds,
            resetSeconds: Self.secondsRoundedUp((full - self.level) / policy.capacity),
            retryAfterSeconds: max(Self.secondsRoundedUp(missing / policy.capacity), 1))
    }

    private static func secondsRoundedUp(_ milliseconds: Int64) -> Int64 { (milliseconds + 999) / 1_000 }
}

/// What a bucket said, and what its owner is told (draft-ietf-httpapi-ratelimit-headers-11).
package struct Allowance: Sendable, Hashable {
    package let policy: RatePolicy
    package let isAllowed: Bool
    package let remaining: Int64
    /// Until the bucket is full again.
    package let resetSeconds: Int64
    package let retryAfterSeconds: Int64

    var policyField: String {
        "\"\(self.policy.name)\";q=\(self.policy.capacity);w=\(self.policy.windowMilliseconds / 1_000)"
    }
    var field: String { "\"\(self.policy.name)\";r=\(self.remaining);t=\(self.resetSeconds)" }
}

/// Carries the allowance from the route to the envelope round it. One task writes, the same one reads later.
final class AllowanceBox: Sendable {
    private let box = Mutex<Allowance?>(nil)
    var value: Allowance? { self.box.withLock { $0 } }
    func set(_ allowance: Allowance) { self.box.withLock { $0 = allowance } }
}

/// Buckets by key, bounded: two generations, so that who was silent for a whole generation starts full again.
///
/// Thread-safe. Sockets and REST may share one, then they share the budget.
package final class RateLimiter<Key: Hashable & Sendable>: Sendable {
    private struct State {
        var young: [Key: TokenBucket] = [:]
        var old: [Key: TokenBucket] = [:]
    }

    package let policy: RatePolicy
    private let keysMax: Int
    private let state = Mutex(State())

    package init(_ policy: RatePolicy, keysMax: Int = 100_000) {
        self.policy = policy
        self.keysMax = max(keysMax / 2, 1)
    }

    package func take(_ key: Key, at now: Timestamp) -> Allowance {
        self.state.withLock { state in
            var bucket = state.young[key] ?? state.old.removeValue(forKey: key) ?? TokenBucket(self.policy, at: now)
            let allowance = bucket.take(self.policy, at: now)
            if state.young.count >= self.keysMax {
                state.old = state.young
                state.young = [:]
            }
            state.young[key] = bucket
            return allowance
        }
    }
}
