import ClusterModel
import Raft

// What clients and the world do to the group.
extension RaftWorld {
    private var livePlaces: [Int] {
        self.nodes.indices.filter { self.nodes[$0].isUp && !self.nodes[$0].isPaused && self.nodes[$0].replica != nil }
    }
    /// Mostly somebody who believes to lead; there may be several of those.
    private mutating func target() -> Int? {
        let leaders = self.livePlaces.filter { self.nodes[$0].replica?.role == .leader }
        if !leaders.isEmpty, self.chance.percent(90) { return self.chance.pick(leaders) }
        return self.chance.pick(self.livePlaces)
    }

    /// Every 30 ms: perhaps a batch of proposals, perhaps a read.
    mutating func client() {
        self.queue.schedule(.client, after: self.chance.milliseconds(10...50))
        if self.chance.percent(self.swarm.proposePercent), let place = self.target() {
            let count = self.chance.percent(80) ? 1 : self.chance.number(2...12)
            self.step(place, .propose((0..<count).map { _ in self.nextProposal() }))
        }
        if self.chance.percent(self.swarm.readPercent), let place = self.target() {
            let token = self.nextRead
            self.nextRead += 1
            self.readFloors[token] = self.oracle.committedIndex
            self.step(place, .read(token: token))
        }
    }

    private mutating func nextProposal() -> Proposal {
        let operation = self.nextOperation
        self.nextOperation += 1
        var writer = ByteWriter()
        writer.write(operation)
        let padding = self.chance.number(0...self.swarm.payloadBytesMax)
        return Proposal(token: operation, payload: writer.bytes + Array(repeating: 0, count: padding))
    }

    /// Every 100 ms of the first phase each fault has its chance.
    mutating func chaos() {
        guard !self.isHealed else { return }
        self.queue.schedule(.chaos, after: .milliseconds(100))
        if self.chance.perMille(self.swarm.cutPerMille) {
            let kind = self.network.cut(&self.chance)
            self.counts.cuts += 1
            self.tell("", "cut", "\(kind)")
            self.queue.schedule(.mendNetwork, after: self.chance.milliseconds(200...8000))
        }
        if self.chance.perMille(self.swarm.crashPerMille) {
            // Rarely the power of the whole building fails.
            let everyone = self.chance.percent(10)
            for place in self.nodes.indices where everyone || place == self.chance.number(0...self.nodes.count - 1) {
                self.crash(place)
            }
        }
        if self.chance.perMille(self.swarm.pausePerMille), let place = self.chance.pick(self.livePlaces) {
            self.pause(place)
        }
        if self.chance.perMille(self.swarm.changePerMille) {
            for _ in 0..<(self.chance.percent(30) ? 3 : 1) { self.changeConfiguration() }
        }
        if self.chance.perMille(self.swarm.transferPerMille), let place = self.target(),
            let voters = self.nodes[place].replica?.configuration.voters, let voter = self.chance.pick(voters)
        {
            self.counts.transfers += 1
            self.step(place, .transferLeadership(to: voter.id))
        }
    }

    private mutating func crash(_ place: Int) {
        guard self.nodes[place].isUp else { return }
        let lost = self.nodes[place].disk.crash(&self.chance)
        self.counts.crashes += 1
        self.counts.lostWrites += lost
        self.tell(self.name(place), "crash", "\(lost) unsynced writes are lost")
        self.nodes[place].isUp = false
        self.nodes[place].replica = nil
        self.nodes[place].backlog.removeAll()
        self.queue.schedule(.restart(place), after: self.chance.milliseconds(10...5000))
        for other in self.nodes.indices where other != place && self.chance.percent(self.swarm.unreachablePercent) {
            let event = Event.unreachable(other, gone: self.nodes[place].id)
            self.queue.schedule(event, after: self.chance.milliseconds(1...200))
        }
    }

    mutating func restart(_ place: Int) {
        guard !self.nodes[place].isUp else { return }
        self.tell(self.name(place), "restart", "")
        self.start(place)
        for other in self.livePlaces where other != place {
            self.step(other, .peerRestarted(self.nodes[place].id))
        }
    }

    private mutating func pause(_ place: Int) {
        self.counts.pauses += 1
        self.tell(self.name(place), "pause", "")
        self.nodes[place].isPaused = true
        self.queue.schedule(.resume(place), after: self.chance.milliseconds(100...6000))
    }

