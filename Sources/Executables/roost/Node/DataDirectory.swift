import Foundation

/// The node's directory: made with mode 0700, refused when others can read it, locked for the process's life.
enum DataDirectory {
    /// - Returns: the path. The lock ends with the process: `kill -9` releases it too.
    static func claim(_ path: String) throws -> String {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw UsageError("--data: \(path) can not be made: \(error.localizedDescription)")
        }
        var status = stat()
        guard stat(path, &status) == 0 else { throw NodeFailure("\(path): \(String(cString: strerror(errno)))") }
        guard status.st_mode & 0o077 == 0 else {
            throw UsageError("--data: \(path) can be read by others; run: chmod 700 \(path)")
        }
        // Never closed: the descriptor is the lock.
        let lock = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw NodeFailure("\(path)/lock: \(String(cString: strerror(errno)))") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw NodeFailure("another process is running with the data directory \(path)")
        }
        return path
    }
}

/// A reason to exit with status 1, in words for the person who started the node.
struct NodeFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
