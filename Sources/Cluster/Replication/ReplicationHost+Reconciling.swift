// Each leader moves its own group towards the ring, by ordinary Raft configuration changes.

import ChatMachine
import ClusterModel
import NIOCore
import Placement
import Raft

/// What the reconciling of this node's groups remembers between two looks.
struct Reconciling {
    /// One for each group that is led here; dropped with the leadership.
    var groups: [ShardID: Reconciler] = [:]
    /// The ideal placement at the epoch it was computed for.
    var ring: (epoch: RingEpoch, ring: Ring)?
    /// Leaderships given away in this round.
    var transfers = 0
}

extension ReplicationHost {
    /// On the loop, every half second and when the registry changes.
    func reconcile() {
        guard let machine = self.directoryMachine, machine.registry.epoch > .zero else { return }
        let registry = machine.registry
        let ring = self.ring(of: registry)
        let now = UInt64(self.loop.now.uptimeNanoseconds / 1_000_000)
        self.reconciling.transfers = 0
        for case let replica? in self.replicas {
            guard replica.isLeader else {
                self.reconciling.groups[replica.shard] = nil
                continue
            }
            self.reconcile(replica, registry, ring, now)
        }
        self.scheduleFlush()
    }

    private func ring(of registry: NodeRegistry) -> Ring {
        if let known = self.reconciling.ring, known.epoch == registry.epoch { return known.ring }
        let ring = Ring(registry, shardCount: self.shardMap.shardCount)
        self.reconciling.ring = (registry.epoch, ring)
        return ring
    }

    private func reconcile(_ replica: ShardReplica, _ registry: NodeRegistry, _ ring: Ring, _ now: UInt64) {
        if self.replaceLost(in: replica, registry.epoch) { return }
        let living = registry.nodes.filter { $0.state != .removed && $0.state != .dead }
        let wish = PlacementWish(
            epoch: registry.epoch, voters: ring.replicas(of: replica.shard),
            observers: replica.shard == .directory ? living.map(\.id) : [],
            gone: Set(
                replica.raft.configuration.members.map(\.node).filter { node in
                    registry[node].map { $0.state == .dead || $0.state == .removed } ?? true
                }),
            mayReceive: Set(living.map(\.id)),
            mayTransfer: self.reconciling.transfers < self.settings.transfersPerRoundMax)
        var reconciler = self.reconciling.groups[replica.shard] ?? Reconciler()
        let step = reconciler.step(nowMilliseconds: now, group: self.view(of: replica), wish: wish)
        self.reconciling.groups[replica.shard] = reconciler
        self.take(step, replica, registry.epoch)
    }

    private func take(_ step: ReconcileStep, _ replica: ShardReplica, _ epoch: RingEpoch) {
        switch step {
        case .none: break
        case .addLearner(let node): replica.step(.changeConfiguration(.addLearner(node, epoch)))
        case .removeLearner(let id): replica.step(.changeConfiguration(.removeLearner(id, epoch)))
        case .replaceVoters(let ids): replica.step(.changeConfiguration(.replaceVoters(ids, epoch)))
        case .transferLeadership(let id):
            self.reconciling.transfers += 1
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
                return GroupView.Peer(
                    replica: member, isVoter: configuration.isVoter(member.id),
                    lag: isSelf ? 0 : UInt64(progress?.lag ?? .max),
                    ackedMillisecondsAgo: isSelf
                        ? 0 : progress.map { UInt64($0.ticksSinceHeard) * UInt64(self.settings.tickMilliseconds) })
            },
            isJoint: configuration.isJoint, isChangePending: raft.isConfigurationChangePending,
            hasCommittedInTerm: raft.hasStartedTerm, lastEpoch: configuration.epoch)
    }
}
