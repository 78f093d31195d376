import ClusterModel
import Raft

// What a majority of sound disks must make good: entries that a disk had reported written, a whole data directory,
// an older copy of one. And what it can not: the loss of a quorum.
//
// Losses are dealt out so that a correct group survives them: in every configuration that may still matter, a
// quorum of replicas has lost nothing. A single damaged replica may be one of two voters, since its own rules
// make the other one needed.
extension RaftWorld {
    func isCompromised(_ id: ReplicaID) -> Bool { self.lost.contains(id) || self.damaged.contains(id) }

    /// What any log may still take for in force.
    private var configurations: [Configuration] {
        var all = self.oracles.compactMap(\.configuration)
        for node in self.nodes {
            if let replica = node.replica {
                all += [replica.configuration, replica.committedConfiguration]
            } else {
                all += node.disk.written.recovered(commitIndex: .zero).configurations.suffix(2).map(\.1)
            }
        }
        return all.filter { !$0.voters.isEmpty }
    }

    private func mayLose(_ id: ReplicaID) -> Bool {
        self.configurations.allSatisfy { $0.isQuorum { $0 != id && !self.isCompromised($0) } }
    }

    private func mayDamage(_ id: ReplicaID) -> Bool {
        if self.mayLose(id) { return true }
        return self.configurations.allSatisfy { configuration in
            let sets = configuration.isJoint ? [configuration.voters, configuration.outgoing] : [configuration.voters]
            return sets.allSatisfy { $0.count > 1 } && !configuration.members.contains { self.isCompromised($0.id) }
        }
    }

    /// A crash has just happened; perhaps it was a bad one.
    mutating func loseData(_ place: Int) {
        guard let id = self.nodes[place].identity else { return }
        if self.chance.percent(self.swarm.damagePercent), self.mayDamage(id) {
            let count = self.chance.number(1...12)
            self.tell(self.name(place), "damage", "the last \(count) entries are gone")
            self.counts.damages += 1
            self.damaged.insert(id)
            self.nodes[place].disk.loseSynced(count)
            self.cutAfterLoss()
        } else if self.chance.percent(self.swarm.wipePercent), self.mayLose(id) {
            self.tell(self.name(place), "wipe", "")
            self.wipe(place)
        } else if self.chance.percent(self.swarm.rollbackPercent), let backup = self.nodes[place].backup,
            backup.boot < self.nodes[place].boot, backup.identity == id, self.mayLose(id)
        {
            self.tell(self.name(place), "roll back", "to the copy of boot \(backup.boot)")
            self.counts.rollbacks += 1
            self.lost.insert(id)
            self.nodes[place].disk = SimulatedDisk(copy: backup.disk)
            self.nodes[place].projection = backup.projection
            self.nodes[place].received = nil
            self.nodes[place].boot = backup.boot
            self.cutAfterLoss()
        }
    }

    /// The word of the replica that has lost something must count for a mistake to show.
    private mutating func cutAfterLoss() {
        guard self.chance.percent(70) else { return }
        let kind = self.network.cut(&self.chance)
        self.tell("", "cut", "\(kind)")
        self.queue.schedule(.mendNetwork, after: self.chance.milliseconds(1000...8000))
    }

    mutating func backUp() {
        let place = self.chance.number(0...self.nodes.count - 1)
        let node = self.nodes[place]
        // An old copy is worth more than a new one: the node must have started since.
        if let backup = node.backup, backup.identity == node.identity, !self.chance.percent(2) { return }
        guard node.identity != nil, node.projection.index <= node.disk.synced.lastIndex,
            node.projection.index >= node.disk.synced.baseIndex
        else { return }
        self.nodes[place].backup = Backup(
            disk: node.disk.synced, projection: node.projection, boot: node.boot, identity: node.identity)
    }

    /// A new data directory is a new node.
    mutating func wipe(_ place: Int) {
        self.counts.wipes += 1
        if let id = self.nodes[place].identity {
            self.lost.insert(id)
            self.damaged.remove(id)
        }
        var node = Node(id: self.newNodeID())
        node.life = self.nodes[place].life
        node.isUp = self.nodes[place].isUp
        node.tickMicroseconds = self.nodes[place].tickMicroseconds
        self.nodes[place] = node
    }

