import ArgumentParser
import Simulation
import Synchronization

/// Replays one seed as a narration, or runs many and sums up.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Replay one seed event by event, or run a range of seeds (the default).")

    @Option(help: "What to run: raft, log, swim, node, delivery, effects, or all for a mix.")
    var subject = RaftSimulation.name

    @Option(help: "One seed, told event by event.")
    var seed: UInt64?

    @Option(help: "A range of seeds, as in 1..500. With --minutes only its beginning counts.")
    var seeds: String?

    @Option(help: "Go on from the first seed for so long, with a line each minute.")
    var minutes: Int?

    @Option(help: "Seeds that run at the same time. What a seed does is the same for any number.")
    var jobs = 1

    @Flag(help: "Run every seed twice and compare.")
    var twice = false

    @Flag(help: "Run the seeds in two processes, whose dictionaries are ordered differently, and compare.")
    var verifyHashSeeds = false

    @Flag(help: "With --seed: only the outcome.")
    var quiet = false

    @Flag(help: .hidden)
    var traces = false

    func validate() throws {
        guard (1...64).contains(self.jobs) else { throw ValidationError("--jobs is in 1...64") }
        guard (self.minutes ?? 1) > 0 else { throw ValidationError("--minutes is positive") }
    }

    func run() async throws {
        let choose = try Subjects.named(self.subject)
        if let seed { return try self.replay(seed, choose(seed)) }
        let range = try Self.range(self.seeds ?? "1..100")
        if self.verifyHashSeeds { return try HashSeeds.verify(subject: self.subject, range, jobs: self.jobs) }
        let end = self.minutes == nil ? range.upperBound : UInt64.max
        let deadline = self.minutes.map { ContinuousClock.now + .seconds($0 * 60) }
        let survey = Survey(showsTraces: self.traces)
        let next = Turnstile(range.lowerBound...end)
        let twice = self.twice
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<self.jobs {
                group.addTask {
                    while let seed = next.take(), deadline.map({ ContinuousClock.now < $0 }) ?? true {
                        let subject = choose(seed)
                        let begun = ContinuousClock.now
                        let report = subject.run(seed: seed, narrate: nil)
                        let elapsed = ContinuousClock.now - begun
                        let again = twice ? subject.run(seed: seed, narrate: nil) : report
                        survey.add(report, of: subject.name, elapsed, isSame: again.trace == report.trace)
                        survey.sayProgress()
                    }
                }
            }
        }
        if !self.traces { survey.sum() }
        if survey.hasBroken { throw ExitCode.broken }
        if survey.hasDiffered { throw ExitCode.notDeterministic }
    }

    private func replay(_ seed: UInt64, _ subject: Subjects.Subject) throws {
        let report = subject.run(seed: seed, narrate: self.quiet ? nil : { print($0) })
        for (name, count) in report.counts { print(Narration.left(name, 18) + "\(count)") }
        print(Narration.left("trace", 18) + String(report.trace.value, radix: 16))
        print("\(subject.name) seed \(seed): \(report.events) events in \(report.simulated) simulated seconds")
        guard let violation = report.violation else { return }
        print("broken: \(violation)")
        throw ExitCode.broken
    }

    static func range(_ text: String) throws -> ClosedRange<UInt64> {
        let ends = text.split(separator: ".", omittingEmptySubsequences: true).compactMap { UInt64($0) }
        guard ends.count == 2, ends[0] <= ends[1], text.contains("..") else {
            throw ValidationError("--seeds wants a range such as 1..500")
        }
        return ends[0]...ends[1]
    }
}

/// Hands out numbers, each once. Thread-safe.
final class Turnstile: Sendable {
    private let end: UInt64
    private let next: Mutex<UInt64>

    init(_ range: ClosedRange<UInt64>) {
        self.end = range.upperBound
        self.next = Mutex(range.lowerBound)
    }

    func take() -> UInt64? {
        self.next.withLock { next in
            guard next <= self.end, next < .max else { return nil }
            defer { next += 1 }
            return next
        }
    }
}
