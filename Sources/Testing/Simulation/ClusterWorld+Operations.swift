import ChatMachine
import ChatModel
import ClusterModel
import Placement
import Raft

// Nodes come, go and are looked after; then everything must stand where it should.
extension ClusterWorld {
    func leader(of shard: Int) -> Int? {
        self.nodes.indices.filter { self.nodes[$0].isUp && self.nodes[$0].slots[shard]?.raft.role == .leader }
            .max { self.term($0, shard) < self.term($1, shard) }
    }

    private func term(_ place: Int, _ shard: Int) -> Term { self.nodes[place].slots[shard]?.raft.term ?? .zero }

    mutating func propose(_ command: Command, from place: Int? = nil) {
        guard let leader = self.leader(of: 0),
            place.map({ $0 == leader || self.network.isOpen(from: $0, to: leader) }) ?? true
        else { return }
        let now = Timestamp(milliseconds: 1_750_000_000_000 + Int64(self.nowMilliseconds))
        self.clientToken += 1
        let payload = LoggedCommand(at: now, command: command).encoded
        self.step(leader, 0, .propose([Proposal(token: self.clientToken, payload: payload)]))
    }

    /// A node tells the directory what is true of it, as far as its own copy says otherwise.
    mutating func enrol(_ place: Int) {
        let node = self.nodes[place]
        guard let leader = self.leader(of: 0) else { return }
        // A joiner has no copy yet: it asks a member.
        let known = (node.slots[0] == nil ? self.registry(of: leader) : self.registry(of: place))[node.id]
        guard let known else {
            let record = NodeRecord(
                id: node.id, name: "\(node.address)", address: node.address, clientAddress: "", state: .joining,
                boot: BootCounter(node.boot))
            return self.propose(.registerNode(record), from: place)
        }
        guard known.state != .removed, known.life.nonce != node.boot || known.state == .dead else { return }
        self.propose(
            .startNode(
                NodeStart(
                    node: node.id, boot: BootCounter(node.boot), nonce: node.boot, address: node.address,
                    clientAddress: "", versions: .current)), from: place)
    }

    mutating func steward(_ place: Int) {
        guard let slot = self.nodes[place].slots[0], slot.raft.hasStartedTerm, let machine = slot.machine else {
            return
        }
        let voters = slot.raft.configuration.voters
        let caughtUp = slot.raft.configuration.members.filter { member in
            if member.id == slot.raft.id { return true }
            guard let progress = slot.raft.progress(of: member.id) else { return false }
            return progress.match > .zero && progress.lag <= 64 && progress.ticksSinceHeard <= 5
        }
        var views: [NodeID: Set<NodeID>] = [:]
        for voter in voters.compactMap({ self.place(of: $0.node) }) where self.nodes[voter].isUp {
            guard voter == place || self.network.isOpen(from: voter, to: place) else { continue }
            views[self.nodes[voter].id] = Set(
                self.nodes.indices.filter { other in
                    let isSilent = !self.nodes[other].isUp || !self.network.isOpen(from: other, to: voter)
                    return other != voter && isSilent && self.nodes[other].downSince + .seconds(2) < self.queue.now
                }.map { self.nodes[$0].id })
        }
        var voting: Set<NodeID>? = []
        for shard in 0..<self.groups {
            guard let leader = self.leader(of: shard), let group = self.nodes[leader].slots[shard] else {
                voting = nil
                break
            }
            let configuration = group.raft.configuration
            voting?.formUnion((configuration.voters + configuration.outgoing).map(\.node))
        }
        let steps = self.nodes[place].steward.step(
            StewardView(
                nowMilliseconds: self.nowMilliseconds,
                wallClock: Timestamp(milliseconds: 1_750_000_000_000 + Int64(self.nowMilliseconds)),
                registry: machine.registry, isInitialised: true, directoryVoters: voters.map(\.node),
                caughtUp: Set(caughtUp.map(\.node)), deadInViewOf: views, voting: voting))
        for step in steps {
            self.tell(self.name(place), "steward", "\(step)")
            switch step {
            case .activate(let nodes): self.propose(.activateNodes(nodes))
            case .bury(let node): self.propose(.buryNode(node))
            case .remove(let node): self.propose(.removeNode(node))
            }
        }
    }

    // MARK: What happens to it

    mutating func join(at host: Int?) {
        guard self.nodes.count < Self.nodesMax else { return }
        self.counts.joins += 1
        self.start(self.add(at: host))
    }

    mutating func write() {
        let shard = self.chance.number(0...self.groups - 1)
        guard shard > 0, let leader = self.leader(of: shard) else { return }
        self.clientToken += 1
        self.step(leader, shard, .propose([Proposal(token: self.clientToken, payload: [UInt8(shard)])]))
    }

    /// One thing at a time: a node that is down, or a disk that is lost, until every group has made up for it.
    private var isWhole: Bool {
        self.nodes.allSatisfy { $0.isUp || $0.isLost }
            && (0..<self.groups).allSatisfy { shard in
                guard let configuration = self.oracle.configuration(of: shard), !configuration.isJoint else {
                    return false
                }
                return configuration.voters.allSatisfy { voter in
                    self.place(of: voter.node).map { self.nodes[$0].isUp } ?? false
                }
            }
    }

