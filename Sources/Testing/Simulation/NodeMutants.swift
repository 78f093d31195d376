/// The bugs of whole nodes that the simulator must find; the numbers are those of the test plan.
package enum NodeMutants {
    package struct Case: Sendable {
        package let id: String
        package let name: String
        package let profile: NodeProfile
        package let faults: NodeFaults
        /// Makes the mixtures that show it common.
        let change: @Sendable (inout NodeSwarm) -> Void

        /// - Parameter isPlanted: false runs the same seed without the bug.
        package func run(seed: UInt64, isPlanted: Bool = true) -> SimulationReport {
            NodeSimulation.run(
                self.profile, seed: seed, faults: isPlanted ? self.faults : [], change: self.change)
        }
    }

    package static let all: [Case] = [
        Case(
            id: "M16", name: "a snapshot without the idempotency keys", profile: .node, faults: .snapshotsWithoutKeys
        ) { swarm in
            swarm.keepEntries = 5
            swarm.pauseMilliseconds = 20
            swarm.membershipPercent = 2
            swarm.resetPerMille = 30
            swarm.crashPerMille = 40
            swarm.cutPerMille = 40
        },
        Case(
            id: "M19", name: "linearizable reads from what a replica happens to have", profile: .node,
            faults: .readsWithoutQuorum
        ) { swarm in swarm.readPercent = 30 },
        Case(
            id: "M20", name: "a subscription loses its cursor with its source", profile: .delivery,
            faults: .forgetsCursors
        ) { _ in },
        Case(
            id: "M21", name: "an effect counts as delivered once it is sent", profile: .effects,
            faults: .effectsDeliveredUnheard
        ) { swarm in
            // Who is answered waits for the effects, so that few people owe little: more of them, and less sure nodes.
            swarm.clients = 12
            swarm.pauseMilliseconds = 20
            swarm.crashPerMille = 40
        },
        Case(
            id: "M26", name: "apply follows the order of a dictionary", profile: .effects, faults: .unorderedApply
        ) { _ in },
    ]
}
