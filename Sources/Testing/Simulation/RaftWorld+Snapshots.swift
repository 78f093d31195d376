import ClusterModel
import Raft

/// A state on its way from one replica to another.
struct RaftTransfer {
    let id: Int
    let from: Replica
    let to: Replica
    let state: SimulatedState
    /// Where the sender lives, and in which life it sent this.
    let place: Int
    let life: Int
}

// States: made durable, standing for compacted entries, sent, received and put in place.
extension RaftWorld {
    /// Makes the machine's state durable as far as its entries are, and lets go of what it stands for.
    mutating func project(_ place: Int) {
        self.nodes[place].ticks += 1
        guard self.nodes[place].installing == nil, let replica = self.nodes[place].replica else { return }
        if self.nodes[place].ticks % self.swarm.projectTicks == 0 { self.makeDurable(place, replica) }
        self.compact(place, replica)
    }

    /// Never beyond what the own log has on the disk.
    private mutating func makeDurable(_ place: Int, _ replica: RaftReplica) {
        let index = min(self.nodes[place].applied, replica.persistedIndex)
        guard index > self.nodes[place].projection.index, let state = self.state(of: replica, at: index) else { return }
        self.nodes[place].projection = state
    }

    private func state(of replica: RaftReplica, at index: LogIndex) -> SimulatedState? {
        guard let term = replica.term(at: index) else { return nil }
        let point = SnapshotPoint(index: index, term: term, configuration: replica.configurationAt(index))
        return SimulatedState(point: point, hash: self.oracle(replica.incarnation).state(at: index))
    }

    private mutating func compact(_ place: Int, _ replica: RaftReplica) {
        let isHasty = self.faults.contains(.compactBeyondDurable)
        let durable = isHasty ? self.nodes[place].applied : self.nodes[place].projection.index
        guard self.swarm.compactEvery > 0, durable > replica.baseIndex,
            durable.count(since: replica.baseIndex) >= self.swarm.compactEvery
        else { return }
        let kept = self.chance.number(0...self.swarm.compactEvery / 2)
        let index = LogIndex(max(durable.rawValue - UInt64(kept), replica.baseIndex.rawValue + 1))
        guard let point = self.state(of: replica, at: index)?.point else { return }
        self.counts.compactions += 1
        self.tell(self.name(place), "compact", "through \(index)")
        self.nodes[place].disk.release(point)
        self.step(place, .compacted(through: index))
    }

    /// The sender's newest durable state goes on its way: slowly, lost, or more than once.
    mutating func send(stateFrom place: Int, to follower: Replica) {
        guard let sender = self.nodes[place].replica else { return }
        self.counts.snapshots += 1
        let transfer = RaftTransfer(
            id: self.nextTransfer, from: Replica(id: sender.id, node: sender.node), to: follower,
            state: self.nodes[place].projection, place: place, life: self.nodes[place].life)
        self.nextTransfer += 1
        self.transfers[transfer.id] = transfer
        self.tell(self.name(place), "send", "state at \(transfer.state.index) to \(follower)")
        self.queue.schedule(
            .transferEnded(transfer.id, through: nil),
            after: .milliseconds(UInt64(self.swarm.transferMilliseconds * 3 + 500)))
        guard let to = self.place(of: follower.node), transfer.state.index > .zero else { return }
        let isLost = !self.isHealed && self.chance.percent(self.swarm.transferLossPercent)
        let isRepeated = self.chance.percent(self.swarm.transferRepeatPercent)
        guard !isLost, self.network.isOpen(from: place, to: to) else { return }
        for _ in 0..<(isRepeated ? 2 : 1) {
            self.queue.schedule(
                .received(to, transfer), after: self.chance.delay(meanMilliseconds: self.swarm.transferMilliseconds))
        }
    }

