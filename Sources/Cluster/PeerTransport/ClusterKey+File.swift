// The cluster key on disk: one line, readable by its owner only.

import Glibc

/// Why a key file can not be used or written. Each says what the operator can do.
package enum ClusterKeyError: Error, Equatable, Sendable {
    /// There is no such file: copy it from another node or make one.
    case missing(path: String)
    /// Group or others may read or write it: `chmod 600`.
    case exposed(path: String, mode: UInt32)
    /// It is not one `roost-key-v1:` line.
    case malformed(path: String)
    /// Another key is in the way; it is never overwritten.
    case exists(path: String)
    /// The system refused an operation.
    case io(path: String, operation: String, errno: Int32)
}

extension ClusterKeyError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing(let path): "the cluster key file \(path) does not exist"
        case .exposed(let path, let mode):
            "the cluster key file \(path) has mode \(String(mode, radix: 8)) and must have 600"
        case .malformed(let path): "the file \(path) does not hold a cluster key"
        case .exists(let path): "the file \(path) exists and is not overwritten"
        case .io(let path, let operation, let code):
            "\(operation) of the cluster key file \(path) failed: \(String(cString: strerror(code)))"
        }
    }
}

extension ClusterKey {
    /// A key file is one short line; more than this is something else.
    private static let fileBytesMax = 256

    /// Reads the key at `path`. Blocks on the disk: for the start of a process.
    package static func load(_ path: String) throws(ClusterKeyError) -> ClusterKey {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw errno == ENOENT ? .missing(path: path) : .io(path: path, operation: "open", errno: errno)
        }
        defer { close(file) }
        // Of the open file and not of the path, which might be exchanged in between.
        var status = stat()
        guard fstat(file, &status) == 0 else { throw .io(path: path, operation: "stat", errno: errno) }
        guard status.st_mode & 0o077 == 0 else { throw .exposed(path: path, mode: status.st_mode & 0o777) }

        var bytes = [UInt8](repeating: 0, count: Self.fileBytesMax + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress! + count, $0.count - count) }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw .io(path: path, operation: "read", errno: errno) }
            if got == 0 { break }
            count += got
        }
        guard count <= Self.fileBytesMax, let text = String(validating: bytes[..<count], as: UTF8.self),
            let key = ClusterKey(text: text)
        else { throw .malformed(path: path) }
        return key
    }

    /// Writes the key to `path`, mode 0600: beside it, fsynced, linked to its name, the folder fsynced.
    /// A file that is already there stays as it is. Blocks on the disk.
    package func save(_ path: String) throws(ClusterKeyError) {
        let beside = "\(path).new-\(getpid())"
        let file = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .io(path: path, operation: "open", errno: errno) }
        defer { unlink(beside) }
        do throws(ClusterKeyError) {
            try Self.put(Array((self.text + "\n").utf8), to: file, path: path)
        } catch {
            close(file)
            throw error
        }
        guard close(file) == 0 else { throw .io(path: path, operation: "close", errno: errno) }
        // A hard link and not a rename: it fails when the name is taken, and a key is never replaced.
        guard link(beside, path) == 0 else {
            throw errno == EEXIST ? .exists(path: path) : .io(path: path, operation: "link", errno: errno)
        }
        try Self.syncFolder(of: path)
    }

    private static func put(_ bytes: [UInt8], to file: Int32, path: String) throws(ClusterKeyError) {
        var count = 0
        while count < bytes.count {
            let taken = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + count, $0.count - count) }
            if taken < 0 && errno == EINTR { continue }
            guard taken > 0 else { throw .io(path: path, operation: "write", errno: errno) }
            count += taken
        }
        guard fchmod(file, 0o600) == 0 else { throw .io(path: path, operation: "chmod", errno: errno) }
        guard fsync(file) == 0 else { throw .io(path: path, operation: "fsync", errno: errno) }
    }

    private static func syncFolder(of path: String) throws(ClusterKeyError) {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard handle >= 0 else { throw .io(path: path, operation: "open folder", errno: errno) }
        defer { close(handle) }
        guard fsync(handle) == 0 else { throw .io(path: path, operation: "fsync folder", errno: errno) }
    }
}
