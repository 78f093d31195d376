import ClusterModel
import DequeModule

/// The log as the core needs it: which term stands where, for the whole log, and the newest entries.
///
///     baseIndex ………………… committedFloor ………… lastIndex
///                     │← window: entries in memory →│
///            │← termRuns: the term of every index →│
///
/// A state stands for everything up to the base, and the base's own term is known, so that an append can
/// follow it.
///
/// The window always holds what is not committed yet; of the committed entries those that are not durable here yet,
/// or that a follower which gets appends has not acknowledged, as many as `cachedBytesMax` allows, and the newest
/// `recentBytesMax`. Others the host reads back for followers that need them. To keep more is not free: an entry that is
/// let go of megabytes later has left the processor's caches, and its memory comes back cold.
struct RaftLog: Sendable {
    private(set) var lastIndex: LogIndex
    /// Just before the first entry; (0, 0) while no log is cut at its front.
    private(set) var baseIndex: LogIndex
    private(set) var baseTerm: Term
    private var termRuns: [(first: LogIndex, term: Term)]
    private var window: Deque<Entry>
    private var windowBytes: Int
    /// The one in force at the base and all after it, oldest first.
    private var configurations: [(index: LogIndex, configuration: Configuration)]

    init(recovered: RecoveredLog) {
        let tail = recovered.tail
        precondition(
            recovered.baseIndex.advanced(by: tail.count) <= recovered.lastIndex,
            "a tail of \(tail.count) entries in a log up to \(recovered.lastIndex)")
        precondition(tail.isEmpty || tail[tail.count - 1].index == recovered.lastIndex, "the tail misses the end")
        let tailStart = LogIndex(recovered.lastIndex.rawValue - UInt64(tail.count))
        precondition(
            tailStart <= recovered.hardState.commitIndex || tailStart == recovered.baseIndex,
            "the tail begins after \(tailStart), the commit index is \(recovered.hardState.commitIndex)")
        precondition(
            recovered.lastIndex == recovered.baseIndex
                || recovered.termRuns.first.map { $0.first <= recovered.baseIndex.next() } ?? false,
            "the term runs do not begin at the log's first entry")
        self.lastIndex = recovered.lastIndex
        self.baseIndex = recovered.baseIndex
        self.baseTerm = recovered.baseTerm
        self.termRuns = Self.cut(recovered.termRuns, after: recovered.baseIndex, last: recovered.lastIndex)
        self.window = Deque(tail)
        self.windowBytes = tail.reduce(0) { $0 + $1.byteCount }
        self.configurations = recovered.configurations.map { (index: $0.0, configuration: $0.1) }
        self.forgetConfigurations(before: self.baseIndex)
    }

    var lastTerm: Term { self.termRuns.last?.term ?? self.baseTerm }

    /// The first index whose entry is in memory; the one after the last when none is.
    var windowStart: LogIndex { LogIndex(self.lastIndex.rawValue - UInt64(self.window.count) + 1) }

    var bytesInMemory: Int { self.windowBytes }

    /// - Returns: nil before the log's base and after its end. Index 0 has term 0.
    func term(at index: LogIndex) -> Term? {
        if index == self.baseIndex { return self.baseTerm }
        guard index > self.baseIndex, index <= self.lastIndex, let run = self.run(of: index) else { return nil }
        return self.termRuns[run].term
    }

    /// The newest place at or before `index` whose term is not above `term`. Everything between it and
    /// `index` has a higher term, so it can not agree with a log that has `term` at `index`.
    func lastPlace(atOrBefore index: LogIndex, notAbove term: Term) -> (index: LogIndex, term: Term) {
        var place = min(index, self.lastIndex)
        while place > self.baseIndex, let run = self.run(of: place) {
            if self.termRuns[run].term <= term { return (place, self.termRuns[run].term) }
            place = self.termRuns[run].first.previous()
        }
        return (self.baseIndex, self.baseTerm)
    }

    /// The configuration in force: the latest in the log, committed or not.
    var configuration: Configuration { self.configurations.last?.configuration ?? .empty }
    var configurationIndex: LogIndex { self.configurations.last?.index ?? .zero }

    /// Whether the last committed configuration, or one after it, lets this replica vote.
    func mayBeVoter(_ id: ReplicaID, committed: LogIndex) -> Bool {
        for (index, configuration) in self.configurations.reversed() {
            if configuration.isVoter(id) { return true }
            if index <= committed { return false }
        }
        return false
    }

    func latestConfiguration(upTo index: LogIndex) -> (index: LogIndex, configuration: Configuration)? {
        self.configurations.last { $0.index <= index }
    }

