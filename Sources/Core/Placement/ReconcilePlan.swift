// How one group is moved towards the ring. Nobody moves groups from outside: the leader of each compares its own
// configuration with the placement of the newest registry epoch that it knows and takes one ordinary Raft step.
//
// Every step is safe for any target, so differing views of the registry do no harm; the epoch in each configuration
// entry, which never falls, lets the newest view win.

import ClusterModel

/// A group as its leader sees it: the latest configuration in its log and how its replicas keep up.
package struct GroupView: Sendable, Equatable {
    package struct Peer: Sendable, Equatable {
        package let replica: Replica
        package let isVoter: Bool
        /// How many entries it lacks up to the commit index; the leader itself lacks none.
        package let lag: UInt64
        /// Since its last acknowledgement to this leader; 0 for the leader itself, nil if there was none.
        package let ackedMillisecondsAgo: UInt64?

        package init(replica: Replica, isVoter: Bool, lag: UInt64, ackedMillisecondsAgo: UInt64?) {
            self.replica = replica
            self.isVoter = isVoter
            self.lag = lag
            self.ackedMillisecondsAgo = ackedMillisecondsAgo
        }
    }

    package let leader: ReplicaID
    /// Voters and learners, the leader among them.
    package let peers: [Peer]
    package let isJoint: Bool
    /// Is a configuration entry not committed yet?
    package let isChangePending: Bool
    /// Has an entry of the leader's own term been committed?
    package let hasCommittedInTerm: Bool
    /// The epoch of the latest configuration.
    package let lastEpoch: RingEpoch

    package init(
        leader: ReplicaID, peers: [Peer], isJoint: Bool, isChangePending: Bool, hasCommittedInTerm: Bool,
        lastEpoch: RingEpoch
    ) {
        self.leader = leader
        self.peers = peers
        self.isJoint = isJoint
        self.isChangePending = isChangePending
        self.hasCommittedInTerm = hasCommittedInTerm
        self.lastEpoch = lastEpoch
    }
}

/// What the registry wants of one group, and what the node can afford just now.
package struct PlacementWish: Sendable, Equatable {
    package let epoch: RingEpoch
    /// The nodes that should vote, the preferred leader first: `Ring.replicas(of:)`.
    package let voters: [NodeID]
    /// Nodes that should hold a learner besides. Only the directory has them: every node that is not removed.
    package let observers: [NodeID]
    /// Superseded, removed or dead: not worth waiting for.
    package let gone: Set<NodeID>
    /// Draining: what they lead goes first, before their replicas move.
    package let leaving: Set<NodeID>
    /// Nodes that a new replica may be made on now; see `MoveBudget`.
    package let mayReceive: Set<NodeID>
    /// Of the whole node: only so many groups are between two configurations at a time.
    package let mayChange: Bool
    /// Of the whole node: leaderships are given away one by one.
    package let mayTransfer: Bool

    package init(
        epoch: RingEpoch, voters: [NodeID], observers: [NodeID] = [], gone: Set<NodeID> = [],
        leaving: Set<NodeID> = [], mayReceive: Set<NodeID>, mayChange: Bool = true, mayTransfer: Bool
    ) {
        self.epoch = epoch
        self.voters = voters
        self.observers = observers
        self.gone = gone
        self.leaving = leaving
        self.mayReceive = mayReceive
        self.mayChange = mayChange
        self.mayTransfer = mayTransfer
    }
}

/// One step. Its configuration entry carries the wish's epoch.
package enum ReconcileStep: Sendable, Hashable {
    case none
    case addLearner(NodeID)
    case removeLearner(ReplicaID)
    /// A joint change to these voters. Raft leaves the joint configuration by itself.
    case replaceVoters([ReplicaID])
    case transferLeadership(ReplicaID)
}

