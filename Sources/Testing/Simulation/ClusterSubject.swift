import ClusterModel
import Placement
import Raft

/// Many groups on many nodes that come and go: the real `RaftReplica`s, the directory's real machine, and the real rules
/// of the ring, the reconciler and the steward, under one seed.
package enum ClusterSubject: SimulationSubject {
    package static let name = "cluster"

    package static func run(seed: UInt64, narrate: ((String) -> Void)?) -> SimulationReport {
        self.run(seed: seed, faults: [], narrate: narrate)
    }

    package static func run(
        seed: UInt64, faults: SeededFaults, narrate: ((String) -> Void)? = nil
    ) -> SimulationReport {
        var world = ClusterWorld(seed: seed, faults: faults, narrate: narrate)
        world.run()
        return world.report()
    }
}

/// The bugs that the simulator must find in how groups are moved.
package enum ClusterMutants {
    package static let all: [(id: String, name: String, faults: SeededFaults)] = [
        ("M23", "a group's ring epoch may fall", .epochMayFall)
    ]
}
