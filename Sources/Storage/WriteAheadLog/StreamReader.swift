import ClusterModel

/// Reads a stream that is spread over the payloads of consecutive blocks in memory, every length checked.
struct StreamReader {
    /// Whole blocks, unwhitened, whose headers were checked.
    private let blocks: UnsafeRawBufferPointer
    /// The place of the next byte, in bytes from the start of `blocks`.
    private(set) var position: Int
    /// Bytes of stream that are left.
    private(set) var remaining: Int

    /// - Parameters:
    ///   - position: inside a block's payload.
    ///   - remaining: at most what the payloads hold from `position` on; more is cut down to that.
    init(_ blocks: UnsafeRawBufferPointer, position: Int, remaining: Int? = nil) {
        self.blocks = blocks
        self.position = position
        let wholeBlocks = max(0, blocks.count / BlockFormat.blockBytes - position / BlockFormat.blockBytes - 1)
        let inFirst = position < blocks.count ? BlockFormat.blockBytes - position % BlockFormat.blockBytes : 0
        let held = inFirst + wholeBlocks * BlockFormat.payloadBytes
        self.remaining = min(remaining ?? held, held)
    }

    /// - Returns: nil when fewer bytes than a head are left.
    mutating func head() -> (head: RecordHead, position: Int)? {
        guard self.remaining >= RecordHead.bytes else { return nil }
        self.skipBlockEnd()
        let position = self.position
        var words: (UInt64, UInt64, UInt64) = (0, 0, 0)
        if BlockFormat.blockBytes - position % BlockFormat.blockBytes >= RecordHead.bytes {
            words.0 = self.blocks.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            words.1 = self.blocks.loadUnaligned(fromByteOffset: position + 8, as: UInt64.self)
            words.2 = self.blocks.loadUnaligned(fromByteOffset: position + 16, as: UInt64.self)
            self.position += RecordHead.bytes
            self.remaining -= RecordHead.bytes
        } else {
            withUnsafeMutableBytes(of: &words) { self.copy(into: $0) }
        }
        return (RecordHead(words: words), position)
    }

    /// - Returns: nil when fewer than `count` bytes are left.
    mutating func bytes(_ count: Int) -> [UInt8]? {
        guard count <= self.remaining else { return nil }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            self.copy(into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]))
            initialized = count
        }
    }

    /// A little-endian word; nil when fewer than 8 bytes are left.
    mutating func word() -> UInt64? {
        guard self.remaining >= 8 else { return nil }
        var value: UInt64 = 0
        withUnsafeMutableBytes(of: &value) { self.copy(into: $0) }
        return UInt64(littleEndian: value)
    }

    /// - Returns: false, having moved nothing, when fewer than `count` bytes are left.
    mutating func skip(_ count: Int) -> Bool {
        guard count <= self.remaining else { return false }
        self.remaining -= count
        var count = count
        while count > 0 {
            self.skipBlockEnd()
            let step = min(count, BlockFormat.blockBytes - self.position % BlockFormat.blockBytes)
            self.position += step
            count -= step
        }
        return true
    }

    private mutating func skipBlockEnd() {
        if self.position % BlockFormat.blockBytes == 0 { self.position += BlockFormat.headerBytes }
    }

    /// Copies `target.count` bytes, which the caller knows to be there.
    private mutating func copy(into target: UnsafeMutableRawBufferPointer) {
        var filled = 0
        while filled < target.count {
            self.skipBlockEnd()
            let count = min(target.count - filled, BlockFormat.blockBytes - self.position % BlockFormat.blockBytes)
            (target.baseAddress! + filled).copyMemory(
                from: self.blocks.baseAddress! + self.position, byteCount: count)
            self.position += count
            filled += count
        }
        self.remaining -= target.count
    }
}
