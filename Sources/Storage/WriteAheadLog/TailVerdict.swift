/// What stands behind the last sound batch of the newest segment.
///
/// The writer has at most one batch in flight and begins the next only when that one is durable. So behind the last
/// sound batch there can be the remains of one batch and nothing else, and only of one that was not acknowledged. Its
/// blocks arrived whole, in part (then a sector of zeros is left) or not at all. What
/// looks otherwise is corruption (reliability rules for the log: a replica never goes on from a shorter log).
enum TailVerdict: Equatable {
    /// Zeros to the end: nothing was being written.
    case clean
    /// A batch of `blocks` blocks was cut off. It was not acknowledged.
    case torn(blocks: Int)
    case corrupt(block: Int, CorruptionReason)

    /// - Parameters:
    ///   - segment: all blocks of the segment.
    ///   - start: the block after the last sound batch.
    init(
        _ segment: UnsafeMutableRawBufferPointer, from start: Int, identity: UInt64?, number: SegmentNumber
    ) {
        let blockCount = segment.count / BlockFormat.blockBytes
        func block(_ index: Int) -> Block { Block(base: segment.baseAddress! + index * BlockFormat.blockBytes) }

        var lastWritten: Int?
        var firstBad: (block: Int, state: BlockState)?
        var batchBlocks: Int?
        var firstRotten: Int?
        for index in start..<max(start, blockCount) {
            let state = block(index).inspect(identity: identity, segment: number, block: index)
            switch state {
            case .zero:
                firstBad = firstBad ?? (index, state)
                continue
            case .damaged:
                firstBad = firstBad ?? (index, state)
                // A write that was cut off leaves a block whole or leaves a sector of it out.
                if !block(index).hasZeroSector { firstRotten = firstRotten ?? index }
            case .foreign:
                // No interrupted write makes a sound block of another place.
                self = .corrupt(block: index, .foreignBlock)
                return
            case .sound(let header, _):
                guard Int(header.syncedBlocks) <= start else {
                    // Written when everything up to beyond `start` was durable: what is bad there was acknowledged.
                    let bad = firstBad ?? (index, state)
                    self = .corrupt(block: bad.block, CorruptionReason(bad.state))
                    return
                }
                guard Int(header.batchStart) == start, batchBlocks == nil || batchBlocks == Int(header.batchBlocks)
                else {
                    self = .corrupt(block: index, .unexpectedData)
                    return
                }
                batchBlocks = Int(header.batchBlocks)
            }
            lastWritten = index
        }

        guard let lastWritten else {
            self = .clean
            return
        }
        let blocks = batchBlocks ?? (lastWritten - start + 1)
        guard lastWritten < start + blocks, blocks <= BlockFormat.batchBlocksMax, start + blocks <= blockCount else {
            self = .corrupt(block: lastWritten, .unexpectedData)
            return
        }
        let isTorn = firstRotten == nil && (start..<start + blocks).contains { block($0).hasZeroSector }
        self =
            isTorn
            ? .torn(blocks: blocks)
            : .corrupt(block: firstRotten ?? firstBad?.block ?? start, .possiblyAcknowledged)
    }
}

extension CorruptionReason {
    /// Why a block that should be sound is not.
    init(_ state: BlockState) {
        switch state {
        case .zero: self = .zeroed
        case .damaged: self = .checksum
        case .foreign: self = .foreignBlock
        case .sound: self = .unexpectedData
        }
    }
}
