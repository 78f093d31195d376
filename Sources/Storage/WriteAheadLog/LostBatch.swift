/// A batch that does not read back: how far it reaches, and whom it may have written for.
struct LostBatch: Equatable {
    var blocks: Range<Int>
    var footprint: Footprint

    /// Looks for what the batch's own blocks, or the batch behind it, say about it.
    ///
    /// - Parameters:
    ///   - start: where it begins, right behind a sound batch.
    ///   - limit: where the segment's batches end.
    ///   - following: what the next segment's first batch says of the last batch here; nil when there is none.
    init(
        _ segment: UnsafeMutableRawBufferPointer, from start: Int, limit: Int, identity: UInt64?,
        number: SegmentNumber, following: PreviousBatch?
    ) {
        func header(_ index: Int) -> BlockHeader? {
            let block = Block(base: segment.baseAddress! + index * BlockFormat.blockBytes)
            guard case .sound(let header, _) = block.inspect(identity: identity, segment: number, block: index) else {
                return nil
            }
            return header
        }
        for index in start..<max(start, limit) {
            guard let found = header(index) else { continue }
            let batchStart = Int(found.batchStart)
            let end = batchStart + Int(found.batchBlocks)
            if batchStart == start, end <= limit {
                self.init(blocks: start..<end, footprint: found.footprint)
                return
            }
            guard batchStart > start else { continue }
            // The next batch. Its head is in its first block, if that one is sound.
            var previous = PreviousBatch.unknown
            if let first = header(batchStart), Int(first.batchStart) == batchStart {
                let block = Block(base: segment.baseAddress! + batchStart * BlockFormat.blockBytes)
                previous = block.whitenedBatchHead(first).previous
            }
            self.init(start..<batchStart, according: previous)
            return
        }
        self.init(start..<max(start, limit), according: following ?? .unknown)
    }

    private init(blocks: Range<Int>, footprint: Footprint) {
        self.blocks = blocks
        self.footprint = footprint
    }

    /// - Parameter previous: of whatever begins where `blocks` ends. When it is as long as the whole of `blocks`, it was
    ///   the only one there.
    private init(_ blocks: Range<Int>, according previous: PreviousBatch) {
        self.blocks = blocks
        self.footprint = previous.blocks == blocks.count ? previous.footprint : .everything
    }

    /// Whether a segment's first batch, which does not read back, can be passed over: its checksums, as far as they
    /// are stored, link the segment before it to the batch behind it, so nothing else is missing there. What it said
    /// is known from the records before it.
    ///
    /// - Parameter chain: after the last batch of the segment before.
    static func isLinked(
        _ segment: UnsafeMutableRawBufferPointer, start: Range<Int>, chain: UInt32, identity: UInt64?,
        number: SegmentNumber
    ) -> Bool {
        let blockCount = segment.count / BlockFormat.blockBytes
        guard start.upperBound < blockCount else { return false }
        func block(_ index: Int) -> Block { Block(base: segment.baseAddress! + index * BlockFormat.blockBytes) }
        let next = block(start.upperBound).inspect(identity: identity, segment: number, block: start.upperBound)
        guard case .sound(let header, _) = next, Int(header.batchStart) == start.upperBound else { return false }
        let linked = start.reduce(chain) { Checksum.chained($0, blockChecksum: block($1).storedChecksum) }
        return block(start.upperBound).whitenedBatchHead(header).previousChain == linked
    }
}
