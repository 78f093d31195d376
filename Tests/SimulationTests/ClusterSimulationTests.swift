import Raft
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

    @Test func `a ring epoch that falls is seen`() {
        let report = ClusterSubject.run(seed: 281, faults: .epochMayFall)
        #expect(report.violation?.hasPrefix("I5") == true)
    }
}
