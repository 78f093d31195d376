import NIOCore
import Testing

@testable import Simulation

/// A few seeds of whole nodes in the build that is at hand; `scripts/simulate` runs thousands, optimised.
@Suite struct NodeSimulationTests {
    @Test(arguments: NodeProfile.allCases, 1...6 as ClosedRange<UInt64>)
    func `whole nodes keep every promise under faults`(profile: NodeProfile, seed: UInt64) {
        let report = NodeSimulation.run(profile, seed: seed)
        #expect(report.violation == nil, "replay: roost-simulate --subject \(profile.rawValue) --seed \(seed)")
        #expect(report.events > 1_000)
    }

    @Test(arguments: NodeProfile.allCases)
    func `a seed is the same run twice`(profile: NodeProfile) {
        let first = NodeSimulation.run(profile, seed: 11)
        let second = NodeSimulation.run(profile, seed: 11)
        #expect(first.trace == second.trace)
        #expect(first.events == second.events)
    }

    @Test func `the load is real: messages are acknowledged, delivered and resumed`() {
        let report = NodeSimulation.run(.delivery, seed: 3) { $0.heal() }
        let counts = Dictionary(uniqueKeysWithValues: report.counts.map { ($0.name, $0.count) })
        #expect(counts["acknowledged", default: 0] > 50)
        #expect(counts["deliveries", default: 0] > 200)
        #expect(report.violation == nil)
    }

    @Test(arguments: [5, 6] as [UInt64])
    func `a world that is over is let go, with its processes`(seed: UInt64) {
        var remains: [(String, Remains)] = []
        do {
            var chance = Chance(seed: seed)
            let swarm = NodeSwarm(.node, &chance)
            let world = NodeWorld(.node, swarm, chance, nil)
            world.run()
            remains.append(("the world", Remains(world)))
            for node in world.nodes {
                for (what, object) in [
                    ("node", node), ("host", node.host), ("router", node.router), ("hub", node.hub),
                    ("platform", node.platform),
                ] as [(String, AnyObject?)] {
                    if let object { remains.append(("\(what) \(node.number)", Remains(object))) }
                }
            }
            world.finish()
        }
        #expect(remains.count > 10)
        for (what, remains) in remains { #expect(remains.object == nil, "\(what) is still there") }
    }

    private struct Remains {
        weak var object: AnyObject?
        init(_ object: AnyObject) { self.object = object }
    }

    @Test func `what clients say at once are entries of several commands`() {
        var batches = 0
        for seed in 21...24 as ClosedRange<UInt64> {
            let report = NodeSimulation.run(.node, seed: seed) { $0.flurryPercent = 50 }
            #expect(report.violation == nil, "seed \(seed)")
            batches += report.counts.first { $0.name == "batches" }?.count ?? 0
        }
        #expect(batches > 20)
    }

    // MARK: Bugs that were found

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `a founder that its groups have left still finds their leaders`(seed: UInt64) {
        // The leader that led its group away believed for ever that its own replica knew the leader best.
        let report = NodeSimulation.run(.delivery, seed: seed) { swarm in
            swarm.heal()
            swarm.nodes = 5
            swarm.shards = 2
        }
        #expect(report.violation == nil)
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func `a name half taken under a wrong clock is free again`(seed: UInt64) {
        // Its age was measured against a log whose time had run a day ahead.
        let report = NodeSimulation.run(.effects, seed: seed) { swarm in
            swarm.heal()
            swarm.clockJumpPerMille = 100
            swarm.sagaPercent = 20
        }
        #expect(report.violation == nil)
    }

    @Test(arguments: [1_008_751, 1_015_549, 2_007_584] as [UInt64])
    func `a replica that was left out while its node was down is not asked for the leader`(seed: UInt64) {
        #expect(Self.asFound(.node, seed).violation == nil)
    }

    @Test func `an answer about a membership that has ended since takes no reader back in`() {
        #expect(Self.asFound(.effects, 1_005_317).violation == nil)
        #expect(Self.asFound(.delivery, 3_019_569).violation == nil)
    }

    @Test func `two followers do not keep a state alive for each other that helps neither`() {
        #expect(Self.asFound(.effects, 1_005_911).violation == nil)
    }

    /// With what clients did when these seeds were found: each one thing at a time.
    private static func asFound(_ profile: NodeProfile, _ seed: UInt64) -> SimulationReport {
        NodeSimulation.run(profile, seed: seed) { $0.flurryPercent = 0 }
    }
}

@Suite struct NodeMutantTests {
    @Test(arguments: ["M16", "M26"])
    func `a planted bug is seen within a few seeds`(id: String) throws {
        let mutant = try #require(Mutant.all.first { $0.id == id })
        let verdict = MutantVerdict.of(mutant, seedsMax: 20)
        #expect(verdict.isKilled, "\(verdict)")
    }

    @Test func `every subject's mutants have names of their own`() {
        #expect(Set(Mutant.all.map { $0.subject + $0.id }).count == Mutant.all.count)
    }
}

@Suite struct VirtualLoopTests {
    @Test func `work runs in the order of its time, and of its scheduling at one time`() {
        let scheduler = VirtualScheduler()
        let loop = VirtualLoop(scheduler)
        let order = Recorder()
        _ = loop.scheduleTask(in: .milliseconds(5)) { order.add("later") }
        loop.execute { order.add("first") }
        loop.execute { order.add("second") }
        while scheduler.runNext() {}
        #expect(order.words == ["first", "second", "later"])
        #expect(scheduler.now == .milliseconds(5))
    }

    @Test func `a killed process does nothing more, and its successor does`() {
        let scheduler = VirtualScheduler()
        let loop = VirtualLoop(scheduler)
        let order = Recorder()
        loop.execute { order.add("lost") }
        loop.kill()
        loop.execute { order.add("new") }
        while scheduler.runNext() {}
        #expect(order.words == ["new"])
    }

    @Test func `what was due while a node stood still happens when it goes on, in order`() {
        let scheduler = VirtualScheduler()
        let loop = VirtualLoop(scheduler)
        let order = Recorder()
        loop.pause()
        loop.execute { order.add("one") }
        _ = loop.scheduleTask(in: .milliseconds(1)) { order.add("two") }
        while scheduler.runNext() {}
        #expect(order.words.isEmpty)
        loop.resume()
        #expect(order.words == ["one", "two"])
    }

    @Test func `a cancelled task never runs`() {
        let scheduler = VirtualScheduler()
        let loop = VirtualLoop(scheduler)
        let order = Recorder()
        loop.scheduleTask(in: .milliseconds(1)) { order.add("never") }.cancel()
        while scheduler.runNext() {}
        #expect(order.words.isEmpty)
    }

    /// One world has one thread.
    private final class Recorder: @unchecked Sendable {
        private(set) var words: [String] = []
        func add(_ word: String) { self.words.append(word) }
    }
}
