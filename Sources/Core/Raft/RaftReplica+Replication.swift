import ClusterModel

// The log on its way: from proposals to appends, acknowledgements and the commit index.
// Raft, section 5.3 and 5.4.2; thesis, section 10.2 (pipelining, and writing to the leader's disk in
// parallel).

// At the leader.
extension RaftReplica {
    mutating func propose(_ proposals: [Proposal], _ effects: inout [RaftEffect]) {
        for proposal in proposals {
            if let refusal = self.refusal(of: proposal) {
                effects.append(.refused(token: proposal.token, refusal))
                continue
            }
            let index = self.appendAsLeader(.command(proposal.payload))
            effects.append(.accepted(token: proposal.token, index: index, term: self.term))
        }
    }

    private func refusal(of proposal: Proposal) -> ProposalRefusal? {
        guard self.role == .leader else { return .notLeader(self.leader) }
        guard self.transfer == nil else { return .transferring }
        guard proposal.payload.count <= self.settings.entryBytesMax else { return .tooLarge }
        guard self.uncommittedBytes + proposal.payload.count <= self.settings.proposalBytesMax else {
            return .overloaded
        }
        return nil
    }

    @discardableResult
    mutating func appendAsLeader(_ payload: Payload) -> LogIndex {
        let entry = Entry(index: self.lastIndex.next(), term: self.term, payload: payload)
        self.uncommittedBytes += entry.byteCount
        self.appendToLog(entry)
        return entry.index
    }

    /// Sends every follower what it lacks and has room for, and the commit index where no append carried
    /// it. Followers that are level share one array of entries.
    mutating func replicate(_ effects: inout [RaftEffect]) {
        var shared: [Entry] = []
        for place in self.peers.indices {
            self.replicate(toPeerAt: place, &shared, &effects)
            self.sendCommit(toPeerAt: place, &effects)
        }
    }

    private mutating func replicate(
        toPeerAt place: Int, _ shared: inout [Entry], _ effects: inout [RaftEffect]
    ) {
        while self.peers[place].match < self.lastIndex, !self.peers[place].isFull(self.settings) {
            let next = self.peers[place].next
            if next <= self.log.baseIndex { return self.sendSnapshot(toPeerAt: place, &effects) }
            if next > self.lastIndex {
                // Everything is under way. A probe still has to find where the logs agree.
                guard case .probe = self.peers[place].state else { return }
                return self.sendAppend([], bytes: 0, toPeerAt: place, &effects)
            }
            guard next >= self.log.windowStart else { return self.fetch(next, forPeerAt: place, &effects) }
            let end = self.log.end(
                from: next, bytesMax: self.settings.appendBytesMax, countMax: self.peers[place].room(self.settings))
            if shared.first?.index != next || shared.last?.index != end.last {
                shared = self.log.entries(next, through: end.last)
            }
            self.sendAppend(shared, bytes: end.bytes, toPeerAt: place, &effects)
        }
    }

    private mutating func sendAppend(
        _ entries: [Entry], bytes: Int, toPeerAt place: Int, _ effects: inout [RaftEffect]
    ) {
        let previous = self.peers[place].next.previous()
        guard let previousTerm = self.log.term(at: previous) else { return }
        let last = entries.last?.index ?? previous
        self.send(
            .append(previousIndex: previous, previousTerm: previousTerm, entries: entries, commit: self.commitIndex),
            to: self.peers[place].replica, &effects)
        self.peers[place].commitSent = max(self.peers[place].commitSent, min(self.commitIndex, last))
        self.peers[place].sent(through: last, bytes: bytes)
    }

    /// Never beyond what the follower has acknowledged: behind that, its log may be another.
    private mutating func commitKnown(toPeerAt place: Int) -> LogIndex {
        if self.settings.faults.contains(.commitBeyondMatch) { return self.commitIndex }
        return min(self.commitIndex, self.peers[place].match)
    }

    private mutating func sendCommit(toPeerAt place: Int, _ effects: inout [RaftEffect]) {
        let commit = self.commitKnown(toPeerAt: place)
        guard commit > self.peers[place].commitSent else { return }
        self.peers[place].commitSent = commit
        self.send(.commit(commit), to: self.peers[place].replica, &effects)
    }

    mutating func broadcastHeartbeat(_ effects: inout [RaftEffect]) {
        for place in self.peers.indices {
            let commit = self.commitKnown(toPeerAt: place)
            self.peers[place].commitSent = max(self.peers[place].commitSent, commit)
            self.send(
                .heartbeat(commit: commit, readContext: self.reads.context), to: self.peers[place].replica, &effects)
        }
    }

    mutating func appendAccepted(_ from: Replica, _ match: LogIndex, _ effects: inout [RaftEffect]) {
        guard self.role == .leader, match <= self.lastIndex, let place = self.place(of: from) else { return }
        self.peers[place].ticksSinceHeard = 0
        guard self.peers[place].accepted(match) else { return }
        self.advanceCommitAsLeader(&effects)
        self.transferIfLevel(&effects)
    }

