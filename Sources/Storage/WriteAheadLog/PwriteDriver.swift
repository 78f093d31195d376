import Glibc

/// pwrite and fdatasync: works everywhere.
final class PwriteDriver: BlockDriver {
    let name = "pwrite"
    let buffers: [UnsafeMutableRawBufferPointer]
    private let disk: FileDisk
    private var descriptor: Int32 = -1
    private var segment: SegmentNumber?
    private var pending: (buffer: Int, blocks: Int, block: Int)?

    init(disk: FileDisk, batchBytes: Int) {
        self.disk = disk
        self.buffers = (0..<2).map { _ in
            .allocate(byteCount: batchBytes, alignment: BlockFormat.blockBytes)
        }
    }

    deinit {
        if self.descriptor >= 0 { Glibc.close(self.descriptor) }
        for buffer in self.buffers { buffer.deallocate() }
    }

    func use(_ segment: SegmentNumber) throws(DiskFailure) {
        let descriptor = Glibc.open(self.disk.path(segment), O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw DiskFailure(.open, segment: segment, errorNumber: errno) }
        if self.descriptor >= 0 { Glibc.close(self.descriptor) }
        self.descriptor = descriptor
        self.segment = segment
    }

    func begin(buffer: Int, blocks: Int, atBlock block: Int) throws(DiskFailure) {
        precondition(self.pending == nil, "one batch at a time")
        self.pending = (buffer, blocks, block)
    }

    func finish() throws(DiskFailure) {
        guard let pending = self.pending else { preconditionFailure("nothing was begun") }
        self.pending = nil
        let bytes = pending.blocks * BlockFormat.blockBytes
        let written = pwrite(
            self.descriptor, self.buffers[pending.buffer].baseAddress!, bytes, pending.block * BlockFormat.blockBytes)
        guard written == bytes else {
            throw DiskFailure(.write, segment: self.segment, errorNumber: written < 0 ? errno : 0)
        }
        guard fdatasync(self.descriptor) == 0 else {
            throw DiskFailure(.sync, segment: self.segment, errorNumber: errno)
        }
    }
}
