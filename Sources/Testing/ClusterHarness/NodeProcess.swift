import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// One real node as a process on loopback. Its folder and ports stay the same over any number of kills and starts.
///
/// Used from one test at a time; not thread-safe.
package final class NodeProcess {
    package enum Failure: Error, CustomStringConvertible {
        case ended(status: Int32, log: String)
        case notReady(after: Duration, log: String)
        package var description: String {
            switch self {
            case .ended(let status, let log): "the node ended with \(status):\n\(log)"
            case .notReady(let after, let log): "the node is not ready after \(after):\n\(log)"
            }
        }
    }

    package let folder: URL
    package let httpPort: UInt16
    package let peerPort: UInt16
    private let binary: URL
    private let options: [String]
    private var process: Process?

    package var httpURL: String { "http://127.0.0.1:\(self.httpPort)" }

    init(binary: URL, folder: URL, httpPort: UInt16, peerPort: UInt16, options: [String]) {
        self.binary = binary
        self.folder = folder
        self.httpPort = httpPort
        self.peerPort = peerPort
        self.options = options
    }

    deinit { self.kill() }

    package var isRunning: Bool { self.process?.isRunning ?? false }

    package func start() throws {
        precondition(!self.isRunning, "the node on port \(self.httpPort) runs already")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        let process = Process()
        process.executableURL = self.binary
        process.arguments =
            [
                "serve", "--data", self.folder.appending(path: "data").path, "--listen", "127.0.0.1:\(self.httpPort)",
                "--peer-listen", "127.0.0.1:\(self.peerPort)",
            ] + self.options
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("ROOST_") }
            .merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try Self.emptied(self.outPath)
        process.standardError = try Self.emptied(self.logPath)
        try process.run()
        self.process = process
    }

    /// Until the node printed its ready line.
    package func waitReady(within limit: Duration = .seconds(90)) async throws {
        let deadline = ContinuousClock.now + limit
        while ContinuousClock.now < deadline {
            guard let process = self.process, process.isRunning else {
                throw Failure.ended(status: self.process?.terminationStatus ?? -1, log: self.logTail)
            }
            let out = try String(contentsOf: self.outPath, encoding: .utf8)
            if out.split(separator: "\n").contains(where: { $0.hasPrefix("ready node=") }) { return }
            try await Task.sleep(for: .milliseconds(30))
        }
        throw Failure.notReady(after: limit, log: self.logTail)
    }

    /// SIGKILL: the process gets no chance to say or write anything.
    package func kill() {
        guard let process = self.process, process.isRunning else { return }
        _ = Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// SIGTERM, and the exit status; nil where it takes longer than the limit.
    package func terminate(within limit: Duration = .seconds(30)) async throws -> Int32? {
        guard let process = self.process, process.isRunning else { return self.process?.terminationStatus }
        process.terminate()
        let deadline = ContinuousClock.now + limit
        while ContinuousClock.now < deadline {
            if !process.isRunning { return process.terminationStatus }
            try await Task.sleep(for: .milliseconds(30))
        }
        return nil
    }

    private var outPath: URL { self.folder.appending(path: "out") }
    private var logPath: URL { self.folder.appending(path: "log") }
    private var logTail: String {
        let log = (try? String(contentsOf: self.logPath, encoding: .utf8)) ?? ""
        return log.split(separator: "\n").suffix(20).joined(separator: "\n")
    }

    private static func emptied(_ file: URL) throws -> FileHandle {
        try Data().write(to: file)
        return try FileHandle(forWritingTo: file)
    }
}
