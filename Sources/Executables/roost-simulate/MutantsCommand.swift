import ArgumentParser
import Simulation

/// Plants every known bug and tells how many seeds it takes to see it.
struct MutantsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mutants",
        abstract: "Plant each known bug and count the seeds until it is seen; exits with 1 when one survives.")

    @Option(help: "One mutant, as in M7.")
    var only: String?

    @Option(help: "Seeds that a mutant may survive at most.")
    var seedsMax: UInt64 = 500

    @Option(help: "Mutants that are tried at the same time.")
    var jobs = 1

    func validate() throws {
        guard (1...64).contains(self.jobs) else { throw ValidationError("--jobs is in 1...64") }
        if let only, !Mutant.all.contains(where: { $0.id == only }) {
            throw ValidationError("no mutant \(only); there are \(Mutant.all.map(\.id).joined(separator: ", "))")
        }
    }

    func run() async throws {
        let mutants = Mutant.all.filter { self.only == nil || $0.id == self.only }
        printLine("| mutant | what it does | subject | seeds needed | ms |")
        printLine("| --- | --- | --- | ---: | ---: |")
        let next = Turnstile(0...UInt64(max(1, mutants.count) - 1))
        let seedsMax = self.seedsMax
        let all = await withTaskGroup(of: [MutantVerdict].self) { group in
            for _ in 0..<self.jobs {
                group.addTask {
                    var verdicts: [MutantVerdict] = []
                    while let place = next.take() {
                        verdicts.append(.of(mutants[Int(place)], seedsMax: seedsMax))
                        Self.say(verdicts[verdicts.count - 1])
                    }
                    return verdicts
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        let needed = all.compactMap(\.seed).sorted()
        if !needed.isEmpty { printLine("median \(needed[needed.count / 2]), most \(needed[needed.count - 1])") }
        for verdict in all.filter({ !$0.isKilled }) {
            if let sound = verdict.soundFailure {
                printLine("\(verdict.mutant.id): seed \(sound.seed) is broken without it: \(sound.violation)")
            } else {
                printLine("\(verdict.mutant.id) survives \(seedsMax) seeds")
            }
        }
        if all.contains(where: { !$0.isKilled }) { throw ExitCode.broken }
    }

    private static func say(_ verdict: MutantVerdict) {
        let milliseconds = Int(Survey.seconds(verdict.elapsed) * 1_000)
        printLine(
            "| \(verdict.mutant.id) | \(verdict.mutant.name) | \(verdict.mutant.subject) | "
                + "\(verdict.seed.map { "\($0)" } ?? "survives") | \(milliseconds) |")
    }
}
