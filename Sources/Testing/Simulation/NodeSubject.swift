/// Whole nodes, everything together.
package enum NodeSubject: SimulationSubject {
    package static let name = "node"
    package static func run(seed: UInt64, narrate: ((String) -> Void)?) -> SimulationReport {
        NodeSimulation.run(.node, seed: seed, narrate: narrate)
    }
}

/// Whole nodes with many readers.
package enum DeliverySubject: SimulationSubject {
    package static let name = "delivery"
    package static func run(seed: UInt64, narrate: ((String) -> Void)?) -> SimulationReport {
        NodeSimulation.run(.delivery, seed: seed, narrate: narrate)
    }
}

/// Whole nodes whose shards owe each other much.
package enum EffectsSubject: SimulationSubject {
    package static let name = "effects"
    package static func run(seed: UInt64, narrate: ((String) -> Void)?) -> SimulationReport {
        NodeSimulation.run(.effects, seed: seed, narrate: narrate)
    }
}

package enum NodeSimulation {
    /// - Parameters:
    ///   - faults: bugs to plant.
    ///   - change: alters the swarm configuration that the seed has drawn.
    package static func run(
        _ profile: NodeProfile, seed: UInt64, faults: NodeFaults = [], change: (inout NodeSwarm) -> Void = { _ in },
        narrate: ((String) -> Void)? = nil
    ) -> SimulationReport {
        var chance = Chance(seed: seed)
        var swarm = NodeSwarm(profile, &chance)
        swarm.faults = faults
        change(&swarm)
        let world = NodeWorld(profile, swarm, chance, narrate)
        world.run()
        defer { world.finish() }
        return world.report(seed: seed)
    }
}
