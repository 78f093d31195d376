import ClusterModel

/// Which shards a batch may have written for: a set that may hold too many, never too few.
///
/// Every block of a batch carries the batch's own footprint, and the next batch carries it again. So when a block does
/// not read back, its neighbours say whom that can have hurt. Votes are apart, since they are rare and losing one costs
/// the replica.
struct Footprint: Hashable {
    private static let entryBits: UInt32 = 19
    private static let voteBits: UInt32 = 10
    private static let mask: UInt32 = (1 << (entryBits + voteBits)) - 1
    private static let isKnown: UInt32 = 1 << (entryBits + voteBits)

    /// The lower 30 bits: entries by shard modulo 19, votes by shard modulo 10, and whether any of it is known.
    private(set) var word: UInt32

    /// Nobody.
    static let nothing = Footprint(word: isKnown)
    /// Anybody.
    static let everything = Footprint(word: isKnown | mask)

    /// Blocks of format version 1 have zero here: unknown, so anybody.
    init(word: UInt32) {
        let word = word & (Self.isKnown | Self.mask)
        self.word = word & Self.isKnown == 0 ? Self.isKnown | Self.mask : word
    }

    mutating func insertEntries(of shard: ShardID) {
        self.word |= 1 << (UInt32(shard.rawValue) % Self.entryBits)
    }
    mutating func insertVote(of shard: ShardID) {
        self.word |= 1 << (Self.entryBits + UInt32(shard.rawValue) % Self.voteBits)
    }

    func mayHoldEntries(of shard: ShardID) -> Bool {
        self.word & 1 << (UInt32(shard.rawValue) % Self.entryBits) != 0
    }
    func mayHoldVote(of shard: ShardID) -> Bool {
        self.word & 1 << (Self.entryBits + UInt32(shard.rawValue) % Self.voteBits) != 0
    }
}

/// What a batch says about the one before it.
struct PreviousBatch: Hashable {
    /// 0 when it says nothing.
    var blocks: Int
    var footprint: Footprint

    static let unknown = PreviousBatch(blocks: 0, footprint: .everything)
}
