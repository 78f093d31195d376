import ClusterModel

// States instead of old entries. Raft, section 7; thesis, chapter 5.
//
// The core decides who needs a state, and what a received one does to the log. Making, sending, checking and
// putting it in place is the host's.

// At the leader.
extension RaftReplica {
    mutating func sendSnapshot(toPeerAt place: Int, _ effects: inout [RaftEffect]) {
        self.peers[place].awaitSnapshot(base: self.log.baseIndex)
        effects.append(.sendSnapshot(to: self.peers[place].replica))
    }

    /// The follower is asked where it stands, whatever the report said: by then it may stand elsewhere.
    mutating func snapshotEnded(_ id: ReplicaID, through: LogIndex?) {
        guard self.role == .leader, let place = self.peers.firstIndex(where: { $0.replica.id == id }) else { return }
        self.peers[place].snapshotEnded(through: through.map { min($0, self.lastIndex) })
    }
}

// At any replica.
extension RaftReplica {
    /// What is not delivered yet is still needed here, whatever the host says.
    mutating func compact(through index: LogIndex) {
        self.log.compact(through: min(index, self.deliveredIndex))
    }

    /// Every state that is sent is a committed one, so no term needs to be compared; an entry that this log has at
    /// the point makes the logs equal up to there.
    mutating func snapshotReady(_ point: SnapshotPoint, _ effects: inout [RaftEffect]) {
        guard self.role != .leader, point.index > self.commitIndex, point.index.rawValue <= Entry.ordinalMax,
            point.term.rawValue <= Entry.ordinalMax, point.configuration.isWellFormed,
            self.belongs(point.configuration.incarnation, &effects)
        else {
            return effects.append(.snapshotIgnored(point))
        }
        let isKnown = self.log.term(at: point.index) == point.term
        if isKnown, !self.settings.faults.contains(.dropSuffixOfSnapshot) {
            self.commit(upTo: point.index, &effects)
            return effects.append(.snapshotIgnored(point))
        }
        self.install(point, &effects)
    }

    private mutating func install(_ point: SnapshotPoint, _ effects: inout [RaftEffect]) {
        if point.term > self.term { self.becomeFollower(point.term, leader: nil, &effects) }
        let suffix = self.suffix(keptBehind: point)
        self.storage.restarted(committed: self.commitIndex)
        self.log.restart(at: point)
        self.commitIndex = point.index
        self.deliveredIndex = point.index
        let state = HardState(term: self.term, votedFor: self.votedFor, commitIndex: point.index)
        let mark = self.storage.beginWrite(lastIndex: point.index)
        self.storage.written = state
        effects.append(.install(mark: mark, point, hardState: state))
        self.announceConfiguration(&effects)
        for entry in suffix { self.appendToLog(entry) }
    }

    /// The mistake of `.keepSuffixOfSnapshot`; else nothing stays that was not compared. Terms that fall would be
    /// noticed at once, so they are made to fit.
    private func suffix(keptBehind point: SnapshotPoint) -> [Entry] {
        guard self.settings.faults.contains(.keepSuffixOfSnapshot), point.index < self.lastIndex,
            point.index.next() >= self.log.windowStart
        else { return [] }
        return self.log.entries(point.index.next(), through: self.lastIndex).map {
            Entry(index: $0.index, term: max($0.term, point.term), payload: $0.payload)
        }
    }
}
