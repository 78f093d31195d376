import ArgumentParser
import Glibc
import Simulation

/// The simulator's commands.
@main
struct RoostSimulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roost-simulate",
        abstract: "Runs the cluster's protocols in simulated time, under faults that follow from a seed.",
        discussion: """
            Exit codes: 0 when everything held; 1 when an invariant was broken or a mutant survived, with the command \
            that replays it; 2 when two runs of one seed differ; 64 for wrong arguments.
            """,
        subcommands: [RunCommand.self, MutantsCommand.self], defaultSubcommand: RunCommand.self)
}

/// What can be simulated.
enum Subjects {
    typealias Subject = any (SimulationSubject & Sendable).Type

    static let all: [Subject] = [
        RaftSimulation.self, LogSubject.self, SWIMSubject.self, NodeSubject.self, DeliverySubject.self,
        EffectsSubject.self, ClusterSubject.self, RaftExhaustionSubject.self,
    ]

    /// What a seed of `--subject all` runs: the dear subjects less often than the cheap ones.
    private static let mix: [Subject] = [
        RaftSimulation.self, NodeSubject.self, RaftSimulation.self, DeliverySubject.self, RaftSimulation.self,
        EffectsSubject.self, LogSubject.self, NodeSubject.self, LogSubject.self, SWIMSubject.self, ClusterSubject.self,
    ]

    static func named(_ name: String) throws -> @Sendable (UInt64) -> Subject {
        if name == "all" { return { Self.mix[Int($0 % UInt64(Self.mix.count))] } }
        guard let subject = Self.all.first(where: { $0.name == name }) else {
            throw ValidationError(
                "no subject \(name); there are all, \(Self.all.map { $0.name }.joined(separator: ", "))")
        }
        return { _ in subject }
    }
}

extension ExitCode {
    static let broken = ExitCode(1)
    static let notDeterministic = ExitCode(2)
}

/// At once, into a pipe too: what was found must not be lost with a process that traps later.
func printLine(_ line: String) {
    print(line)
    fflush(nil)
}
