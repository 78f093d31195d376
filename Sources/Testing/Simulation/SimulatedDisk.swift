import ClusterModel
import Raft

/// One node's disk: it knows which writes are synced, and a crash loses some of the others.
///
/// Writes keep their order, as a write-ahead log does, so what survives of the unsynced ones is a prefix
/// drawn by lot, the last write perhaps torn.
struct SimulatedDisk {
    struct Contents {
        var hardState = HardState.initial
        var entries: [Entry] = []

        mutating func write(_ hardState: HardState?, _ entries: [Entry]) {
            if let hardState { self.hardState = hardState }
            guard let first = entries.first else { return }
            self.entries.removeLast(max(0, self.entries.count - Int(first.index.previous().rawValue)))
            self.entries.append(contentsOf: entries)
        }

        func entry(at index: LogIndex) -> Entry? {
            guard index > .zero, index.rawValue <= self.entries.count else { return nil }
            return self.entries[Int(index.rawValue) - 1]
        }
    }

    private struct Write {
        let mark: PersistMark
        let hardState: HardState?
        let entries: [Entry]
    }

    private(set) var synced = Contents()
    /// What a reader of the running node sees: all writes, synced or not.
    private(set) var written = Contents()
    private var unsynced: [Write] = []

    init() {}

    init(founding recovered: RecoveredLog) {
        self.synced.write(recovered.hardState, recovered.tail)
        self.written = self.synced
    }

    mutating func write(_ mark: PersistMark, _ hardState: HardState?, _ entries: [Entry]) {
        self.unsynced.append(Write(mark: mark, hardState: hardState, entries: entries))
        self.written.write(hardState, entries)
    }

    mutating func sync(through mark: PersistMark) {
        let count = self.unsynced.prefix { $0.mark <= mark }.count
        for write in self.unsynced[..<count] { self.synced.write(write.hardState, write.entries) }
        self.unsynced.removeFirst(count)
    }

    /// - Returns: how many writes were lost.
    mutating func crash(_ chance: inout Chance) -> Int {
        let kept = self.unsynced.isEmpty ? 0 : chance.number(0...self.unsynced.count)
        for write in self.unsynced[..<kept] { self.synced.write(write.hardState, write.entries) }
        let lost = self.unsynced.count - kept
        if lost > 0, chance.percent(50) {
            // The next one is torn: its hard state stays, and some of its entries.
            let torn = self.unsynced[kept]
            self.synced.write(torn.hardState, Array(torn.entries.prefix(chance.number(0...torn.entries.count))))
        }
        self.unsynced.removeAll()
        self.written = self.synced
        return lost
    }
}
