import ClusterModel
import Raft

/// One node's disk: it knows which writes are synced, and a crash loses some of the others.
///
/// Writes keep their order, as a write-ahead log does, so what survives of the unsynced ones is a prefix
/// drawn by lot, the last write perhaps torn.
struct SimulatedDisk {
    struct Contents {
        var hardState = HardState.initial
        /// What stands before the first entry; nil for a log that was never cut.
        var base: SnapshotPoint?
        var entries: [Entry] = []
        /// Stays until the replica has been repaired.
        var isDamaged = false

        var baseIndex: LogIndex { self.base?.index ?? .zero }
        var lastIndex: LogIndex { self.baseIndex.advanced(by: self.entries.count) }

        fileprivate mutating func write(_ record: Record) {
            switch record {
            case .append(let hardState, let entries):
                if let hardState { self.hardState = hardState }
                guard let first = entries.first else { return }
                let kept = first.index.previous().count(since: self.baseIndex)
                self.entries.removeLast(max(0, self.entries.count - kept))
                self.entries.append(contentsOf: entries)
            case .restart(let hardState, let point):
                if let hardState { self.hardState = hardState }
                self.base = point
                self.entries = []
            case .release(let point):
                guard point.index > self.baseIndex, point.index <= self.lastIndex else { return }
                self.entries.removeFirst(point.index.count(since: self.baseIndex))
                self.base = point
            }
        }

        func entry(at index: LogIndex) -> Entry? {
            guard index > self.baseIndex, index <= self.lastIndex else { return nil }
            return self.entries[index.count(since: self.baseIndex) - 1]
        }
        /// Whether it has this entry, or a state that stands for it.
        func covers(_ index: LogIndex, _ term: Term) -> Bool {
            if index < self.baseIndex { return true }
            if index == self.baseIndex { return self.base.map { $0.term == term } ?? true }
            return self.entry(at: index)?.term == term
        }
    }

    enum Record {
        case append(HardState?, [Entry])
        /// The log begins anew behind a received state.
        case restart(HardState?, SnapshotPoint)
        /// A state stands for the entries up to the point.
        case release(SnapshotPoint)
    }

    private struct Write {
        let mark: PersistMark
        let record: Record
    }

    private(set) var synced = Contents()
    /// What a reader of the running node sees: all writes, synced or not.
    private(set) var written = Contents()
    private var unsynced: [Write] = []
    private var lastMark = PersistMark.zero

    init() {}

    init(founding recovered: RecoveredLog) {
        self.synced.write(.append(recovered.hardState, recovered.tail))
        self.written = self.synced
    }

    /// A disk that was copied earlier.
    init(copy: Contents) {
        self.synced = copy
        self.written = copy
    }

    mutating func write(_ mark: PersistMark, _ record: Record) {
        self.lastMark = mark
        self.unsynced.append(Write(mark: mark, record: record))
        self.written.write(record)
    }

    /// Durable along with the next record that is waited for.
    mutating func release(_ point: SnapshotPoint) { self.write(self.lastMark, .release(point)) }

    mutating func sync(through mark: PersistMark) {
        let count = self.unsynced.prefix { $0.mark <= mark }.count
        for write in self.unsynced[..<count] { self.synced.write(write.record) }
        self.unsynced.removeFirst(count)
    }

    /// - Parameter isFailing: nothing of what was not synced has reached the medium: an error or a full disk ends
    ///   the process, as a power failure does.
    /// - Returns: how many writes were lost.
    mutating func crash(isFailing: Bool, _ chance: inout Chance) -> Int {
        let kept = self.unsynced.isEmpty || isFailing ? 0 : chance.number(0...self.unsynced.count)
        for write in self.unsynced[..<kept] { self.synced.write(write.record) }
        let lost = self.unsynced.count - kept
        if lost > 0, !isFailing, chance.percent(50),
            case .append(let hardState, let entries) = self.unsynced[kept].record
        {
            // The next one is torn: its hard state stays, and some of its entries.
            self.synced.write(.append(hardState, Array(entries.prefix(chance.number(0...entries.count)))))
        }
        self.forgetUnsynced()
        return lost
    }

    /// Writes that the disk had reported done were never stored: the newest `count` synced entries are gone, and
    /// recovery has noticed it.
    mutating func loseSynced(_ count: Int) {
        self.synced.entries.removeLast(min(count, self.synced.entries.count))
        self.synced.isDamaged = true
        self.forgetUnsynced()
    }

    mutating func restart(at point: SnapshotPoint) {
        self.synced.write(.restart(nil, point))
        self.forgetUnsynced()
    }

    mutating func repaired() {
        self.synced.isDamaged = false
        self.written.isDamaged = false
    }

    private mutating func forgetUnsynced() {
        self.unsynced.removeAll()
        self.written = self.synced
        self.lastMark = .zero
    }
}

extension SimulatedDisk.Contents {
    /// As a host reads it at a start.
    /// - Parameter commitIndex: what is already applied when the replica starts, or known to be committed.
    func recovered(commitIndex: LogIndex) -> RecoveredLog {
        var state = self.hardState
        state.commitIndex = commitIndex
        var log = RecoveredLog(
            hardState: state, baseIndex: self.baseIndex, baseTerm: self.base?.term ?? .zero, termRuns: [],
            lastIndex: self.lastIndex, tail: self.entries.filter { $0.index > commitIndex },
            configurations: self.base.map { [($0.index, $0.configuration)] } ?? [], isDamaged: self.isDamaged)
        for entry in self.entries {
            if log.termRuns.last?.term != entry.term { log.termRuns.append((first: entry.index, term: entry.term)) }
            if case .configuration(let configuration) = entry.payload {
                log.configurations.append((entry.index, configuration))
            }
        }
        return log
    }
}

/// A machine's state as it lies on a disk, or travels to another: in the simulation a hash over all entries.
struct SimulatedState {
    /// Nil for the state before the first entry.
    var point: SnapshotPoint?
    var hash: UInt64 = 0

    var index: LogIndex { self.point?.index ?? .zero }
}
