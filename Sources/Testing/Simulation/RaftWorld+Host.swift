import ClusterModel
import Raft

// The host's work: starting replicas from the disk, feeding inputs and performing effects. The real host
// does the same with threads and sockets.
extension RaftWorld {
    func name(_ place: Int) -> String { "n\(place + 1)" }
    func place(of node: NodeID) -> Int? { self.nodes.firstIndex { $0.id == node } }

    mutating func start(_ place: Int) {
        self.nodes[place].isUp = true
        self.nodes[place].isPaused = false
        self.nodes[place].life += 1
        self.nodes[place].replica = nil
        self.nodes[place].syncFree = self.queue.now
        let first = VirtualTime(
            microseconds: UInt64(self.chance.number(0...Int(self.nodes[place].tickMicroseconds))))
        self.queue.schedule(.tick(place, life: self.nodes[place].life), after: first)
        if self.nodes[place].identity != nil { self.startReplica(place) }
    }

    /// Recovers the group's log from the disk and applies what is known to be committed.
    mutating func startReplica(_ place: Int) {
        guard let identity = self.nodes[place].identity else { return }
        let synced = self.nodes[place].disk.synced
        var recovered = RecoveredLog(hardState: synced.hardState, entries: synced.entries)
        self.nodes[place].applied = .zero
        self.nodes[place].state = 0
        if self.swarm.recoversCommitIndex {
            let commitIndex = recovered.hardState.commitIndex
            for entry in synced.entries.prefix(Int(commitIndex.rawValue)) { self.apply(entry, place) }
            recovered.tail.removeFirst(Int(commitIndex.rawValue))
        } else {
            recovered.hardState.commitIndex = .zero
        }
        self.nodes[place].commitSeen = recovered.hardState.commitIndex
        self.nodes[place].replica = RaftReplica(
            id: identity, node: self.nodes[place].id, settings: self.swarm.settings, recovered: recovered,
            seed: self.chance.generator.next())
    }

    private mutating func apply(_ entry: Entry, _ place: Int) {
        if entry.index != self.nodes[place].applied.next() {
            self.oracle.fail("\(self.name(place)) applied \(entry.index) after \(self.nodes[place].applied)")
        }
        self.nodes[place].applied = entry.index
        self.nodes[place].state = RaftOracle.state(after: self.nodes[place].state, entry)
    }

    /// A message for a higher id than the node's own means that the group has removed and added it again:
    /// the replica goes on under the new id, or, in other seeds, its disk is a new one. One for a lower id
    /// is late.
    mutating func deliver(_ message: RaftMessage, to place: Int) {
        if let identity = self.nodes[place].identity, message.to.id < identity { return }
        if self.swarm.readmits, self.nodes[place].replica != nil {
            self.nodes[place].replica?.readmit(as: message.to.id)
            self.nodes[place].identity = self.nodes[place].replica?.id
        } else if self.nodes[place].identity != message.to.id {
            self.tell(self.name(place), "create", "replica \(message.to.id)")
            self.nodes[place].identity = message.to.id
            self.nodes[place].disk = SimulatedDisk()
            self.nodes[place].life += 1
            self.startReplica(place)
            let delay = VirtualTime(microseconds: self.nodes[place].tickMicroseconds)
            self.queue.schedule(.tick(place, life: self.nodes[place].life), after: delay)
        }
        self.step(place, .received(message))
    }

    mutating func step(_ place: Int, _ input: RaftInput) {
        guard let replica = self.nodes[place].replica else { return }
        let configuration = replica.configuration
        if self.narrate != nil { self.narrateInput(place, input) }
        self.effects.removeAll(keepingCapacity: true)
        self.nodes[place].replica?.step(input, into: &self.effects)
        let effects = self.effects
        for effect in effects {
            self.perform(effect, place, Replica(id: replica.id, node: replica.node), configuration)
        }
        self.check(place)
    }

    private mutating func check(_ place: Int) {
        guard let replica = self.nodes[place].replica else { return }
        if replica.commitIndex < self.nodes[place].commitSeen || replica.commitIndex > replica.lastIndex {
            self.oracle.fail(
                "\(self.name(place)) moved its commit index from \(self.nodes[place].commitSeen) to "
                    + "\(replica.commitIndex) of \(replica.lastIndex)")
        }
        self.nodes[place].commitSeen = replica.commitIndex
        if self.nodes[place].applied != replica.commitIndex {
            self.oracle.fail(
                "\(self.name(place)) committed \(replica.commitIndex), applied \(self.nodes[place].applied)")
        }
        if self.nodes[place].applied <= self.oracle.committedIndex,
            self.nodes[place].state != self.oracle.state(at: self.nodes[place].applied)
        {
            self.oracle.fail("\(self.name(place)) has another state at \(self.nodes[place].applied)")
        }
        self.trace.mix(place)
        self.trace.mix(replica.term.rawValue)
        self.trace.mix(replica.lastIndex.rawValue)
        self.trace.mix(replica.commitIndex.rawValue)
    }

