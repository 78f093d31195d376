// How much one node moves at a time: moving groups must not be felt by those who write.

import ClusterModel

package struct MoveSettings: Sendable, Hashable {
    /// A new replica that has to be sent more entries than this takes one of the few heavy slots.
    package var heavyEntries: UInt64 = 1_024
    /// Heavy replicas that this node fills at a time, in all and for one receiver.
    package var heavyMax = 2
    /// Light ones: a fresh cluster is replicated within a second or two.
    package var lightMax = 32
    /// Groups led here that are between two configurations.
    package var changesMax = 8
    /// One leadership is given to its preferred node per so long ...
    package var transferMilliseconds: UInt64 = 2_000
    /// ... but while more than this many are away from it, as in a young cluster, `transfersPerRoundMax` a round.
    package var transfersAwayMax = 8
    package var transfersPerRoundMax = 4
    /// Leaderships that a draining node gives away in one round.
    package var drainTransfersPerRoundMax = 16

    /// A node looks at its groups again after so long while one of them is not where it should be.
    package var movingMilliseconds: Int64 = 100
    /// No new move begins while the log takes longer than this to become durable.
    package var pauseMilliseconds: Int64 = 100

    package init() {}
}

/// The budget of one node over all groups that it leads. The host begins a round, asks for each group what it may do,
/// and says what was done.
package struct MoveBudget: Sendable {
    package let settings: MoveSettings
    private let reconcile: ReconcileSettings
    private var isPaused = false
    private var isDraining = false
    private var heavy: [NodeID: Int] = [:]
    private var light = 0
    private var changes = 0
    private var transfers = 0
    private var awayCount = 0
    private var now: UInt64 = 0
    private var lastTransfer: UInt64?

    package init(settings: MoveSettings = MoveSettings(), reconcile: ReconcileSettings = ReconcileSettings()) {
        self.settings = settings
        self.reconcile = reconcile
    }

    /// - Parameters:
    ///   - isPaused: The node's disk is too slow to move more; what has begun goes on.
    ///   - isDraining: This node is to be empty soon.
    ///   - away: How many groups led here prefer another leader.
    package mutating func beginRound(
        nowMilliseconds: UInt64, groups: [GroupView], isPaused: Bool, isDraining: Bool, away: Int
    ) {
        self.now = nowMilliseconds
        self.isPaused = isPaused
        self.isDraining = isDraining
        self.awayCount = away
        self.heavy = [:]
        self.light = 0
        self.transfers = 0
        self.changes = groups.count { $0.isJoint || $0.isChangePending }
        for group in groups {
            for peer in group.peers where !peer.isVoter && peer.lag > self.reconcile.readyLagMax {
                self.count(peer.replica.node, entries: peer.lag)
            }
        }
    }

    /// May a group of so many entries get a new replica on this node?
    package func mayReceive(_ node: NodeID, entries: UInt64) -> Bool {
        guard !self.isPaused else { return false }
        guard entries > self.settings.heavyEntries else { return self.light < self.settings.lightMax }
        let all = self.heavy.values.reduce(0, +)
        return all < self.settings.heavyMax && (self.heavy[node] ?? 0) < self.settings.heavyMax
    }

    package var mayChange: Bool { !self.isPaused && self.changes < self.settings.changesMax }

    package var mayTransfer: Bool {
        if self.isDraining { return self.transfers < self.settings.drainTransfersPerRoundMax }
        if self.awayCount > self.settings.transfersAwayMax {
            return self.transfers < self.settings.transfersPerRoundMax
        }
        return self.lastTransfer.map { self.now - $0 >= self.settings.transferMilliseconds } ?? true
    }

    package mutating func took(_ step: ReconcileStep, entries: UInt64) {
        switch step {
        case .none, .removeLearner: break
        case .addLearner(let node): self.count(node, entries: entries)
        case .replaceVoters: self.changes += 1
        case .transferLeadership:
            self.transfers += 1
            self.lastTransfer = self.now
        }
    }

    private mutating func count(_ node: NodeID, entries: UInt64) {
        if entries > self.settings.heavyEntries { self.heavy[node, default: 0] += 1 } else { self.light += 1 }
    }
}