    mutating func appendRejected(
        _ from: Replica, _ previousIndex: LogIndex, _ hintIndex: LogIndex, _ hintTerm: Term
    ) {
        guard self.role == .leader, let place = self.place(of: from) else { return }
        self.peers[place].ticksSinceHeard = 0
        if hintIndex > previousIndex {
            // Its log begins later than that entry. Where it begins is the place to ask about.
            guard self.log.term(at: hintIndex) == hintTerm else { return }
            return self.peers[place].rejected(previousIndex, retry: hintIndex.next(), isAgreed: true)
        }
        let agreed = self.log.lastPlace(atOrBefore: hintIndex, notAbove: hintTerm)
        self.peers[place].rejected(previousIndex, retry: agreed.index.next(), isAgreed: false)
    }

    mutating func heartbeatAnswered(
        _ from: Replica, _ readContext: UInt64, isDamaged: Bool, _ effects: inout [RaftEffect]
    ) {
        guard self.role == .leader, let place = self.place(of: from) else { return }
        self.peers[place].ticksSinceHeard = 0
        self.peers[place].heartbeatAnswered()
        self.confirmReads(fromPeerAt: place, readContext, &effects)
        self.askWhetherLost(peerAt: place, &effects)
        let wasWhole = self.peers[place].isWhole
        self.peers[place].isWhole = !isDamaged
        if !isDamaged, !wasWhole, self.hasStartedTerm { self.followConfiguration(&effects) }
    }

    private mutating func askWhetherLost(peerAt place: Int, _ effects: inout [RaftEffect]) {
        // It lives, but nothing moves: the newest append or its answer may be lost. An empty one asks.
        guard case .replicate = self.peers[place].state, self.peers[place].match < self.lastIndex,
            self.peers[place].ticksSinceAdvance > 2 * self.settings.heartbeatTicks
        else { return }
        self.peers[place].ticksSinceAdvance = 0
        // Unless the log was compacted meanwhile: what it lacks is gone then, even to ask about.
        if self.peers[place].next <= self.log.baseIndex { return self.sendSnapshot(toPeerAt: place, &effects) }
        self.sendAppend([], bytes: 0, toPeerAt: place, &effects)
    }

    mutating func peerRestarted(_ node: NodeID) {
        for place in self.peers.indices where self.peers[place].replica.node == node {
            self.peers[place].restarted()
        }
    }

    /// Raft, section 5.4.2: only entries of the leader's own term are committed by counting; older ones
    /// come along. The leader itself counts as far as its own disk has written.
    mutating func advanceCommitAsLeader(_ effects: inout [RaftEffect]) {
        let own = self.settings.faults.contains(.countUnsyncedSelf) ? self.lastIndex : self.storage.persistedIndex
        // Parts of `self`: a closure that refers to it has it copied, with all that it counts references to. An element of an
        // array, likewise, that is handed to a closure.
        let (ownID, peers) = (self.id, self.peers)
        let reached: (ReplicaID) -> LogIndex = { id in
            if id == ownID { return own }
            for place in peers.indices where peers[place].replica.id == id { return peers[place].match }
            return .zero
        }
        let index =
            self.settings.faults.contains(.learnersCount)
            ? self.configuration.quorumIndexCountingLearners(reached) : self.configuration.quorumIndex(reached)
        guard index > self.commitIndex else { return }
        guard self.log.term(at: index) == self.term || self.settings.faults.contains(.commitOldTerms) else { return }
        self.commit(upTo: index, &effects)
        guard self.commitIndex >= self.termStart else { return }
        self.followConfiguration(&effects)
        self.startReadRound(&effects)
    }
}

// Entries that are older than the window: the host reads them from its disk.
extension RaftReplica {
    private mutating func fetch(_ next: LogIndex, forPeerAt place: Int, _ effects: inout [RaftEffect]) {
        guard self.peers[place].fetch?.from != next else { return }
        self.peers[place].fetch = Progress.Fetch(from: next)
        effects.append(
            .fetch(for: self.peers[place].replica.id, from: next, bytesMax: self.settings.appendBytesMax))
    }

    /// An entry is known by its index and term, so whatever happened since the question, entries that
    /// still have the log's terms are the log's entries.
    mutating func fetched(_ entries: [Entry], for id: ReplicaID, _ effects: inout [RaftEffect]) {
        guard self.role == .leader, let place = self.peers.firstIndex(where: { $0.replica.id == id }) else { return }
        guard let asked = self.peers[place].fetch?.from else { return }
        guard asked == self.peers[place].next, !self.peers[place].isFull(self.settings) else {
            return self.peers[place].fetch = nil  // Answered by events: it needs other entries now.
        }
        var length = 0
        while length < entries.count, entries[length].index == asked.advanced(by: length),
            self.log.term(at: entries[length].index) == entries[length].term
        {
            length += 1
        }
        guard length > 0 else {
            // Asked again when the follower shows itself, not at once: a disk that fails would spin.
            return self.peers[place].fetch = Progress.Fetch(from: asked, hasFailed: true)
        }
        self.peers[place].fetch = nil
        let usable = length == entries.count ? entries : Array(entries[..<length])
        self.sendAppend(usable, bytes: usable.reduce(0) { $0 + $1.byteCount }, toPeerAt: place, &effects)
    }
}

