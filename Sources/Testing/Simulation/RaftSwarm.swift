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
    /// Crashes by a full or failing disk: nothing unsynced survives.
    var diskFailurePercent: Int
    /// Ticks of a node last between 50 and so many milliseconds more or less.
    var clockSkewMilliseconds: Int
    var payloadBytesMax: Int
    /// A restarted node is handed its commit index and only the entries above it.
    var recoversCommitIndex: Bool
    /// A node that is removed and added again keeps its log under the new id, instead of a new disk.
    var readmits: Bool
    /// A node deletes the data of a replica that the group has left out, and keeps a tombstone.
    var deletesRemoved: Bool
    /// A state is made durable every so many ticks.
    var projectTicks: Int
    /// The log is compacted when so many entries have a durable state; 0 for never.
    var compactEvery: Int
    var transferMilliseconds: Int
    var transferLossPercent: Int
    var transferRepeatPercent: Int
    /// States that nobody asked for: late ones of leaders that forgot them.
    var unaskedPerMille: Int
    /// Crashes after which the newest synced entries are missing, a whole disk is, or an older one is back.
    var damagePercent: Int
    var wipePercent: Int
    var rollbackPercent: Int
    /// A quorum is lost for good, and an operator forces one.
    var catastrophePerMille: Int
    /// After it has come together, the group must not mind a follower that does not hear its leader.
    var checksCalm: Bool
    var settings: RaftSettings

    init(_ chance: inout Chance) {
        self.voters = [1, 2, 3, 3, 3, 3, 5][chance.number(0...6)]
        self.spares = chance.number(0...2)
        self.safetyPhase = .milliseconds(
            UInt64(chance.percent(60) ? chance.number(2000...7000) : chance.number(7000...20000)))
        self.network = .swarm(&chance)
        self.isOrdered = chance.percent(50)
        self.cutPerMille = chance.dimension(1...60)
        self.crashPerMille = chance.dimension(1...40, onPercent: 65)
        self.pausePerMille = chance.dimension(1...30)
        self.changePerMille = chance.dimension(5...100)
        self.transferPerMille = chance.dimension(1...40)
        self.unreachablePercent = chance.dimension(10...100)
        self.proposePercent = chance.number(10...90)
        self.readPercent = chance.dimension(5...60, onPercent: 65)
        self.syncMilliseconds = chance.percent(70) ? chance.number(1...4) : chance.number(5...100)
        self.syncStallPerMille = chance.dimension(1...10, onPercent: 30)
        self.diskFailurePercent = chance.dimension(1...60, onPercent: 30)
        self.clockSkewMilliseconds = chance.dimension(1...5)
        self.payloadBytesMax = chance.number(8...200)
        self.recoversCommitIndex = chance.percent(50)
        self.readmits = chance.percent(50)
        self.deletesRemoved = chance.percent(50)
        self.projectTicks = chance.percent(60) ? chance.number(1...4) : chance.number(4...60)
        self.compactEvery = chance.dimension(1...40, onPercent: 60)
        self.transferMilliseconds = chance.percent(60) ? chance.number(1...60) : chance.number(60...2000)
        self.transferLossPercent = chance.dimension(1...40)
        self.transferRepeatPercent = chance.dimension(1...40, onPercent: 30)
        self.unaskedPerMille = chance.dimension(50...500, onPercent: 50)
        self.damagePercent = chance.dimension(30...100, onPercent: 40)
        self.wipePercent = chance.dimension(5...60, onPercent: 25)
        self.rollbackPercent = chance.dimension(40...100, onPercent: 40)
        self.catastrophePerMille = chance.dimension(5...40, onPercent: 15)
        if self.damagePercent + self.wipePercent + self.rollbackPercent > 0 {
            self.crashPerMille = max(self.crashPerMille, 35)  // Data is lost at crashes only.
        }
        self.checksCalm = chance.percent(40)
        self.settings = RaftSettings()
        if chance.percent(40) { self.settings.appendBytesMax = chance.number(32...1000) }
        if chance.percent(40) { self.settings.inflightEntriesMax = chance.number(1...8) }
        if chance.percent(40) { self.settings.inflightBytesMax = chance.number(32...2000) }
        if chance.percent(50) {
            self.settings.cachedBytesMax = chance.number(0...2000)
            self.settings.recentBytesMax = self.settings.cachedBytesMax / 2
        }
        if chance.percent(20) { self.settings.proposalBytesMax = chance.number(200...5000) }
        if chance.percent(35) { self.settings.electionTicks = chance.percent(50) ? 6...12 : 5...7 }
        // Leaders that hold out without a quorum are slow to help; they must harm nobody.
        if chance.percent(35) { self.settings.checkQuorumTicks = chance.number(20...120) }
    }

    var nodes: Int { self.voters + self.spares }
}
