import HistoryChecker

#if canImport(Glibc)
    import Glibc
#endif

/// One client's part of the history: append-only, written in whole lines.
///
/// Confined to the run's event loop. `flush` hands everything to the kernel, so the death of this process loses
/// nothing that was flushed; the death of the machine may, and then there is no run to judge.
final class HistoryFile {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let path: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    /// Why the file ended early. A history with holes would accuse the cluster, so the run must stop.
    private(set) var failure: Failure?

    /// - Throws: `Failure` when the file is there already or can not be made.
    init(path: String) throws {
        self.path = path
        self.descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o644)
        guard self.descriptor >= 0 else {
            throw Failure(description: "\(path): \(String(cString: strerror(errno)))")
        }
        self.buffer.reserveCapacity(64 * 1_024)
    }

    deinit { close(self.descriptor) }

    func append(_ record: HistoryRecord) { record.write(to: &self.buffer) }

    func flush() {
        guard !self.buffer.isEmpty, self.failure == nil else { return }
        self.buffer.withUnsafeBytes { bytes in
            var written = 0
            while written < bytes.count {
                let count = write(self.descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
                if count < 0 {
                    if errno == EINTR { continue }
                    self.failure = Failure(description: "\(self.path): \(String(cString: strerror(errno)))")
                    return
                }
                written += count
            }
        }
        self.buffer.removeAll(keepingCapacity: true)
    }
}
