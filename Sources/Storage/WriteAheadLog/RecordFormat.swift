import ClusterModel

// The stream of a batch: a head of 16 bytes, then records. Every record is a head of 24 bytes and a body.

/// What a record says. The numbers are in files: never give one a second meaning.
enum RecordKind: UInt8 {
    /// A log entry. Body: the payload.
    case entry = 1
    /// Body: the vote (8 bytes) or nothing. `index` is the commit index.
    case hardState = 2
    /// The shard's log starts after `index`, whose term is `term`. No body.
    case restart = 3
    /// Entries below `index` are no longer needed. No body.
    case release = 4
    /// Only in a segment's first batch: the shard's last index and its term. Body: the first index (8 bytes).
    case bounds = 5
    /// Only in a segment's first batch, as its first record. Body and meaning: `SegmentStart`.
    case segmentStart = 6
}

/// The fixed part of a record.
struct RecordHead: Equatable {
    static let bytes = 24

    var kind: UInt8
    /// The host's kind of an entry; 0 in other records.
    var entryKind: UInt8
    var shard: ShardID
    /// The length of what follows.
    var bodyBytes: UInt32
    var index: LogIndex
    var term: Term

    init(
        _ kind: RecordKind, entryKind: UInt8 = 0, shard: ShardID, bodyBytes: Int = 0, index: LogIndex,
        term: Term = .zero
    ) {
        self.kind = kind.rawValue
        self.entryKind = entryKind
        self.shard = shard
        self.bodyBytes = UInt32(bodyBytes)
        self.index = index
        self.term = term
    }

    /// The three little-endian words of the head.
    var words: (UInt64, UInt64, UInt64) {
        let first =
            UInt64(self.kind) | UInt64(self.entryKind) << 8 | UInt64(self.shard.rawValue) << 16
            | UInt64(self.bodyBytes) << 32
        return (first.littleEndian, self.index.rawValue.littleEndian, self.term.rawValue.littleEndian)
    }

    init(words: (UInt64, UInt64, UInt64)) {
        let first = UInt64(littleEndian: words.0)
        self.kind = UInt8(truncatingIfNeeded: first)
        self.entryKind = UInt8(truncatingIfNeeded: first >> 8)
        self.shard = ShardID(UInt16(truncatingIfNeeded: first >> 16))
        self.bodyBytes = UInt32(truncatingIfNeeded: first >> 32)
        self.index = LogIndex(UInt64(littleEndian: words.1))
        self.term = Term(UInt64(littleEndian: words.2))
    }
}

/// What a batch is for.
enum BatchKind: UInt32 {
    /// The first batch of a segment: the hard state and bounds of all shards.
    case segmentStart = 0
    case records = 1
    /// Nothing but its watermark.
    case marker = 2
}

/// The head of a batch's stream.
struct BatchHead: Equatable {
    static let bytes = 16

    /// The length of the records after this head.
    var recordBytes: UInt32
    var recordCount: UInt32
    /// The chain value of the batch before this one: CRC32C over that batch's block checksums, seeded with the chain
    /// value before it.
    var previousChain: UInt32
    var kind: UInt32

    init(_ kind: BatchKind, recordBytes: Int, recordCount: Int, previousChain: UInt32) {
        self.recordBytes = UInt32(recordBytes)
        self.recordCount = UInt32(recordCount)
        self.previousChain = previousChain
        self.kind = kind.rawValue
    }

    var words: (UInt64, UInt64) {
        let first = UInt64(self.recordBytes) | UInt64(self.recordCount) << 32
        let second = UInt64(self.previousChain) | UInt64(self.kind) << 32
        return (first.littleEndian, second.littleEndian)
    }

    init(words: (UInt64, UInt64)) {
        let first = UInt64(littleEndian: words.0)
        let second = UInt64(littleEndian: words.1)
        self.recordBytes = UInt32(truncatingIfNeeded: first)
        self.recordCount = UInt32(truncatingIfNeeded: first >> 32)
        self.previousChain = UInt32(truncatingIfNeeded: second)
        self.kind = UInt32(truncatingIfNeeded: second >> 32)
    }
}

/// The first record of a segment.
struct SegmentStart: Equatable {
    static let formatVersion: UInt64 = 1
    static let bodyBytes = 16

    var version: UInt64 = formatVersion
    /// How many blocks the segment has.
    var blockCount: UInt64
    /// Where the segment before this one ends, in blocks. What stands behind that is a torn write and void.
    var previousEnd: UInt64

    /// How long the first batch's stream is with `shards` shards in it.
    static func streamBytes(shards: Int, noteBytes: Int) -> Int {
        BatchHead.bytes + RecordHead.bytes + bodyBytes + shards * (self.shardBytes + noteBytes)
    }

    /// What one shard takes in it at most, but for its note: hard state with a vote, bounds, note, tombstone.
    static let shardBytes = 4 * RecordHead.bytes + 8 + 24 + WALSettings.tombstoneBytesMax
}
