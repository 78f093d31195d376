import ClusterModel
import DequeModule

/// What a leader knows about one other replica, and how much it lets fly to it.
///
/// *Probe*: one append at a time, until the place is found from which the logs agree. *Replicate*: a
/// pipeline of appends, bounded in entries and bytes, optimistic about their arrival. *Snapshot*: nothing, while
/// the host brings it a state that stands for entries which the log no longer holds.
/// - SeeAlso: thesis, section 10.2.1.
struct Progress: Sendable {
    enum State: Sendable, Equatable {
        /// → replicate when an append is accepted. `isWaiting`: one is under way.
        case probe(isWaiting: Bool)
        /// → probe when an append is rejected, or the replica restarts; → snapshot when the log was compacted
        /// beyond what is to be sent next. From probe likewise.
        case replicate
        /// → probe when the transfer has ended; → replicate when it turns out to have all up to `base`, which
        /// was the log's base when the transfer began.
        case snapshot(base: LogIndex)
    }

    struct Inflight: Sendable {
        let last: LogIndex
        let bytes: Int
    }

    struct Fetch: Sendable {
        let from: LogIndex
        var hasFailed = false
    }

    let replica: Replica
    private(set) var state = State.probe(isWaiting: false)
    /// The highest index that is known to be durable there.
    private(set) var match = LogIndex.zero
    /// The next index to send.
    private(set) var next: LogIndex
    private var inflight: Deque<Inflight> = []
    private var inflightBytes = 0

    /// The commit index that it was last told of.
    var commitSent = LogIndex.zero
    /// The newest round of heartbeats that it answered, for reads.
    var readContext: UInt64 = 0
    /// It has said, in its present life, that its disk lacks nothing.
    var isWhole = false
    var ticksSinceHeard = 0
    var ticksSinceAdvance = 0
    /// Entries that the host reads for it.
    var fetch: Fetch?

    init(_ replica: Replica, next: LogIndex) {
        self.replica = replica
        self.next = next
    }

    func isFull(_ settings: RaftSettings) -> Bool {
        switch self.state {
        case .probe(let isWaiting): return isWaiting
        case .snapshot: return true
        case .replicate:
            return self.next.count(since: self.match) > settings.inflightEntriesMax
                || self.inflightBytes >= settings.inflightBytesMax
        }
    }

    /// How many entries may still be sent.
    func room(_ settings: RaftSettings) -> Int {
        switch self.state {
        case .probe, .snapshot: return settings.inflightEntriesMax
        case .replicate:
            return max(1, settings.inflightEntriesMax - self.next.previous().count(since: self.match))
        }
    }

    mutating func sent(through last: LogIndex, bytes: Int) {
        switch self.state {
        case .probe:
            self.state = .probe(isWaiting: true)
        case .snapshot:
            return
        case .replicate:
            guard last >= self.next else { return }
            if self.next.previous() == self.match { self.ticksSinceAdvance = 0 }
            self.inflight.append(Inflight(last: last, bytes: bytes))
            self.inflightBytes += bytes
            self.next = last.next()
        }
    }

    /// - Returns: whether `match` rose.
    mutating func accepted(_ index: LogIndex) -> Bool {
        let advanced = index > self.match
        if advanced {
            self.match = index
            self.ticksSinceAdvance = 0
        }
        switch self.state {
        case .probe:
            guard index >= self.match else { return advanced }
            self.state = .replicate
            self.next = self.match.next()
        case .replicate:
            self.next = max(self.next, index.next())
        case .snapshot(let base):
            guard self.match >= base else { return advanced }
            self.state = .replicate
            self.next = self.match.next()
        }
        while let oldest = self.inflight.first, oldest.last <= self.match {
            self.inflightBytes -= oldest.bytes
            self.inflight.removeFirst()
        }
        return advanced
    }

    /// - Parameters:
    ///   - retry: the next index to try, as the hint suggests.
    ///   - isAgreed: whether the logs are known to agree before `retry`, so that it may lie further on.
    mutating func rejected(_ previousIndex: LogIndex, retry: LogIndex, isAgreed: Bool) {
        switch self.state {
        case .probe:
            guard previousIndex == self.next.previous() else { return }
        case .replicate:
            guard previousIndex > self.match || isAgreed, previousIndex < self.next else { return }
        case .snapshot:
            return
        }
        self.probe(from: isAgreed ? max(retry, self.match.next()) : max(min(retry, previousIndex), self.match.next()))
    }

    /// It needs what the log no longer holds.
    mutating func awaitSnapshot(base: LogIndex) {
        self.probe(from: self.match.next())
        self.state = .snapshot(base: base)
    }

    /// - Parameter through: where its log stands by its own account; nil when the transfer failed, and is tried
    ///   again when the replica shows itself.
    mutating func snapshotEnded(through: LogIndex?) {
        guard case .snapshot = self.state else { return }
        self.probe(from: max(self.match, through ?? .zero).next())
        if through == nil { self.state = .probe(isWaiting: true) }
    }

    mutating func probe(from next: LogIndex) {
        self.state = .probe(isWaiting: false)
        self.next = next
        self.inflight.removeAll()
        self.inflightBytes = 0
        self.fetch = nil
    }

    /// A probe that was lost, and a read that failed, are tried again when the replica shows itself.
    mutating func heartbeatAnswered() {
        if self.fetch?.hasFailed == true { self.fetch = nil }
        if case .probe = self.state { self.state = .probe(isWaiting: false) }
    }

    /// What it acknowledged in an earlier life is not believed any more. A transfer goes on, or is reported failed.
    mutating func restarted() {
        self.isWhole = false
        if case .snapshot = self.state { return self.match = .zero }
        let next = self.match.next()
        self.match = .zero
        self.probe(from: next)
    }
}
