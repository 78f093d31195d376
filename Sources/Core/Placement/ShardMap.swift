// Data's way, step 3: which shard owns a channel or a user.

import ClusterModel

/// The fixed cut of all keys into shards. A key is the identifier of a channel or a user; its shard
/// never changes while the cluster lives, whichever nodes come and go.
package struct ShardMap: Sendable, Hashable {
    /// How many shards hold keys, without the directory: they are numbered `1...shardCount`.
    package let shardCount: Int

    /// What a cluster may be founded with. More groups cost heartbeats, fewer cost balance.
    package static let shardCounts: ClosedRange<Int> = 16...1024
    package static let defaultShardCount = 32

    /// - Parameter shardCount: At least 1. A founded cluster has one of `shardCounts`; fewer are for tests.
    package init(shardCount: Int = ShardMap.defaultShardCount) {
        precondition((1...Self.shardCounts.upperBound).contains(shardCount), "\(shardCount) shards")
        self.shardCount = shardCount
    }

    /// The shards that hold keys, in order.
    package var shards: [ShardID] { (1...self.shardCount).map { ShardID(UInt16($0)) } }
    /// Those and the directory, which comes first.
    package var shardsAndDirectory: [ShardID] { [.directory] + self.shards }

    package func contains(_ shard: ShardID) -> Bool { Int(shard.rawValue) <= self.shardCount }

    package func shard(ofKey key: [UInt8]) -> ShardID { self.shard(ofHash: StableHash.of(key)) }
    /// The UTF-8 bytes are the key.
    package func shard(ofKey key: String) -> ShardID { self.shard(ofHash: StableHash.of(key.utf8)) }
    /// For binary identifiers: their 16 bytes, the high word first, are the key.
    package func shard(ofKey high: UInt64, _ low: UInt64) -> ShardID {
        self.shard(ofHash: StableHash.combined(high, low))
    }

    /// Scales the hash into the range by its high bits; a remainder would use the low ones and a division.
    private func shard(ofHash hash: UInt64) -> ShardID {
        let slot = hash.multipliedFullWidth(by: UInt64(self.shardCount)).high
        return ShardID(UInt16(truncatingIfNeeded: slot + 1))
    }
}