    /// So many voters are destroyed, or taken for it, that the rest is no quorum.
    mutating func loseQuorum() {
        let newest = GroupIncarnation(UInt32(self.oracles.count - 1))
        let candidates = self.livePlaces.filter { place in
            guard let replica = self.nodes[place].replica else { return false }
            // Whoever has left the group and does not know it is no copy to go on from: an operator sees that.
            let committed = self.oracle(newest).configuration ?? replica.configuration
            return replica.incarnation == newest && replica.lastIndex > .zero
                && replica.configuration.isVoter(replica.id) && committed.isMember(replica.id)
                && replica.configuration.voters.count > 1
        }
        guard self.oracles.count <= 2, let survivor = self.chance.pick(candidates),
            let configuration = self.nodes[survivor].replica?.configuration
        else { return }
        let isDestroyed = self.chance.percent(60)
        let others = configuration.voters.filter { $0.node != self.nodes[survivor].id }
        self.tell(self.name(survivor), "survive", isDestroyed ? "the others are destroyed" : "the others are gone")
        for other in others {
            guard let place = self.place(of: other.node), self.nodes[place].identity == other.id else { continue }
            if self.nodes[place].isUp { self.stop(place) }
            if isDestroyed { self.wipe(place) }
            self.queue.schedule(.restart(place), after: self.chance.milliseconds(isDestroyed ? 10...3000 : 2500...8000))
        }
        self.queue.schedule(
            .force(GroupIncarnation(UInt32(self.oracles.count))), after: self.chance.milliseconds(100...2000))
    }

    /// The operator's hand. Repeated while nobody has carried it out: the survivor's disk may not have got it.
    mutating func force(_ incarnation: GroupIncarnation) {
        self.queue.schedule(.force(incarnation), after: .milliseconds(1500))
        let isDone = self.nodes.contains { $0.replica.map { $0.incarnation >= incarnation } ?? false }
        let isWritten = self.nodes.contains { node in
            node.disk.written.recovered(commitIndex: .zero).configurations.contains { $0.1.incarnation >= incarnation }
        }
        guard !isDone, !isWritten else { return }
        let known = self.livePlaces.compactMap { place in self.nodes[place].replica.map { (place, $0) } }
            .filter { $0.1.lastIndex > .zero && $0.1.configuration.isMember($0.1.id) }
        guard let best = known.max(by: { ($0.1.lastTerm, $0.1.lastIndex) < ($1.1.lastTerm, $1.1.lastIndex) }) else {
            return
        }
        let (place, replica) = best
        let oracle = RaftOracle(following: self.oracle(replica.incarnation), survivor: self.nodes[place].disk.written)
        self.oracles = Array(self.oracles.prefix(Int(incarnation.rawValue))) + [oracle]
        self.counts.forced += 1
        self.tell(self.name(place), "force", "incarnation \(incarnation)")
        self.step(place, .forceQuorum(incarnation))
    }

    /// The directory knows of the newest incarnation; its hosts delete what belongs to an older one.
    mutating func announceIncarnation() {
        let newest = self.nodes.compactMap { $0.replica?.incarnation }.max() ?? .founding
        for place in self.nodes.indices {
            guard let replica = self.nodes[place].replica, newest > replica.incarnation, replica.lastIndex != .zero
            else {
                continue
            }
            self.tell(self.name(place), "delete", "the data of incarnation \(replica.incarnation)")
            self.deleteReplica(place)
        }
    }

    /// A replica was told that the group has left it out; the committed configuration is the proof.
    mutating func leftOut(_ place: Int) {
        guard self.swarm.deletesRemoved, let replica = self.nodes[place].replica,
            let configuration = self.oracle(replica.incarnation).configuration,
            configuration.incarnation == replica.incarnation, replica.id < configuration.nextReplicaID,
            !configuration.isMember(replica.id)
        else { return }
        self.tell(self.name(place), "delete", "replica \(replica.id)")
        self.deleteReplica(place)
    }
}
