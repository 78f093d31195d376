import CChecksum

// The block: what one segment file is made of. docs/wal.md has the picture.
//
// Everything is little-endian. A block's first 40 bytes say where it belongs, the other 4056 are a piece of its
// batch's stream, whitened: XORed with a word that depends on the log's random identity and the block's place. So a
// 512-byte sector that was written is never all zero, and one that is all zero in a zero-filled segment was never
// written. That is what tells a torn write from rot.

enum BlockFormat {
    static let blockBytes = 4_096
    /// The unit that a disk writes whole or not at all.
    static let sectorBytes = 512
    static let headerBytes = 40
    static let payloadBytes = blockBytes - headerBytes
    /// "RWL1" in the file.
    static let magic: UInt32 = 0x314C_5752
    /// No version writes longer batches, so nothing beyond this can belong to one interrupted write.
    static let batchBlocksMax = 4_096

    /// How many blocks carry a stream of `streamBytes`.
    static func blocks(streamBytes: Int) -> Int {
        (streamBytes + self.payloadBytes - 1) / self.payloadBytes
    }
}

/// Where a block belongs.
struct BlockHeader: Equatable {
    /// Random, chosen when the log is created; the same in all its blocks.
    var identity: UInt64
    var segment: SegmentNumber
    /// The block's number in the segment.
    var block: UInt32
    /// The first block of its batch, and how many the batch has.
    var batchStart: UInt32
    var batchBlocks: UInt32
    /// The synced watermark: every block of the segment below this one was durable before this one was written,
    /// and so were all earlier segments.
    var syncedBlocks: UInt32
    /// Whom the batch writes for; the same in all its blocks.
    var footprint: Footprint
}

/// What a place in a segment holds.
enum BlockState: Equatable {
    case zero
    case sound(BlockHeader, checksum: UInt32)
    /// Sound, but of another place, segment or log.
    case foreign
    case damaged
}

/// One block in memory: sealing before a write, inspecting after a read.
struct Block {
    /// `BlockFormat.blockBytes` long, aligned to 8.
    let base: UnsafeMutableRawPointer

    /// Whitens the payload, writes the header and returns the checksum.
    func seal(_ header: BlockHeader) -> UInt32 {
        self.whiten(identity: header.identity, segment: header.segment, block: header.block)
        self.store(BlockFormat.magic, at: 4)
        self.store(header.identity, at: 8)
        self.store(header.segment.rawValue, at: 16)
        self.store(header.block, at: 20)
        self.store(header.batchStart, at: 24)
        self.store(header.batchBlocks, at: 28)
        self.store(header.syncedBlocks, at: 32)
        self.store(header.footprint.word, at: 36)
        let checksum = self.computedChecksum
        self.store(checksum, at: 0)
        return checksum
    }

    /// - Parameter identity: the log's; nil takes any (the first block of the oldest segment teaches it).
    func inspect(identity: UInt64?, segment: SegmentNumber, block: Int) -> BlockState {
        let checksum: UInt32 = self.load(at: 0)
        guard checksum == self.computedChecksum, self.load(at: 4) == BlockFormat.magic else {
            return self.isZero ? .zero : .damaged
        }
        let header = BlockHeader(
            identity: self.load(at: 8), segment: SegmentNumber(self.load(at: 16)), block: self.load(at: 20),
            batchStart: self.load(at: 24), batchBlocks: self.load(at: 28), syncedBlocks: self.load(at: 32),
            footprint: Footprint(word: self.load(at: 36)))
        guard identity == nil || header.identity == identity, header.segment == segment, Int(header.block) == block,
            header.batchStart <= header.block, header.batchBlocks <= UInt32(BlockFormat.batchBlocksMax),
            header.block - header.batchStart < header.batchBlocks
        else { return .foreign }
        return .sound(header, checksum: checksum)
    }

    /// Whitening is its own inverse.
    func whiten(identity: UInt64, segment: SegmentNumber, block: UInt32) {
        let word = Self.whiteningWord(identity: identity, segment: segment, block: block)
        let count = BlockFormat.payloadBytes / 8
        let words = (self.base + BlockFormat.headerBytes).assumingMemoryBound(to: UInt64.self)
        for index in 0..<count { words[index] ^= word }
    }

    /// The head of a batch whose first block this is, still whitened.
    func whitenedBatchHead(_ header: BlockHeader) -> BatchHead {
        let word = Self.whiteningWord(identity: header.identity, segment: header.segment, block: header.block)
        let words: (UInt64, UInt64) = (
            self.base.load(fromByteOffset: BlockFormat.headerBytes, as: UInt64.self),
            self.base.load(fromByteOffset: BlockFormat.headerBytes + 8, as: UInt64.self)
        )
        return BatchHead(words: (words.0 ^ word, words.1 ^ word))
    }

    /// What stands in the checksum's place and in the footprint's, whether the block is sound or not.
    var storedChecksum: UInt32 { self.load(at: 0) }
    var storedFootprint: Footprint { Footprint(word: self.load(at: 36)) }

    /// Not guessable without the identity, so that no client can send a payload that whitens to zero.
    static func whiteningWord(identity: UInt64, segment: SegmentNumber, block: UInt32) -> UInt64 {
        var word = identity &+ (UInt64(segment.rawValue) << 32 | UInt64(block)) &* 0x9E37_79B9_7F4A_7C15
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        word ^= word >> 31
        return word == 0 ? 0x5A5A_5A5A_5A5A_5A5A : word
    }

    var isZero: Bool { Self.isZero(self.base, bytes: BlockFormat.blockBytes) }

    /// Whether some sector was never written.
    var hasZeroSector: Bool {
        stride(from: 0, to: BlockFormat.blockBytes, by: BlockFormat.sectorBytes).contains {
            Self.isZero(self.base + $0, bytes: BlockFormat.sectorBytes)
        }
    }

    private static func isZero(_ base: UnsafeRawPointer, bytes: Int) -> Bool {
        let words = base.assumingMemoryBound(to: UInt64.self)
        for index in 0..<bytes / 8 where words[index] != 0 { return false }
        return true
    }

    private var computedChecksum: UInt32 { roost_crc32c(0, self.base + 4, BlockFormat.blockBytes - 4) }

    private func store(_ value: some FixedWidthInteger, at offset: Int) {
        self.base.storeBytes(of: value.littleEndian, toByteOffset: offset, as: type(of: value))
    }

    private func load<Value: FixedWidthInteger>(at offset: Int) -> Value {
        Value(littleEndian: self.base.load(fromByteOffset: offset, as: Value.self))
    }
}

/// CRC-32C as the log uses it.
package enum Checksum {
    package static func crc32c(_ bytes: [UInt8], seed: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { roost_crc32c(seed, $0.baseAddress, $0.count) }
    }
    /// By table alone; equal to `crc32c`.
    package static func portableCRC32C(_ bytes: [UInt8], seed: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { roost_crc32c_portable(seed, $0.baseAddress, $0.count) }
    }
    /// The checksum that links a batch to the one before it.
    static func chained(_ chain: UInt32, blockChecksum: UInt32) -> UInt32 {
        withUnsafeBytes(of: blockChecksum.littleEndian) { roost_crc32c(chain, $0.baseAddress, $0.count) }
    }
}
