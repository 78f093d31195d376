import ArgumentParser
import ChaosReport
import Foundation

/// `roost-load check DIR`: judges a run's history.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Judge a run's history.",
        discussion: """
            Writes verdict.json and verdict.txt into the run's folder and prints the text. Exit status: 0 nothing \
            found, 1 a violation, 2 the folder can not be read. Whether the run counts, `counts` says.
            """)

    @Argument(help: "The run's folder.")
    var folder: String

    func run() throws {
        let folder = RunFolder(URL(filePath: self.folder, directoryHint: .isDirectory))
        let verdict: Verdict
        do {
            verdict = Verdict(try RecordedRun(reading: folder))
        } catch {
            FileHandle.standardError.write(Data("roost-load check: \(error)\n".utf8))
            throw ExitCode(2)
        }
        try verdict.json().write(to: folder.verdict)
        try Data(verdict.text.utf8).write(to: folder.verdictText)
        print(verdict.text, terminator: "")
        if !verdict.passed { throw ExitCode(1) }
    }
}

/// `roost-load picture DIR`: draws a run.
struct PictureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "picture", abstract: "Draw a run's operations, latencies, faults and gaps as timeline.svg.")

    @Argument(help: "The run's folder.")
    var folder: String

    func run() throws {
        let folder = RunFolder(URL(filePath: self.folder, directoryHint: .isDirectory))
        let run: RecordedRun
        do { run = try RecordedRun(reading: folder) } catch {
            FileHandle.standardError.write(Data("roost-load picture: \(error)\n".utf8))
            throw ExitCode(2)
        }
        try Data(TimelineDrawing(Timeline(run)).svg.utf8).write(to: folder.timeline)
        print(folder.timeline.path)
    }
}
