import Foundation
import HistoryChecker

/// Where a run's files are. Each is written by one program and may be missing until it has run.
///
/// ```
/// chaos/<UTC time>-<name>/  history/*.jsonl  load.json                by roost-load history
///                           faults.jsonl  nodes/*.log  run.json      by scripts/chaos
///                           verdict.json  verdict.txt                by roost-load check
///                           timeline.svg                             by roost-load picture
/// chaos/latest -> the newest of them
/// ```
package struct RunFolder: Sendable {
    package let root: URL

    package init(_ root: URL) { self.root = root }

    package var history: URL { self.root.appending(path: "history", directoryHint: .isDirectory) }
    package var faults: URL { self.root.appending(path: "faults.jsonl") }
    package var load: URL { self.root.appending(path: "load.json") }
    package var verdict: URL { self.root.appending(path: "verdict.json") }
    package var verdictText: URL { self.root.appending(path: "verdict.txt") }
    package var timeline: URL { self.root.appending(path: "timeline.svg") }

    /// Makes the folder where it is not there. One inside a folder `chaos` becomes its `latest`.
    package func prepare() throws {
        try FileManager.default.createDirectory(at: self.history, withIntermediateDirectories: true)
        let parent = self.root.standardizedFileURL.deletingLastPathComponent()
        guard parent.lastPathComponent == "chaos" else { return }
        let latest = parent.appending(path: "latest").path
        if (try? FileManager.default.destinationOfSymbolicLink(atPath: latest)) != nil {
            try FileManager.default.removeItem(atPath: latest)
        }
        try FileManager.default.createSymbolicLink(
            atPath: latest, withDestinationPath: self.root.standardizedFileURL.lastPathComponent)
    }

    /// `chaos/<UTC time>-<name>` below the current folder.
    package static func fresh(named name: String, at date: Date = Date()) -> RunFolder {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "UTC")
        formatter.dateFormat = "yyyyMMdd'T'HHmmss'Z'"
        return RunFolder(
            URL(filePath: "chaos", directoryHint: .isDirectory)
                .appending(path: "\(formatter.string(from: date))-\(name)", directoryHint: .isDirectory))
    }
}

/// What the load says of a run, `load.json`. Times are those of the history.
package struct RunDescription: Codable, Sendable {
    package var name: String
    package var startedAt: String
    package var servers: [String]
    package var clients: Int
    package var channels: Int
    package var rate: Double
    package var loadBegin: Microseconds
    package var loadEnd: Microseconds
    package var clientCPUSeconds: Double

    package init(
        name: String, startedAt: String, servers: [String], clients: Int, channels: Int, rate: Double,
        loadBegin: Microseconds, loadEnd: Microseconds, clientCPUSeconds: Double
    ) {
        self.name = name
        self.startedAt = startedAt
        self.servers = servers
        self.clients = clients
        self.channels = channels
        self.rate = rate
        self.loadBegin = loadBegin
        self.loadEnd = loadEnd
        self.clientCPUSeconds = clientCPUSeconds
    }

    package func write(to folder: RunFolder) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: folder.load)
    }

    private enum CodingKeys: String, CodingKey {
        case name, servers, clients, channels, rate
        case startedAt = "started_at"
        case loadBegin = "load_begin_us"
        case loadEnd = "load_end_us"
        case clientCPUSeconds = "client_cpu_s"
    }
}