    private var hasThreeVoters: Bool {
        (0..<self.groups).allSatisfy { self.oracle.configuration(of: $0).map { $0.voters.count >= 3 } ?? false }
    }

    mutating func harm() {
        let registry = self.leader(of: 0).map { self.registry(of: $0) } ?? .empty
        let up = self.nodes.indices.filter { self.nodes[$0].isUp }
        guard let victim = self.chance.pick(up) else { return }
        let active = registry.active.count
        switch self.chance.number(0...9) {
        case 0, 1:
            if registry.members.count < 7 { self.join(at: nil) }
        case 2:
            guard active > 3 else { return }
            self.counts.drains += 1
            self.tell(self.name(victim), "drain", "")
            self.propose(.drainNode(self.nodes[victim].id))
        case 3, 4:
            guard self.isWhole, self.hasThreeVoters else { return }
            self.stop(victim)
            self.queue.schedule(.start(victim), after: self.chance.milliseconds(200...9_000))
        case 5:
            // For good: what it held must be made anew from the others.
            guard active > 3, self.isWhole, self.hasThreeVoters else { return }
            self.counts.deaths += 1
            self.stop(victim)
            self.nodes[victim].isLost = true
        case 6:
            guard self.isWhole, self.hasThreeVoters, self.nodes.count < Self.nodesMax else { return }
            self.counts.wipes += 1
            self.stop(victim)
            self.nodes[victim].isLost = true
            self.join(at: Int(self.nodes[victim].address.port) - 1)
        default:
            self.counts.cuts += 1
            _ = self.network.cut(&self.chance)
            self.queue.schedule(.mend, after: self.chance.milliseconds(300...6_000))
        }
    }

    mutating func heal() {
        self.tell("all", "heal", "")
        self.isHealed = true
        self.healedAt = self.queue.now
        self.network.heal()
        self.network.faults = .none
        for place in self.nodes.indices where !self.nodes[place].isUp && !self.nodes[place].isLost { self.start(place) }
    }

    // MARK: What must come of it

    mutating func inspect() {
        guard self.isHealed else { return }
        // An operator forgets what is gone for good, where the brakes hold it back.
        if let leader = self.leader(of: 0) {
            for record in self.registry(of: leader).members {
                guard let place = self.place(of: record.id), self.nodes[place].isLost else { continue }
                self.propose(.removeNode(record.id))
            }
        }
        guard let complaint = self.complaint() else { return self.settled() }
        self.settledSince = nil
        guard self.queue.now < self.healedAt + Self.convergence else {
            return self.oracle.fail("E2: not settled \(Self.convergence) s after healing: \(complaint)")
        }
    }

    private mutating func settled() {
        let since = self.settledSince ?? self.queue.now
        self.settledSince = since
        guard since + .seconds(2) <= self.queue.now else { return }
        if let before = self.lastJoin {
            guard let leader = self.leader(of: 0) else { return }
            let now = Ring(self.registry(of: leader), shardCount: self.map.shardCount)
            guard now != before.rings else { return }
            let ideal = Ring.moves(from: before.rings, to: now).filter { $0.shard != .directory }
                .reduce(0) { $0 + $1.arriving.count }
            self.counts.moved = self.counts.learners - before.learners
            self.counts.ideal = ideal
            if self.counts.moved * 10 > ideal * 12 {
                self.oracle.fail("\(self.counts.moved) replicas were made where \(ideal) had to be")
            }
            self.isFinished = true
        } else if self.nodes.count < Self.nodesMax, let leader = self.leader(of: 0) {
            let ring = Ring(self.registry(of: leader), shardCount: self.map.shardCount)
            self.lastJoin = (self.counts.learners, ring)
            self.settledSince = nil
            self.healedAt = self.queue.now
            self.join(at: nil)
        } else {
            self.isFinished = true
        }
    }

    /// What is not as it should be yet; nil when all is well (E2, E4).
    private func complaint() -> String? {
        guard let steward = self.leader(of: 0) else { return "nobody leads the directory" }
        let registry = self.registry(of: steward)
        let ring = Ring(registry, shardCount: self.map.shardCount)
        for record in registry.members where record.state != .active {
            return "\(record.id.short) is \(record.state.name)"
        }
        for shard in 0..<self.groups {
            guard let leader = self.leader(of: shard), let slot = self.nodes[leader].slots[shard] else {
                return "nobody leads shard \(shard)"
            }
            let configuration = slot.raft.committedConfiguration
            let wanted = ring.replicas(of: ShardID(UInt16(shard)))
            guard !configuration.isJoint, Set(configuration.voters.map(\.node)) == Set(wanted) else {
                return "shard \(shard) is on \(configuration.voters.map(\.node.short)), not \(wanted.map(\.short))"
            }
            if shard != 0, !configuration.learners.isEmpty { return "shard \(shard) has learners left" }
            for place in self.nodes.indices where self.nodes[place].isUp {
                guard let other = self.nodes[place].slots[shard], configuration.member(other.raft.id) == nil else {
                    continue
                }
                // It may still believe itself a member; what it must not do is lead, or be taken for one.
                if other.raft.role == .leader {
                    return "\(self.name(place)) leads shard \(shard) that it is no part of"
                }
            }
        }
        return nil
    }
}
