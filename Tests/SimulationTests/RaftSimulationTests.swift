import ClusterModel
import Raft
import Simulation
import Testing

@Suite struct `A simulated Raft group` {
    /// Twenty at a time, so that the cores share the work.
    @Test(arguments: Array(stride(from: UInt64(1), to: 201, by: 20)))
    func `keeps every invariant and comes together after the faults`(first: UInt64) {
        for seed in first..<first + 20 {
            let report = RaftSimulation.run(seed: seed, narrate: nil)
            #expect(report.violation == nil, "replay: swift run roost-simulate --subject raft --seed \(seed)")
        }
    }

    @Test(arguments: [UInt64(2), 17, 104, 143, 505])
    func `runs twice alike under one seed`(seed: UInt64) {
        let first = RaftSimulation.run(seed: seed, narrate: nil)
        let second = RaftSimulation.run(seed: seed, narrate: nil)
        #expect(first.trace == second.trace)
        #expect(first.events == second.events)
    }

    @Test func `is the same run with and without a narration`() {
        var lines = 0
        let told = RaftSimulation.run(seed: 17) { _ in lines += 1 }
        #expect(lines > 100)
        #expect(told.trace == RaftSimulation.run(seed: 17, narrate: nil).trace)
    }

    /// 3579: a damaged voter was left alone with its group. 2394: a learner whose node was gone became the only voter.
    @Test(arguments: [3579, 2394] as [UInt64])
    func `is not left to a voter that can not lead`(seed: UInt64) {
        #expect(RaftSimulation.run(seed: seed, narrate: nil).violation == nil)
    }

    @Test func `goes another way under another seed`() {
        let traces = Set((UInt64(1)...10).map { RaftSimulation.run(seed: $0, narrate: nil).trace })
        #expect(traces.count == 10)
    }

    /// A simulation that never gets to what it is there for proves nothing.
    @Test func `meets everything that it can be dealt`() {
        var totals: [String: Int] = [:]
        for seed in UInt64(1)...200 {
            for (name, count) in RaftSimulation.run(seed: seed, narrate: nil).counts {
                totals[name, default: 0] += count
            }
        }
        for (name, count) in totals { #expect(count > 0, "no \(name) in 200 seeds") }
    }
}

/// The simulator's test of itself: bugs that Rafts have really had, switched on one by one.
@Suite struct `The simulator finds` {
    /// Where each was found last, so that the search is short as long as the swarm stays as it is.
    private static let hints: [String: UInt64] = [
        "M1": 1, "M2": 1, "M3": 2, "M4": 2, "M5": 7, "M6": 99,
        "M7": 5, "M8": 14, "M9": 4, "M10": 4, "M11a": 78, "M11b": 48,
        "M12": 12, "M17": 156, "M18": 4, "M22": 7, "M24": 404, "M25": 5,
        "R1": 1, "R2": 1, "R3": 5, "R4": 31, "R5": 65, "R6": 4,
        "R7": 35, "R8": 260,
    ]

    @Test(arguments: RaftMutants.all.map(\.id))
    func `every bug that it is given, within five hundred seeds`(id: String) throws {
        let mutant = try #require(RaftMutants.all.first { $0.id == id })
        let seeds = [Self.hints[id] ?? 1] + Array(1...500)
        let found = seeds.first { RaftSimulation.run(seed: $0, faults: mutant.faults).violation != nil }
        #expect(found != nil, "\(mutant.name) lives")
    }

    @Test func `no two bugs under one name`() {
        #expect(Set(RaftMutants.all.map(\.id)).count == RaftMutants.all.count)
        #expect(Set(RaftMutants.all.map(\.faults)).count == RaftMutants.all.count)
    }
}

@Suite struct `Every order of events` {
    private func explored(_ depth: Int, _ faults: SeededFaults = [], states: Int = 20_000) -> RaftExhaustion {
        var bounds = RaftExhaustion.Bounds()
        bounds.depth = depth
        bounds.states = states
        bounds.faults = faults
        var exhaustion = RaftExhaustion(bounds)
        exhaustion.run()
        return exhaustion
    }

    @Test func `of a few keeps a group of three safe`() {
        let exhaustion = self.explored(7)
        #expect(exhaustion.violation == nil)
        #expect(exhaustion.isComplete)
        #expect(exhaustion.states > 1000)
    }

    @Test func `of many, as far as time allows, keeps it safe too`() {
        let exhaustion = self.explored(20)
        #expect(exhaustion.violation == nil)
        #expect(exhaustion.states == 20_000)
    }

    @Test(arguments: [SeededFaults.voteTwice, .acknowledgeBeforeSync])
    func `holds one that a bug needs`(fault: SeededFaults) {
        #expect(self.explored(12, fault, states: 100_000).violation != nil)
    }
}
