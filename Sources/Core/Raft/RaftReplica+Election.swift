import ClusterModel

// Who leads: pre-votes, votes, terms, and the leader's own proof that it still has a quorum.
// Raft, section 5.2 and 5.4.1; thesis, sections 6.2 (check-quorum) and 9.6 (pre-vote).

/// One answer in an election or a pre-election. Counted by replica id: a node that was wiped and added
/// again is another replica.
struct Ballot: Sendable {
    let voter: ReplicaID
    let verdict: RaftMessage.Verdict
}

// Terms.
extension RaftReplica {
    /// Brings both sides to one term before the message itself is looked at.
    /// - Returns: whether the message may be handled.
    mutating func agreeOnTerm(with message: RaftMessage, _ effects: inout [RaftEffect]) -> Bool {
        if message.term > self.term {
            switch message.body {
            case .preVote:
                return true  // A question about a term that nobody has entered yet.
            case .vote(_, _, let isTransfer) where !isTransfer && self.isHearingLeader:
                return false  // A removed or cut off replica shall not depose a leader that works.
            case .preVoteReply, .vote, .voteReply, .append, .appendAccepted, .appendRejected, .heartbeat,
                .heartbeatReply, .commit, .timeoutNow, .newerTerm, .removed, .repairQuery, .repairTarget:
                self.becomeFollower(message.term, leader: nil, &effects)
                return true
            }
        }
        guard message.term < self.term else { return true }
        switch message.body {
        case .preVoteReply:
            return true  // Carries the term that was asked about.
        case .preVote, .vote, .append, .heartbeat, .commit, .timeoutNow, .repairTarget:
            // Without this answer, a replica at a higher term could neither win nor follow: the leader
            // must hear of the term, and step down into it.
            self.send(.newerTerm, to: message.from, &effects)
            return false
        case .voteReply, .appendAccepted, .appendRejected, .heartbeatReply, .newerTerm, .removed, .repairQuery:
            return false
        }
    }

    mutating func becomeFollower(_ term: Term, leader: Replica?, _ effects: inout [RaftEffect]) {
        if term > self.term {
            self.term = term
            self.votedFor = nil
            self.repair?.forgetLeader()
        }
        if self.role == .leader { self.endLeadership(leader: leader, &effects) }
        if self.role != .follower { self.waitForLeader(within: self.settings.electionTicks) }
        self.role = .follower
        self.leader = leader
        self.ballots.removeAll(keepingCapacity: true)
    }

    /// Called for every message that only this term's leader sends.
    /// - Returns: false if it can not be from the leader, which only foreign nonsense could cause.
    mutating func hearLeader(_ from: Replica, _ effects: inout [RaftEffect]) -> Bool {
        guard self.role != .leader, self.leader == nil || self.leader?.id == from.id else { return false }
        if self.role != .follower || self.leader == nil { self.becomeFollower(self.term, leader: from, &effects) }
        self.electionElapsed = 0
        if self.electionDeadline < self.settings.electionTicks.lowerBound {
            self.waitForLeader(within: self.settings.electionTicks)
        }
        return true
    }

    /// A leader was heard so recently that an election would only disrupt it.
    var isHearingLeader: Bool {
        self.role == .leader
            || (self.leader != nil && self.electionElapsed < self.settings.electionTicks.lowerBound)
    }

    mutating func announceRole(_ effects: inout [RaftEffect]) {
        let now = Announcement(role: self.role, term: self.term, leader: self.leader)
        guard now != self.announced else { return }
        self.announced = now
        effects.append(.roleChanged(self.role, self.term, leader: self.leader))
    }
}

// Timers.
extension RaftReplica {
    mutating func waitForLeader(within ticks: ClosedRange<Int>) {
        self.electionElapsed = 0
        self.electionDeadline = Int.random(in: ticks, using: &self.random)
    }

    /// Pre-votes disrupt nobody, so a failed one is repeated sooner than an election.
    private var retryTicks: ClosedRange<Int> {
        let ticks = self.settings.electionTicks
        return max(1, ticks.lowerBound / 4)...max(1, ticks.upperBound / 4)
    }

    /// When a whole cluster starts, the preferred voters ask first and the others, a little later, find
    /// leaders: no storm of elections, and no wait for a whole timeout.
    mutating func beginWaitingAfterStart() {
        let isPreferred = self.configuration.voters.first?.id == self.id
        self.waitForLeader(within: isPreferred ? 1...1 : 3...6)
    }

    mutating func tickAsFollower(_ effects: inout [RaftEffect]) {
        self.electionElapsed += 1
        guard self.electionElapsed >= self.electionDeadline else { return }
        self.leader = nil
        if self.log.mayBeVoter(self.id, committed: self.commitIndex) {
            self.startPreVote(&effects)
        } else {
            self.waitForLeader(within: self.settings.electionTicks)
        }
    }

