/// Page-aligned memory for whole blocks, reused from segment to segment.
final class SegmentBuffer {
    private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var blocks = 0

    deinit { self.memory.deallocate() }

    /// The content is undefined afterwards.
    func resize(blocks: Int) {
        let bytes = blocks * BlockFormat.blockBytes
        if bytes > self.memory.count {
            self.memory.deallocate()
            self.memory = .allocate(byteCount: bytes, alignment: BlockFormat.blockBytes)
        }
        self.blocks = blocks
    }

    var bytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: self.memory[..<(self.blocks * BlockFormat.blockBytes)])
    }

    var isZero: Bool {
        (0..<self.blocks).allSatisfy {
            Block(base: self.memory.baseAddress! + $0 * BlockFormat.blockBytes).isZero
        }
    }

    /// Up to where something stands that is not zero.
    var writtenBlocks: Int {
        let last = (0..<self.blocks).last {
            !Block(base: self.memory.baseAddress! + $0 * BlockFormat.blockBytes).isZero
        }
        return last.map { $0 + 1 } ?? 0
    }
}
