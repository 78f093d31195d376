import ArgumentParser
import Foundation
import Simulation

/// Runs the same seeds in two processes: Swift orders dictionaries and sets by a seed of each process, so whatever
/// depends on their order shows.
enum HashSeeds {
    static func verify(subject: String, _ range: ClosedRange<UInt64>, jobs: Int) throws {
        let first = try self.traces(subject, range, jobs)
        let second = try self.traces(subject, range, jobs)
        let differing = first.filter { second[$0.key] != $0.value }.keys.sorted()
        guard !first.isEmpty, first.count == second.count, differing.isEmpty else {
            for seed in differing { print("\(seed): the two processes differ") }
            print("\(differing.count) of \(first.count) seeds depend on the process")
            throw ExitCode.notDeterministic
        }
        print("\(first.count) seeds, the same in two processes")
    }

    private static func traces(
        _ subject: String, _ range: ClosedRange<UInt64>, _ jobs: Int
    ) throws -> [String: Substring] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = [
            "run", "--traces", "--subject", subject, "--seeds", "\(range.lowerBound)..\(range.upperBound)", "--jobs",
            "\(jobs)",
        ]
        var environment = ProcessInfo.processInfo.environment
        environment["SWIFT_DETERMINISTIC_HASHING"] = nil
        process.environment = environment
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        var traces: [String: Substring] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 3 { traces["\(words[0]) \(words[1])"] = words[2] }
        }
        return traces
    }
}
