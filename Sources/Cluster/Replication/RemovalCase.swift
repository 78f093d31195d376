// From "somebody says that I am out" to "my files may go": only on the leader's proven word, and not at once.

import ClusterModel

/// Figures of a replica's way out of its group.
package struct RemovalSettings: Sendable {
    /// Without a leader for this long a replica asks whether it is a member still.
    package var askAfterMilliseconds: UInt64 = 10_000
    package var askEachMilliseconds: UInt64 = 5_000
    /// Between the leader's word and the end: an operator may still stop the node and look.
    package var graceMilliseconds: UInt64 = 60_000

    package init() {}
}

/// One replica's way out of its group. Pure; time in milliseconds (reliability 3.3, "Replica garbage").
///
///     member → asking (no leader is heard, or another replica says so) → proven → removed
///        ↑__________|____________________________________________________|  a leader addresses it after all
struct RemovalCase: Sendable {
    enum Input {
        /// A leader's message was addressed to this replica.
        case leaderHeard
        /// A replica of the group says that a committed configuration left this one out: a hint.
        case hinted
        /// The current leader has proved that it leads, and that its committed configuration lacks this replica.
        case proven
        case tick(milliseconds: UInt64, hasLeader: Bool)
    }

    enum Effect: Hashable {
        /// Ask whoever may lead the group.
        case ask
        /// Tombstone first, then the files.
        case remove
    }

    private enum State {
        case member(leaderlessSince: UInt64?)
        case asking(askedAt: UInt64?)
        case proven(since: UInt64?)
        case removed
    }

    private let settings: RemovalSettings
    private var state = State.member(leaderlessSince: nil)

    /// Nothing is to be told to it while a leader is heard.
    var isMember: Bool { if case .member(nil) = self.state { true } else { false } }

    init(settings: RemovalSettings) { self.settings = settings }

    mutating func step(_ input: Input) -> Effect? {
        switch (self.state, input) {
        case (.removed, _): break
        case (_, .leaderHeard): self.state = .member(leaderlessSince: nil)
        case (.member, .hinted): self.state = .asking(askedAt: nil)
        case (.asking, .hinted), (.proven, .hinted): break
        case (.member, .proven): break  // The answer to an older question: a leader has been heard since.
        case (.asking, .proven): self.state = .proven(since: nil)
        case (.proven, .proven): break
        case (.member(let since), .tick(let now, let hasLeader)):
            guard !hasLeader else {
                if since != nil { self.state = .member(leaderlessSince: nil) }
                break
            }
            let start = since ?? now
            self.state = .member(leaderlessSince: start)
            guard now - start >= self.settings.askAfterMilliseconds else { break }
            self.state = .asking(askedAt: now)
            return .ask
        case (.asking(let askedAt), .tick(let now, _)):
            if let askedAt, now - askedAt < self.settings.askEachMilliseconds { break }
            self.state = .asking(askedAt: now)
            return .ask
        case (.proven(let since), .tick(let now, _)):
            let start = since ?? now
            guard now - start >= self.settings.graceMilliseconds else {
                self.state = .proven(since: start)
                break
            }
            self.state = .removed
            return .remove
        }
        return nil
    }
}
