import ClusterModel
import Crypto
import Glibc

/// Whole-file work whose every step is durable when it returns. Blocks.
enum FileWork {
    /// Opens `path`, lets `body` work on the descriptor, and closes it.
    static func withFile<Value>(
        _ path: String, _ flags: Int32, _ body: (Int32) throws(ProjectionError) -> Value
    ) throws(ProjectionError) -> Value {
        let descriptor = open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure(path, "open") }
        defer { close(descriptor) }
        return try body(descriptor)
    }

    /// - Returns: as many bytes as the file has there, at most `count`.
    static func read(
        _ path: String, _ descriptor: Int32, at offset: UInt64, count: Int
    ) throws(ProjectionError) -> [UInt8] {
        guard let start = Int(exactly: offset) else { throw .storage(path: path, detail: "offset \(offset)") }
        var failed: Int32?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = pread(descriptor, buffer.baseAddress! + filled, count - filled, start + filled)
                if got < 0, errno == EINTR { continue }
                if got < 0 { failed = errno }
                guard got > 0 else { break }
                filled += got
            }
        }
        if let failed { throw Self.failure(path, "read", failed) }
        return bytes
    }

    static func write(
        _ bytes: [UInt8], _ path: String, _ descriptor: Int32, at offset: UInt64
    ) throws(ProjectionError) {
        guard let start = Int(exactly: offset) else { throw .storage(path: path, detail: "offset \(offset)") }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress! + written, bytes.count - written, start + written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failure(path, "write", count < 0 ? errno : ENOSPC) }
            written += count
        }
    }

    static func length(_ path: String) throws(ProjectionError) -> UInt64 {
        var facts = stat()
        guard stat(path, &facts) == 0 else { throw Self.failure(path, "stat") }
        return UInt64(max(0, facts.st_size))
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func sync(_ path: String) throws(ProjectionError) {
        try Self.withFile(path, O_RDONLY) { descriptor throws(ProjectionError) in
            guard fsync(descriptor) == 0 else { throw Self.failure(path, "fsync") }
        }
    }

    static func syncFolder(of path: String) throws(ProjectionError) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        try Self.withFile(folder, O_RDONLY | O_DIRECTORY) { descriptor throws(ProjectionError) in
            guard fsync(descriptor) == 0 else { throw Self.failure(folder, "fsync") }
        }
    }

    /// The new name is durable when this returns.
    static func rename(_ path: String, to target: String) throws(ProjectionError) {
        guard Glibc.rename(path, target) == 0 else { throw Self.failure(path, "rename") }
        try Self.syncFolder(of: target)
    }

    /// A file that is not there is as good as removed. The removal is durable only after `syncFolder`.
    static func remove(_ path: String) throws(ProjectionError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw Self.failure(path, "remove") }
    }

    static func names(in folder: String) throws(ProjectionError) -> [String] {
        guard let stream = opendir(folder) else { throw Self.failure(folder, "list") }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(
                withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return names.filter { $0 != "." && $0 != ".." }.sorted()
    }

    /// SHA-256 over the whole file.
    static func digest(_ path: String) throws(ProjectionError) -> [UInt8] {
        try Self.withFile(path, O_RDONLY) { descriptor throws(ProjectionError) in
            var hash = SHA256()
            var offset: UInt64 = 0
            while true {
                let part = try Self.read(path, descriptor, at: offset, count: 1 << 20)
                guard !part.isEmpty else { break }
                hash.update(data: part)
                offset += UInt64(part.count)
            }
            return [UInt8](hash.finalize())
        }
    }

    static func failure(_ path: String, _ what: String, _ number: Int32 = errno) -> ProjectionError {
        switch number {
        case ENOSPC, EDQUOT: .diskFull(path: path)
        case EMFILE, ENFILE: .noDescriptor(path: path)
        default: .storage(path: path, detail: "\(what): \(String(cString: strerror(number)))")
        }
    }
}
