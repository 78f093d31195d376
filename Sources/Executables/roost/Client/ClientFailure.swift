import ArgumentParser
import Foundation

/// Why a command line client gave up. Its description is what the person reads; the process exits with 1.
enum ClientFailure: Error, CustomStringConvertible {
    /// No server of the list took the connection.
    case unreachable(servers: [ServerURL], reason: String)
    /// The server answered with a problem (RFC 9457).
    case refused(status: Int, code: String, detail: String)
    /// The answer is not what the contract promises.
    case malformedAnswer(String)
    /// A file named on the command line cannot be used.
    case file(path: String, reason: String)
    /// The server closed the socket with a code after which a person must act.
    case closed(code: Int, reason: String)

    var description: String {
        switch self {
        case .unreachable(let servers, let reason):
            "cannot reach \(servers.map(\.description).joined(separator: ", ")): \(reason)"
        case .refused(let status, let code, let detail):
            detail.isEmpty ? "refused: \(code) (\(status))" : "refused: \(code) (\(status)): \(detail)"
        case .malformedAnswer(let what): "the server's answer is malformed: \(what)"
        case .file(let path, let reason): "\(path): \(reason)"
        case .closed(let code, let reason):
            reason.isEmpty ? "the server closed the connection (\(code))" : "closed (\(code)): \(reason)"
        }
    }
}

/// Writes one line to standard error; what a program prints for others goes to standard output only.
func complain(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
}

/// Runs a client command: its failures become one line on standard error and exit status 1.
func reportingFailures(_ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let failure as ClientFailure {
        complain("roost: \(failure)")
        throw ExitCode(1)
    }
}
