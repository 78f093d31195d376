import ClusterModel

/// Which shards a batch may have written for: a set that may hold too many, never too few.
///
/// Every block of a batch carries the batch's own footprint, and the next batch carries it again. So when a block does
/// not read back, its neighbours say whom that can have hurt. Votes are apart, since they are rare and losing one costs
/// the replica, and so are removals, since a lost one leaves an older tombstone.
struct Footprint: Hashable {
    private static let entryBits: UInt32 = 18
    private static let voteBits: UInt32 = 10
    private static let removal: UInt32 = 1 << (entryBits + voteBits)
    private static let mask: UInt32 = removal | (removal - 1)
    private static let isKnown: UInt32 = removal << 1

    /// The lower 30 bits: entries by shard modulo 18, votes by shard modulo 10, whether anybody was removed, and whether
    /// any of it is known.
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

    mutating func insertRemoval(of shard: ShardID) {
        self.insertEntries(of: shard)
        self.insertVote(of: shard)
        self.word |= Self.removal
    }

    func mayHoldEntries(of shard: ShardID) -> Bool {
        self.word & 1 << (UInt32(shard.rawValue) % Self.entryBits) != 0
    }
    func mayHoldVote(of shard: ShardID) -> Bool {
        self.word & 1 << (Self.entryBits + UInt32(shard.rawValue) % Self.voteBits) != 0
    }
    func mayHoldRemoval(of shard: ShardID) -> Bool {
        self.word & Self.removal != 0 && self.mayHoldEntries(of: shard) && self.mayHoldVote(of: shard)
    }
}

/// What a batch says about the one before it.
struct PreviousBatch: Hashable {
    /// 0 when it says nothing.
    var blocks: Int
    var footprint: Footprint

    static let unknown = PreviousBatch(blocks: 0, footprint: .everything)
}
