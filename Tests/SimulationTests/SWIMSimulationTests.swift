import ClusterModel
import SWIM
import Simulation
import Testing

@Suite struct SWIMSimulationTests {
    private static func replay(_ report: SimulationReport) -> Comment {
        "\(report.violation ?? ""): roost-simulate --subject swim --seed \(report.seed)"
    }

    @Test(arguments: 0..<25 as Range<UInt64>)
    func `five hundred seeds keep every invariant`(block: UInt64) {
        for seed in block * 20..<(block + 1) * 20 {
            let report = SWIMSubject.run(seed: seed, narrate: nil)
            #expect(report.violation == nil, Self.replay(report))
        }
    }

    @Test(arguments: 1000..<1020 as Range<UInt64>)
    func `a crashed node is declared dead by all others in time`(seed: UInt64) {
        let report = SWIMSubject.run(seed: seed, scenario: .crash)
        #expect(report.violation == nil, Self.replay(report))
        #expect(report.counts.contains { $0.name == "deaths" && $0.count > 0 })
    }

    @Test(arguments: 2000..<2020 as Range<UInt64>)
    func `slow and halting nodes make nobody else look dead`(seed: UInt64) {
        let report = SWIMSubject.run(seed: seed, scenario: .lifeguard)
        #expect(report.violation == nil, Self.replay(report))
    }

    @Test(arguments: 3000..<3020 as Range<UInt64>)
    func `two sides that took each other for dead become one again`(seed: UInt64) {
        let report = SWIMSubject.run(seed: seed, scenario: .partition)
        #expect(report.violation == nil, Self.replay(report))
    }

    /// Seed 2018 of ten nodes: the ninth missed an objection that all others had heard.
    @Test func `who missed an objection asks the suspect itself`() {
        let report = SWIMSubject.run(seed: 2018, scenario: .lifeguard)
        #expect(report.violation == nil, Self.replay(report))
    }

    @Test func `ten minutes beside a halting and a starved node kill nobody`() {
        let report = SWIMSubject.run(seed: 1, scenario: .lifeguard) { swarm in
            swarm.nodes = 5
            swarm.faultyPhase = .seconds(600)
        }
        #expect(report.violation == nil, Self.replay(report))
    }

    @Test(arguments: [3, 77, 123, 300] as [UInt64])
    func `a seed is the same run every time`(seed: UInt64) {
        let first = SWIMSubject.run(seed: seed, narrate: nil)
        let second = SWIMSubject.run(seed: seed, narrate: nil)
        #expect(first.trace == second.trace)
        #expect(first.events == second.events)
    }

    /// The simulator must see what it is there for.
    @Test func `without Lifeguard the halting node takes others for dead`() {
        let caught = (0..<40 as Range<UInt64>).first { seed in
            SWIMSubject.run(seed: seed, scenario: .lifeguard) { swarm in
                swarm.settings.healthMultiplierMax = 1
                swarm.settings.stallMilliseconds = .max
                swarm.settings.tickAdvanceMaxMilliseconds = .max
                swarm.settings.suspicionMinMilliseconds = 1_000
                swarm.settings.suspicionMaxMilliseconds = 1_000
            }.violation != nil
        }
        #expect(caught != nil)
    }

    @Test func `without asking the dead a partition never heals`() {
        let caught = (0..<10 as Range<UInt64>).first { seed in
            SWIMSubject.run(seed: seed, scenario: .partition) { swarm in
                swarm.settings.reconnectIntervalMilliseconds = 3_600_000
            }.violation != nil
        }
        #expect(caught != nil)
    }
}
