/// Every planted bug of every subject, for the runner and for the tests.
package struct Mutant: Sendable {
    package let id: String
    package let name: String
    package let subject: String
    /// The seed with the bug, or without it.
    package let run: @Sendable (_ seed: UInt64, _ isPlanted: Bool) -> SimulationReport

    package static let all: [Mutant] =
        RaftMutants.all.map { mutant in
            Mutant(id: mutant.id, name: mutant.name, subject: RaftSimulation.name) { seed, isPlanted in
                RaftSimulation.run(seed: seed, faults: isPlanted ? mutant.faults : [])
            }
        }
        + ClusterMutants.all.map { mutant in
            Mutant(id: mutant.id, name: mutant.name, subject: ClusterSubject.name) { seed, isPlanted in
                ClusterSubject.run(seed: seed, faults: isPlanted ? mutant.faults : [])
            }
        }
        + LogMutants.all.map { mutant in
            Mutant(id: mutant.id, name: mutant.name, subject: LogSubject.name) { seed, isPlanted in
                LogSubject.run(seed: seed, faults: isPlanted ? mutant.faults : [])
            }
        }
        + NodeMutants.all.map { mutant in
            Mutant(id: mutant.id, name: mutant.name, subject: mutant.profile.rawValue) { seed, isPlanted in
                mutant.run(seed: seed, isPlanted: isPlanted)
            }
        }
}

/// What became of one mutant.
package struct MutantVerdict: Sendable {
    package let mutant: Mutant
    /// The first seed that shows the bug; nil when none up to the limit does.
    package let seed: UInt64?
    package let violation: String
    package let elapsed: Duration
    /// A seed up to there that is broken without any bug, and what it says.
    package let soundFailure: (seed: UInt64, violation: String)?

    package var isKilled: Bool { self.seed != nil && self.soundFailure == nil }

    /// Tries seed after seed until one shows the bug, then the same ones without it.
    package static func of(_ mutant: Mutant, seedsMax: UInt64) -> MutantVerdict {
        let clock = ContinuousClock()
        let begun = clock.now
        var found: (seed: UInt64, violation: String)?
        for seed in 1...max(1, seedsMax) {
            if let violation = mutant.run(seed, true).violation {
                found = (seed, violation)
                break
            }
        }
        let elapsed = begun.duration(to: clock.now)
        var sound: (seed: UInt64, violation: String)?
        for seed in 1...(found?.seed ?? 1) where sound == nil {
            if let violation = mutant.run(seed, false).violation { sound = (seed, violation) }
        }
        return MutantVerdict(
            mutant: mutant, seed: found?.seed, violation: found?.violation ?? "", elapsed: elapsed,
            soundFailure: sound)
    }
}
