import ClusterModel
import Raft

/// The third phase of some runs: nothing is asked of the group, and one follower does not hear its leader. With
/// pre-votes that deposes nobody.
struct Calm {
    let leader: Replica
    let term: Term
    let place: Int
    var deafPlace: Int?
    var until: VirtualTime
}

// The second phase: everything works again, and so must the group.
extension RaftWorld {
    /// More would mean that replicas depose each other without need.
    private static let termsOfHealing: UInt64 = 15

    mutating func heal() {
        self.tell("", "heal", "everything works from here on")
        self.isHealed = true
        self.healedAt = self.queue.now
        self.network.heal()
        self.network.faults = .none
        self.swarm.syncMilliseconds = 2
        self.swarm.transferMilliseconds = min(self.swarm.transferMilliseconds, 20)
        self.linkFree = self.linkFree.map { _ in self.queue.now }
        for place in self.nodes.indices {
            self.restart(place)
            self.resume(place)
            self.nodes[place].syncFree = self.queue.now
        }
        self.healedTerm = self.highestTerm
    }

    private var highestTerm: UInt64 { self.nodes.compactMap { $0.replica?.term.rawValue }.max() ?? 0 }

    mutating func inspect() {
        self.queue.schedule(.inspect, after: .milliseconds(500))
        for left in self.nodes.indices {
            for right in self.nodes.indices where left < right {
                guard let incarnation = self.nodes[left].replica?.incarnation,
                    self.nodes[right].replica?.incarnation == incarnation
                else { continue }
                self.judge(incarnation) { [nodes = self.nodes] oracle in
                    oracle.compare(
                        nodes[left].disk.written, nodes[right].disk.written,
                        above: min(nodes[left].applied, nodes[right].applied))
                }
            }
            self.checkMemory(left)
        }
        guard self.isHealed, self.violation == nil else { return }
        if self.calm != nil { return self.followCalm() }
        self.announceIncarnation()
        for place in self.livePlaces { self.replaceLost(place) }
        self.followConvergence()
        if self.violation == nil, !self.isFinished, self.calm == nil,
            self.queue.now > self.healedAt + Self.convergenceTime
        {
            self.fail("no convergence within \(Self.convergenceTime) s: \(self.situation)")
        }
    }

    /// The core holds what is not committed, and of the rest no more than it was given.
    private mutating func checkMemory(_ place: Int) {
        guard let replica = self.nodes[place].replica else { return }
        let uncommitted = self.nodes[place].disk.written.entries.reversed()
            .prefix { $0.index > replica.commitIndex }.reduce(0) { $0 + $1.byteCount }
        if replica.bytesInMemory > max(self.swarm.settings.cachedBytesMax, 0) + uncommitted {
            self.fail(
                "\(self.name(place)) holds \(replica.bytesInMemory) bytes, of which \(uncommitted) are uncommitted")
        }
    }

    private mutating func followConvergence() {
        let leading = self.livePlaces.filter { self.isUsefulLeader($0) }
        guard leading.count == 1, let leader = self.nodes[leading[0]].replica else {
            return self.stableSince = nil
        }
        let replica = Replica(id: leader.id, node: leader.node)
        let committed = self.oracle(leader.incarnation).committedIndex
        guard let since = self.stableSince, since.leader == replica, since.term == leader.term else {
            self.stableSince = (leader.term, replica, self.queue.now, committed)
            return
        }
        guard self.queue.now > since.time + Self.stableTime, committed > since.committed else { return }
        self.checkOutcome(leader)
        if self.swarm.checksCalm, leader.configuration.voters.count > 2 {
            self.calm = Calm(
                leader: replica, term: leader.term, place: leading[0], until: self.queue.now + .milliseconds(1000))
        } else {
            self.isFinished = true
        }
    }

    private mutating func checkOutcome(_ leader: RaftReplica) {
        let oracle = self.oracle(leader.incarnation)
        for (operation, incarnation) in self.acknowledged
        where incarnation == leader.incarnation && !oracle.contains(operation) {
            self.fail("operation \(operation) was acknowledged and is gone")
        }
        for place in self.livePlaces {
            guard let other = self.nodes[place].replica, other.role == .leader, other.id != leader.id else { continue }
            self.fail("\(self.name(place)) leads term \(other.term) besides \(leader.id) of term \(leader.term)")
        }
        if self.highestTerm > self.healedTerm + Self.termsOfHealing {
            self.fail("terms rose from \(self.healedTerm) to \(self.highestTerm) after everything worked again")
        }
    }

    /// Leads a configuration that is complete, and every member has nearly all that is committed.
    private func isUsefulLeader(_ place: Int) -> Bool {
        guard let leader = self.nodes[place].replica, leader.role == .leader, leader.hasStartedTerm,
            !leader.isConfigurationChangePending, Int(leader.incarnation.rawValue) == self.oracles.count - 1
        else { return false }
        let committed = self.oracle(leader.incarnation).committedIndex
        return leader.configuration.members.allSatisfy { member in
            guard let node = self.nodes.first(where: { $0.id == member.node }), node.identity == member.id else {
                return false
            }
            return node.applied.rawValue + 64 > committed.rawValue && !(node.replica?.isDamaged ?? true)
        }
    }

    private mutating func followCalm() {
        guard var calm, self.queue.now >= calm.until else { return }
        let now = self.nodes[calm.place].replica
        let isLeading = now?.role == .leader && now?.term == calm.term && self.highestTerm == calm.term.rawValue
        if let deaf = calm.deafPlace {
            if !isLeading {
                self.fail("\(self.name(deaf)) did not hear \(calm.leader), and now the term is \(self.highestTerm)")
            }
            return self.isFinished = true
        }
        let voters = now?.configuration.voters ?? []
        guard isLeading, let deaf = voters.compactMap({ self.place(of: $0.node) }).first(where: { $0 != calm.place })
        else { return self.isFinished = true }
        self.tell(self.name(deaf), "deafen", "to \(calm.leader)")
        self.network.block(from: calm.place, to: deaf)
        calm.deafPlace = deaf
        calm.until = self.queue.now + .milliseconds(6000)
        self.calm = calm
    }

    private var situation: String {
        self.nodes.indices.map { place in
            guard let replica = self.nodes[place].replica else { return "\(self.name(place)) no replica" }
            return "\(self.name(place)) \(replica.role) \(replica.id) term \(replica.term) "
                + "\(replica.baseIndex)-\(replica.commitIndex)/\(replica.lastIndex)"
                + "\(replica.isDamaged ? " damaged" : "") \(replica.configuration)"
        }.joined(separator: "; ")
    }
}
