import Failpoints
import Glibc
import Synchronization

/// A directory of segment files. Made once per log; any thread.
final class FileDisk: LogDisk {
    private let directory: String
    /// Its open file holds the lock; nil when given up.
    private let lockDescriptor: Mutex<Int32?>

    /// Locks the directory for this process, creating it if need be, and clears away half-made segments.
    init(directory: String) throws(WALError) {
        self.directory = directory
        if mkdir(directory, 0o700) != 0, errno != EEXIST {
            throw .disk(DiskFailure(.openDirectory, errorNumber: errno))
        }
        let descriptor = Glibc.open(directory + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .disk(DiskFailure(.lock, errorNumber: errno)) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let number = errno
            Glibc.close(descriptor)
            guard number == EWOULDBLOCK else { throw .disk(DiskFailure(.lock, errorNumber: number)) }
            throw .inUse(directory: directory)
        }
        self.lockDescriptor = Mutex(descriptor)
        try onDisk { () throws(DiskFailure) in try self.removeHalfMade() }
    }

    deinit { self.unlock() }

    func unlock() {
        self.lockDescriptor.withLock { descriptor in
            if let open = descriptor { Glibc.close(open) }
            descriptor = nil
        }
    }

    func path(_ number: SegmentNumber) -> String {
        let digits = String(number.rawValue)
        return "\(self.directory)/\(String(repeating: "0", count: 10 - digits.count))\(digits).wal"
    }

    private func temporaryPath(_ number: SegmentNumber) -> String { self.path(number) + ".new" }

    func segmentNumbers() throws(DiskFailure) -> [SegmentNumber] {
        try self.names().compactMap { name in
            guard name.hasSuffix(".wal"), name.utf8.count == 14 else { return nil }
            return UInt32(name.dropLast(4)).map(SegmentNumber.init)
        }
    }

    func createSegment(_ number: SegmentNumber, blockCount: Int) throws(DiskFailure) {
        #if DEBUG || ROOST_CHAOS
            try ChaosDisk.checkSpace(number)
        #endif
        let temporary = self.temporaryPath(number)
        let descriptor = Glibc.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw DiskFailure(.create, segment: number, errorNumber: errno) }
        Glibc.close(descriptor)
        do throws(DiskFailure) {
            try ZeroFill.fill(temporary, number, bytes: blockCount * BlockFormat.blockBytes)
        } catch {
            unlink(temporary)  // Give the space back; the name is cleared at the next start anyway.
            throw error
        }
        Failpoints.hit(.walSegmentCreate)
        try self.rename(temporary, to: number)
        Failpoints.hit(.walSegmentCreated)
    }

    func recycleSegment(_ old: SegmentNumber, as new: SegmentNumber, blockCount: Int) throws(DiskFailure) {
        let temporary = self.temporaryPath(new)
        guard Glibc.rename(self.path(old), temporary) == 0 else {
            throw DiskFailure(.recycle, segment: old, errorNumber: errno)
        }
        Failpoints.hit(.walSegmentRecycle)
        // The old name has to be gone for good before its content is.
        try self.syncDirectory()
        try ZeroFill.fill(temporary, new, bytes: blockCount * BlockFormat.blockBytes)
        try self.rename(temporary, to: new)
        Failpoints.hit(.walSegmentRecycled)
    }

    func removeSegment(_ number: SegmentNumber) throws(DiskFailure) {
        Failpoints.hit(.walSegmentRemove)
        guard unlink(self.path(number)) == 0 else {
            throw DiskFailure(.remove, segment: number, errorNumber: errno)
        }
        try self.syncDirectory()
        Failpoints.hit(.walSegmentRemoved)
    }

    var milliseconds: UInt64 {
        var now = timespec()
        guard clock_gettime(CLOCK_REALTIME, &now) == 0, now.tv_sec > 0 else { return 0 }
        return UInt64(now.tv_sec) * 1_000 + UInt64(max(0, now.tv_nsec)) / 1_000_000
    }

    func openSegment(_ number: SegmentNumber) throws(DiskFailure) -> any SegmentFile {
        try OpenSegment(self.path(number), number)
    }

    // MARK: Helpers

    private func rename(_ temporary: String, to number: SegmentNumber) throws(DiskFailure) {
        guard Glibc.rename(temporary, self.path(number)) == 0 else {
            throw DiskFailure(.create, segment: number, errorNumber: errno)
        }
        try self.syncDirectory()
    }

    private func syncDirectory() throws(DiskFailure) {
        let descriptor = Glibc.open(self.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw DiskFailure(.syncDirectory, errorNumber: errno) }
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw DiskFailure(.syncDirectory, errorNumber: errno) }
    }

    private func removeHalfMade() throws(DiskFailure) {
        for name in try self.names() where name.hasSuffix(".wal.new") {
            guard unlink("\(self.directory)/\(name)") == 0 else {
                throw DiskFailure(.remove, errorNumber: errno)
            }
        }
    }

    private func names() throws(DiskFailure) -> [String] {
        guard let stream = opendir(self.directory) else { throw DiskFailure(.list, errorNumber: errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else { break }
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            names.append(name)
        }
        guard errno == 0 else { throw DiskFailure(.list, errorNumber: errno) }
        return names
    }
}

/// A segment file open for reading.
private final class OpenSegment: SegmentFile {
    private let descriptor: Int32
    private let number: SegmentNumber
    let blockCount: Int

    init(_ path: String, _ number: SegmentNumber) throws(DiskFailure) {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw DiskFailure(.open, segment: number, errorNumber: errno) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else {
            let errorNumber = errno
            Glibc.close(descriptor)
            throw DiskFailure(.open, segment: number, errorNumber: errorNumber)
        }
        self.descriptor = descriptor
        self.number = number
        self.blockCount = Int(facts.st_size) / BlockFormat.blockBytes
    }

    deinit { Glibc.close(self.descriptor) }

    func read(block: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskFailure) {
        var filled = 0
        while filled < buffer.count {
            let offset = block * BlockFormat.blockBytes + filled
            let count = pread(self.descriptor, buffer.baseAddress! + filled, buffer.count - filled, offset)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw DiskFailure(.read, segment: self.number, errorNumber: count < 0 ? errno : 0)
            }
            filled += count
        }
    }

    func readAhead() { posix_fadvise(self.descriptor, 0, 0, POSIX_FADV_WILLNEED) }

    func settle() throws(DiskFailure) {
        guard fdatasync(self.descriptor) == 0 else {
            throw DiskFailure(.sync, segment: self.number, errorNumber: errno)
        }
        posix_fadvise(self.descriptor, 0, 0, POSIX_FADV_DONTNEED)
    }
}