package struct ReconcileSettings: Sendable, Hashable {
    /// A learner this close to the commit index is caught up.
    package var readyLagMax: UInt64 = 64
    /// An acknowledgement older than this proves nothing about now.
    package var ackedWithinMilliseconds: UInt64 = 500
    /// A learner must have been caught up for so long before it may vote.
    package var readyForMilliseconds: UInt64 = 200
    /// A group that grows past two voters waits so long for the last joiners, to grow in one step.
    package var joinersWaitMilliseconds: UInt64 = 5_000
    /// A change that drops a living voter waits until the registry has been still for so long.
    package var epochStableMilliseconds: UInt64 = 5_000
    /// The preferred leader must have kept up for so long before it gets the group back.
    package var preferredHealthyMilliseconds: UInt64 = 30_000
    /// A bug that the simulator must find: plans are made from a registry that is older than the group's last change.
    package var followsOlderEpochs = false

    package init() {}
}

/// The rule: a pure function from what is, what should be, and for how long things have been so, to the next step.
package struct ReconcilePlan: Sendable {
    package let group: GroupView
    package let wish: PlacementWish
    /// For how long each replica has kept up without a gap, in milliseconds; absent where it does not.
    package let keptUpFor: [ReplicaID: UInt64]
    package let epochStableFor: UInt64
    package let settings: ReconcileSettings

    package init(
        group: GroupView, wish: PlacementWish, keptUpFor: [ReplicaID: UInt64], epochStableFor: UInt64,
        settings: ReconcileSettings = ReconcileSettings()
    ) {
        self.group = group
        self.wish = wish
        self.keptUpFor = keptUpFor
        self.epochStableFor = epochStableFor
        self.settings = settings
    }

    package func nextStep() -> ReconcileStep {
        guard self.group.hasCommittedInTerm, !self.group.isChangePending, !self.group.isJoint else { return .none }
        guard self.wish.epoch >= self.group.lastEpoch || self.settings.followsOlderEpochs, !self.wish.voters.isEmpty
        else { return .none }
        guard self.voters.contains(where: { $0.replica.id == self.group.leader }) else { return .none }

        if let heir = self.heirOfLeavingLeader() {
            return self.wish.mayTransfer ? .transferLeadership(heir) : .none
        }
        if let learner = self.unwantedLearner() { return .removeLearner(learner) }
        if let node = self.missingNode() { return .addLearner(node) }
        let next = self.nextVoters()
        if Set(next) != Set(self.voters.map(\.replica.id)) { return self.change(to: next) }
        return self.handOver()
    }
}

// MARK: - Learners

extension ReconcilePlan {
    private var voters: [GroupView.Peer] { self.group.peers.filter(\.isVoter) }
    private var learners: [GroupView.Peer] { self.group.peers.filter { !$0.isVoter } }

    private func isWanted(_ node: NodeID) -> Bool {
        self.wish.voters.contains(node) || self.wish.observers.contains(node)
    }

    private func unwantedLearner() -> ReplicaID? {
        self.learners.first { !self.isWanted($0.replica.node) }?.replica.id
    }

    private func missingNode() -> NodeID? {
        (self.wish.voters + self.wish.observers).first { node in
            self.wish.mayReceive.contains(node) && !self.group.peers.contains { $0.replica.node == node }
        }
    }
}

// MARK: - Voters

extension ReconcilePlan {
    /// The wanted voters that can vote now, filled up with old ones while they are fewer than wanted.
    private func nextVoters() -> [ReplicaID] {
        let wanted = self.group.peers.filter { self.wish.voters.contains($0.replica.node) }
        let able = wanted.filter { $0.isVoter || self.isReady($0) }
        let spare = self.voters.filter { !self.wish.voters.contains($0.replica.node) }
            .sorted { self.isBetterSpare($0, $1) }
        return (able + spare.prefix(max(0, self.wish.voters.count - able.count))).map(\.replica.id)
    }

    private func isReady(_ peer: GroupView.Peer) -> Bool {
        self.keepsUp(peer) && (self.keptUpFor[peer.replica.id] ?? 0) >= self.settings.readyForMilliseconds
    }

    private func keepsUp(_ peer: GroupView.Peer) -> Bool {
        Reconciler.keepsUp(peer, self.settings)
    }

