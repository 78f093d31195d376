import ClusterModel
import Synchronization
import WriteAheadLog

/// A disk in memory, of real bytes, that does to them what disks do.
///
/// One thread uses it; the lock is there because the log's protocols ask for it.
final class LogFaultyDisk: LogDisk {
    static let blockBytes = 4_096
    static let sectorBytes = 512

    enum WriteFault: CaseIterable {
        /// Any part of the write stays, and nobody hears of it: the power is gone.
        case power
        case writeError
        /// The write is dropped but for some of it, as a kernel does; asked again, the sync says that all is well.
        case syncError
        case short
    }

    struct Batch: Equatable {
        let segment: SegmentNumber
        let blocks: Range<Int>
    }

    private struct State {
        var segments: [SegmentNumber: [UInt8]] = [:]
        var fault: WriteFault?
        var isFull = false
        var chance: Chance
        /// The last batch whose sync succeeded, and those that were tried since.
        var lastWrites: [Batch] = []
        var segmentsMade = 0
    }
    private let state: Mutex<State>

    init(_ chance: Chance) { self.state = Mutex(State(chance: chance)) }

    // MARK: Faults

    func failNextWrite(_ fault: WriteFault?) { self.state.withLock { $0.fault = fault } }
    func setFull(_ isFull: Bool) { self.state.withLock { $0.isFull = isFull } }
    var lastWrites: [Batch] { self.state.withLock { $0.lastWrites } }
    var segmentsMade: Int { self.state.withLock { $0.segmentsMade } }
    var numbers: [SegmentNumber] { self.state.withLock { $0.segments.keys.sorted() } }

    /// How many blocks of a segment hold anything.
    func writtenBlocks(_ number: SegmentNumber) -> Int {
        self.state.withLock { state in
            guard let bytes = state.segments[number], let last = bytes.lastIndex(where: { $0 != 0 }) else { return 0 }
            return last / Self.blockBytes + 1
        }
    }

    func flipBit(_ number: SegmentNumber, byte: Int, bit: Int) {
        self.state.withLock { $0.segments[number]?[byte] ^= 1 << UInt8(bit) }
    }
    func zero(_ number: SegmentNumber, blocks: Range<Int>) {
        self.state.withLock { state in
            for byte in blocks.lowerBound * Self.blockBytes..<blocks.upperBound * Self.blockBytes {
                state.segments[number]?[byte] = 0
            }
        }
    }
    func copyBlock(from source: (SegmentNumber, Int), to target: (SegmentNumber, Int)) {
        self.state.withLock { state in
            guard let bytes = state.segments[source.0] else { return }
            let block = bytes[source.1 * Self.blockBytes..<(source.1 + 1) * Self.blockBytes]
            let start = target.1 * Self.blockBytes
            state.segments[target.0]?.replaceSubrange(start..<start + Self.blockBytes, with: block)
        }
    }
    func remove(_ number: SegmentNumber) { self.state.withLock { $0.segments[number] = nil } }

    // MARK: LogDisk

    func segmentNumbers() throws(DiskFailure) -> [SegmentNumber] { self.numbers }

    func createSegment(_ number: SegmentNumber, blockCount: Int) throws(DiskFailure) {
        let isDone = self.state.withLock { state in
            guard !state.isFull else { return false }
            state.segments[number] = [UInt8](repeating: 0, count: blockCount * Self.blockBytes)
            state.segmentsMade += 1
            return true
        }
        if !isDone { throw DiskFailure(.create, segment: number, errorNumber: 28) }
    }

    func recycleSegment(_ old: SegmentNumber, as new: SegmentNumber, blockCount: Int) throws(DiskFailure) {
        self.remove(old)
        try self.createSegment(new, blockCount: blockCount)
    }
    func removeSegment(_ number: SegmentNumber) throws(DiskFailure) { self.remove(number) }
    func unlock() {}

