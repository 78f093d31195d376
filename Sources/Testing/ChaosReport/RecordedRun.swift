import Foundation
import HistoryChecker

/// A run as read from its folder.
package struct RecordedRun: Sendable {
    package let description: RunDescription
    package let history: History
    package let samples: [HistoryReader.Sample]
    package let remarks: [String]

    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    package init(
        description: RunDescription, history: History, samples: [HistoryReader.Sample], remarks: [String] = []
    ) {
        self.description = description
        self.history = history
        self.samples = samples
        self.remarks = remarks
    }

    /// - Throws: `HistoryFormatError`, `Failure`, or what reading a file throws.
    package init(reading folder: RunFolder) throws {
        let files = try FileManager.default.contentsOfDirectory(at: folder.history, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "jsonl" }.sorted { $0.path < $1.path }
        guard !files.isEmpty else { throw Failure(description: "\(folder.history.path) has no history") }
        var reader = HistoryReader()
        for file in files {
            let data = try Data(contentsOf: file, options: .alwaysMapped)
            try data.withUnsafeBytes { bytes in
                try reader.read(bytes.bindMemory(to: UInt8.self), name: file.lastPathComponent)
            }
        }
        var remarks = reader.remarks
        if reader.truncatedTails > 0 {
            remarks.append("\(reader.truncatedTails) history files end within a line; their writers were killed")
        }
        var faults: [Fault] = []
        if FileManager.default.fileExists(atPath: folder.faults.path) {
            faults = try FaultLog.read(String(contentsOf: folder.faults, encoding: .utf8))
        }
        self.samples = reader.samples.sorted { $0.at < $1.at }
        self.history = reader.history(faults: faults)
        self.remarks = remarks
        if FileManager.default.fileExists(atPath: folder.load.path),
            let known = try? JSONDecoder().decode(RunDescription.self, from: Data(contentsOf: folder.load))
        {
            self.description = known
        } else {
            // The load was killed before its end: the history knows enough.
            self.description = RunDescription(
                name: folder.root.lastPathComponent, startedAt: "", servers: [], clients: files.count,
                channels: self.history.channels.count, rate: 0, loadBegin: self.samples.first?.at ?? 0,
                loadEnd: self.samples.last?.at ?? 0, clientCPUSeconds: 0)
        }
    }
}

/// `faults.jsonl`: `{"t_us", "fault", "target", "phase": "begin" | "end", "detail"}`, a line each.
package enum FaultLog {
    private struct Line: Decodable {
        let t_us: Microseconds
        let fault: String
        let target: String
        let phase: String
        let detail: AnyText?
    }

    /// Text, or whatever else the runner wrote there, as text.
    private struct AnyText: Decodable {
        let text: String
        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self.text = text
            } else if let number = try? container.decode(Double.self) {
                self.text = "\(number)"
            } else {
                self.text = ""
            }
        }
    }

    /// Pairs each end with the latest begin of the same fault and target. A line without its newline at the end was
    /// cut off and is left out.
    package static func read(_ text: String) throws -> [Fault] {
        var faults: [Fault] = []
        var open: [String: [Int]] = [:]
        var void: Set<Int> = []
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        lines.removeLast()
        for (number, line) in lines.enumerated() where !line.isEmpty {
            guard let entry = try? JSONDecoder().decode(Line.self, from: Data(line.utf8)) else {
                throw HistoryFormatError(file: "faults.jsonl", line: number + 1, reason: "not a fault")
            }
            let name = "\(entry.fault)\u{0}\(entry.target)"
            if entry.phase == "begin" {
                open[name, default: []].append(faults.count)
                faults.append(
                    Fault(
                        name: entry.fault, target: entry.target, begin: entry.t_us, end: nil,
                        detail: entry.detail?.text ?? ""))
            } else if let index = open[name]?.popLast() {
                // The runner could not do it: nothing happened.
                if entry.detail?.text == "did not begin" { void.insert(index) }
                let begun = faults[index]
                faults[index] = Fault(
                    name: begun.name, target: begun.target, begin: begun.begin, end: entry.t_us,
                    detail: begun.detail)
            }
        }
        return faults.enumerated().filter { !void.contains($0.offset) }.map(\.element)
    }
}
