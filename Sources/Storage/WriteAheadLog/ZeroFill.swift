import Glibc

/// Fills a file with zeros, durably: real ones and not a hole or an unwritten extent, since writing into blocks that
/// are allocated and written spares the file system a commit of its own (up to 90 % more syncs a second than after
/// fallocate alone, see docs/wal.md).
///
/// Past the page cache where the file system allows it: half the CPU of this thread, none for writing pages back, and
/// nothing of the cache goes for zeros that nobody reads.
enum ZeroFill {
    private static let chunkBytes = 1 << 20
    /// A little at a time, so that the log's own syncs never queue behind a whole segment.
    private static let syncBytes = 4 << 20

    // Not visible through the C library's module.
    #if arch(arm64)
        static let direct: Int32 = 0o200000
    #else
        static let direct: Int32 = 0o40000
    #endif

    /// Sets the file's length to `bytes`, a whole number of blocks, all of them zero.
    static func fill(_ path: String, _ segment: SegmentNumber, bytes: Int) throws(DiskFailure) {
        var descriptor = open(path, O_WRONLY | O_CLOEXEC | Self.direct)
        // As on tmpfs.
        if descriptor < 0, errno == EINVAL { descriptor = open(path, O_WRONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw DiskFailure(.create, segment: segment, errorNumber: errno) }
        defer { close(descriptor) }
        guard ftruncate(descriptor, bytes) == 0 else {
            throw DiskFailure(.create, segment: segment, errorNumber: errno)
        }
        let allocated = posix_fallocate(descriptor, 0, bytes)
        guard allocated == 0 || allocated == EOPNOTSUPP || allocated == EINVAL else {
            throw DiskFailure(.create, segment: segment, errorNumber: allocated)
        }
        try self.write(to: descriptor, segment, bytes: bytes)
        guard fsync(descriptor) == 0 else { throw DiskFailure(.create, segment: segment, errorNumber: errno) }
        // Where it went through the cache: the pages are written next through other descriptors or past it.
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
    }

    private static func write(to descriptor: Int32, _ segment: SegmentNumber, bytes: Int) throws(DiskFailure) {
        let zeros = UnsafeMutableRawBufferPointer.allocate(
            byteCount: min(Self.chunkBytes, bytes), alignment: BlockFormat.blockBytes)
        defer { zeros.deallocate() }
        zeros.initializeMemory(as: UInt8.self, repeating: 0)
        var offset = 0
        while offset < bytes {
            let count = pwrite(descriptor, zeros.baseAddress!, min(zeros.count, bytes - offset), offset)
            guard count > 0 else { throw DiskFailure(.create, segment: segment, errorNumber: count < 0 ? errno : 0) }
            offset += count
            guard offset % Self.syncBytes != 0 || fdatasync(descriptor) == 0 else {
                throw DiskFailure(.create, segment: segment, errorNumber: errno)
            }
        }
    }
}
