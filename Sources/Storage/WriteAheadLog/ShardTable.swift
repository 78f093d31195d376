import ClusterModel

/// Where a record begins: the segment in the upper half, the byte in the lower.
struct RecordPosition: Hashable, Comparable {
    let rawValue: UInt64

    init(segment: SegmentNumber, byteOffset: Int) {
        self.rawValue = UInt64(segment.rawValue) << 32 | UInt64(UInt32(byteOffset))
    }
    init(rawValue: UInt64) { self.rawValue = rawValue }

    var segment: SegmentNumber { SegmentNumber(UInt32(self.rawValue >> 32)) }
    var byteOffset: Int { Int(UInt32(truncatingIfNeeded: self.rawValue)) }
    static func < (left: RecordPosition, right: RecordPosition) -> Bool { left.rawValue < right.rawValue }
}

/// Positions with cheap ends: appended and cut off at the back, released at the front.
private struct PositionList {
    private var storage: [UInt64] = []
    /// Released places at the front that `storage` still holds; at most half of it.
    private var released = 0

    var count: Int { self.storage.count - self.released }
    var isEmpty: Bool { self.count == 0 }
    var first: UInt64? { self.isEmpty ? nil : self.storage[self.released] }
    subscript(index: Int) -> UInt64 { self.storage[self.released + index] }

    mutating func append(_ position: UInt64) { self.storage.append(position) }
    mutating func removeLast(_ count: Int) { self.storage.removeLast(count) }

    mutating func removeFirst(_ count: Int) {
        precondition(count <= self.count, "\(count) of \(self.count) positions")
        self.released += count
        guard self.released * 2 > self.storage.count else { return }
        self.storage.removeFirst(self.released)
        self.released = 0
    }

    mutating func removeAll() { self = PositionList() }
}

/// What the log knows of one shard: 8 bytes an entry and a run a term.
struct ShardLog {
    var hardState: WALHardState?
    /// Everything below was released or is covered by a snapshot.
    private(set) var firstIndex = LogIndex(1)
    private(set) var lastIndex = LogIndex.zero
    private(set) var lastTerm = Term.zero
    /// The entries up to `lastIndex`, the first of them being `lowestHeld`.
    private var positions = PositionList()
    private(set) var termRuns: [WALTermRun] = []

    init() {}

    /// As a segment's first batch gives it: the entries themselves are in earlier segments or were released.
    init(firstIndex: LogIndex, lastIndex: LogIndex, lastTerm: Term, hardState: WALHardState?) {
        self.firstIndex = firstIndex
        self.lastIndex = lastIndex
        self.lastTerm = lastTerm
        self.hardState = hardState
    }

    /// The lowest index whose place is known; the one after the last when none is.
    var lowestHeld: LogIndex { LogIndex(self.lastIndex.rawValue - UInt64(self.positions.count) + 1) }

    /// The place of the first entry that is still needed.
    var lowestPosition: RecordPosition? { self.positions.first.map(RecordPosition.init(rawValue:)) }

    /// - Parameter index: in `lowestHeld...lastIndex`.
    func position(of index: LogIndex) -> RecordPosition {
        RecordPosition(rawValue: self.positions[index.count(since: self.lowestHeld)])
    }

    /// Adds an entry, replacing everything from its index on.
    /// - Returns: false when the entry would leave a gap, or lies below what was released.
    mutating func append(_ index: LogIndex, _ term: Term, at position: RecordPosition) -> Bool {
        guard index >= self.firstIndex, index.rawValue <= self.lastIndex.rawValue + 1 else { return false }
        if index <= self.lastIndex { self.truncate(from: index) }
        self.positions.append(position.rawValue)
        if self.termRuns.last?.term != term { self.termRuns.append(WALTermRun(first: index, term: term)) }
        self.lastIndex = index
        self.lastTerm = term
        return true
    }

    mutating func restart(_ index: LogIndex, _ term: Term) {
        self.positions.removeAll()
        self.termRuns.removeAll()
        self.firstIndex = LogIndex(index.rawValue + 1)
        self.lastIndex = index
        self.lastTerm = term
    }

    /// Forgets entries below `index`, at most all.
    mutating func release(below index: LogIndex) {
        let index = min(index, LogIndex(self.lastIndex.rawValue + 1))
        guard index > self.firstIndex else { return }
        self.firstIndex = index
        self.dropReleased()
    }

    /// Drops the places and runs below `firstIndex`.
    private mutating func dropReleased() {
        let lowest = self.lowestHeld
        if lowest < self.firstIndex { self.positions.removeFirst(self.firstIndex.count(since: lowest)) }
        if self.positions.isEmpty {
            self.termRuns.removeAll()
            return
        }
        let kept = max(self.firstIndex, self.lowestHeld)
        guard let run = self.termRuns.lastIndex(where: { $0.first <= kept }) else { return }
        self.termRuns.removeFirst(run)
        self.termRuns[0].first = kept
    }

    private mutating func truncate(from index: LogIndex) {
        let dropped = Int(min(UInt64(self.positions.count), self.lastIndex.rawValue - index.rawValue + 1))
        self.positions.removeLast(dropped)
        while let run = self.termRuns.last, run.first >= index { self.termRuns.removeLast() }
        self.lastIndex = index.previous()
    }
}

/// All shards of the log, by id.
struct ShardTable {
    private var logs: [ShardLog?] = []

    subscript(shard: ShardID) -> ShardLog? {
        let index = Int(shard.rawValue)
        return index < self.logs.count ? self.logs[index] : nil
    }

    /// Changes a shard in place; a shard that was never heard of begins empty.
    mutating func update<Result>(_ shard: ShardID, _ change: (inout ShardLog) -> Result) -> Result {
        let index = Int(shard.rawValue)
        if index >= self.logs.count {
            self.logs.append(contentsOf: repeatElement(nil, count: index + 1 - self.logs.count))
        }
        var log = self.logs[index] ?? ShardLog()
        self.logs[index] = nil  // The table must not hold a second reference, or every append copies.
        defer { self.logs[index] = log }
        return change(&log)
    }

    /// In the order of their ids.
    var shards: [(shard: ShardID, log: ShardLog)] {
        self.logs.indices.compactMap { index in
            self.logs[index].map { (ShardID(UInt16(index)), $0) }
        }
    }

    /// The lowest segment that holds an entry that is still needed; nil when no entry is.
    var lowestNeededSegment: SegmentNumber? {
        self.logs.lazy.compactMap { $0?.lowestPosition?.segment }.min()
    }
}
