import ClusterModel

extension LogEngine {
    /// For who drives an engine by hand; see `WriteAheadLog.read(_:from:to:bytesMax:)`.
    package func read(
        _ shard: ShardID, from first: LogIndex, to end: LogIndex, bytesMax: Int
    ) throws(WALError) -> [WALEntry] {
        try EntryReader(state: self.state, identity: self.identity)
            .read(shard, from: first, to: end, bytesMax: bytesMax)
    }
}