    func openSegment(_ number: SegmentNumber) throws(DiskFailure) -> any SegmentFile {
        let blocks = self.state.withLock { $0.segments[number].map { $0.count / Self.blockBytes } }
        guard let blocks else { throw DiskFailure(.open, segment: number, errorNumber: 2) }
        return File(disk: self, number: number, blockCount: blocks)
    }

    private final class File: SegmentFile {
        let disk: LogFaultyDisk
        let number: SegmentNumber
        let blockCount: Int
        init(disk: LogFaultyDisk, number: SegmentNumber, blockCount: Int) {
            self.disk = disk
            self.number = number
            self.blockCount = blockCount
        }
        func read(block: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskFailure) {
            let start = block * LogFaultyDisk.blockBytes
            // The buffer is only used while this call lasts.
            nonisolated(unsafe) let target = buffer
            let isDone = self.disk.state.withLock { state in
                guard let bytes = state.segments[self.number], start + target.count <= bytes.count else { return false }
                bytes.withUnsafeBytes {
                    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + target.count]))
                }
                return true
            }
            if !isDone { throw DiskFailure(.read, segment: self.number, errorNumber: 0) }
        }
        func readAhead() {}
        func settle() throws(DiskFailure) {}
    }

    // MARK: Writing

    fileprivate func write(_ bytes: UnsafeRawBufferPointer, _ number: SegmentNumber, _ block: Int) -> DiskFailure? {
        nonisolated(unsafe) let bytes = bytes
        return self.state.withLock { state in
            let fault = state.fault
            state.fault = nil
            let sectors = bytes.count / Self.sectorBytes
            let manner = state.chance.number(0...3)
            let cut = state.chance.number(0...sectors)
            for sector in 0..<sectors {
                let isKept =
                    switch (fault, manner) {
                    case (nil, _): true
                    case (.short, _): sector < cut / 2
                    case (_, 0): false
                    case (_, 1): fault == .power
                    case (_, 2): sector < cut
                    default: state.chance.percent(50)
                    }
                guard isKept else { continue }
                let place = sector * Self.sectorBytes
                let start = block * Self.blockBytes + place
                state.segments[number]?.replaceSubrange(
                    start..<start + Self.sectorBytes, with: bytes[place..<place + Self.sectorBytes])
            }
            if fault == nil { state.lastWrites = [] }
            state.lastWrites.append(Batch(segment: number, blocks: block..<block + bytes.count / Self.blockBytes))
            switch fault {
            case nil: return nil
            case .power, .writeError: return DiskFailure(.write, segment: number, errorNumber: 5)
            case .short: return DiskFailure(.write, segment: number, errorNumber: 0)
            case .syncError: return DiskFailure(.sync, segment: number, errorNumber: 5)
            }
        }
    }
}

/// Writes to a faulty disk. A write is on the disk when it was waited for, or in part when something went wrong.
final class LogFaultyDriver: BlockDriver {
    let name = "faulty"
    let buffers: [UnsafeMutableRawBufferPointer]
    private let disk: LogFaultyDisk
    private var segment = SegmentNumber(0)
    private var pending: (buffer: Int, blocks: Int, block: Int)?

    init(_ disk: LogFaultyDisk, batchBytes: Int) {
        self.disk = disk
        self.buffers = (0..<2).map { _ in .allocate(byteCount: batchBytes, alignment: LogFaultyDisk.blockBytes) }
    }
    deinit { for buffer in self.buffers { buffer.deallocate() } }

    func use(_ segment: SegmentNumber) throws(DiskFailure) { self.segment = segment }
    func begin(buffer: Int, blocks: Int, atBlock block: Int) throws(DiskFailure) {
        self.pending = (buffer, blocks, block)
    }
    func finish() throws(DiskFailure) {
        // A second sync after a failed one finds no dirty page, and succeeds.
        guard let pending = self.pending else { return }
        self.pending = nil
        let bytes = UnsafeRawBufferPointer(
            rebasing: self.buffers[pending.buffer][..<(pending.blocks * LogFaultyDisk.blockBytes)])
        if let failure = self.disk.write(bytes, self.segment, pending.block) { throw failure }
    }
}
