import ArgumentParser
import Simulation

/// Replays one seed as a narration, or runs a range of seeds and sums up.
@main
struct RoostSimulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roost-simulate",
        abstract: "Runs the cluster's protocols in simulated time, under faults that follow from a seed.",
        discussion: "Exits with 1 and the command that replays the seed when an invariant is broken.")

    @Option(help: "Which protocol: raft or swim.")
    var subject = RaftSimulation.name

    @Option(help: "One seed, told event by event.")
    var seed: UInt64?

    @Option(help: "A range of seeds, as in 1..500.")
    var seeds: String?

    @Flag(help: "With --seed: only the outcome.")
    var quiet = false

    private static let subjects: [any (SimulationSubject & Sendable).Type] = [
        RaftSimulation.self, SWIMSubject.self, NodeSubject.self, DeliverySubject.self, EffectsSubject.self,
    ]

    func run() throws {
        guard let subject = Self.subjects.first(where: { $0.name == self.subject }) else {
            throw ValidationError("no subject \(self.subject); there are \(Self.subjects.map { $0.name })")
        }
        if let seed {
            try self.replay(seed, subject)
        } else {
            try self.runRange(Self.range(self.seeds ?? "1..100"), subject)
        }
    }

    private func replay(_ seed: UInt64, _ subject: any SimulationSubject.Type) throws {
        let report = subject.run(seed: seed, narrate: self.quiet ? nil : { print($0) })
        for (name, count) in report.counts { print(Narration.left(name, 16) + "\(count)") }
        print(Narration.left("trace", 16) + String(report.trace.value, radix: 16))
        print("seed \(seed): \(report.events) events in \(report.simulated) simulated seconds")
        try self.fail(report)
    }

    private func runRange(_ seeds: ClosedRange<UInt64>, _ subject: any SimulationSubject.Type) throws {
        let clock = ContinuousClock()
        let start = clock.now
        var events = 0
        var simulated: UInt64 = 0
        var runs = 0
        var totals: [(name: String, count: Int)] = []
        for seed in seeds {
            let report = subject.run(seed: seed, narrate: nil)
            try self.fail(report)
            runs += 1
            events += report.events
            simulated += report.simulated.microseconds
            if totals.isEmpty { totals = report.counts.map { (name: $0.name, count: 0) } }
            for (place, count) in report.counts.enumerated() { totals[place].count += count.count }
        }
        let elapsed = start.duration(to: clock.now)
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        for (name, count) in totals { print(Narration.left(name, 16) + Narration.right("\(count)", 12)) }
        print(
            "\(runs) seeds, \(events) events, \(simulated / 1_000_000) simulated s in \(Int(seconds * 1000)) ms: "
                + "\(Int(Double(events) / seconds)) events/s, \(Int(Double(simulated) / 1e6 / seconds)) times real time"
        )
    }

    private func fail(_ report: SimulationReport) throws {
        guard let violation = report.violation else { return }
        print("seed \(report.seed) at \(report.simulated) s: \(violation)")
        print("replay: swift run roost-simulate --subject \(self.subject) --seed \(report.seed)")
        throw ExitCode(1)
    }

    private static func range(_ text: String) throws -> ClosedRange<UInt64> {
        let ends = text.split(separator: ".", omittingEmptySubsequences: true).compactMap { UInt64($0) }
        guard ends.count == 2, ends[0] <= ends[1], text.contains("..") else {
            throw ValidationError("--seeds wants a range such as 1..500")
        }
        return ends[0]...ends[1]
    }
}
