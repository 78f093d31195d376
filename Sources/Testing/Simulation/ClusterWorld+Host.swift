import ChatMachine
import ChatModel
import ClusterModel
import Placement
import Raft

// The host of the replicas, reduced to what moves groups.
extension ClusterWorld {
    func slot(
        _ place: Int, _ shard: Int, _ id: ReplicaID, _ hardState: HardState, _ entries: [Entry]
    ) -> Slot {
        var settings = RaftSettings()
        settings.electionTicks = 10...20
        settings.heartbeatTicks = 2
        settings.checkQuorumTicks = 10
        settings.faults = self.faults
        // Everything committed is handed out again: the machine is built from the log.
        let recovered = RecoveredLog(
            hardState: HardState(term: hardState.term, votedFor: hardState.votedFor, commitIndex: .zero),
            entries: entries)
        let seed = self.seed ^ UInt64(place) << 20 ^ UInt64(shard) << 8 ^ UInt64(self.nodes[place].boot)
        var reconcile = ReconcileSettings()
        reconcile.preferredHealthyMilliseconds = 5_000
        reconcile.followsOlderEpochs = self.faults.contains(.epochMayFall)
        return Slot(
            id: id, hardState: hardState, entries: entries,
            raft: RaftReplica(
                id: id, node: self.nodes[place].id, settings: settings, recovered: recovered, seed: seed),
            reconciler: Reconciler(settings: reconcile),
            machine: shard == 0 ? ShardMachine(shard: .directory, map: self.map) : nil)
    }

    mutating func start(_ place: Int) {
        self.nodes[place].isUp = true
        self.nodes[place].life += 1
        self.nodes[place].boot += 1
        self.tell(self.name(place), "start", "boot \(self.nodes[place].boot)")
        for shard in 0..<self.groups {
            guard let old = self.nodes[place].slots[shard] else { continue }
            self.nodes[place].slots[shard] = self.slot(place, shard, old.id, old.hardState, old.entries)
        }
        let life = self.nodes[place].life
        self.queue.schedule(.tick(place, life: life), after: self.chance.milliseconds(0...100))
        self.queue.schedule(.look(place, life: life), after: self.chance.milliseconds(0...250))
    }

    /// What was not synced is lost, and with it every promise that has not left.
    mutating func stop(_ place: Int) {
        self.nodes[place].isUp = false
        self.nodes[place].downSince = self.queue.now
        self.tell(self.name(place), "stop", "")
        for other in self.nodes.indices where self.nodes[other].isUp {
            for shard in 0..<self.groups where self.nodes[other].slots[shard] != nil {
                self.step(other, shard, .peerUnreachable(self.nodes[place].id))
            }
        }
    }

    func place(of node: NodeID) -> Int? { self.nodes.firstIndex { $0.id == node } }

    mutating func deliver(_ shard: Int, _ message: RaftMessage, _ place: Int) {
        guard self.nodes[place].isUp else { return }
        if let slot = self.nodes[place].slots[shard] {
            if slot.raft.id < message.to.id, self.nodes[place].slots[shard]?.raft.readmit(as: message.to.id) ?? false {
                self.nodes[place].slots[shard]?.id = message.to.id
                self.nodes[place].slots[shard]?.isDetached = false
            }
        } else {
            self.nodes[place].slots[shard] = self.slot(place, shard, message.to.id, .initial, [])
        }
        if slotIsAddressed(place, shard, message) { self.nodes[place].slots[shard]?.isDetached = false }
        self.step(place, shard, .received(message))
    }

    /// A leader speaks to a replica that was left out: it is a member again.
    private func slotIsAddressed(_ place: Int, _ shard: Int, _ message: RaftMessage) -> Bool {
        switch message.body {
        case .append, .heartbeat, .commit: self.nodes[place].slots[shard]?.raft.id == message.to.id
        default: false
        }
    }

    mutating func step(_ place: Int, _ shard: Int, _ input: RaftInput) {
        guard self.nodes[place].slots[shard] != nil else { return }
        var effects: [RaftEffect] = []
        self.nodes[place].slots[shard]?.raft.step(input, into: &effects)
        for effect in effects { self.perform(effect, place, shard) }
    }

    private mutating func perform(_ effect: RaftEffect, _ place: Int, _ shard: Int) {
        switch effect {
        case .persist(let mark, let hardState, let entries):
            self.nodes[place].slots[shard]?.unsynced.append((mark, hardState, entries))
            self.queue.schedule(
                .synced(place, life: self.nodes[place].life, shard: shard), after: self.chance.milliseconds(1...8))
        case .send(let message):
            guard let to = self.place(of: message.to.node) else { return }
            for delay in self.network.fates(from: place, to: to, &self.chance) {
                self.queue.schedule(.deliver(shard, message, to: to), after: delay)
            }
        case .committed(let entries):
            for entry in entries {
                self.oracle.committed(entry, shard)
                self.apply(entry, place, shard)
            }
        case .roleChanged(.leader, let term, _):
            guard let id = self.nodes[place].slots[shard]?.raft.id else { return }
            self.counts.elections += 1
            self.trace.mix(UInt64(place) << 32 ^ UInt64(shard) << 16 ^ term.rawValue)
            self.oracle.elected(id, term, shard)
            self.tell(self.name(place), "lead", "shard \(shard) in term \(term)")
        case .fetch(let follower, let from, _):
            let entries = (self.nodes[place].slots[shard]?.entries ?? []).filter { $0.index >= from }
            self.step(place, shard, .fetched(for: follower, Array(entries.prefix(64))))
        case .removedFromGroup: self.nodes[place].slots[shard]?.isDetached = true
        case .sendSnapshot(let follower): self.step(place, shard, .snapshotFailed(to: follower.id))
        case .configurationChanged(let configuration, let index, let committed):
            if committed {
                self.tell(self.name(place), "configure", "shard \(shard) at \(index) \(configuration.voters)")
            }
        case .accepted, .refused, .readReady, .readFailed, .roleChanged, .configurationRefused, .install,
            .snapshotIgnored, .superseded, .repaired:
            break
        }
    }

