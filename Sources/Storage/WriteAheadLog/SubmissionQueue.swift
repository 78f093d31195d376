/// Between the host's threads and the log's: work in, figures out. All of it under one lock, held for moments.
final class SubmissionQueue: Sendable {
    private struct State {
        var pending: [LogWork] = []
        var pendingBytes = 0
        /// When the first of `pending` came.
        var pendingSince: ContinuousClock.Instant?
        /// What the log's thread has taken and not finished, and since when the oldest of it waits.
        var takenBytes = 0
        var takenSince: ContinuousClock.Instant?
        var hasOverflowed = false
        var isClosing = false
        var isClosed = false
        var statistics: WALStatistics
    }

    enum Turn {
        case work([LogWork])
        case overflow(queuedBytes: Int)
        case close
    }

    private let state: Monitor<State>
    private let queuedBytesMax: Int

    init(_ statistics: WALStatistics, queuedBytesMax: Int) {
        self.state = Monitor(State(statistics: statistics))
        self.queuedBytesMax = queuedBytesMax
    }

    func submit(_ work: [LogWork]) {
        let bytes = work.reduce(0) { $0 + $1.queuedBytes }
        let queuedBytesMax = self.queuedBytesMax
        self.state.signal { state in
            guard !state.isClosing, !state.isClosed, !state.hasOverflowed else { return false }
            guard state.pendingBytes + state.takenBytes + bytes <= queuedBytesMax else {
                state.hasOverflowed = true
                return true
            }
            let wasEmpty = state.pending.isEmpty
            if wasEmpty {
                state.pending = work
                state.pendingSince = ContinuousClock.now
            } else {
                state.pending.append(contentsOf: work)
            }
            state.pendingBytes += bytes
            return wasEmpty
        }
    }

    /// What waits now, without waiting; nil when nothing does.
    func take() -> [LogWork]? {
        self.state.withLock { Self.take(&$0) }
    }

    /// - Returns: nil when nothing came within `timeout`.
    func wait(timeout: Duration?) -> Turn? {
        let queuedBytesMax = self.queuedBytesMax
        return self.state.wait(timeout: timeout) { state in
            if state.hasOverflowed { return .overflow(queuedBytes: queuedBytesMax) }
            if let work = Self.take(&state) { return .work(work) }
            return state.isClosing ? .close : nil
        }
    }

    private static func take(_ state: inout State) -> [LogWork]? {
        guard !state.pending.isEmpty else { return nil }
        let work = state.pending
        state.pending = []
        state.takenBytes += state.pendingBytes
        state.pendingBytes = 0
        state.takenSince = state.takenSince ?? state.pendingSince
        state.pendingSince = nil
        return work
    }

    /// After each commit of the log's thread.
    /// - Parameters:
    ///   - bytes: what the commit took off the queue.
    ///   - isIdle: whether all that was taken is durable.
    ///   - begun: when the commit began; the oldest that is left came about then.
    func committed(
        _ statistics: WALStatistics, bytes: Int, latency: Duration, begun: ContinuousClock.Instant, isIdle: Bool
    ) {
        self.state.withLock { state in
            state.takenBytes -= bytes
            state.statistics = statistics
            state.statistics.lastSyncLatency = latency
            state.takenSince = isIdle ? nil : begun
        }
    }

    /// All that was taken is done with, some of it without a commit.
    func settled(_ statistics: WALStatistics) {
        self.state.withLock { state in
            let latency = state.statistics.lastSyncLatency
            state.statistics = statistics
            state.statistics.lastSyncLatency = latency
            state.takenSince = nil
        }
    }

    var statistics: WALStatistics {
        self.state.withLock { state in
            var statistics = state.statistics
            statistics.queuedBytes = state.pendingBytes + state.takenBytes
            let since = state.takenSince ?? state.pendingSince
            statistics.oldestUnsynced = since.map { ContinuousClock.now - $0 }
            return statistics
        }
    }

    func close() {
        self.state.signal {
            $0.isClosing = true
            return true
        }
    }

    /// The log's thread takes no more.
    func end() {
        self.state.withLock { $0.isClosed = true }
    }
}