    private func isBetterSpare(_ left: GroupView.Peer, _ right: GroupView.Peer) -> Bool {
        func rank(_ peer: GroupView.Peer) -> (Int, Int, Int, UInt64) {
            (
                self.wish.gone.contains(peer.replica.node) ? 1 : 0,
                self.keepsUp(peer) ? 0 : 1,
                peer.replica.id == self.group.leader ? 0 : 1,
                peer.replica.id.rawValue
            )
        }
        return rank(left) < rank(right)
    }

    private func change(to next: [ReplicaID]) -> ReconcileStep {
        let old = self.voters
        let new = self.group.peers.filter { next.contains($0.replica.id) }
        let dropped = old.filter { !next.contains($0.replica.id) }
        let dropsLiving = dropped.contains { !self.wish.gone.contains($0.replica.node) }

        guard !dropsLiving || self.epochStableFor >= self.settings.epochStableMilliseconds else { return .none }
        guard self.wish.mayChange, self.hasMajority(of: old), self.hasMajority(of: new) else { return .none }
        guard !self.shouldWaitForJoiners(growingFrom: old.count, to: new) else { return .none }
        guard dropped.contains(where: { $0.replica.id == self.group.leader }) else { return .replaceVoters(next) }

        // The leader goes. Somebody who stays should make the change, so that nobody has to be elected after it.
        let successor = old.filter { next.contains($0.replica.id) && self.keepsUp($0) }
            .min { ($0.lag, $0.replica.id.rawValue) < ($1.lag, $1.replica.id.rawValue) }
        guard let successor else { return .replaceVoters(next) }
        return self.wish.mayTransfer ? .transferLeadership(successor.replica.id) : .none
    }

    private func hasMajority(of peers: [GroupView.Peer]) -> Bool {
        let answering = peers.count { peer in
            peer.ackedMillisecondsAgo.map { $0 <= self.settings.ackedWithinMilliseconds } ?? false
        }
        return answering > peers.count / 2
    }

    /// Two voters tolerate no failure at all, so a group on its way from one to three takes both in one step if the
    /// second joiner is ready within a few seconds of the first.
    private func shouldWaitForJoiners(growingFrom oldCount: Int, to new: [GroupView.Peer]) -> Bool {
        guard new.count > oldCount, new.count < self.wish.voters.count, new.count.isMultiple(of: 2) else {
            return false
        }
        let waited = new.filter { !$0.isVoter }.compactMap { self.keptUpFor[$0.replica.id] }.max() ?? 0
        return waited < self.settings.joinersWaitMilliseconds
    }
}

// MARK: - Leadership

extension ReconcilePlan {
    /// A draining node leads: the best of the voters that stay takes over before anything else happens.
    private func heirOfLeavingLeader() -> ReplicaID? {
        guard let leader = self.voters.first(where: { $0.replica.id == self.group.leader }),
            self.wish.leaving.contains(leader.replica.node)
        else { return nil }
        func rank(_ peer: GroupView.Peer) -> (Int, UInt64, UInt64) {
            (peer.replica.node == self.wish.voters[0] ? 0 : 1, peer.lag, peer.replica.id.rawValue)
        }
        return self.voters.filter {
            !self.wish.leaving.contains($0.replica.node) && !self.wish.gone.contains($0.replica.node)
                && self.keepsUp($0)
        }.min { rank($0) < rank($1) }?.replica.id
    }

    /// The voters are as wanted: give the group to the preferred leader, if it is well.
    private func handOver() -> ReconcileStep {
        guard self.wish.mayTransfer, Set(self.voters.map(\.replica.node)) == Set(self.wish.voters),
            let preferred = self.voters.first(where: { $0.replica.node == self.wish.voters[0] }),
            preferred.replica.id != self.group.leader, self.keepsUp(preferred),
            (self.keptUpFor[preferred.replica.id] ?? 0) >= self.settings.preferredHealthyMilliseconds
        else { return .none }
        return .transferLeadership(preferred.replica.id)
    }
}
