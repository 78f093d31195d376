// When to dial again: a pure machine for each outbound connection.

import ClusterModel

/// Waits that double from the shortest to the longest with jitter, and none after a connection that had lasted.
///
/// A connection that broke after at least a second is dialled again at once: either the peer's process is gone, which a
/// refused connect tells within a round trip, or the network hiccuped. One that broke sooner counts as a failure, so that
/// a peer which accepts and hangs up is not dialled in a loop.
struct RedialMachine: Sendable {
    enum Input: Sendable, Equatable {
        case start
        case opened(nowMilliseconds: UInt64)
        case closed(nowMilliseconds: UInt64)
        /// The dial failed before a session was open.
        case failed(refused: Bool)
        /// The peer has another address now: do not sit out the wait.
        case addressChanged
        /// The peer has dialled us while a dial of ours waits: it is back, so do not sit out the wait.
        case peerSeen
        case stop
    }

    enum Effect: Sendable, Equatable {
        /// Replaces a dial that still waits.
        case dial(afterMilliseconds: UInt64)
        case reportRefused
        case hangUp
    }

    private enum State: Sendable, Equatable {
        case idle
        /// A dial waits or is under way.
        case dialling
        case open(sinceMilliseconds: UInt64)
        case stopped
    }

    /// A connection that lasted this long counts as having worked.
    static let lastingMilliseconds: UInt64 = 1_000

    private let backoffMilliseconds: ClosedRange<UInt64>
    private var random: SeededGenerator
    private var failureCount = 0
    private var state: State = .idle

    init(backoffMilliseconds: ClosedRange<UInt64>, seed: UInt64) {
        precondition(backoffMilliseconds.lowerBound > 0, "a backoff from \(backoffMilliseconds.lowerBound) ms")
        self.backoffMilliseconds = backoffMilliseconds
        self.random = SeededGenerator(seed: seed)
    }

    mutating func step(_ input: Input) -> [Effect] {
        switch (self.state, input) {
        case (.idle, .start):
            self.state = .dialling
            return [.dial(afterMilliseconds: 0)]
        case (.dialling, .opened(let now)):
            self.state = .open(sinceMilliseconds: now)
            return []
        case (.dialling, .failed(let refused)):
            self.failureCount += 1
            return (refused ? [.reportRefused] : []) + [.dial(afterMilliseconds: self.wait())]
        case (.open(let since), .closed(let now)):
            self.failureCount = now >= since + Self.lastingMilliseconds ? 0 : self.failureCount + 1
            self.state = .dialling
            return [.dial(afterMilliseconds: self.wait())]
        case (.idle, .stop), (.dialling, .stop), (.open, .stop):
            self.state = .stopped
            return [.hangUp]
        case (.open, .addressChanged):
            return [.hangUp]
        case (.dialling, .addressChanged), (.dialling, .peerSeen):
            self.failureCount = 0
            return [.dial(afterMilliseconds: 0)]
        case (.idle, _), (.dialling, .start), (.dialling, .closed), (.open, .start), (.open, .opened), (.open, .failed),
            (.open, .peerSeen), (.stopped, _):
            return []
        }
    }

    /// 0 without failures, else a random half to whole of the doubled step.
    private mutating func wait() -> UInt64 {
        guard self.failureCount > 0 else { return 0 }
        let shift = UInt64(min(self.failureCount - 1, 20))
        let whole = min(self.backoffMilliseconds.lowerBound << shift, self.backoffMilliseconds.upperBound)
        return UInt64.random(in: (whole + 1) / 2...whole, using: &self.random)
    }
}
