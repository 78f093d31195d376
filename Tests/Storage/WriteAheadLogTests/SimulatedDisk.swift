import ClusterModel
import Synchronization

@testable import WriteAheadLog

/// A disk in memory that fails on command. What was not synced can be lost in any part, by sectors.
final class SimulatedDisk: LogDisk {
    /// What becomes of a write that the power cut off.
    enum Cut {
        case nothingWritten
        /// The sectors, counted from the start of the write, that reached the disk.
        case sectors(@Sendable (Int) -> Bool)
        case everythingWritten
    }

    /// What the next write does instead of working.
    enum WriteFault {
        case power(Cut)
        case fails(errorNumber: Int32)
        case short
        case syncFails(errorNumber: Int32)
        /// Reported as done, and stored this many blocks further on.
        case misdirected(byBlocks: Int)
        /// Reported as done, and never stored.
        case lost
    }

    private struct State {
        var segments: [SegmentNumber: [UInt8]] = [:]
        var fault: (afterWrites: Int, WriteFault)?
        var createError: Int32?
        var readError: Int32?
        var writes = 0
        var milliseconds: UInt64 = 0
    }
    private let state = Mutex(State())

    init() {}

    /// A copy of what would be found after the power comes back.
    convenience init(copying other: SimulatedDisk) {
        self.init()
        let segments = other.state.withLock { $0.segments }
        self.state.withLock { $0.segments = segments }
    }

    // MARK: Faults

    func failWrite(after count: Int = 0, _ fault: WriteFault) {
        self.state.withLock { $0.fault = ($0.writes + count, fault) }
    }
    func failCreating(_ errorNumber: Int32?) { self.state.withLock { $0.createError = errorNumber } }
    func failReading(_ errorNumber: Int32?) { self.state.withLock { $0.readError = errorNumber } }

    var numbers: [SegmentNumber] { self.state.withLock { $0.segments.keys.sorted() } }
    func change(_ number: SegmentNumber, _ body: @Sendable (inout [UInt8]) -> Void) {
        self.state.withLock { body(&$0.segments[number]!) }
    }
    func put(_ number: SegmentNumber, _ bytes: [UInt8]) { self.state.withLock { $0.segments[number] = bytes } }
    func content(_ number: SegmentNumber) -> [UInt8] { self.state.withLock { $0.segments[number] ?? [] } }
    func remove(_ number: SegmentNumber) { self.state.withLock { $0.segments[number] = nil } }
    func flipBit(_ number: SegmentNumber, byte: Int) { self.change(number) { $0[byte] ^= 0x10 } }
    func zero(_ number: SegmentNumber, bytes: Range<Int>) {
        self.change(number) { $0.replaceSubrange(bytes, with: repeatElement(0, count: bytes.count)) }
    }
    func copyBlock(from source: (SegmentNumber, Int), to target: (SegmentNumber, Int)) {
        let size = BlockFormat.blockBytes
        let block = Array(self.content(source.0)[source.1 * size..<(source.1 + 1) * size])
        self.change(target.0) { $0.replaceSubrange(target.1 * size..<(target.1 + 1) * size, with: block) }
    }

    // MARK: LogDisk

    func segmentNumbers() throws(DiskFailure) -> [SegmentNumber] { self.numbers.reversed() }

    func createSegment(_ number: SegmentNumber, blockCount: Int) throws(DiskFailure) {
        let failure: DiskFailure? = self.state.withLock { state in
            if let error = state.createError { return DiskFailure(.create, segment: number, errorNumber: error) }
            precondition(state.segments[number] == nil)
            state.segments[number] = [UInt8](repeating: 0, count: blockCount * BlockFormat.blockBytes)
            return nil
        }
        if let failure { throw failure }
    }

    func recycleSegment(_ old: SegmentNumber, as new: SegmentNumber, blockCount: Int) throws(DiskFailure) {
        self.remove(old)
        try self.createSegment(new, blockCount: blockCount)
    }

    func removeSegment(_ number: SegmentNumber) throws(DiskFailure) { self.remove(number) }

