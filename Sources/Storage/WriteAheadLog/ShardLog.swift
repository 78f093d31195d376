import ClusterModel

/// What the log knows of one shard: 8 bytes an entry and a run a term.
struct ShardLog {
    var hardState: WALHardState?
    /// Everything below was released or is covered by a snapshot.
    private(set) var firstIndex = LogIndex(1)
    /// The term of the index below `firstIndex`.
    private(set) var baseTerm = Term.zero
    /// The host's words about the index below `firstIndex`.
    private(set) var note: [UInt8] = []
    private(set) var lastIndex = LogIndex.zero
    private(set) var lastTerm = Term.zero
    /// The entries up to `lastIndex`, the first of them being `lowestHeld`.
    private var positions = PositionList()
    private(set) var termRuns: [WALTermRun] = []
    /// Said by an earlier opening, and not yet repaired.
    var damage: WALDamage?
    /// Of the last removal.
    private(set) var tombstone: [UInt8] = []
    /// Nothing came after the last removal.
    private(set) var isRemoved = false
    /// Records were lost: where the next entry joins is unknown. In recovery alone.
    private(set) var isDetached = false

    init() {}

    /// As a segment's first batch gives it: the entries themselves are in earlier segments or were released.
    init(_ bounds: ShardBounds) {
        self.firstIndex = bounds.firstIndex
        self.baseTerm = bounds.baseTerm
        self.lastIndex = bounds.lastIndex
        self.lastTerm = bounds.lastTerm
        self.adopt(bounds)
    }

    /// The lowest index whose place is known; the one after the last when none is.
    var lowestHeld: LogIndex { LogIndex(self.lastIndex.rawValue - UInt64(self.positions.count) + 1) }

    /// Whether the place of every entry that is needed is known.
    var isWhole: Bool { !self.isDetached && self.lowestHeld <= self.firstIndex }

    /// The place of the first entry that is still needed.
    var lowestPosition: RecordPosition? { self.positions.first.map(RecordPosition.init(rawValue:)) }

    /// - Parameter index: in `lowestHeld...lastIndex`.
    func position(of index: LogIndex) -> RecordPosition {
        RecordPosition(rawValue: self.positions[index.count(since: self.lowestHeld)])
    }

    /// The last index that is held in this segment or an earlier one; nil when none is. O(log n).
    func lastIndex(through segment: SegmentNumber) -> LogIndex? {
        let end = RecordPosition(segment: segment.next(), byteOffset: 0).rawValue
        var (low, high) = (0, self.positions.count)
        while low < high {
            let middle = low + (high - low) / 2
            if self.positions[middle] < end { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : self.lowestHeld.advanced(by: low - 1)
    }

    /// The term of an index that is held, or is the last, or is the one below the first; else nil.
    func term(at index: LogIndex) -> Term? {
        if index == self.lastIndex { return self.lastTerm }
        if index.rawValue + 1 == self.firstIndex.rawValue { return self.baseTerm }
        guard index >= self.lowestHeld, index < self.lastIndex else { return nil }
        return self.termRuns.last { $0.first <= index }?.term
    }

    /// Adds an entry, replacing everything from its index on.
    /// - Returns: false when the entry would leave a gap, or lies below what was released.
    mutating func append(_ index: LogIndex, _ term: Term, at position: RecordPosition) -> Bool {
        if self.isDetached, index >= self.firstIndex {
            self.lastIndex = index.previous()
            self.isDetached = false
        }
        guard index >= self.firstIndex, index.rawValue <= self.lastIndex.rawValue + 1 else { return false }
        if index <= self.lastIndex { self.truncate(from: index) }
        self.positions.append(position.rawValue)
        if self.termRuns.last?.term != term { self.termRuns.append(WALTermRun(first: index, term: term)) }
        self.lastIndex = index
        self.lastTerm = term
        self.isRemoved = false
        return true
    }

    mutating func restart(_ index: LogIndex, _ term: Term, note: [UInt8]) {
        self.positions.removeAll()
        self.termRuns.removeAll()
        self.firstIndex = LogIndex(index.rawValue + 1)
        self.baseTerm = term
        self.note = note
        self.lastIndex = index
        self.lastTerm = term
        self.isDetached = false
        self.isRemoved = false
    }

    /// Forgets entries below `index`, at most all. An index below the first does nothing.
    /// - Parameter term: of the index before `index`, for when the log itself does not know it.
    mutating func release(below index: LogIndex, term: Term, note: [UInt8]) {
        let index = self.isDetached ? index : min(index, LogIndex(self.lastIndex.rawValue + 1))
        guard index >= self.firstIndex else { return }
        self.note = note
        guard index > self.firstIndex else { return }
        self.baseTerm = (self.isDetached ? nil : self.term(at: index.previous())) ?? term
        self.firstIndex = index
        if !self.isDetached { self.dropReleased() }
    }

    /// Drops everything and leaves a tombstone.
    mutating func remove(tombstone: [UInt8]) {
        self = ShardLog()
        self.tombstone = tombstone
        self.isRemoved = true
    }

    mutating func setHardState(_ state: WALHardState) {
        self.hardState = state
        self.isRemoved = false
    }

    /// Records were lost: what stands before them is given up, and the next entry may have any index.
    mutating func detach() {
        self.positions.removeAll()
        self.termRuns.removeAll()
        self.isDetached = true
    }

    /// Takes over what a segment's first batch says beside the bounds.
    mutating func adopt(_ bounds: ShardBounds) {
        self.hardState = bounds.hardState
        self.note = bounds.note
        self.tombstone = bounds.tombstone
        self.isRemoved = bounds.isRemoved
        self.damage = bounds.damage
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

/// What a segment's first batch says of one shard.
struct ShardBounds: Equatable {
    var firstIndex: LogIndex
    var baseTerm = Term.zero
    var lastIndex: LogIndex
    var lastTerm: Term
    var hardState: WALHardState?
    var note: [UInt8] = []
    var tombstone: [UInt8] = []
    var isRemoved = false
    var damage: WALDamage?

    init(firstIndex: LogIndex, lastIndex: LogIndex, lastTerm: Term) {
        self.firstIndex = firstIndex
        self.lastIndex = lastIndex
        self.lastTerm = lastTerm
    }

    init(_ log: ShardLog) {
        self.init(firstIndex: log.firstIndex, lastIndex: log.lastIndex, lastTerm: log.lastTerm)
        self.baseTerm = log.baseTerm
        self.hardState = log.hardState
        self.note = log.note
        self.tombstone = log.tombstone
        self.isRemoved = log.isRemoved
        self.damage = log.damage
    }

    /// The lowest byte is the damage, the next one 1 when the replica was removed.
    var flags: UInt64 {
        get { UInt64(self.damage?.rawValue ?? 0) | (self.isRemoved ? 0x100 : 0) }
        set {
            self.damage = WALDamage(rawValue: UInt8(truncatingIfNeeded: newValue))
            self.isRemoved = newValue & 0x100 != 0
        }
    }

    /// The body of its record.
    var words: [UInt64] { [self.firstIndex.rawValue, self.baseTerm.rawValue, self.flags] }
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
