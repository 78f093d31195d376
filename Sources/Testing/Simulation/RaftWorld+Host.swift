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
        self.nodes[place].boot += 1
        self.nodes[place].syncFree = self.queue.now
        let known = self.knownBoots[self.nodes[place].id] ?? 0
        if self.nodes[place].boot <= known, !self.faults.contains(.acceptOlderBoot) {
            // An older self: whoever remembers the newer one refuses it, so it can only come back as a new node.
            self.tell(self.name(place), "refuse", "boot \(self.nodes[place].boot) after \(known)")
            self.wipe(place)
            self.nodes[place].boot = 1
        }
        let id = self.nodes[place].id
        self.knownBoots[id] = max(self.knownBoots[id] ?? 0, self.nodes[place].boot)
        self.beginLife(place)
        if self.nodes[place].identity != nil { self.startReplica(place) }
    }

    /// Whatever the node had begun is void; its clock goes on.
    private mutating func beginLife(_ place: Int) {
        self.nodes[place].life += 1
        self.nodes[place].replica = nil
        self.nodes[place].installing = nil
        self.nodes[place].held = []
        let first = VirtualTime(
            microseconds: UInt64(self.chance.number(0...Int(self.nodes[place].tickMicroseconds))))
        self.queue.schedule(.tick(place, life: self.nodes[place].life), after: first)
    }

    /// Recovers the group's log from the disk and applies what is known to be committed.
    mutating func startReplica(_ place: Int) {
        guard let identity = self.nodes[place].identity else { return }
        self.finishInstalling(place)
        let durable = self.nodes[place].projection
        if let point = durable.point, point.index > self.nodes[place].disk.synced.lastIndex {
            // Only a disk that lost something: the state is committed, so the log goes on behind it.
            if !self.nodes[place].disk.synced.isDamaged {
                self.fail("\(self.name(place)) has a state at \(point.index), beyond its log")
            }
            self.nodes[place].disk.restart(at: point)
        }
        let log = self.nodes[place].disk.synced
        guard durable.index >= log.baseIndex else {
            return self.fail(
                "\(self.name(place)) has a log from \(log.baseIndex) on, but its state stands at \(durable.index)")
        }
        self.nodes[place].applied = durable.index
        self.nodes[place].state = durable.hash
        var commitIndex = durable.index
        if self.swarm.recoversCommitIndex {
            commitIndex = max(commitIndex, min(log.hardState.commitIndex, log.lastIndex))
            for entry in log.entries where entry.index > durable.index && entry.index <= commitIndex {
                self.apply(entry, place)
            }
        }
        let replica = RaftReplica(
            id: identity, node: self.nodes[place].id, settings: self.swarm.settings,
            recovered: log.recovered(commitIndex: commitIndex), seed: self.chance.generator.next())
        self.nodes[place].commitSeen = commitIndex
        self.nodes[place].replica = replica
    }

    /// A crash may have come between the log's new beginning and the state's new place.
    private mutating func finishInstalling(_ place: Int) {
        if let state = self.nodes[place].received?.state, state.index > self.nodes[place].projection.index,
            let base = self.nodes[place].disk.synced.base, base == state.point
        {
            self.nodes[place].projection = state
        }
        self.nodes[place].received = nil
    }

    mutating func apply(_ entry: Entry, _ place: Int) {
        if entry.index != self.nodes[place].applied.next() {
            self.fail("\(self.name(place)) applied \(entry.index) after \(self.nodes[place].applied)")
        }
        self.nodes[place].applied = entry.index
        self.nodes[place].state = RaftOracle.state(after: self.nodes[place].state, entry)
    }

    /// A message for a higher id than the node's own means that the group has removed and added it again:
    /// the replica goes on under the new id, or, in other seeds, its disk is a new one. One for a lower id
    /// is late.
    mutating func deliver(_ message: RaftMessage, to place: Int, boot: UInt64) {
        guard self.nodes[place].id == message.to.node, self.meet(message.from.node, boot, at: place) else { return }
        if let replica = self.nodes[place].replica, message.incarnation > replica.incarnation,
            !self.faults.contains(.incarnationUnchecked)
        {
            // Its data is void, if it has any; then it is spoken to as whatever it is from there on.
            self.stepForeign(place, message)
        }
        if let tombstone = self.nodes[place].tombstone, tombstone.refuses(message.to.id, of: message.incarnation) {
            return
        }
        if let identity = self.nodes[place].identity, message.to.id < identity { return }
        // The group's earlier life can not give this node a part in it again: what is here is newer.
        if let replica = self.nodes[place].replica, message.incarnation < replica.incarnation,
            !self.faults.contains(.incarnationUnchecked)
        {
            return self.stepForeign(place, message)
        }
        if self.nodes[place].identity != message.to.id { self.admit(message, at: place) }
        self.stepForeign(place, message)
    }

    mutating func deliver(_ read: PassedRead, to place: Int) {
        // One that was answered by nobody, or a group that has begun anew meanwhile.
        guard self.meet(read.from, read.boot, at: place),
            self.nodes[place].replica?.incarnation == read.voucher.incarnation
        else { return self.readFloors[read.token] = nil }
        self.step(place, .read(token: read.token, voucher: read.voucher))
    }

    /// - Returns: false for a message from an earlier life of a node that has spoken since.
    private mutating func meet(_ node: NodeID, _ boot: UInt64, at place: Int) -> Bool {
        let seen = self.nodes[place].boots[node] ?? 0
        guard boot != seen else { return true }
        guard boot > seen || self.faults.contains(.acceptOlderBoot) else { return false }
        self.nodes[place].boots[node] = boot
        if seen > 0 { self.step(place, .peerRestarted(node)) }
        return true
    }

    private mutating func admit(_ message: RaftMessage, at place: Int) {
        let isMine = self.nodes[place].replica?.incarnation == message.incarnation
        if self.swarm.readmits, isMine, self.nodes[place].replica?.readmit(as: message.to.id) == true {
            // The disk, and so whatever it lacks, is the same.
            if let old = self.nodes[place].identity, self.damaged.remove(old) != nil {
                self.damaged.insert(message.to.id)
            }
            return self.nodes[place].identity = message.to.id
        }
        self.tell(self.name(place), "create", "replica \(message.to.id)")
        if self.nodes[place].identity != nil { self.deleteReplica(place) }
        self.nodes[place].identity = message.to.id
        self.startReplica(place)
    }

    /// Tombstone first, then everything else.
    mutating func deleteReplica(_ place: Int) {
        guard let id = self.nodes[place].identity else { return }
        let incarnation = self.nodes[place].replica?.incarnation ?? .founding
        let tombstone = ReplicaTombstone(incarnation: incarnation, replica: id)
        self.nodes[place].tombstone = self.nodes[place].tombstone?.merged(with: tombstone) ?? tombstone
        self.nodes[place].identity = nil
        self.nodes[place].disk = SimulatedDisk()
        self.nodes[place].projection = SimulatedState()
        self.nodes[place].received = nil
        self.nodes[place].backup = nil
        self.lost.insert(id)
        self.damaged.remove(id)
        self.beginLife(place)
    }

    /// What belongs to an older incarnation must leave no trace.
    private mutating func stepForeign(_ place: Int, _ message: RaftMessage) {
        guard let before = self.nodes[place].replica, message.incarnation < before.incarnation else {
            return self.step(place, .received(message))
        }
        self.step(place, .received(message))
        guard let after = self.nodes[place].replica else { return }
        if after.term != before.term || after.lastIndex != before.lastIndex || after.role != before.role
            || after.commitIndex != before.commitIndex || after.leader != before.leader
        {
            self.fail("\(self.name(place)) of incarnation \(before.incarnation) obeyed \(message)")
        }
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

    mutating func check(_ place: Int) {
        guard let replica = self.nodes[place].replica else { return }
        if replica.commitIndex < self.nodes[place].commitSeen || replica.commitIndex > replica.lastIndex {
            self.fail(
                "\(self.name(place)) moved its commit index from \(self.nodes[place].commitSeen) to "
                    + "\(replica.commitIndex) of \(replica.lastIndex)")
        }
        self.nodes[place].commitSeen = replica.commitIndex
        if self.nodes[place].installing == nil, self.nodes[place].applied != replica.commitIndex {
            self.fail("\(self.name(place)) committed \(replica.commitIndex), applied \(self.nodes[place].applied)")
        }
        let oracle = self.oracle(replica.incarnation)
        if self.nodes[place].applied <= oracle.committedIndex,
            self.nodes[place].state != oracle.state(at: self.nodes[place].applied)
        {
            self.fail("\(self.name(place)) has another state at \(self.nodes[place].applied)")
        }
        self.trace.mix(place)
        self.trace.mix(replica.term.rawValue)
        self.trace.mix(replica.lastIndex.rawValue)
        self.trace.mix(replica.commitIndex.rawValue)
    }

    private mutating func perform(
        _ effect: RaftEffect, _ place: Int, _ replica: Replica, _ configuration: Configuration
    ) {
        guard let current = self.nodes[place].replica else { return }
        switch effect {
        case .persist(let mark, let hardState, let entries):
            self.nodes[place].disk.write(mark, .append(hardState, entries))
            self.scheduleSync(place, mark)
        case .send(let message):
            let disk = self.nodes[place].disk
            self.judge(current.incarnation) { $0.sent(message, disk) }
            self.send(message, from: place)
        case .committed(let entries):
            if let last = entries.last, current.role == .leader {
                self.judge(current.incarnation) { $0.advanced(to: last, by: replica, asLeaderOf: current.term) }
            }
            for entry in entries { self.committed(entry, place, replica, current, configuration) }
        case .accepted(let token, let index, let term):
            let key = Place(incarnation: current.incarnation, index: index)
            self.accepted[key, default: []].append((operation: token, term: term))
        case .refused:
            break
        case .readReady(let token, let index):
            guard let floor = self.readFloors.removeValue(forKey: token) else {
                return self.fail("\(replica) answered read \(token) twice or unasked")
            }
            self.counts.reads += 1
            self.judge(current.incarnation) {
                $0.read(index, arrivedAt: floor, by: replica, commitIndex: current.commitIndex)
            }
        case .readFailed(let token, _):
            self.readFloors[token] = nil
        case .roleChanged(let role, let term, let leader):
            self.tell(
                self.name(place), "role", "\(role) of term \(term), leader \(leader.map { "\($0.id)" } ?? "none")")
            guard role == .leader else { return }
            self.counts.elections += 1
            let log = self.nodes[place].disk.written
            self.judge(current.incarnation) { $0.elected(replica, term, log: log) }
        case .configurationChanged(let configuration, let index, let committed):
            self.tell(self.name(place), "configure", RaftNarration.text(configuration, at: index, committed))
            if committed { self.counts.changes += 1 }
            if !committed, current.role == .leader, !current.hasStartedTerm {
                self.fail("\(replica) changed the configuration before it had committed in its term")
            }
        case .configurationRefused(let refusal):
            self.tell(self.name(place), "refuse", "\(refusal)")
        case .fetch(let id, let from, let bytesMax):
            self.counts.fetches += 1
            let event = Event.fetched(place, life: self.nodes[place].life, for: id, from: from, bytesMax: bytesMax)
            self.queue.schedule(event, after: self.chance.milliseconds(0...5))
        case .removedFromGroup(let index):
            self.tell(self.name(place), "removed", "by the configuration at \(index)")
            self.leftOut(place)
        case .sendSnapshot(let follower):
            self.send(stateFrom: place, to: follower)
        case .install(let mark, let point, let hardState):
            self.tell(self.name(place), "install", "\(point)")
            self.install(place, mark, point, hardState)
        case .snapshotIgnored(let point):
            self.tell(self.name(place), "ignore", "\(point)")
            self.ignored(place)
        case .superseded(let incarnation):
            self.tell(self.name(place), "superseded", "by incarnation \(incarnation)")
            self.counts.superseded += 1
            self.deleteReplica(place)
        case .repaired:
            self.tell(self.name(place), "repaired", "")
            self.counts.repairs += 1
            self.nodes[place].disk.repaired()
            self.damaged.remove(replica.id)
        }
    }

    private mutating func committed(
        _ entry: Entry, _ place: Int, _ replica: Replica, _ current: RaftReplica, _ configuration: Configuration
    ) {
        if self.nodes[place].installing == nil {
            self.apply(entry, place)
        } else {
            self.nodes[place].held.append(entry)
        }
        let nodes = self.nodes
        let lost = self.lost.union(self.damaged)
        self.judge(current.incarnation) { oracle in
            oracle.committed(
                entry, by: replica, current.term, under: [configuration, current.configuration]
            ) { member in
                // What was durable there when it was acknowledged may be lost since.
                if lost.contains(member.id) { return true }
                guard let node = nodes.first(where: { $0.id == member.node }), node.identity == member.id else {
                    return false
                }
                return node.disk.synced.covers(entry.index, entry.term)
            }
        }
        let key = Place(incarnation: current.incarnation, index: entry.index)
        guard let operations = self.accepted.removeValue(forKey: key) else { return }
        for (operation, term) in operations where term == entry.term {
            self.counts.acknowledged += 1
            self.acknowledged.append((operation: operation, incarnation: current.incarnation))
        }
    }

    mutating func scheduleSync(_ place: Int, _ mark: PersistMark) {
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
            self.queue.schedule(.deliver(message, to: to, boot: self.nodes[from].boot), after: wait)
        }
    }
}
