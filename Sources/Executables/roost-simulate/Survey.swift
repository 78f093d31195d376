import Simulation
import Synchronization

/// What many seeds came to. Thread-safe.
final class Survey: Sendable {
    private struct Row {
        var seeds = 0
        var events = 0
        var simulatedMicroseconds: UInt64 = 0
        var elapsed = Duration.zero
        var broken = 0
    }
    private struct State {
        var rows: [String: Row] = [:]
        var broken: [(subject: String, seed: UInt64, violation: String)] = []
        var differing: [(subject: String, seed: UInt64)] = []
        var nextLine = ContinuousClock.now + .seconds(60)
    }

    private let begun = ContinuousClock.now
    private let state = Mutex(State())
    private let showsTraces: Bool

    /// - Parameter showsTraces: prints a line a seed, for another process to compare.
    init(showsTraces: Bool) { self.showsTraces = showsTraces }

    var hasBroken: Bool { self.state.withLock { !$0.broken.isEmpty } }
    var hasDiffered: Bool { self.state.withLock { !$0.differing.isEmpty } }

    func add(_ report: SimulationReport, of subject: String, _ elapsed: Duration, isSame: Bool) {
        self.state.withLock { state in
            var row = state.rows[subject] ?? Row()
            row.seeds += 1
            row.events += report.events
            row.simulatedMicroseconds += report.simulated.microseconds
            row.elapsed += elapsed
            if let violation = report.violation {
                row.broken += 1
                state.broken.append((subject, report.seed, violation))
                if !self.showsTraces { Self.say(subject, report.seed, violation) }
            }
            state.rows[subject] = row
            if !isSame { state.differing.append((subject, report.seed)) }
        }
        if self.showsTraces { printLine("\(subject) \(report.seed) \(String(report.trace.value, radix: 16))") }
    }

    /// One line a minute.
    func sayProgress() {
        guard !self.showsTraces else { return }
        self.state.withLock { state in
            guard ContinuousClock.now >= state.nextLine else { return }
            state.nextLine += .seconds(60)
            let seeds = state.rows.values.reduce(0) { $0 + $1.seeds }
            let minutes = (ContinuousClock.now - self.begun).components.seconds / 60
            printLine(
                "\(Narration.right("\(minutes)", 5)) min \(Narration.right("\(seeds)", 9)) seeds, \(state.broken.count) broken"
            )
        }
    }

    /// A table in Markdown, then the seeds that are broken, with the command that replays each.
    func sum() {
        self.state.withLock { state in
            printLine("| subject | seeds | events | simulated hours | CPU s | times real time | broken |")
            printLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
            for (subject, row) in state.rows.sorted(by: { $0.key < $1.key }) {
                let seconds = Self.seconds(row.elapsed)
                let simulated = Double(row.simulatedMicroseconds) / 1e6
                printLine(
                    "| \(subject) | \(row.seeds) | \(row.events) | \(Self.rounded(simulated / 3_600)) | "
                        + "\(Self.rounded(seconds)) | \(Int(simulated / max(seconds, 1e-9))) | \(row.broken) |")
            }
            printLine("\(Self.rounded(Self.seconds(ContinuousClock.now - self.begun))) s of wall time")
            for item in state.broken { Self.say(item.subject, item.seed, item.violation) }
            for item in state.differing {
                printLine("\(item.subject) seed \(item.seed): two runs differ")
            }
        }
    }

    private static func say(_ subject: String, _ seed: UInt64, _ violation: String) {
        printLine("\(subject) seed \(seed): \(violation)")
        printLine("  replay: roost-simulate --subject \(subject) --seed \(seed)")
    }

    static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }

    private static func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}
