import Projections

/// Whether texts wait to be indexed for a calmer moment.
///
/// That a message is kept and delivered is worth more than that it is found a moment earlier: while processors are short, the
/// index of texts leaves them to messages. It does so within bounds, and not where somebody searches: a search needs the
/// index, and says so by being there.
struct IndexPatience {
    /// Messages of one shard that may wait: to index them takes some tenths of a second.
    static let rowsMax = 16_384
    static let waitMax = Duration.seconds(30)
    /// How long a search is remembered: it may be repeated until its answer is complete.
    private static let searchMemory: UInt64 = 10_000

    private var searchedAt: UInt64?

    mutating func noteSearch(at now: UInt64) { self.searchedAt = now }

    /// While processors are short.
    ///
    /// - Parameters:
    ///   - lag: of one shard's index. What was trimmed is not counted in it, and does not wait.
    ///   - waits: for how long the index has not had everything: once that is too long, it goes on until it has.
    ///   - now: milliseconds.
    func defers(_ lag: IndexLag, waits: Duration, at now: UInt64) -> Bool {
        guard lag.rows > 0, lag.rows < Self.rowsMax, waits < Self.waitMax else { return false }
        guard let searchedAt = self.searchedAt else { return true }
        return now > searchedAt + Self.searchMemory
    }
}
