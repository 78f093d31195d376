import ClusterModel
import SWIM

/// What one seed of the gossip subject is made of.
package struct SWIMSwarm: Sendable {
    package enum Scenario: Int, Sendable, CaseIterable {
        /// Every fault that the seed turned on; afterwards all views must become one.
        case chaos
        /// A calm network in which one node dies; all others must say so in time.
        case crash
        /// One node stands still half of the time, one has a tenth of a processor; nobody well may be given up.
        case lifeguard
        /// The cluster falls into two sides for longer than any suspicion, then heals.
        case partition
    }

    package var scenario: Scenario
    package var nodes: Int
    /// How long faults happen.
    package var faultyPhase: VirtualTime
    package var network: FaultyNetwork.Faults
    package var cutPerMille: Int
    package var crashPerMille: Int
    package var leavePerMille: Int
    package var pausePerMille: Int
    /// How often a crash is noticed by the transport of each other node.
    package var hintPercent: Int
    package var foreignPerMille: Int
    /// Ticks are up to so much late.
    package var jitterMilliseconds: Int
    package var settings = SWIMSettings()

    init(_ scenario: Scenario?, _ chance: inout Chance) {
        self.scenario = scenario ?? Scenario.allCases[[0, 0, 0, 0, 1, 2, 3][chance.number(0...6)]]
        let few = [3, 3, 4, 5, 5, 5, 7, 7, 10, 10, 20][chance.number(0...10)]
        self.nodes = chance.percent(2) ? 50 : few
        self.faultyPhase = .seconds(UInt64(chance.number(8...20)))
        self.network = .swarm(&chance)
        self.cutPerMille = chance.dimension(10...150)
        self.crashPerMille = chance.dimension(10...80)
        self.leavePerMille = chance.dimension(5...30)
        self.pausePerMille = chance.dimension(10...80)
        self.hintPercent = chance.dimension(10...100)
        self.foreignPerMille = chance.dimension(10...200)
        self.jitterMilliseconds = chance.dimension(1...40)
        switch self.scenario {
        case .chaos:
            break
        case .crash:
            self.calm()
            self.network.lossPercent = chance.dimension(1...5)
        case .lifeguard:
            self.calm()
            self.nodes = max(4, min(self.nodes, 10))
            self.faultyPhase = .seconds(60)
        case .partition:
            self.calm()
            self.faultyPhase = .seconds(30)
        }
    }

    private mutating func calm() {
        self.network = .none
        self.cutPerMille = 0
        self.crashPerMille = 0
        self.leavePerMille = 0
        self.pausePerMille = 0
    }
}
