import Simulation
import Testing

/// The write-ahead log over a faulty disk. The nightly run takes thousands; these show that it runs, repeats, and sees.
@Suite struct LogSimulationTests {
    @Test func `what was acknowledged is there after every crash, or the shard says that it is damaged`() {
        for seed in UInt64(1)...150 {
            let report = LogSubject.run(seed: seed, narrate: nil)
            #expect(report.violation == nil, "seed \(seed): \(report.violation ?? "")")
        }
    }

    /// Each broke an invariant once: rot in the last batch under a torn one behind it (324), damage forgotten with the
    /// segment start that said it (352, 1715), a removal lost and a snapshot after it (264, 2119).
    @Test(arguments: [UInt64(324), 352, 1_715, 264, 2_119])
    func `seeds that found something stay clean`(seed: UInt64) {
        #expect(LogSubject.run(seed: seed, narrate: nil).violation == nil)
    }

    @Test func `a seed is one run`() {
        for seed in UInt64(1)...20 {
            let (first, second) = (LogSubject.run(seed: seed, narrate: nil), LogSubject.run(seed: seed, narrate: nil))
            #expect(first.trace == second.trace && first.events == second.events, "seed \(seed)")
        }
    }

    @Test func `every planted mistake is found`() {
        for mutant in LogMutants.all {
            let found = (UInt64(1)...100).first { LogSubject.run(seed: $0, faults: mutant.faults).violation != nil }
            #expect(found != nil, "\(mutant.id): \(mutant.name)")
        }
    }
}