// At the follower.
extension RaftReplica {
    mutating func receiveAppend(
        _ from: Replica, _ previousIndex: LogIndex, _ previousTerm: Term, _ entries: [Entry], commit: LogIndex,
        _ effects: inout [RaftEffect]
    ) {
        guard self.isSensible(entries, after: previousIndex, previousTerm), self.hearLeader(from, &effects) else {
            return
        }
        guard let rest = self.beyondBase(entries, after: previousIndex, previousTerm) else {
            let base = (index: self.log.baseIndex, term: self.log.baseTerm)
            let hint =
                previousIndex < base.index
                ? base : self.log.lastPlace(atOrBefore: previousIndex, notAbove: previousTerm)
            return self.send(
                .appendRejected(previousIndex: previousIndex, hintIndex: hint.index, hintTerm: hint.term), to: from,
                &effects)
        }
        let known = rest.firstIndex { self.log.term(at: $0.index) != $0.term } ?? rest.endIndex
        if known < rest.endIndex, !self.take(rest[known...], &effects) { return }
        let match = previousIndex.advanced(by: entries.count)
        self.repair?.agreed(through: match)
        self.sendWhenPersisted(.appendAccepted(match: match), to: from)
        self.commitAsFollower(min(commit, match), &effects)
    }

    /// The entries that follow the log's base, if the append agrees with this log at all: at its previous entry,
    /// or, when that lies before the base, at the base. That all before an agreeing place agrees is log matching.
    private func beyondBase(
        _ entries: [Entry], after previousIndex: LogIndex, _ previousTerm: Term
    ) -> ArraySlice<Entry>? {
        let base = self.log.baseIndex
        guard previousIndex < base else {
            return self.log.term(at: previousIndex) == previousTerm ? entries[...] : nil
        }
        let count = base.count(since: previousIndex)
        guard count <= entries.count, entries[count - 1].term == self.log.baseTerm else { return nil }
        return entries[count...]
    }

    /// Foreign bytes may say anything: entries must follow each other, with terms that do not fall and
    /// that the leader can have.
    private func isSensible(_ entries: [Entry], after previousIndex: LogIndex, _ previousTerm: Term) -> Bool {
        guard previousIndex.rawValue <= Entry.ordinalMax else { return false }
        var index = previousIndex
        var term = previousTerm
        for place in entries.indices {
            let (nextIndex, nextTerm) = (entries[place].index, entries[place].term)
            guard nextIndex == index.next(), nextTerm >= term, nextTerm <= self.term else { return false }
            if case .configuration(let configuration) = entries[place].payload, !configuration.isWellFormed {
                return false
            }
            index = nextIndex
            term = nextTerm
        }
        return true
    }

    /// - Returns: false for entries that contradict committed ones: no leader sends such.
    private mutating func take(_ entries: ArraySlice<Entry>, _ effects: inout [RaftEffect]) -> Bool {
        guard let first = entries.first else { return true }
        if first.index <= self.lastIndex {
            if self.settings.faults.contains(.keepConflicts) { return true }
            guard first.index > self.commitIndex else { return false }
            let before = self.log.configurationIndex
            self.truncateLog(from: first.index)
            if self.log.configurationIndex != before { self.announceConfiguration(&effects) }
        }
        for entry in entries {
            self.appendToLog(entry)
            if case .configuration = entry.payload { self.announceConfiguration(&effects) }
        }
        return true
    }

    mutating func receiveHeartbeat(
        _ from: Replica, commit: LogIndex, _ readContext: UInt64, _ effects: inout [RaftEffect]
    ) {
        guard self.hearLeader(from, &effects) else { return }
        self.commitAsFollower(commit, &effects)
        self.askForRepair(from, &effects)
        self.send(.heartbeatReply(readContext: readContext, isDamaged: self.isDamaged), to: from, &effects)
    }

    mutating func receiveCommit(_ from: Replica, _ commit: LogIndex, _ effects: inout [RaftEffect]) {
        guard self.hearLeader(from, &effects) else { return }
        self.commitAsFollower(commit, &effects)
    }

    private mutating func commitAsFollower(_ index: LogIndex, _ effects: inout [RaftEffect]) {
        guard index > self.commitIndex else { return }
        if index > self.lastIndex {
            // This replica acknowledged what it does not have: nonsense, or its disk lost it.
            guard self.settings.faults.contains(.commitBeyondMatch) else { return }
            return self.commit(upTo: self.lastIndex, &effects)
        }
        self.commit(upTo: index, &effects)
    }

    mutating func commit(upTo index: LogIndex, _ effects: inout [RaftEffect]) {
        let before = self.commitIndex
        guard index > before else { return }
        self.commitIndex = index
        if let committed = self.log.latestConfiguration(upTo: index), committed.index > before {
            effects.append(
                .configurationChanged(committed.configuration, at: committed.index, committed: true))
            if self.role != .leader { self.noticeRemoval(&effects) }
        }
    }
}
