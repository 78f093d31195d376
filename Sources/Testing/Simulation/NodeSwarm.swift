import Replication
import Routing

/// Bugs of whole nodes that can be planted; numbers are those of the test plan.
package struct NodeFaults: OptionSet, Sendable, Hashable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// M16: a machine is restored without its idempotency keys.
    package static let snapshotsWithoutKeys = NodeFaults(rawValue: 1)
    /// M19: replicas answer linearizable reads from what they happen to have.
    package static let readsWithoutQuorum = NodeFaults(rawValue: 2)
    /// M20: a subscription loses its cursor when it loses its source.
    package static let forgetsCursors = NodeFaults(rawValue: 4)
    /// M21: an effect counts as delivered once it is sent.
    package static let effectsDeliveredUnheard = NodeFaults(rawValue: 8)
    /// M26: apply follows the order of a dictionary.
    package static let unorderedApply = NodeFaults(rawValue: 16)
}

/// What a seed is about.
package enum NodeProfile: String, Sendable, CaseIterable {
    /// Everything together (S7).
    case node
    /// Many readers: resumes, slow ones, sources that change (S5).
    case delivery
    /// Effects on other shards, memberships, names (S6).
    case effects
}

/// The swarm configuration of a world of whole nodes: which faults there are, how often, how small the bounds.
package struct NodeSwarm: Sendable {
    package var nodes = 3
    package var shards = 4
    package var faultyPhase = VirtualTime.seconds(10)
    package var faults: NodeFaults = []

    // Load.
    var users = 4
    var channels = 4
    var clients = 4
    /// Between two operations of one client, on average.
    var pauseMilliseconds = 100
    var membershipPercent = 5
    var readPercent = 10
    var sagaPercent = 2
    /// A client says several things at once, so that one turn gathers them.
    var flurryPercent = 0
    var readers = 4
    var slowReadersPercent = 0
    /// Each reader, every 100 ms.
    var resumePerMille = 0

    // Disk and threads.
    var syncMicroseconds = 1_000
    var workMicroseconds = 500
    var segmentBlocks = 128
    /// All nodes, every 100 ms.
    var stallPerMille = 0

    // Network.
    var delayMilliseconds = 1
    var jitterMicroseconds = 500
    /// A message that finds its queue full.
    var dropPerMille = 0
    /// All links, every 100 ms.
    var resetPerMille = 0
    var cutPerMille = 0

    // Processes, every 100 ms.
    var crashPerMille = 0
    var isPowerLoss = false
    var pausePerMille = 0
    var clockJumpPerMille = 0

    // Bounds of the code under test.
    var projectionMilliseconds: Int64 = 500
    var feedPageMax: UInt32 = 16
    /// Entries that a log keeps behind its checkpoint, and after how many a checkpoint is due.
    var keepEntries = 10_000
    var snapshotChunkBytes = 4_096

    init(_ profile: NodeProfile, _ chance: inout Chance) {
        self.nodes = chance.pick([3, 3, 3, 4, 5]) ?? 3
        self.shards = chance.pick([2, 4, 4, 8]) ?? 4
        self.users = chance.number(3...6)
        self.channels = chance.number(2...6)
        self.clients = chance.number(2...6)
        self.pauseMilliseconds = chance.number(20...200)
        self.readers = chance.number(2...6)
        self.membershipPercent = chance.dimension(1...20, onPercent: 70)
        self.readPercent = chance.number(5...20)
        self.sagaPercent = chance.dimension(1...5)
        self.slowReadersPercent = chance.dimension(10...50)
        self.resumePerMille = chance.dimension(2...30)
        self.syncMicroseconds = chance.pick([200, 1_000, 5_000, 20_000]) ?? 1_000
        self.workMicroseconds = chance.pick([100, 1_000, 10_000]) ?? 1_000
        self.segmentBlocks = chance.pick([64, 128, 256]) ?? 64
        self.stallPerMille = chance.dimension(5...40)
        self.delayMilliseconds = chance.pick([0, 1, 1, 5, 20]) ?? 1
        self.jitterMicroseconds = chance.pick([100, 1_000, 10_000]) ?? 1_000
        self.dropPerMille = chance.dimension(1...30)
        self.resetPerMille = chance.dimension(2...30)
        self.cutPerMille = chance.dimension(10...60)
        self.crashPerMille = chance.dimension(5...40, onPercent: 70)
        self.isPowerLoss = chance.percent(50)
        self.pausePerMille = chance.dimension(5...40)
        self.clockJumpPerMille = chance.dimension(1...10)
        self.projectionMilliseconds = Int64(chance.pick([50, 500, 2_000]) ?? 500)
        self.feedPageMax = UInt32(chance.pick([2, 16, 256]) ?? 16)
        self.keepEntries = chance.pick([5, 20, 100, 10_000]) ?? 20
        self.snapshotChunkBytes = chance.pick([512, 4_096, 65_536]) ?? 4_096
        // Not drawn: what a seed draws after it would be another.
        self.flurryPercent = self.clients % 2 == 0 ? 30 : 0
        self.faultyPhase = chance.milliseconds(6_000...(chance.percent(15) ? 30_000 : 12_000))
        switch profile {
        case .node: break
        case .delivery:
            self.readers = chance.number(6...16)
            self.resumePerMille = max(self.resumePerMille, 5)
            self.membershipPercent = min(self.membershipPercent, 5)
            self.sagaPercent = 0
        case .effects:
            self.readers = 1
            self.membershipPercent = chance.number(30...70)
            self.sagaPercent = chance.number(5...20)
            self.readPercent = 5
        }
    }

    var replication: ReplicationSettings {
        var settings = ReplicationSettings()
        settings.projectionMilliseconds = self.projectionMilliseconds
        settings.feedPageMax = self.feedPageMax
        settings.segmentBytes = self.segmentBlocks * NodeDisk.blockBytes
        settings.retention.keepEntries = self.keepEntries
        // Some logs let go by time as well, and leave their segments every second.
        if self.keepEntries == 20 { settings.retention.keepMilliseconds = 8_000 }
        settings.retention.checkpointEntries = self.keepEntries * 2
        settings.retention.checkpointMilliseconds = 5_000
        settings.snapshots.chunkBytes = self.snapshotChunkBytes
        settings.removal.graceMilliseconds = 3_000
        if self.faults.contains(.readsWithoutQuorum) { settings.faults.insert(.readsWithoutQuorum) }
        if self.faults.contains(.unorderedApply) { settings.faults.insert(.unorderedApply) }
        return settings
    }

    var router: RouterSettings {
        var settings = RouterSettings()
        settings.staleReservationMilliseconds = 2_000
        if self.faults.contains(.forgetsCursors) { settings.faults.insert(.forgetsCursors) }
        if self.faults.contains(.effectsDeliveredUnheard) { settings.faults.insert(.effectsDeliveredUnheard) }
        return settings
    }

    /// From here on nothing fails any more.
    mutating func heal() {
        self.stallPerMille = 0
        self.dropPerMille = 0
        self.resetPerMille = 0
        self.cutPerMille = 0
        self.crashPerMille = 0
        self.pausePerMille = 0
        self.clockJumpPerMille = 0
        self.resumePerMille = 0
        self.slowReadersPercent = 0
    }
}