    private mutating func perform(
        _ effect: RaftEffect, _ place: Int, _ replica: Replica, _ configuration: Configuration
    ) {
        switch effect {
        case .persist(let mark, let hardState, let entries):
            self.nodes[place].disk.write(mark, hardState, entries)
            self.scheduleSync(place, mark)
        case .send(let message):
            self.oracle.sent(message, self.nodes[place].disk)
            self.send(message, from: place)
        case .committed(let entries):
            if let last = entries.last, let leader = self.nodes[place].replica, leader.role == .leader {
                self.oracle.advanced(to: last, by: replica, asLeaderOf: leader.term)
            }
            for entry in entries { self.committed(entry, place, replica, configuration) }
        case .accepted(let token, let index, let term):
            self.accepted[index, default: []].append((operation: token, term: term))
        case .refused:
            break
        case .readReady(let token, let index):
            guard let floor = self.readFloors.removeValue(forKey: token) else {
                return self.oracle.fail("\(replica) answered read \(token) twice or unasked")
            }
            self.counts.reads += 1
            self.oracle.read(
                index, arrivedAt: floor, by: replica, commitIndex: self.nodes[place].replica?.commitIndex ?? .zero)
        case .readFailed(let token, _):
            self.readFloors[token] = nil
        case .roleChanged(let role, let term, let leader):
            self.tell(
                self.name(place), "role", "\(role) of term \(term), leader \(leader.map { "\($0.id)" } ?? "none")")
            guard role == .leader else { return }
            self.counts.elections += 1
            self.oracle.elected(replica, term, log: self.nodes[place].disk.written)
        case .configurationChanged(let configuration, let index, let committed):
            self.tell(self.name(place), "configure", RaftNarration.text(configuration, at: index, committed))
            if committed { self.counts.changes += 1 }
            guard !committed, let leader = self.nodes[place].replica, leader.role == .leader else { return }
            if !leader.hasStartedTerm {
                self.oracle.fail("\(replica) changed the configuration before it had committed in its term")
            }
        case .configurationRefused(let refusal):
            self.tell(self.name(place), "refuse", "\(refusal)")
        case .fetch(let id, let from, let bytesMax):
            self.counts.fetches += 1
            let event = Event.fetched(place, life: self.nodes[place].life, for: id, from: from, bytesMax: bytesMax)
            self.queue.schedule(event, after: self.chance.milliseconds(0...5))
        case .removedFromGroup(let index):
            self.tell(self.name(place), "removed", "by the configuration at \(index)")
        case .sendSnapshot, .install, .snapshotIgnored, .superseded, .repaired: break
        }
    }

    private mutating func committed(
        _ entry: Entry, _ place: Int, _ replica: Replica, _ configuration: Configuration
    ) {
        self.apply(entry, place)
        guard let current = self.nodes[place].replica else { return }
        let nodes = self.nodes
        self.oracle.committed(
            entry, by: replica, current.term, under: [configuration, current.configuration]
        ) { member in
            guard let node = nodes.first(where: { $0.id == member.node }), node.identity == member.id else {
                return false
            }
            return node.disk.synced.entry(at: entry.index)?.term == entry.term
        }
        guard let operations = self.accepted.removeValue(forKey: entry.index) else { return }
        for (operation, term) in operations where term == entry.term {
            self.counts.acknowledged += 1
            self.acknowledged.append(operation)
        }
    }

    private mutating func scheduleSync(_ place: Int, _ mark: PersistMark) {
        var delay = self.chance.delay(meanMilliseconds: self.swarm.syncMilliseconds)
        if !self.isHealed, self.chance.perMille(self.swarm.syncStallPerMille) {
            delay = delay + self.chance.milliseconds(200...4000)
        }
        let end = max(self.nodes[place].syncFree, self.queue.now + delay)
        self.nodes[place].syncFree = end
        let wait = VirtualTime(microseconds: end.microseconds - self.queue.now.microseconds)
        self.queue.schedule(.synced(place, life: self.nodes[place].life, mark), after: wait)
    }

    private mutating func send(_ message: RaftMessage, from: Int) {
        guard let to = self.place(of: message.to.node) else { return }
        let fates = self.network.fates(from: from, to: to, &self.chance)
        if fates.isEmpty { self.tell(self.name(from), "lost", message.description) }
        for delay in fates {
            var wait = delay
            if self.swarm.isOrdered {
                let link = from * self.nodes.count + to
                let end = max(self.linkFree[link], self.queue.now + delay)
                self.linkFree[link] = end
                wait = VirtualTime(microseconds: end.microseconds - self.queue.now.microseconds)
            }
            self.queue.schedule(.deliver(message, to: to), after: wait)
        }
    }
}