    mutating func append(_ entry: Entry) {
        precondition(entry.index == self.lastIndex.next(), "entry \(entry.index) after \(self.lastIndex)")
        precondition(entry.term >= self.lastTerm, "term \(entry.term) after \(self.lastTerm)")
        if self.termRuns.last?.term != entry.term { self.termRuns.append((first: entry.index, term: entry.term)) }
        if case .configuration(let configuration) = entry.payload {
            self.configurations.append((index: entry.index, configuration: configuration))
        }
        self.lastIndex = entry.index
        self.window.append(entry)
        self.windowBytes += entry.byteCount
    }

    /// Removes the entry at `index` and all after it. The caller has made sure that none is committed.
    mutating func truncate(from index: LogIndex) {
        precondition(index > self.baseIndex && index >= self.windowStart, "truncation at \(index)")
        while self.lastIndex >= index {
            self.windowBytes -= self.window.removeLast().byteCount
            self.lastIndex = self.lastIndex.previous()
        }
        while let run = self.termRuns.last, run.first >= index { self.termRuns.removeLast() }
        while let last = self.configurations.last, last.index >= index { self.configurations.removeLast() }
    }

    /// - Precondition: the range lies in the window.
    func entries(_ first: LogIndex, through last: LogIndex) -> [Entry] {
        guard first <= last else { return [] }
        let start = first.count(since: self.windowStart)
        return Array(self.window[start..<start + last.count(since: first) + 1])
    }

    /// The last index of a run from `first` that has at most `bytesMax` and `countMax`, but at least one
    /// entry.
    func end(from first: LogIndex, bytesMax: Int, countMax: Int) -> (last: LogIndex, bytes: Int) {
        let start = first.count(since: self.windowStart)
        var place = start
        var bytes = 0
        while place < self.window.count, place - start < max(countMax, 1) {
            let more = self.window[place].byteCount
            if place > start, bytes + more > bytesMax { break }
            bytes += more
            place += 1
        }
        return (first.advanced(by: place - start).previous(), bytes)
    }

    /// The bytes of entries above `index`.
    func bytes(after index: LogIndex) -> Int {
        guard index < self.lastIndex else { return 0 }
        let start = max(index.next(), self.windowStart).count(since: self.windowStart)
        return self.window[start...].reduce(0) { $0 + $1.byteCount }
    }

    /// Forgets all up to and including `index`, which some durable state stands for.
    mutating func compact(through index: LogIndex) {
        guard index > self.baseIndex, let term = self.term(at: index) else { return }
        while let first = self.window.first, first.index <= index {
            self.windowBytes -= first.byteCount
            self.window.removeFirst()
        }
        self.termRuns = Self.cut(self.termRuns, after: index, last: self.lastIndex)
        self.baseIndex = index
        self.baseTerm = term
        self.forgetConfigurations(before: index)
    }

    /// Begins anew after a state that was received.
    mutating func restart(at point: SnapshotPoint) {
        self.baseIndex = point.index
        self.baseTerm = point.term
        self.lastIndex = point.index
        self.termRuns.removeAll()
        self.window.removeAll()
        self.windowBytes = 0
        self.configurations = [(index: point.index, configuration: point.configuration)]
    }

    private static func cut(
        _ runs: [(first: LogIndex, term: Term)], after index: LogIndex, last: LogIndex
    ) -> [(first: LogIndex, term: Term)] {
        guard index < last else { return [] }
        let kept = runs.lastIndex { $0.first <= index.next() } ?? 0
        var runs = Array(runs[kept...])
        if !runs.isEmpty { runs[0].first = max(runs[0].first, index.next()) }
        return runs
    }

    /// Lets go of the oldest entries in memory, while they are more than `bytesMax`, but of none above `floor`; of those
    /// up to `unwanted` while they are more than `recentBytesMax`.
    mutating func trim(committed floor: LogIndex, bytesMax: Int, unwanted: LogIndex, recentBytesMax: Int) {
        while let first = self.window.first, first.index <= floor,
            self.windowBytes > bytesMax || (self.windowBytes > recentBytesMax && first.index <= unwanted)
        {
            self.windowBytes -= first.byteCount
            self.window.removeFirst()
        }
    }

    private mutating func forgetConfigurations(before index: LogIndex) {
        while self.configurations.count > 1, self.configurations[1].index <= index {
            self.configurations.removeFirst()
        }
    }

    private func run(of index: LogIndex) -> Int? {
        if let last = self.termRuns.last, last.first <= index { return self.termRuns.count - 1 }
        var low = 0
        var high = self.termRuns.count
        while low < high {
            let middle = (low + high) / 2
            if self.termRuns[middle].first <= index { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : low - 1
    }
}