    /// The leader's process is gone, so nobody need wait for its silence. The first voter left asks at
    /// once; the others wait one to three ticks, in which it can win, so that they do not split the vote. No read relies on a
    /// lease, so a mistake costs nothing: whoever still hears the leader refuses.
    mutating func peerUnreachable(_ node: NodeID, _ effects: inout [RaftEffect]) {
        guard self.role == .follower, let leader = self.leader, leader.node == node else { return }
        self.leader = nil
        guard self.configuration.isVoter(self.id) else { return }
        if self.configuration.voters.first(where: { $0.node != node })?.id == self.id {
            self.startPreVote(&effects)
        } else {
            self.waitForLeader(within: 2...3)
        }
    }
}

// Campaigning.
extension RaftReplica {
    /// Also from outside the configuration in force, while that is not known to be committed: this replica
    /// may be the only one with the entry that says so, and the others can not win without its vote. It
    /// does not count itself then (thesis, section 4.2.2).
    mutating func startPreVote(_ effects: inout [RaftEffect]) {
        self.role = .preCandidate
        self.leader = nil
        self.waitForLeader(within: self.retryTicks)
        self.ballots = [Ballot(voter: self.id, verdict: self.verdict)]
        guard !self.isElected else { return self.campaign(isTransfer: false, &effects) }
        for voter in self.otherVoters {
            self.send(.preVote(lastIndex: self.lastIndex, lastTerm: self.lastTerm), to: voter, &effects)
        }
    }

    mutating func campaignAtOnce(_ effects: inout [RaftEffect]) {
        guard self.role != .leader, !self.isDamaged, self.configuration.isVoter(self.id) else { return }
        self.campaign(isTransfer: true, &effects)
    }

    /// The own vote counts, and the requests leave, once the new term is durable. A request that left
    /// earlier could be answered after a crash in which the candidate lost the very entries for which it
    /// was preferred.
    private mutating func campaign(isTransfer: Bool, _ effects: inout [RaftEffect]) {
        guard self.term.rawValue < Entry.ordinalMax else { return }
        self.role = .candidate
        self.leader = nil
        self.term = self.term.next()
        self.votedFor = self.id
        self.ballots.removeAll(keepingCapacity: true)
        self.waitForLeader(within: self.settings.electionTicks)
        self.storage.held.append(.ownVote(self.term))
        for voter in self.otherVoters {
            self.sendWhenPersisted(
                .vote(lastIndex: self.lastIndex, lastTerm: self.lastTerm, isTransfer: isTransfer), to: voter)
        }
    }

    mutating func countPreVote(
        _ from: Replica, _ verdict: RaftMessage.Verdict, asked: Term, _ effects: inout [RaftEffect]
    ) {
        guard self.role == .preCandidate, asked == self.term else { return }
        self.record(verdict, from: from)
        if self.isElected {
            self.campaign(isTransfer: false, &effects)
        } else if self.isRejected {
            self.role = .follower
            self.waitForLeader(within: self.retryTicks)
        }
    }

    mutating func countVote(
        _ from: Replica, _ verdict: RaftMessage.Verdict, _ effects: inout [RaftEffect]
    ) {
        guard self.role == .candidate else { return }
        self.record(verdict, from: from)
        if self.isElected {
            self.becomeLeader(&effects)
        } else if self.isRejected {
            self.becomeFollower(self.term, leader: nil, &effects)
        }
    }

    /// Only the first answer of a voter counts, and only from the node where that voter lives.
    private mutating func record(_ verdict: RaftMessage.Verdict, from: Replica) {
        guard self.configuration.member(from.id) == from, !self.ballots.contains(where: { $0.voter == from.id }) else {
            return
        }
        self.ballots.append(Ballot(voter: from.id, verdict: verdict))
    }

    /// By a quorum of voters that lack nothing, or by all voters there are, with those whose disks have lost
    /// something: then the best log of all leads, and it has each entry that any of them still has. A lone
    /// voter that has lost something has nobody to ask.
    private var isElected: Bool {
        if self.configuration.isQuorum(where: { id in
            self.ballots.contains { $0.voter == id && $0.verdict == .granted }
        }) {
            return true
        }
        guard self.ballots.contains(where: { $0.verdict == .grantedIfUnanimous }) else { return false }
        let voters = self.configuration.members.filter { self.configuration.isVoter($0.id) }
        return voters.count > 1
            && voters.allSatisfy { voter in
                self.ballots.contains { $0.voter == voter.id && $0.verdict.isGranted }
            }
    }
    /// This replica's own "yes".
    var verdict: RaftMessage.Verdict {
        self.isDamaged && !self.settings.faults.contains(.damagedVotes) ? .grantedIfUnanimous : .granted
    }
    private var isRejected: Bool {
        !self.configuration.isQuorum { id in !self.ballots.contains { $0.voter == id && !$0.verdict.isGranted } }
    }
    private var otherVoters: [Replica] {
        self.configuration.members.filter { $0.id != self.id && self.configuration.isVoter($0.id) }
    }
}

