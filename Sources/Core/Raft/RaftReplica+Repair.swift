import ClusterModel

// After a disk has lost something that this replica may have acknowledged.
//
// Its term and vote are intact, so it still promises one vote a term, and what it has of the log is true. What
// it must not do is to help elect somebody who lacks what it has lost. So its vote counts only in a unanimous
// election, until a leader of its term, asked since this start, has told how far its log reaches, and this
// replica has all up to there: a leader has every entry that was committed before its term, and each of its own
// that this replica can have acknowledged stood in its log when it answered.
//
// Acknowledgements given meanwhile count. They speak of entries that are durable here now.
//
// - SeeAlso: Alagappan and others, "Protocol-Aware Recovery for Consensus-Based Storage" (FAST 2018).

/// How far a damaged replica is on its way back.
struct Repair: Sendable {
    /// Tells answers to this start from those to an earlier one.
    let number: UInt64
    /// The leader's last index when it was asked. Of this term's leader, as is `agreedIndex`.
    private(set) var target: LogIndex?
    /// Up to here this log is as the leader's.
    private(set) var agreedIndex = LogIndex.zero

    init(number: UInt64) { self.number = number }

    mutating func forgetLeader() {
        self.target = nil
        self.agreedIndex = .zero
    }
    mutating func agreed(through index: LogIndex) { self.agreedIndex = max(self.agreedIndex, index) }
    mutating func aim(at index: LogIndex) { self.target = max(self.target ?? .zero, index) }

    func isComplete(persisted: LogIndex) -> Bool {
        guard let target else { return false }
        return self.agreedIndex >= target && persisted >= target
    }
}

extension RaftReplica {
    /// With every heartbeat until it is answered.
    mutating func askForRepair(_ leader: Replica, _ effects: inout [RaftEffect]) {
        guard let repair, repair.target == nil else { return }
        self.send(.repairQuery(repair.number), to: leader, &effects)
    }

    /// At the leader: what this follower acknowledged before may be gone, so it is asked anew.
    mutating func answerRepairQuery(_ from: Replica, _ number: UInt64, _ effects: inout [RaftEffect]) {
        guard self.role == .leader, let place = self.place(of: from) else { return }
        self.peers[place].ticksSinceHeard = 0
        self.peers[place].restarted()
        self.send(.repairTarget(number, lastIndex: self.lastIndex), to: from, &effects)
    }

    mutating func receiveRepairTarget(
        _ from: Replica, _ number: UInt64, _ lastIndex: LogIndex, _ effects: inout [RaftEffect]
    ) {
        guard self.repair?.number == number, self.hearLeader(from, &effects) else { return }
        self.repair?.aim(at: lastIndex)
    }

    mutating func finishRepair(_ effects: inout [RaftEffect]) {
        guard let repair, repair.isComplete(persisted: self.storage.persistedIndex) else { return }
        self.endRepair(&effects)
    }

    mutating func endRepair(_ effects: inout [RaftEffect]) {
        guard self.isDamaged else { return }
        self.repair = nil
        effects.append(.repaired)
    }
}
