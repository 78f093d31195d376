import ClusterModel

/// A sound batch in memory.
struct SoundBatch {
    let startBlock: Int
    let blocks: Int
    let head: BatchHead
    /// The chain value after this batch.
    let chain: UInt32
}

/// Walks the batches of one segment in memory, checking every block and every link, and unwhitening what is sound.
struct BatchScan {
    enum Step {
        case batch(SoundBatch)
        /// The block at the scan's place is not sound, or a later one of its batch is not.
        case broken(block: Int, BlockState)
    }

    private let segment: UnsafeMutableRawBufferPointer
    let number: SegmentNumber
    /// Learned from the first sound block when not given.
    private(set) var identity: UInt64?
    /// The next batch's first block.
    private(set) var next = 0
    /// The chain value that the next batch must carry; nil takes any (the oldest segment's first batch teaches it).
    private(set) var chain: UInt32?

    init(_ segment: UnsafeMutableRawBufferPointer, number: SegmentNumber, identity: UInt64?, chain: UInt32?) {
        self.segment = segment
        self.number = number
        self.identity = identity
        self.chain = chain
    }

    private var blockCount: Int { self.segment.count / BlockFormat.blockBytes }
    private func block(_ index: Int) -> Block {
        Block(base: self.segment.baseAddress! + index * BlockFormat.blockBytes)
    }

    /// The next batch. Its blocks are unwhitened, so no block is stepped over twice.
    mutating func step() throws(WALError) -> Step {
        guard self.next < self.blockCount else { return .broken(block: self.next, .zero) }
        let first = self.block(self.next).inspect(identity: self.identity, segment: self.number, block: self.next)
        guard case .sound(let header, _) = first else { return .broken(block: self.next, first) }
        guard Int(header.batchStart) == self.next else { throw self.corrupt(self.next, .foreignBlock) }
        let blocks = Int(header.batchBlocks)
        guard self.next + blocks <= self.blockCount else { throw self.corrupt(self.next, .batchMalformed) }

        var checksums: UInt32?
        for index in self.next..<self.next + blocks {
            let state = self.block(index).inspect(identity: header.identity, segment: self.number, block: index)
            guard case .sound(let own, let checksum) = state, own.batchStart == header.batchStart,
                own.batchBlocks == header.batchBlocks, own.syncedBlocks == header.syncedBlocks
            else { return .broken(block: index, state) }
            checksums = Checksum.chained(checksums ?? self.previousChain(header), blockChecksum: checksum)
        }
        self.identity = header.identity
        for index in self.next..<self.next + blocks {
            self.block(index).whiten(identity: header.identity, segment: self.number, block: UInt32(index))
        }
        let head = BatchHead(words: self.headWords(self.next))
        let streamBytes = BatchHead.bytes + Int(head.recordBytes)
        guard BlockFormat.blocks(streamBytes: streamBytes) == blocks, BatchKind(rawValue: head.kind) != nil,
            (head.kind == BatchKind.segmentStart.rawValue) == (self.next == 0)
        else { throw self.corrupt(self.next, .batchMalformed) }
        guard self.chain == nil || self.chain == head.previousChain else { throw self.corrupt(self.next, .chainBroken) }

        let batch = SoundBatch(startBlock: self.next, blocks: blocks, head: head, chain: checksums ?? 0)
        self.next += blocks
        self.chain = batch.chain
        return .batch(batch)
    }

    /// The records of a batch that `step` returned.
    func records(of batch: SoundBatch) -> StreamReader {
        StreamReader(
            UnsafeRawBufferPointer(self.segment),
            position: batch.startBlock * BlockFormat.blockBytes + BlockFormat.headerBytes + BatchHead.bytes,
            remaining: Int(batch.head.recordBytes))
    }

    func corrupt(_ block: Int, _ reason: CorruptionReason) -> WALError {
        .corrupt(segment: self.number, byteOffset: block * BlockFormat.blockBytes, reason: reason)
    }

    private func headWords(_ block: Int) -> (UInt64, UInt64) {
        let base = block * BlockFormat.blockBytes + BlockFormat.headerBytes
        return (
            self.segment.load(fromByteOffset: base, as: UInt64.self),
            self.segment.load(fromByteOffset: base + 8, as: UInt64.self)
        )
    }

    /// The chain value in a batch that is still whitened.
    private func previousChain(_ header: BlockHeader) -> UInt32 {
        let word = Block.whiteningWord(identity: header.identity, segment: self.number, block: header.batchStart)
        let words = self.headWords(Int(header.batchStart))
        return BatchHead(words: (words.0 ^ word, words.1 ^ word)).previousChain
    }
}
