import ClusterModel

/// The entries that recovery hands back whole, of all shards: few among many.
struct RetainedEntries {
    private var entries: [[WALEntry]] = []

    /// Whether an entry at `index` may replace something here.
    func mayHold(_ shard: ShardID, from index: LogIndex) -> Bool {
        let slot = Int(shard.rawValue)
        guard slot < self.entries.count, let last = self.entries[slot].last else { return false }
        return last.index >= index
    }

    /// Drops what an entry at `index` replaces.
    mutating func truncate(_ shard: ShardID, from index: LogIndex) {
        guard self.mayHold(shard, from: index) else { return }
        self.entries[Int(shard.rawValue)].removeAll { $0.index >= index }
    }

    mutating func append(_ entry: WALEntry, of shard: ShardID) {
        let slot = Int(shard.rawValue)
        if slot >= self.entries.count {
            self.entries.append(contentsOf: repeatElement([], count: slot + 1 - self.entries.count))
        }
        self.entries[slot].append(entry)
    }

    func entries(of shard: ShardID, from index: LogIndex) -> [WALEntry] {
        let slot = Int(shard.rawValue)
        return slot < self.entries.count ? self.entries[slot].filter { $0.index >= index } : []
    }
}