    mutating func resume(_ place: Int) {
        guard self.nodes[place].isUp, self.nodes[place].isPaused else { return }
        self.tell(self.name(place), "resume", "\(self.nodes[place].backlog.count) events wait")
        self.nodes[place].isPaused = false
        let backlog = self.nodes[place].backlog
        self.nodes[place].backlog.removeAll()
        for event in backlog { self.handle(event) }
    }

    private mutating func changeConfiguration() {
        guard let place = self.target(), let configuration = self.nodes[place].replica?.configuration else { return }
        if self.chance.percent(20) { self.epoch += 1 }
        let epoch = RingEpoch(self.chance.percent(5) ? self.epoch - 1 : self.epoch)
        let change: ConfigurationChange
        switch self.chance.number(0...9) {
        case 0...3:
            guard let node = self.chance.pick(self.nodes) else { return }
            change = .addLearner(node.id, epoch)
        case 4:
            guard let learner = self.chance.pick(configuration.learners) else { return }
            change = .removeLearner(learner.id, epoch)
        default:
            var members = configuration.members
            members.shuffle(using: &self.chance.generator)
            let count = self.chance.number(1...max(1, min(5, members.count)))
            change = .replaceVoters(members.prefix(count).map(\.id), epoch)
        }
        self.step(place, .changeConfiguration(change))
    }
}

// The second phase: everything works again, and so must the group.
extension RaftWorld {
    mutating func heal() {
        self.tell("", "heal", "everything works from here on")
        self.isHealed = true
        self.healedAt = self.queue.now
        self.network.heal()
        self.network.faults = .none
        self.swarm.syncMilliseconds = 2
        self.linkFree = self.linkFree.map { _ in self.queue.now }
        for place in self.nodes.indices {
            self.restart(place)
            self.resume(place)
            self.nodes[place].syncFree = self.queue.now
        }
    }

    mutating func inspect() {
        self.queue.schedule(.inspect, after: .milliseconds(500))
        for left in self.nodes.indices {
            for right in self.nodes.indices where left < right {
                self.oracle.compare(
                    self.nodes[left].disk.written.entries, self.nodes[right].disk.written.entries,
                    above: min(self.nodes[left].applied, self.nodes[right].applied))
            }
        }
        guard self.isHealed else { return }
        self.followConvergence()
        if self.oracle.violation == nil, !self.isFinished, self.queue.now > self.healedAt + Self.convergenceTime {
            self.oracle.fail("no convergence within \(Self.convergenceTime) s: \(self.situation)")
        }
    }

    private mutating func followConvergence() {
        let leading = self.livePlaces.filter { self.isUsefulLeader($0) }
        guard leading.count == 1, let leader = self.nodes[leading[0]].replica else {
            return self.stableSince = nil
        }
        let replica = Replica(id: leader.id, node: leader.node)
        guard let since = self.stableSince, since.leader == replica, since.term == leader.term else {
            self.stableSince = (leader.term, replica, self.queue.now, self.oracle.committedIndex)
            return
        }
        guard self.queue.now > since.time + Self.stableTime, self.oracle.committedIndex > since.committed else {
            return
        }
        for operation in self.acknowledged where !self.oracle.contains(operation) {
            self.oracle.fail("operation \(operation) was acknowledged and is gone")
        }
        self.isFinished = true
    }

    /// Leads a configuration that is complete, and every member has nearly all that is committed.
    private func isUsefulLeader(_ place: Int) -> Bool {
        guard let leader = self.nodes[place].replica, leader.role == .leader, leader.hasStartedTerm,
            !leader.isConfigurationChangePending
        else { return false }
        return leader.configuration.members.allSatisfy { member in
            guard let node = self.nodes.first(where: { $0.id == member.node }), node.identity == member.id else {
                return false
            }
            return node.applied.rawValue + 64 > self.oracle.committedIndex.rawValue
        }
    }

    private var situation: String {
        self.nodes.indices.map { place in
            guard let replica = self.nodes[place].replica else { return "\(self.name(place)) no replica" }
            return "\(self.name(place)) \(replica.role) \(replica.id) term \(replica.term) "
                + "\(replica.commitIndex)/\(replica.lastIndex) \(replica.configuration)"
        }.joined(separator: "; ")
    }
}
