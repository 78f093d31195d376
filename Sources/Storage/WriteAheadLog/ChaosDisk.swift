#if DEBUG || ROOST_CHAOS
    import ClusterModel
    import Glibc
    import Synchronization

    /// What a test may do to the disk below this process's log: delays, errors, and the loss of power.
    ///
    /// While it is in use, nothing that is not synced is given to the kernel. So when the process ends, what was written
    /// and not synced is gone but for the sectors that `persistPending` chooses to keep, as after a power cut.
    /// Not compiled into a release build without `ROOST_CHAOS`.
    package enum ChaosDisk {
        package enum Failure: Int, Sendable {
            case none, write, sync
        }

        private static let isOn = Atomic<Bool>(false)
        private static let stallOfWrite = Atomic<Int>(0)
        private static let stallOfSync = Atomic<Int>(0)
        private static let failure = Atomic<Int>(0)
        private static let full = Atomic<Bool>(false)

        // The batch that was begun and not finished. Atomics and not a lock: they are read when every other thread
        // stands still, wherever that is.
        private static let pendingAddress = Atomic<UInt>(0)
        private static let pendingBytes = Atomic<Int>(0)
        private static let pendingOffset = Atomic<Int>(0)
        private static let pendingDescriptor = Atomic<Int>(-1)

        /// Before the log is opened: from now on the log writes through here.
        package static func turnOn() { self.isOn.store(true, ordering: .sequentiallyConsistent) }

        /// Each write, or each sync, takes so much longer; 0 ends it.
        package static func stall(writeMilliseconds: Int? = nil, syncMilliseconds: Int? = nil) {
            if let writeMilliseconds { self.stallOfWrite.store(writeMilliseconds, ordering: .relaxed) }
            if let syncMilliseconds { self.stallOfSync.store(syncMilliseconds, ordering: .relaxed) }
        }

        /// Writes or syncs fail with EIO until told otherwise.
        package static func fail(_ failure: Failure) { self.failure.store(failure.rawValue, ordering: .relaxed) }

        /// No segment can be made.
        package static func setFull(_ isFull: Bool) { self.full.store(isFull, ordering: .relaxed) }

        /// For people: what is set.
        package static var status: String {
            let failure = Failure(rawValue: self.failure.load(ordering: .relaxed)) ?? .none
            return "stall-write=\(self.stallOfWrite.load(ordering: .relaxed)) "
                + "stall-fsync=\(self.stallOfSync.load(ordering: .relaxed)) eio=\(failure) "
                + "enospc=\(self.full.load(ordering: .relaxed) ? "on" : "off") "
                + "unsynced=\(self.pendingBytes.load(ordering: .relaxed))"
        }

        /// Writes some sectors of the batch that is not synced, as a disk may have when the power goes: all, none, a
        /// beginning, or any. The process must end right after it.
        ///
        /// Allocates nothing and takes no lock, since the other threads stand still and may hold any.
        package static func persistPending(_ generator: inout SeededGenerator) {
            let bytes = self.pendingBytes.load(ordering: .sequentiallyConsistent)
            guard bytes > 0, let base = UnsafeRawPointer(bitPattern: self.pendingAddress.load(ordering: .relaxed))
            else { return }
            let descriptor = Int32(self.pendingDescriptor.load(ordering: .relaxed))
            let offset = self.pendingOffset.load(ordering: .relaxed)
            let sectors = bytes / BlockFormat.sectorBytes
            let manner = generator.next() % 4
            let cut = Int(generator.next() % UInt64(sectors + 1))
            for sector in 0..<sectors {
                let isKept =
                    switch manner {
                    case 0: false
                    case 1: true
                    case 2: sector < cut
                    default: generator.next() % 2 == 0
                    }
                guard isKept else { continue }
                let place = sector * BlockFormat.sectorBytes
                // A write that fails here is a sector that was lost.
                _ = pwrite(descriptor, base + place, BlockFormat.sectorBytes, offset + place)
            }
        }

        // MARK: For the log

        static func wrap(_ driver: any BlockDriver, _ disk: FileDisk) -> any BlockDriver {
            self.isOn.load(ordering: .sequentiallyConsistent) ? ChaosDriver(driver, disk) : driver
        }

        static func checkSpace(_ segment: SegmentNumber) throws(DiskFailure) {
            guard !self.full.load(ordering: .relaxed) else {
                throw DiskFailure(.create, segment: segment, errorNumber: ENOSPC)
            }
        }

        fileprivate static func setPending(_ buffer: UnsafeMutableRawBufferPointer, _ descriptor: Int32, offset: Int) {
            self.pendingAddress.store(UInt(bitPattern: buffer.baseAddress), ordering: .relaxed)
            self.pendingOffset.store(offset, ordering: .relaxed)
            self.pendingDescriptor.store(Int(descriptor), ordering: .relaxed)
            self.pendingBytes.store(buffer.count, ordering: .sequentiallyConsistent)
        }

        fileprivate static func clearPending() { self.pendingBytes.store(0, ordering: .sequentiallyConsistent) }

        fileprivate static func stallAndFail(_ segment: SegmentNumber?) throws(DiskFailure) {
            self.sleep(self.stallOfWrite.load(ordering: .relaxed))
            let failure = Failure(rawValue: self.failure.load(ordering: .relaxed)) ?? .none
            if failure == .write { throw DiskFailure(.write, segment: segment, errorNumber: EIO) }
            self.sleep(self.stallOfSync.load(ordering: .relaxed))
            if failure == .sync { throw DiskFailure(.sync, segment: segment, errorNumber: EIO) }
        }

        /// In small steps, so that a stall that is called off ends soon.
        private static func sleep(_ milliseconds: Int) {
            var left = milliseconds
            while left > 0, self.stallOfWrite.load(ordering: .relaxed) + self.stallOfSync.load(ordering: .relaxed) > 0 {
                usleep(UInt32(min(left, 10)) * 1_000)
                left -= 10
            }
        }
    }

    /// A driver that hands a batch on only when it is waited for, so that an unsynced one exists in this process alone.
    private final class ChaosDriver: BlockDriver {
        private let driver: any BlockDriver
        private let disk: FileDisk
        private var segment: SegmentNumber?
        /// Of the segment, for sectors that outlive the power.
        private var descriptor: Int32 = -1
        private var pending: (buffer: Int, blocks: Int, block: Int)?

        init(_ driver: any BlockDriver, _ disk: FileDisk) {
            self.driver = driver
            self.disk = disk
        }

        deinit { if self.descriptor >= 0 { Glibc.close(self.descriptor) } }

        var name: String { self.driver.name + ", chaos" }
        var buffers: [UnsafeMutableRawBufferPointer] { self.driver.buffers }

        func use(_ segment: SegmentNumber) throws(DiskFailure) {
            try self.driver.use(segment)
            if self.descriptor >= 0 { Glibc.close(self.descriptor) }
            self.descriptor = Glibc.open(self.disk.path(segment), O_WRONLY | O_CLOEXEC)
            guard self.descriptor >= 0 else { throw DiskFailure(.open, segment: segment, errorNumber: errno) }
            self.segment = segment
        }

        func begin(buffer: Int, blocks: Int, atBlock block: Int) throws(DiskFailure) {
            self.pending = (buffer, blocks, block)
            let bytes = UnsafeMutableRawBufferPointer(
                rebasing: self.buffers[buffer][..<(blocks * BlockFormat.blockBytes)])
            ChaosDisk.setPending(bytes, self.descriptor, offset: block * BlockFormat.blockBytes)
        }

        func finish() throws(DiskFailure) {
            guard let pending = self.pending else { preconditionFailure("nothing was begun") }
            self.pending = nil
            try ChaosDisk.stallAndFail(self.segment)
            try self.driver.begin(buffer: pending.buffer, blocks: pending.blocks, atBlock: pending.block)
            try self.driver.finish()
            ChaosDisk.clearPending()
        }
    }
#endif