// Answering. A replica votes when asked, whatever it believes about its own part: its configuration may
// be the older one, and the candidate may need it (a learner that has just become a voter).
extension RaftReplica {
    mutating func answerPreVote(
        _ from: Replica, asked: Term, _ lastIndex: LogIndex, _ lastTerm: Term, _ effects: inout [RaftEffect]
    ) {
        if let index = self.removal(of: from.id) { return self.send(.removed(at: index), to: from, &effects) }
        let isUndisturbed = self.isHearingLeader && !self.settings.faults.contains(.preVoteAgainstLeader)
        let granted = !isUndisturbed && self.isUpToDate(lastIndex, lastTerm)
        self.send(.preVoteReply(granted ? self.verdict : .denied, asked: asked), to: from, &effects)
    }

    mutating func answerVote(
        _ from: Replica, _ lastIndex: LogIndex, _ lastTerm: Term, _ effects: inout [RaftEffect]
    ) {
        let isFree =
            (self.votedFor == nil && self.leader == nil) || self.votedFor == from.id
            || self.settings.faults.contains(.voteTwice)
        guard isFree, self.role == .follower || self.role == .preCandidate, self.isUpToDate(lastIndex, lastTerm) else {
            return self.send(.voteReply(.denied), to: from, &effects)
        }
        self.votedFor = from.id
        self.becomeFollower(self.term, leader: nil, &effects)
        self.waitForLeader(within: self.settings.electionTicks)
        self.sendWhenPersisted(.voteReply(self.verdict), to: from)
    }

    /// Raft, section 5.4.1: the later last term wins, then the longer log.
    private func isUpToDate(_ lastIndex: LogIndex, _ lastTerm: Term) -> Bool {
        if self.settings.faults.contains(.voteForStaleLog) { return true }
        return (lastTerm, lastIndex) >= (self.lastTerm, self.lastIndex)
    }

    /// Where a committed configuration left this replica out for good.
    private func removal(of id: ReplicaID) -> LogIndex? {
        guard let committed = self.log.latestConfiguration(upTo: self.commitIndex) else { return nil }
        guard id < committed.configuration.nextReplicaID, !committed.configuration.isMember(id),
            !self.configuration.isMember(id)
        else { return nil }
        return committed.index
    }

    /// Sees for itself that the group goes on without this replica: nobody need tell it, and nobody may.
    func noticeRemoval(_ effects: inout [RaftEffect]) {
        guard let index = self.removal(of: self.id) else { return }
        effects.append(.removedFromGroup(at: index))
    }

    mutating func receiveRemoved(_ index: LogIndex, _ effects: inout [RaftEffect]) {
        guard self.role != .leader, index > self.log.configurationIndex || !self.configuration.isMember(self.id)
        else { return }
        effects.append(.removedFromGroup(at: index))
    }
}

// Leading.
extension RaftReplica {
    private mutating func becomeLeader(_ effects: inout [RaftEffect]) {
        self.role = .leader
        self.leader = self.replica
        self.heartbeatElapsed = 0
        self.peers = self.configuration.members.filter { $0.id != self.id }.map {
            Progress($0, next: self.lastIndex.next())
        }
        self.endRepair(&effects)
        self.uncommittedBytes = self.log.bytes(after: self.deliveredIndex)
        self.reads = PendingReads()
        self.transfer = nil
        if self.settings.faults.contains(.noNoop) { return self.termStart = .zero }
        self.termStart = self.lastIndex.next()
        self.appendAsLeader(.noop)
    }

    mutating func endLeadership(leader: Replica?, _ effects: inout [RaftEffect]) {
        self.peers = []
        self.transfer = nil
        self.isRetiring = false
        self.reads.failAll(leader: leader, &effects)
    }

    mutating func tickAsLeader(_ effects: inout [RaftEffect]) {
        for place in self.peers.indices {
            self.peers[place].ticksSinceHeard += 1
            self.peers[place].ticksSinceAdvance += 1
        }
        if self.tickTransfer() { self.transfer = nil }
        self.heartbeatElapsed += 1
        guard self.heartbeatElapsed >= self.settings.heartbeatTicks else { return }
        self.heartbeatElapsed = 0
        guard self.isHeardByQuorum else { return self.becomeFollower(self.term, leader: nil, &effects) }
        self.retryReads()
        self.broadcastHeartbeat(&effects)
    }

    private var isHeardByQuorum: Bool {
        self.configuration.isQuorum { id in
            if id == self.id { return true }
            guard let peer = self.peers.first(where: { $0.replica.id == id }) else { return false }
            return peer.ticksSinceHeard <= self.settings.checkQuorumTicks
        }
    }

    /// By id *and* node: an addition that never was committed may have given the same id elsewhere.
    func place(of replica: Replica) -> Int? {
        // By place: an element that is handed to a closure is copied, with all that it counts references to.
        for place in self.peers.indices where self.peers[place].replica == replica { return place }
        return nil
    }
}
