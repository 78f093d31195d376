import Testing

@testable import Simulation

@Suite struct ClusterSimulationTests {
    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func `groups find their places whatever happens to the nodes`(seed: UInt64) {
        let report = ClusterSubject.run(seed: seed, faults: [])
        #expect(report.violation == nil, "seed \(seed)")
    }

    @Test func `a seed is the same run twice`() {
        let first = ClusterSubject.run(seed: 5, faults: [])
        let second = ClusterSubject.run(seed: 5, faults: [])
        #expect(first.trace == second.trace && first.events == second.events)
    }

    /// A node that was given up while it could not be reached did not learn of it, since the directory had let go of
    /// its replica, and stayed away for ever.
    @Test(arguments: [42, 54, 63] as [UInt64])
    func `a node that was given up comes back when it can be reached`(seed: UInt64) {
        #expect(ClusterSubject.run(seed: seed, faults: []).violation == nil)
    }
}
