import Raft
import Simulation
import Testing

@Suite struct `A simulated Raft group` {
    /// Fifty at a time, so that the cores share the work.
    @Test(arguments: Array(stride(from: UInt64(1), to: 501, by: 50)))
    func `keeps every invariant and comes together after the faults`(first: UInt64) {
        for seed in first..<first + 50 {
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

    @Test func `goes another way under another seed`() {
        let traces = Set((UInt64(1)...10).map { RaftSimulation.run(seed: $0, narrate: nil).trace })
        #expect(traces.count == 10)
    }
}

/// The simulator's test of itself: bugs that Rafts have really had, switched on one by one.
@Suite struct `The simulator finds` {
    private static let seeds: ClosedRange<UInt64> = 1...500

    private func seedsUntilFound(_ fault: SeededFaults) -> UInt64? {
        Self.seeds.first { RaftSimulation.run(seed: $0, faults: fault).violation != nil }
    }

    @Test func `a vote before fsync`() { #expect(self.seedsUntilFound(.voteBeforeSync) != nil) }
    @Test func `an acknowledgement before fsync`() { #expect(self.seedsUntilFound(.acknowledgeBeforeSync) != nil) }
    @Test func `a campaign before fsync`() { #expect(self.seedsUntilFound(.campaignBeforeSync) != nil) }
    @Test func `a leader that counts itself before fsync`() { #expect(self.seedsUntilFound(.countUnsyncedSelf) != nil) }
    @Test func `a vote for a candidate with a stale log`() { #expect(self.seedsUntilFound(.voteForStaleLog) != nil) }
    @Test func `two votes in one term`() { #expect(self.seedsUntilFound(.voteTwice) != nil) }
    @Test func `conflicting entries that are kept`() { #expect(self.seedsUntilFound(.keepConflicts) != nil) }
    @Test func `a commit index beyond what the follower holds`() {
        #expect(self.seedsUntilFound(.commitBeyondMatch) != nil)
    }
    @Test func `learners in the quorum`() { #expect(self.seedsUntilFound(.learnersCount) != nil) }
    @Test func `voters swapped without a joint configuration`() {
        #expect(self.seedsUntilFound(.swapWithoutJoint) != nil)
    }
    @Test func `reads without a quorum`() { #expect(self.seedsUntilFound(.readWithoutQuorum) != nil) }
    @Test func `reads before the term has started`() { #expect(self.seedsUntilFound(.readBeforeTermStart) != nil) }
    @Test func `entries of older terms committed by counting`() {
        #expect(self.seedsUntilFound(.commitOldTerms) != nil)
    }
    @Test func `a configuration change before the term has started`() {
        #expect(self.seedsUntilFound(.changeBeforeTermStart) != nil)
    }
    @Test func `two configuration changes at once`() { #expect(self.seedsUntilFound(.twoPendingChanges) != nil) }
}
