import ClusterModel

/// Fills one aligned buffer with the records of one batch, straight in the form in which they go to the disk.
///
/// Not for use from several threads at once. The buffer outlives the encoder.
struct BatchEncoder {
    /// A whole number of blocks.
    private let buffer: UnsafeMutableRawBufferPointer
    /// The place of the next byte in the buffer, inside some block's payload or at its end.
    private var cursor: Int
    /// Bytes of stream that still fit.
    private var room: Int
    private(set) var recordCount: Int
    private var recordBytes: Int
    /// Whom the records are for. Kept by whoever appends them, who knows what is news.
    var footprint = Footprint.nothing

    init(_ buffer: UnsafeMutableRawBufferPointer) {
        precondition(buffer.count % BlockFormat.blockBytes == 0, "a buffer of \(buffer.count) bytes")
        self.buffer = buffer
        self.cursor = 0
        self.room = 0
        self.recordCount = 0
        self.recordBytes = 0
    }

    var isEmpty: Bool { self.recordCount == 0 }

    /// Begins a new batch of at most `blocksMax` blocks; fewer when the buffer is smaller.
    mutating func begin(blocksMax: Int) {
        let blocks = min(blocksMax, self.buffer.count / BlockFormat.blockBytes)
        self.cursor = BlockFormat.headerBytes + BatchHead.bytes
        self.room = blocks * BlockFormat.payloadBytes - BatchHead.bytes
        self.recordCount = 0
        self.recordBytes = 0
        self.footprint = .nothing
    }

    func fits(bodyBytes: Int) -> Bool { RecordHead.bytes + bodyBytes <= self.room }

    /// Adds a record that fits.
    /// - Returns: where its head begins, in bytes from the start of the batch.
    @discardableResult
    mutating func append(_ head: RecordHead, body: UnsafeRawBufferPointer) -> Int {
        precondition(self.fits(bodyBytes: body.count), "a record of \(body.count) bytes into \(self.room)")
        assert(Int(head.bodyBytes) == body.count)
        self.skipBlockEnd()
        let position = self.cursor
        withUnsafeBytes(of: head.words) { self.write($0) }
        self.write(body)
        self.recordCount += 1
        self.recordBytes += RecordHead.bytes + body.count
        self.room -= RecordHead.bytes + body.count
        return position
    }

    @discardableResult
    mutating func append(_ head: RecordHead, words: [UInt64]) -> Int {
        words.map(\.littleEndian).withUnsafeBytes { self.append(head, body: $0) }
    }

    @discardableResult
    mutating func append(_ head: RecordHead, bytes: [UInt8]) -> Int {
        bytes.withUnsafeBytes { self.append(head, body: $0) }
    }

    /// Whether records of these bodies fit, one after the other.
    func fits(bodies: [Int]) -> Bool {
        bodies.reduce(0) { $0 + RecordHead.bytes + $1 } <= self.room
    }

    /// Pads the last block, writes the heads and seals every block.
    /// - Returns: how many blocks to write, and the chain value for the next batch.
    mutating func seal(
        _ kind: BatchKind, identity: UInt64, segment: SegmentNumber, startBlock: Int, previousChain: UInt32,
        previous: PreviousBatch
    ) -> (blocks: Int, chain: UInt32) {
        let blocks = (self.cursor + BlockFormat.blockBytes - 1) / BlockFormat.blockBytes
        let end = blocks * BlockFormat.blockBytes
        UnsafeMutableRawBufferPointer(rebasing: self.buffer[self.cursor..<end]).initializeMemory(
            as: UInt8.self, repeating: 0)
        let head = BatchHead(
            kind, recordBytes: self.recordBytes, recordCount: self.recordCount, previousChain: previousChain,
            previous: previous)
        self.buffer.storeBytes(of: head.words.0, toByteOffset: BlockFormat.headerBytes, as: UInt64.self)
        self.buffer.storeBytes(of: head.words.1, toByteOffset: BlockFormat.headerBytes + 8, as: UInt64.self)

        var chain = previousChain
        for block in 0..<blocks {
            let header = BlockHeader(
                identity: identity, segment: segment, block: UInt32(startBlock + block),
                batchStart: UInt32(startBlock), batchBlocks: UInt32(blocks), syncedBlocks: UInt32(startBlock),
                footprint: self.footprint)
            let base = self.buffer.baseAddress! + block * BlockFormat.blockBytes
            chain = Checksum.chained(chain, blockChecksum: Block(base: base).seal(header))
        }
        return (blocks, chain)
    }

    private mutating func skipBlockEnd() {
        if self.cursor % BlockFormat.blockBytes == 0 { self.cursor += BlockFormat.headerBytes }
    }

    private mutating func write(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        while offset < bytes.count {
            self.skipBlockEnd()
            let count = min(bytes.count - offset, BlockFormat.blockBytes - self.cursor % BlockFormat.blockBytes)
            (self.buffer.baseAddress! + self.cursor).copyMemory(
                from: bytes.baseAddress! + offset, byteCount: count)
            self.cursor += count
            offset += count
        }
    }
}