    /// A state of one replica reaches another that nobody has sent it to, whatever the links are like by now:
    /// a new state, or one that has lain about; anybody, or whoever has most that is not committed.
    mutating func sendUnasked() {
        let isNew = self.chance.percent(50)
        let isToLongest = self.chance.percent(50)
        guard let place = self.chance.pick(self.livePlaces), let sender = self.nodes[place].replica,
            let to = isToLongest ? self.mostUncommitted : self.chance.pick(self.livePlaces), to != place,
            let receiver = self.nodes[to].replica, sender.incarnation == receiver.incarnation
        else { return }
        if isNew, self.nodes[place].installing == nil { self.makeDurable(place, sender) }
        guard self.nodes[place].projection.index > .zero else { return }
        let transfer = RaftTransfer(
            id: 0, from: Replica(id: sender.id, node: sender.node),
            to: Replica(id: receiver.id, node: receiver.node), state: self.nodes[place].projection, place: place,
            life: self.nodes[place].life)
        self.queue.schedule(
            .received(to, transfer), after: self.chance.delay(meanMilliseconds: self.swarm.transferMilliseconds))
    }

    private var mostUncommitted: Int? {
        self.livePlaces.max { left, right in
            func count(_ place: Int) -> Int {
                guard let replica = self.nodes[place].replica, replica.role != .leader else { return -1 }
                return replica.lastIndex.count(since: replica.commitIndex)
            }
            return (count(left), left) < (count(right), right)
        }
    }

    /// One at a time; another that arrives meanwhile is refused, and fails at its sender.
    mutating func received(_ place: Int, _ transfer: RaftTransfer) {
        guard self.nodes[place].id == transfer.to.node, self.nodes[place].identity == transfer.to.id,
            self.nodes[place].received == nil, let point = transfer.state.point
        else { return }
        self.tell(self.name(place), "received", "state at \(point)")
        self.nodes[place].received = transfer
        self.step(place, .snapshotReady(point, from: transfer.from.id))
    }

    mutating func install(_ place: Int, _ mark: PersistMark, _ point: SnapshotPoint, _ hardState: HardState?) {
        guard let transfer = self.nodes[place].received, transfer.state.point == point,
            let replica = self.nodes[place].replica
        else { return self.fail("\(self.name(place)) installs a state that it has not received") }
        self.counts.installs += 1
        self.judge(point.configuration.incarnation) {
            $0.installed(transfer.state, by: Replica(id: replica.id, node: replica.node))
        }
        self.nodes[place].disk.write(mark, .restart(hardState, point))
        self.nodes[place].installing = (mark, transfer)
        self.scheduleSync(place, mark)
    }

    mutating func synced(_ place: Int, _ mark: PersistMark) {
        self.step(place, .persisted(mark))
        guard let installing = self.nodes[place].installing, mark >= installing.mark else { return }
        self.queue.schedule(.swap(place, life: self.nodes[place].life), after: self.chance.milliseconds(0...20))
    }

    mutating func swap(_ place: Int) {
        guard let installing = self.nodes[place].installing else { return }
        self.nodes[place].installing = nil
        self.nodes[place].received = nil
        self.nodes[place].projection = installing.transfer.state
        self.nodes[place].applied = installing.transfer.state.index
        self.nodes[place].state = installing.transfer.state.hash
        let held = self.nodes[place].held
        self.nodes[place].held = []
        for entry in held { self.apply(entry, place) }
        self.check(place)
        self.report(place, installing.transfer)
    }

    mutating func ignored(_ place: Int) {
        guard let transfer = self.nodes[place].received else { return }
        self.nodes[place].received = nil
        self.report(place, transfer)
    }

    private mutating func report(_ place: Int, _ transfer: RaftTransfer) {
        guard let replica = self.nodes[place].replica, self.network.isOpen(from: place, to: transfer.place),
            self.isHealed || !self.chance.percent(self.swarm.transferLossPercent)
        else { return }
        self.queue.schedule(
            .transferEnded(transfer.id, through: replica.commitIndex), after: self.chance.milliseconds(1...50))
    }

    mutating func transferEnded(_ id: Int, through: LogIndex?) {
        guard let transfer = self.transfers.removeValue(forKey: id), self.nodes[transfer.place].isUp,
            self.nodes[transfer.place].life == transfer.life
        else { return }
        if let through {
            self.step(transfer.place, .snapshotDelivered(to: transfer.to.id, through: through))
        } else {
            self.step(transfer.place, .snapshotFailed(to: transfer.to.id))
        }
    }
}
