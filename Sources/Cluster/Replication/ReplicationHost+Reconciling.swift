// Each leader moves its own group towards the ring, by ordinary Raft configuration changes.

import ChatMachine
import ClusterModel
import NIOCore
import Placement
import Raft
import WriteAheadLog

/// What the reconciling of this node's groups remembers between two looks.
struct Reconciling {
    /// One for each group that is led here; dropped with the leadership.
    var groups: [ShardID: Reconciler] = [:]
    /// The ideal placement at the epoch it was computed for.
    var ring: (epoch: RingEpoch, ring: Ring)?
    var budget = MoveBudget()
    /// A look before the next regular one is on its way.
    var isWoken = false
    var statistics = ReconcilingStatistics()
}

/// Steps that this node's leaders have taken since the start.
package struct ReconcilingStatistics: Sendable, Equatable {
    package var learnersAdded: UInt64 = 0
    package var votersReplaced: UInt64 = 0
    package var leadershipsGiven: UInt64 = 0
}

extension ReplicationHost {
    package var reconcilingStatistics: ReconcilingStatistics { self.reconciling.statistics }

    /// On the loop, every half second, when the registry has changed, and sooner again while a group moves.
    func reconcile() {
        guard let machine = self.directoryMachine, machine.registry.epoch > .zero else { return }
        let registry = machine.registry
        let ring = self.ring(of: registry)
        let now = UInt64(self.loop.now.uptimeNanoseconds / 1_000_000)
        var led: [(replica: ShardReplica, view: GroupView)] = []
        for case let replica? in self.replicas {
            if replica.isLeader {
                led.append((replica, self.view(of: replica)))
            } else {
                self.reconciling.groups[replica.shard] = nil
            }
        }
        self.reconciling.budget.beginRound(
            nowMilliseconds: now,
            // The directory has a learner on every node, also on one that is down for days: those are no moves.
            groups: led.filter { $0.replica.shard != .directory }.map(\.view), isPaused: self.isDiskTooSlowToMove,
            isDraining: registry[self.node]?.state == .draining,
            away: led.count { ring.preferredLeader(of: $0.replica.shard).map { $0 != self.node } ?? false })
        var isMoving = false
        for (replica, view) in led where self.reconcile(replica, view, registry, ring, now) { isMoving = true }
        if isMoving { self.wakeReconciling(after: self.reconciling.budget.settings.movingMilliseconds) }
        self.scheduleFlush()
    }

    /// The directory's group as its leader sees it: who votes, and whose replica keeps up. nil where another leads.
    package var directoryStanding: (voters: [NodeID], caughtUp: Set<NodeID>)? {
        guard let replica = self.replicas[0], replica.isLeader, replica.raft.hasStartedTerm else { return nil }
        let view = self.view(of: replica)
        let settings = ReconcileSettings()
        return (
            view.peers.filter(\.isVoter).map(\.replica.node),
            Set(view.peers.filter { Reconciler.keepsUp($0, settings) }.map(\.replica.node))
        )
    }

    /// The registry or a group has changed: look again soon instead of at the next half second.
    func wakeReconciling(after milliseconds: Int64) {
        guard !self.reconciling.isWoken else { return }
        self.reconciling.isWoken = true
        self.loop.scheduleTask(in: .milliseconds(milliseconds)) { [weak self] in
            guard let self else { return }
            self.reconciling.isWoken = false
            if !self.isStopped { self.reconcile() }
        }
    }

    /// New moves wait while the log can not keep up with what it has; those that have begun go on.
    private var isDiskTooSlowToMove: Bool {
        guard let statistics = self.logStatistics else { return false }
        return max(statistics.lastSyncLatency, statistics.oldestUnsynced ?? .zero)
            > .milliseconds(self.reconciling.budget.settings.pauseMilliseconds)
    }

    private func ring(of registry: NodeRegistry) -> Ring {
        if let known = self.reconciling.ring, known.epoch == registry.epoch { return known.ring }
        let ring = Ring(registry, shardCount: self.shardMap.shardCount)
        self.reconciling.ring = (registry.epoch, ring)
        return ring
    }

    /// - Returns: whether the group is on its way to where it should be.
    private func reconcile(
        _ replica: ShardReplica, _ view: GroupView, _ registry: NodeRegistry, _ ring: Ring, _ now: UInt64
    ) -> Bool {
        if self.replaceLost(in: replica, registry.epoch) { return true }
        let living = registry.nodes.filter { $0.state != .removed && $0.state != .dead }
        let entries = replica.raft.lastIndex.rawValue
        let budget = self.reconciling.budget
        let wish = PlacementWish(
            epoch: registry.epoch, voters: ring.replicas(of: replica.shard),
            // A node that was given up hears of it here when it can be reached again, and asks to come back.
            observers: replica.shard == .directory ? registry.members.map(\.id) : [],
            gone: Set(
                replica.raft.configuration.members.map(\.node).filter { node in
                    registry[node].map { $0.state == .dead || $0.state == .removed } ?? true
                }),
            leaving: Set(living.filter { $0.state == .draining }.map(\.id)),
            mayReceive: Set(
                replica.shard == .directory
                    ? registry.members.map(\.id)
                    : living.map(\.id).filter { budget.mayReceive($0, entries: entries) }),
            mayChange: budget.mayChange, mayTransfer: budget.mayTransfer)
        var reconciler = self.reconciling.groups[replica.shard] ?? Reconciler()
        let step = reconciler.step(nowMilliseconds: now, group: view, wish: wish)
        self.reconciling.groups[replica.shard] = reconciler
        self.reconciling.budget.took(step, entries: entries)
        self.take(step, replica, registry.epoch)
        let voters = Set(view.peers.lazy.filter(\.isVoter).map(\.replica.node))
        return step != .none || view.isJoint || view.isChangePending || voters != Set(wish.voters)
    }

    private func take(_ step: ReconcileStep, _ replica: ShardReplica, _ epoch: RingEpoch) {
        switch step {
        case .none: break
        case .addLearner(let node):
            self.reconciling.statistics.learnersAdded += 1
            replica.step(.changeConfiguration(.addLearner(node, epoch)))
        case .removeLearner(let id): replica.step(.changeConfiguration(.removeLearner(id, epoch)))
        case .replaceVoters(let ids):
            self.reconciling.statistics.votersReplaced += 1
            replica.step(.changeConfiguration(.replaceVoters(ids, epoch)))
        case .transferLeadership(let id):
            self.reconciling.statistics.leadershipsGiven += 1
            replica.step(.transferLeadership(to: id))
        }
    }

    private func view(of replica: ShardReplica) -> GroupView {
        let raft = replica.raft
        let configuration = raft.configuration
        return GroupView(
            leader: raft.id,
            peers: configuration.members.map { member in
                let isSelf = member.id == raft.id
                let progress = isSelf ? nil : raft.progress(of: member.id)
                // Counted from when the leader began to look, also for one that has never answered.
                // Who may lack what it acknowledged is nobody to build on yet.
                let heard = progress.flatMap { $0.match == .zero || !$0.isWhole ? nil : $0.ticksSinceHeard }
                return GroupView.Peer(
                    replica: member, isVoter: configuration.isVoter(member.id),
                    lag: isSelf ? 0 : UInt64(progress?.lag ?? .max),
                    ackedMillisecondsAgo: isSelf
                        ? 0 : heard.map { UInt64($0) * UInt64(self.settings.tickMilliseconds) })
            },
            isJoint: configuration.isJoint, isChangePending: raft.isConfigurationChangePending,
            hasCommittedInTerm: raft.hasStartedTerm, lastEpoch: configuration.epoch)
    }
}