    private mutating func apply(_ entry: Entry, _ place: Int, _ shard: Int) {
        guard shard == 0, case .command(let bytes) = entry.payload, let logged = try? LoggedCommand(encoded: bytes)
        else {
            return
        }
        var effects = ApplyEffects()
        _ = self.nodes[place].slots[0]?.machine?.apply(logged, at: entry.index, into: &effects)
    }

    mutating func sync(_ place: Int, _ shard: Int) {
        guard var slot = self.nodes[place].slots[shard], let write = slot.unsynced.first else { return }
        slot.unsynced.removeFirst()
        if let hardState = write.hardState { slot.hardState = hardState }
        if let first = write.entries.first {
            slot.entries.removeAll { $0.index >= first.index }
            slot.entries += write.entries
        }
        self.nodes[place].slots[shard] = slot
        self.step(place, shard, .persisted(write.mark))
    }

    // MARK: Moving groups

    func registry(of place: Int) -> NodeRegistry { self.nodes[place].slots[0]?.machine?.registry ?? .empty }

    private func view(_ slot: Slot) -> GroupView {
        let configuration = slot.raft.configuration
        return GroupView(
            leader: slot.raft.id,
            peers: configuration.members.map { member in
                let isSelf = member.id == slot.raft.id
                let progress = isSelf ? nil : slot.raft.progress(of: member.id)
                let heard = progress.flatMap { $0.match == .zero ? nil : $0.ticksSinceHeard }
                return GroupView.Peer(
                    replica: member, isVoter: configuration.isVoter(member.id),
                    lag: isSelf ? 0 : UInt64(progress?.lag ?? .max),
                    ackedMillisecondsAgo: isSelf ? 0 : heard.map { UInt64($0) * Self.tickMilliseconds })
            },
            isJoint: configuration.isJoint, isChangePending: slot.raft.isConfigurationChangePending,
            hasCommittedInTerm: slot.raft.hasStartedTerm, lastEpoch: configuration.epoch)
    }

    /// What a node does a few times a second: tells the directory of itself, moves its groups, stewards.
    mutating func look(_ place: Int) {
        self.enrol(place)
        let registry = self.registry(of: place)
        guard registry.epoch > .zero || registry.nodes.count > 0 else { return }
        self.steward(place)
        guard registry.epoch > .zero else { return }
        if self.nodes[place].ring?.epoch != registry.epoch {
            self.nodes[place].ring = (registry.epoch, Ring(registry, shardCount: self.map.shardCount))
        }
        guard let ring = self.nodes[place].ring?.ring else { return }
        let led = (0..<self.groups).filter { self.nodes[place].slots[$0]?.raft.role == .leader }
        let views = led.compactMap { self.nodes[place].slots[$0].map { self.view($0) } }
        self.nodes[place].budget.beginRound(
            nowMilliseconds: self.nowMilliseconds, groups: zip(led, views).filter { $0.0 != 0 }.map(\.1),
            isPaused: false,
            isDraining: registry[self.nodes[place].id]?.state == .draining,
            away: led.count { ring.preferredLeader(of: ShardID(UInt16($0))) != self.nodes[place].id })
        for (shard, view) in zip(led, views) { self.reconcile(place, shard, view, registry, ring) }
    }

    private mutating func reconcile(
        _ place: Int, _ shard: Int, _ view: GroupView, _ registry: NodeRegistry, _ ring: Ring
    ) {
        guard var slot = self.nodes[place].slots[shard] else { return }
        let living = registry.nodes.filter { $0.state != .removed && $0.state != .dead }
        let entries = slot.raft.lastIndex.rawValue
        let budget = self.nodes[place].budget
        let wish = PlacementWish(
            epoch: registry.epoch, voters: ring.replicas(of: ShardID(UInt16(shard))),
            observers: shard == 0 ? registry.members.map(\.id) : [],
            gone: Set(
                slot.raft.configuration.members.map(\.node).filter {
                    registry[$0].map { $0.state == .dead || $0.state == .removed } ?? true
                }),
            leaving: Set(living.filter { $0.state == .draining }.map(\.id)),
            mayReceive: Set(
                shard == 0
                    ? registry.members.map(\.id)
                    : living.map(\.id).filter { budget.mayReceive($0, entries: entries) }),
            mayChange: budget.mayChange, mayTransfer: budget.mayTransfer)
        let step = slot.reconciler.step(nowMilliseconds: self.nowMilliseconds, group: view, wish: wish)
        self.nodes[place].slots[shard] = slot
        self.nodes[place].budget.took(step, entries: entries)
        switch step {
        case .none: return
        case .addLearner(let node):
            if shard != 0 { self.counts.learners += 1 }
            self.step(place, shard, .changeConfiguration(.addLearner(node, registry.epoch)))
        case .removeLearner(let id): self.step(place, shard, .changeConfiguration(.removeLearner(id, registry.epoch)))
        case .replaceVoters(let ids): self.step(place, shard, .changeConfiguration(.replaceVoters(ids, registry.epoch)))
        case .transferLeadership(let id): self.step(place, shard, .transferLeadership(to: id))
        }
        self.tell(self.name(place), "reconcile", "shard \(shard): \(step)")
    }
}
