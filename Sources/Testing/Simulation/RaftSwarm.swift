import ClusterModel
import Raft

/// What one seed is made of: which faults happen at all, how often, and how small the bounds are.
struct RaftSwarm {
    var voters: Int
    var spares: Int
    var safetyPhase: VirtualTime
    var network: FaultyNetwork.Faults
    /// Messages of one link arrive in the order in which they were sent, as over one connection.
    var isOrdered: Bool
    var cutPerMille: Int
    var crashPerMille: Int
    var pausePerMille: Int
    var changePerMille: Int
    var transferPerMille: Int
    var unreachablePercent: Int
    var proposePercent: Int
    var readPercent: Int
    var syncMilliseconds: Int
    var syncStallPerMille: Int
    /// Ticks of a node last between 50 and so many milliseconds more or less.
    var clockSkewMilliseconds: Int
    var payloadBytesMax: Int
    /// A restarted node is handed its commit index and only the entries above it.
    var recoversCommitIndex: Bool
    /// A node that is removed and added again keeps its log under the new id, instead of a new disk.
    var readmits: Bool
    var settings: RaftSettings

    init(_ chance: inout Chance) {
        self.voters = [1, 3, 3, 3, 5][chance.number(0...4)]
        self.spares = chance.number(0...2)
        self.safetyPhase = .seconds(UInt64(chance.number(8...20)))
        self.network = .swarm(&chance)
        self.isOrdered = chance.percent(50)
        self.cutPerMille = chance.dimension(1...60)
        self.crashPerMille = chance.dimension(1...40)
        self.pausePerMille = chance.dimension(1...30)
        self.changePerMille = chance.dimension(5...100)
        self.transferPerMille = chance.dimension(1...40)
        self.unreachablePercent = chance.dimension(10...100)
        self.proposePercent = chance.number(10...90)
        self.readPercent = chance.dimension(5...50)
        self.syncMilliseconds = chance.percent(70) ? chance.number(1...4) : chance.number(5...100)
        self.syncStallPerMille = chance.dimension(1...10, onPercent: 30)
        self.clockSkewMilliseconds = chance.dimension(1...10)
        self.payloadBytesMax = chance.number(8...200)
        self.recoversCommitIndex = chance.percent(50)
        self.readmits = chance.percent(50)
        self.settings = RaftSettings()
        if chance.percent(40) { self.settings.appendBytesMax = chance.number(32...1000) }
        if chance.percent(40) { self.settings.inflightEntriesMax = chance.number(1...8) }
        if chance.percent(40) { self.settings.inflightBytesMax = chance.number(32...2000) }
        if chance.percent(50) { self.settings.cachedBytesMax = chance.number(0...2000) }
        if chance.percent(20) { self.settings.proposalBytesMax = chance.number(200...5000) }
        if chance.percent(20) { self.settings.electionTicks = 6...12 }
    }

    var nodes: Int { self.voters + self.spares }
}
