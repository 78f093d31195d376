import ClusterModel
import Raft

// What clients and the world do to the group.
extension RaftWorld {
    var livePlaces: [Int] {
        self.nodes.indices.filter { self.nodes[$0].isUp && !self.nodes[$0].isPaused && self.nodes[$0].replica != nil }
    }
    /// Mostly somebody who believes to lead; there may be several of those.
    private mutating func target() -> Int? {
        let leaders = self.livePlaces.filter { self.nodes[$0].replica?.role == .leader }
        if !leaders.isEmpty, self.chance.percent(90) { return self.chance.pick(leaders) }
        return self.chance.pick(self.livePlaces)
    }

    /// Often whoever has led for longest, and may have been deposed without knowing.
    private mutating func readTarget() -> Int? {
        let isOldest = self.chance.percent(50)
        let leaders = self.livePlaces.filter { self.nodes[$0].replica?.role == .leader }
        guard isOldest, leaders.count > 1 else { return self.target() }
        return leaders.min { left, right in
            (self.nodes[left].replica?.term ?? .zero) < (self.nodes[right].replica?.term ?? .zero)
        }
    }

    /// Every 30 ms: perhaps a batch of proposals, perhaps a read.
    mutating func client() {
        self.queue.schedule(.client, after: self.chance.milliseconds(10...50))
        guard self.calm == nil else { return }
        if self.chance.percent(self.swarm.proposePercent), let place = self.target() {
            let count = self.chance.percent(80) ? 1 : self.chance.number(2...12)
            self.step(place, .propose((0..<count).map { _ in self.nextProposal() }))
        }
        if self.chance.percent(self.swarm.readPercent), let place = self.readTarget(),
            let incarnation = self.nodes[place].replica?.incarnation
        {
            let token = self.nextRead
            self.nextRead += 1
            self.readFloors[token] = self.oracle(incarnation).committedIndex
            self.step(place, .read(token: token))
        }
        if self.readChance.percent(self.swarm.readPercent) { self.passRead() }
    }

    /// A client asks a node that does not lead. The word of its replica goes with the read, by whatever way: it may be
    /// under way for long, and reach a leader that hears nobody any more.
    private mutating func passRead() {
        let leaders = self.livePlaces.filter { self.nodes[$0].replica?.role == .leader }
        guard let place = self.readChance.pick(leaders),
            let by = self.readChance.pick(self.livePlaces.filter { $0 != place }),
            let voucher = self.nodes[by].replica?.readVoucher
        else { return }
        let token = self.nextRead
        self.nextRead += 1
        self.readFloors[token] = self.oracle(voucher.incarnation).committedIndex
        let kept = self.faults.contains(.keepVouchers) ? self.keptVouchers[voucher.replica] : nil
        self.keptVouchers[voucher.replica] = kept ?? voucher
        let read = PassedRead(
            token: token, voucher: kept ?? voucher, from: self.nodes[by].id, boot: self.nodes[by].boot)
        let wait = self.readChance.percent(80) ? 0...20 : 0...3_000
        self.queue.schedule(.passedRead(read, to: place), after: self.readChance.milliseconds(wait))
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
            // Whoever has an old copy of its disk crashes more often: it must have started again to go back to it.
            let copied = self.nodes.indices.filter { self.nodes[$0].isUp && self.nodes[$0].backup != nil }
            if !everyone, self.chance.percent(60), let place = self.chance.pick(copied) {
                self.crash(place)
            } else {
                for place in self.nodes.indices where everyone || place == self.chance.number(0...self.nodes.count - 1)
                {
                    self.crash(place)
                }
            }
        }
        if self.swarm.rollbackPercent > 0, self.chance.percent(25) { self.backUp() }
        if self.chance.perMille(self.swarm.unaskedPerMille) { self.sendUnasked() }
        if self.chance.perMille(self.swarm.catastrophePerMille) { self.loseQuorum() }
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
        self.stop(place)
        self.loseData(place)
        self.queue.schedule(.restart(place), after: self.chance.milliseconds(10...5000))
        for other in self.nodes.indices where other != place && self.chance.percent(self.swarm.unreachablePercent) {
            let event = Event.unreachable(other, gone: self.nodes[place].id)
            self.queue.schedule(event, after: self.chance.milliseconds(1...200))
        }
    }

    /// The process ends; of what was not synced some is lost.
    mutating func stop(_ place: Int) {
        let isFailing = self.chance.percent(self.swarm.diskFailurePercent)
        let lost = self.nodes[place].disk.crash(isFailing: isFailing, &self.chance)
        self.counts.crashes += 1
        self.counts.lostWrites += lost
        self.tell(self.name(place), "crash", "\(lost) unsynced writes are lost")
        self.nodes[place].isUp = false
        self.nodes[place].replica = nil
        self.nodes[place].installing = nil
        self.nodes[place].held = []
        self.nodes[place].backlog.removeAll()
    }

    mutating func restart(_ place: Int) {
        guard !self.nodes[place].isUp else { return }
        self.tell(self.name(place), "restart", "")
        self.start(place)
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
        case 5:
            return self.replaceLost(place)
        default:
            // Nobody makes a replica a voter whose disk is lost, or that has yet to be repaired, or a learner of which
            // the leader has never heard: its node may be down and come back without its disk.
            var members = configuration.members.filter { member in
                !self.isCompromised(member.id) && !self.isLost(member)
                    && (configuration.voters.contains(member) || self.hasBeenHeard(member.id, at: place))
            }
            guard !members.isEmpty else { return }
            members.shuffle(using: &self.chance.generator)
            let count = self.chance.number(1...min(5, members.count))
            change = .replaceVoters(members.prefix(count).map(\.id), epoch)
        }
        self.step(place, .changeConfiguration(change))
    }

    /// As a leader reconciles its group: replicas that are gone for good leave it.
    mutating func replaceLost(_ place: Int) {
        guard let replica = self.nodes[place].replica, replica.role == .leader else { return }
        let configuration = replica.configuration
        let epoch = RingEpoch(self.epoch)
        if let learner = configuration.learners.first(where: { self.isLost($0) }) {
            return self.step(place, .changeConfiguration(.removeLearner(learner.id, epoch)))
        }
        let voters = configuration.voters.filter { !self.isLost($0) }
        guard !voters.isEmpty, voters.count < configuration.voters.count else { return }
        self.step(place, .changeConfiguration(.replaceVoters(voters.map(\.id), epoch)))
    }

    private func hasBeenHeard(_ learner: ReplicaID, at place: Int) -> Bool {
        (self.nodes[place].replica?.progress(of: learner)?.match ?? .zero) > .zero
    }

    private func isLost(_ replica: Replica) -> Bool {
        self.lost.contains(replica.id) || self.place(of: replica.node) == nil
    }
}
