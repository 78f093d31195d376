import Foundation

/// Small files that must be there whole or not at all after a crash.
package enum DurableFile {
    package struct Failure: Error, CustomStringConvertible {
        package let operation: String
        package let code: Int32
        package var description: String { "\(self.operation): \(String(cString: strerror(self.code)))" }
    }

    /// Writes beside, fsyncs, renames over `path`, fsyncs the directory. Mode 0600.
    package static func replace(_ path: String, with bytes: [UInt8]) throws(Failure) {
        let temporary = path + ".new"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Failure(operation: "open", code: errno) }
        do throws(Failure) {
            var written = 0
            while written < bytes.count {
                let count = bytes.withUnsafeBytes { write(file, $0.baseAddress! + written, $0.count - written) }
                guard count > 0 else { throw Failure(operation: "write", code: errno) }
                written += count
            }
            guard fsync(file) == 0 else { throw Failure(operation: "fsync", code: errno) }
        } catch {
            close(file)
            throw error
        }
        guard close(file) == 0 else { throw Failure(operation: "close", code: errno) }
        guard rename(temporary, path) == 0 else { throw Failure(operation: "rename", code: errno) }
        let directory = open((path as NSString).deletingLastPathComponent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw Failure(operation: "open directory", code: errno) }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw Failure(operation: "fsync directory", code: errno) }
    }
}
