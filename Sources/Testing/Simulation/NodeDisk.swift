import ClusterModel
import WriteAheadLog

/// A node's disk in memory, for the log: whole segments, and at most one write on its way.
final class NodeDisk: LogDisk, @unchecked Sendable {
    static let blockBytes = 4_096
    static let sectorBytes = 512

    fileprivate var segments: [SegmentNumber: [UInt8]] = [:]
    /// Handed to the disk and not synced yet.
    fileprivate var pending: (segment: SegmentNumber, bytes: [UInt8], offset: Int)?

    /// The power fails: of the write that was on its way, any sectors may have arrived.
    func losePower(_ chance: inout Chance) {
        guard let pending = self.pending else { return }
        self.pending = nil
        let keptPercent = chance.pick([0, 50, 95, 100]) ?? 0
        for start in stride(from: 0, to: pending.bytes.count, by: Self.sectorBytes) where chance.percent(keptPercent) {
            self.store(pending.bytes[start..<start + Self.sectorBytes], pending.segment, pending.offset + start)
        }
    }

    fileprivate func store(_ bytes: ArraySlice<UInt8>, _ segment: SegmentNumber, _ offset: Int) {
        self.segments[segment]?.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }

    fileprivate func settle() {
        guard let pending = self.pending else { return }
        self.pending = nil
        self.store(pending.bytes[...], pending.segment, pending.offset)
    }

    // MARK: LogDisk

    func segmentNumbers() throws(DiskFailure) -> [SegmentNumber] { self.segments.keys.sorted() }

    func createSegment(_ number: SegmentNumber, blockCount: Int) throws(DiskFailure) {
        self.segments[number] = [UInt8](repeating: 0, count: blockCount * Self.blockBytes)
    }

    func recycleSegment(_ old: SegmentNumber, as new: SegmentNumber, blockCount: Int) throws(DiskFailure) {
        self.segments[old] = nil
        try self.createSegment(new, blockCount: blockCount)
    }

    func removeSegment(_ number: SegmentNumber) throws(DiskFailure) { self.segments[number] = nil }

    func openSegment(_ number: SegmentNumber) throws(DiskFailure) -> any SegmentFile {
        guard let bytes = self.segments[number] else {
            throw DiskFailure(.open, segment: number, errorNumber: 2)
        }
        return File(self, number, blockCount: bytes.count / Self.blockBytes)
    }

    func unlock() {}

    private final class File: SegmentFile, @unchecked Sendable {
        private let disk: NodeDisk
        private let number: SegmentNumber
        let blockCount: Int

        init(_ disk: NodeDisk, _ number: SegmentNumber, blockCount: Int) {
            self.disk = disk
            self.number = number
            self.blockCount = blockCount
        }

        func read(block: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskFailure) {
            let start = block * NodeDisk.blockBytes
            guard let count = self.disk.segments[self.number]?.count, start + buffer.count <= count else {
                throw DiskFailure(.read, segment: self.number, errorNumber: 0)
            }
            self.disk.segments[self.number]?.withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + buffer.count]))
            }
        }
        func readAhead() {}
        func settle() throws(DiskFailure) {}
    }
}

/// Writes to a `NodeDisk`: what was begun is durable when `finish` returns, and any part of it before.
final class NodeDiskDriver: BlockDriver {
    let name = "simulated"
    let buffers: [UnsafeMutableRawBufferPointer]
    private let disk: NodeDisk
    private var segment = SegmentNumber(0)

    init(_ disk: NodeDisk, batchBytes: Int) {
        self.disk = disk
        self.buffers = (0..<2).map { _ in .allocate(byteCount: batchBytes, alignment: NodeDisk.blockBytes) }
    }

    deinit { for buffer in self.buffers { buffer.deallocate() } }

    func use(_ segment: SegmentNumber) throws(DiskFailure) { self.segment = segment }
    func begin(buffer: Int, blocks: Int, atBlock block: Int) throws(DiskFailure) {
        let bytes = [UInt8](UnsafeRawBufferPointer(rebasing: self.buffers[buffer][..<(blocks * NodeDisk.blockBytes)]))
        self.disk.pending = (self.segment, bytes, block * NodeDisk.blockBytes)
    }
    func finish() throws(DiskFailure) { self.disk.settle() }
}
