import Failpoints
import Foundation
import Logging
import WriteAheadLog

/// How a test tells this process what to suffer: failpoints by `ROOST_FAILPOINTS`, and everything else through a Unix
/// socket at `ROOST_CHAOS_SOCKET`, a line a command and a line an answer. docs/verification.md has the commands.
///
/// A build without it refuses to start with either variable set, so that nobody tests what is not there.
enum ChaosControl {
    private static let socketVariable = "ROOST_CHAOS_SOCKET"
    private static let failpointVariable = "ROOST_FAILPOINTS"

    /// Before the log is opened.
    static func start(dataDirectory: String, environment: [String: String], logger: Logger) throws {
        let socket = environment[self.socketVariable]
        let failpoints = environment[self.failpointVariable]
        guard socket != nil || failpoints != nil else { return }
        #if DEBUG || ROOST_CHAOS
            Failpoints.install(self.perform)
            do throws(FailpointSyntaxError) {
                for (point, trigger) in try Failpoints.parse(failpoints ?? "") { Failpoints.arm(point, trigger) }
            } catch {
                throw UsageError("\(self.failpointVariable): \(error)")
            }
            if let socket {
                Failpoints.observe()
                ChaosDisk.turnOn()
                try self.listen(at: socket, ChaosSession(dataDirectory: dataDirectory, logger: logger))
            }
            logger.warning("Chaos is in control of this process")
        #else
            throw UsageError(
                "this build has no chaos control: unset \(self.socketVariable) and \(self.failpointVariable)")
        #endif
    }
}

#if DEBUG || ROOST_CHAOS
    extension ChaosControl {
        private static func perform(_ point: Failpoint, _ action: Failpoints.Action) {
            switch action {
            case .crash: _exit(77)
            case .sleep(let milliseconds): usleep(UInt32(milliseconds) * 1_000)
            case .panic: fatalError("failpoint \(point.rawValue)")
            }
        }

        private static func listen(at path: String, _ session: ChaosSession) throws {
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            let bytes = Array(path.utf8)
            guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
                throw UsageError("\(self.socketVariable): a path of \(bytes.count) bytes is too long")
            }
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
            unlink(path)
            let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            let length = socklen_t(MemoryLayout<sockaddr_un>.size)
            let bound = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, length) }
            }
            guard listener >= 0, bound == 0, Glibc.listen(listener, 4) == 0 else {
                throw NodeFailure("\(self.socketVariable) \(path): \(String(cString: strerror(errno)))")
            }
            // Lives as long as the process. One client at a time: a test.
            Thread.detachNewThread {
                while true {
                    let client = accept(listener, nil, nil)
                    guard client >= 0 else { continue }
                    self.serve(client, session)
                    close(client)
                }
            }
        }

        private static func serve(_ client: Int32, _ session: ChaosSession) {
            var line: [UInt8] = []
            var byte: UInt8 = 0
            while read(client, &byte, 1) == 1 {
                guard byte == UInt8(ascii: "\n") else {
                    line.append(byte)
                    guard line.count <= 4_096 else { return }
                    continue
                }
                let answer = Array((session.answer(String(decoding: line, as: UTF8.self)) + "\n").utf8)
                line = []
                guard write(client, answer, answer.count) == answer.count else { return }
            }
        }
    }

    /// The commands.
    struct ChaosSession: Sendable {
        let dataDirectory: String
        let logger: Logger

        /// `ok`, perhaps with facts, or `error` with a reason.
        func answer(_ line: String) -> String {
            let words = line.split(separator: " ").map(String.init)
            self.logger.warning("Chaos", metadata: ["chaos.command": "\(line)"])
            switch (words.first ?? "", Array(words.dropFirst())) {
            case ("status", let rest) where rest.isEmpty: return self.status
            case ("power-loss", let rest) where rest.count == 1:
                guard let seed = UInt64(rest[0]) else { return "error the seed is a number" }
                PowerLoss(dataDirectory: self.dataDirectory, seed: seed).happen()
            case ("stall-fsync", let rest) where rest.count == 1:
                return self.stall(rest[0]) { ChaosDisk.stall(syncMilliseconds: $0) }
            case ("stall-write", let rest) where rest.count == 1:
                return self.stall(rest[0]) { ChaosDisk.stall(writeMilliseconds: $0) }
            case ("eio", ["fsync"]): ChaosDisk.fail(.sync)
            case ("eio", ["write"]): ChaosDisk.fail(.write)
            case ("eio", ["off"]): ChaosDisk.fail(.none)
            case ("enospc", ["on"]): ChaosDisk.setFull(true)
            case ("enospc", ["off"]): ChaosDisk.setFull(false)
            case ("failpoint", let rest) where rest.count == 2: return self.arm(rest[0], rest[1])
            default: return "error no command '\(line)'"
            }
            return "ok"
        }

        private var status: String {
            let hits = Failpoints.hits.filter { $0.value > 0 }.map { "\($0.key.rawValue)=\($0.value)" }.sorted()
            return "ok pid=\(getpid()) \(ChaosDisk.status) hits=\(hits.joined(separator: ","))"
        }

        private func stall(_ text: String, _ apply: (Int) -> Void) -> String {
            guard let milliseconds = Int(text), (0...600_000).contains(milliseconds) else {
                return "error a stall is of 0 to 600000 ms"
            }
            apply(milliseconds)
            return "ok"
        }

        private func arm(_ name: String, _ action: String) -> String {
            do throws(FailpointSyntaxError) {
                let point = try Failpoints.point(name)
                Failpoints.arm(point, action == "off" ? nil : try Failpoints.trigger(action))
                return "ok"
            } catch {
                return "error \(error)"
            }
        }
    }
#endif