    func openSegment(_ number: SegmentNumber) throws(DiskFailure) -> any SegmentFile {
        let count: Int? = self.state.withLock { $0.segments[number].map { $0.count / BlockFormat.blockBytes } }
        guard let count else { throw DiskFailure(.open, segment: number, errorNumber: 2) }
        return File(disk: self, number: number, blockCount: count)
    }

    func unlock() {}

    var milliseconds: UInt64 { self.state.withLock { $0.milliseconds } }
    func setClock(_ milliseconds: UInt64) { self.state.withLock { $0.milliseconds = milliseconds } }

    private final class File: SegmentFile {
        let disk: SimulatedDisk
        let number: SegmentNumber
        let blockCount: Int
        init(disk: SimulatedDisk, number: SegmentNumber, blockCount: Int) {
            self.disk = disk
            self.number = number
            self.blockCount = blockCount
        }

        func read(block: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskFailure) {
            let start = block * BlockFormat.blockBytes
            let (bytes, error) = self.disk.state.withLock { ($0.segments[self.number] ?? [], $0.readError) }
            if let error { throw DiskFailure(.read, segment: self.number, errorNumber: error) }
            guard start + buffer.count <= bytes.count else {
                throw DiskFailure(.read, segment: self.number, errorNumber: 0)
            }
            bytes.withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + buffer.count]))
            }
        }
        func readAhead() {}
        func settle() throws(DiskFailure) {}
    }

    /// Applies a write, or what its fault makes of it.
    fileprivate func write(_ bytes: [UInt8], to number: SegmentNumber, atBlock block: Int) -> DiskFailure? {
        self.state.withLock { state in
            defer { state.writes += 1 }
            var start = block * BlockFormat.blockBytes
            var failure: DiskFailure?
            var kept: @Sendable (Int) -> Bool = { _ in true }
            if let (when, fault) = state.fault, when == state.writes {
                switch fault {
                case .power(.nothingWritten):
                    (kept, failure) = ({ _ in false }, DiskFailure(.write, segment: number, errorNumber: 5))
                case .power(.sectors(let which)):
                    (kept, failure) = (which, DiskFailure(.write, segment: number, errorNumber: 5))
                case .power(.everythingWritten):
                    failure = DiskFailure(.write, segment: number, errorNumber: 5)
                case .fails(let error):
                    (kept, failure) = ({ _ in false }, DiskFailure(.write, segment: number, errorNumber: error))
                case .short:
                    (kept, failure) = ({ $0 == 0 }, DiskFailure(.write, segment: number, errorNumber: 0))
                case .syncFails(let error):
                    failure = DiskFailure(.sync, segment: number, errorNumber: error)
                case .misdirected(let blocks): start += blocks * BlockFormat.blockBytes
                case .lost: kept = { _ in false }
                }
            }
            let sector = BlockFormat.sectorBytes
            for index in 0..<bytes.count / sector where kept(index) {
                state.segments[number]!.replaceSubrange(
                    start + index * sector..<start + (index + 1) * sector,
                    with: bytes[index * sector..<(index + 1) * sector])
            }
            return failure
        }
    }
}

/// Writes to a simulated disk, durable at once unless a fault says otherwise.
final class SimulatedDriver: BlockDriver {
    let name = "simulated"
    let buffers: [UnsafeMutableRawBufferPointer]
    private let disk: SimulatedDisk
    private var segment = SegmentNumber(0)
    private var pending: (bytes: [UInt8], block: Int)?

    init(disk: SimulatedDisk, batchBytes: Int) {
        self.disk = disk
        self.buffers = (0..<2).map { _ in .allocate(byteCount: batchBytes, alignment: BlockFormat.blockBytes) }
    }

    deinit { for buffer in self.buffers { buffer.deallocate() } }

    func use(_ segment: SegmentNumber) throws(DiskFailure) { self.segment = segment }
    func begin(buffer: Int, blocks: Int, atBlock block: Int) throws(DiskFailure) {
        self.pending = (Array(self.buffers[buffer][..<(blocks * BlockFormat.blockBytes)]), block)
    }
    func finish() throws(DiskFailure) {
        guard let pending = self.pending else { preconditionFailure("nothing was begun") }
        self.pending = nil
        if let failure = self.disk.write(pending.bytes, to: self.segment, atBlock: pending.block) { throw failure }
    }
}
