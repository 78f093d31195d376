import ClusterModel

/// A sound batch in memory.
struct SoundBatch {
    let startBlock: Int
    let blocks: Int
    let head: BatchHead
    let footprint: Footprint
    /// The chain value after this batch.
    let chain: UInt32
    /// It does not follow the batch before it.
    let isUnchained: Bool
}

/// Walks the batches of one segment in memory, checking every block and every link, and unwhitening what is sound.
struct BatchScan {
    enum Step {
        case batch(SoundBatch)
        /// The block at the scan's place is not sound, or a later one of its batch is not. Nothing was changed.
        case broken(block: Int, CorruptionReason)
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
    mutating func step() -> Step {
        guard self.next < self.blockCount else { return .broken(block: self.next, .zeroed) }
        let first = self.block(self.next).inspect(identity: self.identity, segment: self.number, block: self.next)
        guard case .sound(let header, _) = first else { return .broken(block: self.next, CorruptionReason(first)) }
        guard Int(header.batchStart) == self.next else { return .broken(block: self.next, .foreignBlock) }
        let blocks = Int(header.batchBlocks)
        guard self.next + blocks <= self.blockCount else { return .broken(block: self.next, .batchMalformed) }

        let head = self.whitenedHead(header)
        var chain = head.previousChain
        for index in self.next..<self.next + blocks {
            let state = self.block(index).inspect(identity: header.identity, segment: self.number, block: index)
            guard case .sound(let own, let checksum) = state, own.batchStart == header.batchStart,
                own.batchBlocks == header.batchBlocks, own.syncedBlocks == header.syncedBlocks
            else { return .broken(block: index, CorruptionReason(state)) }
            chain = Checksum.chained(chain, blockChecksum: checksum)
        }
        let streamBytes = BatchHead.bytes + Int(head.recordBytes)
        guard BlockFormat.blocks(streamBytes: streamBytes) == blocks, BatchKind(rawValue: head.kind) != nil,
            (head.kind == BatchKind.segmentStart.rawValue) == (self.next == 0)
        else { return .broken(block: self.next, .batchMalformed) }

        self.identity = header.identity
        for index in self.next..<self.next + blocks {
            self.block(index).whiten(identity: header.identity, segment: self.number, block: UInt32(index))
        }
        let batch = SoundBatch(
            startBlock: self.next, blocks: blocks, head: head, footprint: header.footprint, chain: chain,
            isUnchained: self.chain != nil && self.chain != head.previousChain)
        self.next += blocks
        self.chain = chain
        return .batch(batch)
    }

    /// Goes on behind something that did not read back; the batch there is taken whatever its chain.
    mutating func resume(at block: Int) {
        self.next = block
        self.chain = nil
    }

    /// The records of a batch that `step` returned.
    func records(of batch: SoundBatch) -> StreamReader {
        StreamReader(
            UnsafeRawBufferPointer(self.segment),
            position: batch.startBlock * BlockFormat.blockBytes + BlockFormat.headerBytes + BatchHead.bytes,
            remaining: Int(batch.head.recordBytes))
    }

    /// Blocks as the bytes of the segment that they are.
    func bytes(_ blocks: Range<Int>) -> Range<Int> {
        blocks.lowerBound * BlockFormat.blockBytes..<blocks.upperBound * BlockFormat.blockBytes
    }

    func corrupt(_ block: Int, _ reason: CorruptionReason) -> WALError {
        .corrupt(segment: self.number, byteOffset: block * BlockFormat.blockBytes, reason: reason)
    }

    /// The head of the batch whose first block, still whitened, has `header`.
    private func whitenedHead(_ header: BlockHeader) -> BatchHead {
        self.block(Int(header.batchStart)).whitenedBatchHead(header)
    }
}
