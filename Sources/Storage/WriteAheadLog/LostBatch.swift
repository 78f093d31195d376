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

    /// Whom a segment's first batch, which does not read back, can hurt. What it says is known from the records before
    /// it, but for damage, which its footprint names; so it is enough to know that nothing else is missing there.
    ///
    /// Its head, as it stands there, names the batch before; or the checksums that its blocks name, right or not, lead
    /// from the batch before to the one behind.
    ///
    /// - Parameters:
    ///   - chain: after the last batch of the segment before; nil when that is unknown.
    ///   - isAlone: nothing stands behind it. Then its own words are all there is: a single wrong bit can not make them
    ///     name nobody, since whoever is damaged has two bits.
    func footprintOfStart(
        _ segment: UnsafeMutableRawBufferPointer, chain: UInt32?, identity: UInt64?, number: SegmentNumber,
        isAlone: Bool
    ) -> Footprint {
        guard let chain, let identity else { return .everything }
        func block(_ index: Int) -> Block { Block(base: segment.baseAddress! + index * BlockFormat.blockBytes) }
        let place = BlockHeader(
            identity: identity, segment: number, block: 0, batchStart: 0, batchBlocks: 0, syncedBlocks: 0,
            footprint: .nothing)
        let head = block(0).whitenedBatchHead(place)
        if head.kind == BatchKind.segmentStart.rawValue, head.previousChain == chain {
            return isAlone ? block(0).storedFootprint : self.footprint
        }
        let end = self.blocks.upperBound
        guard end < segment.count / BlockFormat.blockBytes,
            case .sound(let header, _) = block(end).inspect(identity: identity, segment: number, block: end),
            Int(header.batchStart) == end
        else { return .everything }
        let linked = self.blocks.reduce(chain) { Checksum.chained($0, blockChecksum: block($1).storedChecksum) }
        return block(end).whitenedBatchHead(header).previousChain == linked ? self.footprint : .everything
    }
}
