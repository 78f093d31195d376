import ClusterModel
import DequeModule

/// What has been handed to the host to write, and what the host has reported durable.
struct StorageMarks: Sendable {
    /// What may leave once a mark is durable.
    enum Held: Sendable {
        case message(RaftMessage)
        /// This replica's own vote in its own election.
        case ownVote(Term)
    }

    /// The hard state of the last `.persist` that carried one.
    var written: HardState
    private(set) var lastMark = PersistMark.zero
    private(set) var persistedMark = PersistMark.zero
    /// Of the log as it is now, this much is durable.
    private(set) var persistedIndex: LogIndex
    /// The first entry that no `.persist` has carried yet.
    var dirtyFrom: LogIndex?
    /// Waits for the write of this very step.
    var held: [Held] = []

    private var writes: Deque<(mark: PersistMark, lastIndex: LogIndex)> = []
    private var waiting: Deque<(mark: PersistMark, held: Held)> = []

    init(hardState: HardState, lastIndex: LogIndex) {
        self.written = hardState
        self.persistedIndex = lastIndex
    }

    var isIdle: Bool { self.persistedMark == self.lastMark }

    mutating func beginWrite(lastIndex: LogIndex) -> PersistMark {
        self.lastMark = self.lastMark.next()
        self.writes.append((mark: self.lastMark, lastIndex: lastIndex))
        return self.lastMark
    }

    mutating func wait(_ held: Held) {
        self.waiting.append((mark: self.lastMark, held: held))
    }

    /// A write that is still under way may hold entries that the log has dropped since; its end says
    /// nothing about what stands there now.
    mutating func truncated(from index: LogIndex) {
        let last = index.previous()
        self.persistedIndex = min(self.persistedIndex, last)
        for place in self.writes.indices { self.writes[place].lastIndex = min(self.writes[place].lastIndex, last) }
    }

    /// The log begins anew behind what was committed in it; that the old entries up to there get durable is
    /// still true, and all else that is under way says nothing about the log as it is now.
    mutating func restarted(committed: LogIndex) {
        self.truncated(from: committed.next())
        self.dirtyFrom = nil
    }

    mutating func persisted(_ mark: PersistMark) {
        precondition(mark <= self.lastMark, "persisted mark \(mark) of \(self.lastMark)")
        self.persistedMark = max(self.persistedMark, mark)
        while let write = self.writes.first, write.mark <= mark {
            self.persistedIndex = max(self.persistedIndex, write.lastIndex)
            self.writes.removeFirst()
        }
    }

    // Counted from the newest mark that is durable.
    var writesUnderWay: [(UInt64, LogIndex)] {
        self.writes.map { ($0.mark.rawValue - self.persistedMark.rawValue, $0.lastIndex) }
    }
    var heldBack: [(UInt64, Held)] {
        self.waiting.map { ($0.mark.rawValue - self.persistedMark.rawValue, $0.held) }
    }

    mutating func nextReleased() -> Held? {
        guard let first = self.waiting.first, first.mark <= self.persistedMark else { return nil }
        return self.waiting.removeFirst().held
    }
}

extension RaftReplica {
    /// Sends `body` once everything up to this step is durable.
    mutating func sendWhenPersisted(_ body: RaftMessage.Body, to: Replica) {
        self.storage.held.append(.message(self.message(body, to: to)))
    }

    mutating func appendToLog(_ entry: Entry) {
        if self.storage.dirtyFrom == nil { self.storage.dirtyFrom = entry.index }
        self.log.append(entry)
    }

    mutating func truncateLog(from index: LogIndex) {
        precondition(index > self.commitIndex, "truncation at \(index) of a log committed to \(self.commitIndex)")
        self.log.truncate(from: index)
        self.storage.truncated(from: index)
        if let dirty = self.storage.dirtyFrom, dirty >= index { self.storage.dirtyFrom = nil }
    }

    /// At most one `.persist` a step. The commit index rides along and never causes a write of its own.
    mutating func persistChanges(_ effects: inout [RaftEffect]) {
        let isVoteNew = self.term != self.storage.written.term || self.votedFor != self.storage.written.votedFor
        if isVoteNew || self.storage.dirtyFrom != nil {
            // Never a commit index beyond what earlier writes hold: if a crash tears this one apart, it would
            // speak of entries that stand there no more.
            let durable = self.storage.dirtyFrom.map { min(self.commitIndex, $0.previous()) } ?? self.commitIndex
            let commitIndex = max(durable, self.storage.written.commitIndex)
            let state = HardState(term: self.term, votedFor: self.votedFor, commitIndex: commitIndex)
            let entries = self.storage.dirtyFrom.map { self.log.entries($0, through: self.lastIndex) } ?? []
            let mark = self.storage.beginWrite(lastIndex: self.lastIndex)
            effects.append(
                .persist(mark: mark, hardState: state == self.storage.written ? nil : state, entries: entries))
            self.storage.written = state
            self.storage.dirtyFrom = nil
        }
        guard !self.storage.held.isEmpty else { return }
        for held in self.storage.held {
            if self.mayLeave(held) {
                self.release(held, &effects)
            } else {
                self.storage.wait(held)
            }
        }
        self.storage.held.removeAll(keepingCapacity: true)
    }

    private func mayLeave(_ held: StorageMarks.Held) -> Bool {
        if self.storage.isIdle { return true }
        guard !self.settings.faults.isEmpty, case .message(let message) = held else { return false }
        switch message.body {
        case .voteReply: return self.settings.faults.contains(.voteBeforeSync)
        case .appendAccepted: return self.settings.faults.contains(.acknowledgeBeforeSync)
        case .vote: return self.settings.faults.contains(.campaignBeforeSync)
        default: return false
        }
    }

    mutating func persisted(_ mark: PersistMark, _ effects: inout [RaftEffect]) {
        self.storage.persisted(mark)
        while let held = self.storage.nextReleased() { self.release(held, &effects) }
        if self.role == .leader { self.advanceCommitAsLeader(&effects) }
    }

    /// What was promised in an older term is dropped: the entries it speaks of may be gone from the log
    /// and back from another leader, and only the write of *those* would make it true.
    private mutating func release(_ held: StorageMarks.Held, _ effects: inout [RaftEffect]) {
        switch held {
        case .message(let message):
            guard message.term == self.term else { return }
            effects.append(.send(message))
        case .ownVote(let term):
            guard term == self.term else { return }
            self.countVote(self.replica, self.verdict, &effects)
        }
    }

    mutating func deliverCommitted(_ effects: inout [RaftEffect]) {
        guard self.deliveredIndex < self.commitIndex else { return }
        let entries = self.log.entries(self.deliveredIndex.next(), through: self.commitIndex)
        if self.role == .leader {
            for place in entries.indices { self.uncommittedBytes -= entries[place].byteCount }
        }
        self.deliveredIndex = self.commitIndex
        effects.append(.committed(entries))
        self.log.trim(
            committed: self.commitIndex, bytesMax: self.settings.cachedBytesMax, unwanted: self.unwantedIndex,
            recentBytesMax: self.settings.recentBytesMax)
    }

    /// Up to here the host can read entries back, and no follower that gets appends still lacks any.
    private var unwantedIndex: LogIndex {
        var index = self.persistedIndex
        guard self.role == .leader else { return index }
        for place in self.peers.indices where self.peers[place].state == .replicate {
            index = min(index, self.peers[place].match)
        }
        return index
    }
}
