import ClusterModel

// The stream of a batch: a head of 16 bytes, then records. Every record is a head of 24 bytes and a body.

/// What a record says. The numbers are in files: never give one a second meaning.
enum RecordKind: UInt8 {
    /// A log entry. Body: the payload.
    case entry = 1
    /// Body: the vote (8 bytes) or nothing. `index` is the commit index.
    case hardState = 2
    /// The shard's log starts after `index`, whose term is `term`. Body: the note; none in version 1.
    case restart = 3
    /// Entries below `index` are no longer needed; `term` is that of the index before it, or zero when the log did not
    /// know it. Body: the note; none in version 1.
    case release = 4
    /// Only in a segment's first batch: the shard's last index and its term. Body: the first index (8 bytes); from
    /// version 2 on also the term before it (8) and flags (8, see `ShardBounds`).
    case bounds = 5
    /// Only in a segment's first batch, as its first record. Body and meaning: `SegmentStart`. `index` is where the segment
    /// before ended, `term` when this one began; zero when that is unknown.
    case segmentStart = 6
    /// Entries, hard state and note of the shard are void. Body: the tombstone.
    case removal = 7
    /// The shard is sound again. No body.
    case repaired = 8
    /// Only in a segment's first batch, after the shard's bounds. Body: the note.
    case note = 9
    /// Only in a segment's first batch, after the shard's bounds. Body: the tombstone.
    case tombstone = 10
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
    /// 20 bits: more than the smallest records that fit into the longest batch.
    var recordCount: UInt32
    /// The chain value of the batch before this one: CRC32C over that batch's block checksums, seeded with the chain
    /// value before it.
    var previousChain: UInt32
    /// 2 bits.
    var kind: UInt32
    /// The batch before this one in the same segment: its length, 12 bits, and its footprint, 30. Unknown in version 1.
    var previous: PreviousBatch

    init(_ kind: BatchKind, recordBytes: Int, recordCount: Int, previousChain: UInt32, previous: PreviousBatch) {
        precondition(recordCount < 1 << 20, "\(recordCount) records in a batch")
        precondition((0...BlockFormat.batchBlocksMax).contains(previous.blocks), "a batch of \(previous.blocks) blocks")
        self.recordBytes = UInt32(recordBytes)
        self.recordCount = UInt32(recordCount)
        self.previousChain = previousChain
        self.kind = kind.rawValue
        self.previous = previous
    }

    var words: (UInt64, UInt64) {
        let blocks = UInt64(max(0, self.previous.blocks - 1))
        let footprint = self.previous.blocks > 0 ? self.previous.footprint.word : 0
        let first = UInt64(self.recordBytes) | UInt64(self.recordCount) << 32 | blocks << 52
        let second = UInt64(self.previousChain) | UInt64(self.kind) << 32 | UInt64(footprint) << 34
        return (first.littleEndian, second.littleEndian)
    }

    init(words: (UInt64, UInt64)) {
        let first = UInt64(littleEndian: words.0)
        let second = UInt64(littleEndian: words.1)
        self.recordBytes = UInt32(truncatingIfNeeded: first)
        self.recordCount = UInt32(truncatingIfNeeded: first >> 32) & 0xF_FFFF
        self.previousChain = UInt32(truncatingIfNeeded: second)
        self.kind = UInt32(truncatingIfNeeded: second >> 32) & 0b11
        let footprint = UInt32(truncatingIfNeeded: second >> 34)
        self.previous =
            footprint == 0
            ? .unknown : PreviousBatch(blocks: Int(first >> 52) + 1, footprint: Footprint(word: footprint))
    }
}

/// The first record of a segment.
struct SegmentStart: Equatable {
    static let formatVersion: UInt64 = 2
    /// Versions that this one reads.
    static let readableVersions: ClosedRange<UInt64> = 1...2

    var version: UInt64 = formatVersion
    /// How many blocks the segment has.
    var blockCount: UInt64
    /// Where the segment before this one ends, in blocks. What stands behind that is a torn write and void.
    var previousEnd: UInt64
    /// The last batch of the segment before this one. Unknown in version 1.
    var previous: PreviousBatch = .unknown
    /// When it was begun, in milliseconds since 1970 by the clock of then; zero when that is unknown. In the record's head.
    var begunAt: UInt64 = 0

    /// The body: version, blocks, and from version 2 on the last batch's footprint and length.
    var words: [UInt64] {
        let footprint = self.previous.blocks > 0 ? self.previous.footprint.word : 0
        return [self.version, self.blockCount, UInt64(footprint) | UInt64(self.previous.blocks) << 32]
    }

    /// How long a body of `version` is.
    static func bodyBytes(version: UInt64) -> Int { version == 1 ? 16 : 24 }

    /// How long the first batch's stream is at most with `shards` shards in it.
    static func streamBytes(shards: Int, noteBytes: Int) -> Int {
        BatchHead.bytes + RecordHead.bytes + self.bodyBytes(version: self.formatVersion)
            + shards * (self.shardBytes + noteBytes)
    }

    /// What one shard takes in it at most, but for its note: hard state with a vote, bounds, note, tombstone.
    static let shardBytes = 4 * RecordHead.bytes + 8 + 24 + WALSettings.tombstoneBytesMax
}
