import CLinuxURing
import Glibc

/// io_uring: one O_DIRECT|O_DSYNC write of a registered buffer to a registered file per batch.
///
/// Half the CPU of pwrite and fdatasync a commit. Never a write linked to an fsync: the kernel hands every fsync to a
/// worker thread, the slowest form of all (docs/wal.md). The ring is used by one thread at a time.
final class IOURingDriver: BlockDriver {
    let name = "io_uring"
    let buffers: [UnsafeMutableRawBufferPointer]
    private let disk: FileDisk
    private let ring: UnsafeMutablePointer<io_uring>
    private var descriptor: Int32 = -1
    private var segment: SegmentNumber?
    private var pendingBytes: Int?

    init(disk: FileDisk, batchBytes: Int) throws(DiskFailure) {
        let ring = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
        ring.initialize(to: io_uring())
        let result = io_uring_queue_init(4, ring, 0)
        guard result == 0 else {
            ring.deallocate()
            throw DiskFailure(.prepareDriver, errorNumber: -result)
        }
        self.disk = disk
        self.ring = ring
        self.buffers = (0..<2).map { _ in
            .allocate(byteCount: batchBytes, alignment: BlockFormat.blockBytes)
        }
        // From here on deinit cleans up.
        let vectors = self.buffers.map { iovec(iov_base: $0.baseAddress, iov_len: $0.count) }
        let registered = io_uring_register_buffers(ring, vectors, UInt32(vectors.count))
        guard registered == 0 else { throw DiskFailure(.prepareDriver, errorNumber: -registered) }
    }

    deinit {
        io_uring_queue_exit(self.ring)
        self.ring.deinitialize(count: 1)
        self.ring.deallocate()
        if self.descriptor >= 0 { Glibc.close(self.descriptor) }
        for buffer in self.buffers { buffer.deallocate() }
    }

    func use(_ segment: SegmentNumber) throws(DiskFailure) {
        try self.use(path: self.disk.path(segment), creating: false, segment)
    }

    /// Writes a block to a file of its own, to learn whether kernel, container and file system allow all of this.
    func probe(path: String) throws(DiskFailure) {
        defer { unlink(path) }
        try self.use(path: path, creating: true, nil)
        self.buffers[0].initializeMemory(as: UInt8.self, repeating: 0)
        try self.begin(buffer: 0, blocks: 1, atBlock: 0)
        try self.finish()
    }

    private func use(path: String, creating: Bool, _ segment: SegmentNumber?) throws(DiskFailure) {
        let flags = O_WRONLY | O_CLOEXEC | O_DSYNC | ZeroFill.direct | (creating ? O_CREAT | O_TRUNC : 0)
        var descriptor = Glibc.open(path, flags, 0o600)
        guard descriptor >= 0 else { throw DiskFailure(.open, segment: segment, errorNumber: errno) }
        let isFirst = self.descriptor < 0
        let result =
            isFirst
            ? io_uring_register_files(self.ring, &descriptor, 1)
            : io_uring_register_files_update(self.ring, 0, &descriptor, 1)
        guard result == (isFirst ? 0 : 1) else {
            Glibc.close(descriptor)
            throw DiskFailure(.prepareDriver, segment: segment, errorNumber: result < 0 ? -result : 0)
        }
        if !isFirst { Glibc.close(self.descriptor) }
        self.descriptor = descriptor
        self.segment = segment
    }

    func begin(buffer: Int, blocks: Int, atBlock block: Int) throws(DiskFailure) {
        precondition(self.pendingBytes == nil, "one batch at a time")
        guard let entry = io_uring_get_sqe(self.ring) else {
            throw DiskFailure(.write, segment: self.segment, errorNumber: EBUSY)
        }
        let bytes = blocks * BlockFormat.blockBytes
        io_uring_prep_write_fixed(
            entry, 0, self.buffers[buffer].baseAddress, UInt32(bytes), UInt64(block * BlockFormat.blockBytes),
            Int32(buffer))
        entry.pointee.flags |= UInt8(1 << IOSQE_FIXED_FILE_BIT)
        let submitted = io_uring_submit(self.ring)
        guard submitted == 1 else {
            throw DiskFailure(.write, segment: self.segment, errorNumber: submitted < 0 ? -submitted : 0)
        }
        self.pendingBytes = bytes
    }

    func finish() throws(DiskFailure) {
        guard let bytes = self.pendingBytes else { preconditionFailure("nothing was begun") }
        self.pendingBytes = nil
        var completion: UnsafeMutablePointer<io_uring_cqe>?
        var waited = io_uring_wait_cqe(self.ring, &completion)
        // A signal interrupts the waiting, not the write.
        while waited == -EINTR { waited = io_uring_wait_cqe(self.ring, &completion) }
        guard waited == 0, let completion else {
            throw DiskFailure(.sync, segment: self.segment, errorNumber: -waited)
        }
        let result = completion.pointee.res
        io_uring_cqe_seen(self.ring, completion)
        guard result == Int32(bytes) else {
            throw DiskFailure(.write, segment: self.segment, errorNumber: result < 0 ? -result : 0)
        }
    }
}
