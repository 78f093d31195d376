import ClusterModel

// When a quorum is lost for good, an operator makes one survivor the only voter of a higher incarnation of the
// group. Nothing that an older incarnation says is heard any more, and who still belongs to it is told so when
// it speaks: its data is void.

extension RaftReplica {
    /// Ids given out by configurations that the survivor never received must not be given out again; nobody
    /// misses more than a few changes.
    private static let replicaIDsSkipped: UInt64 = 1024

    mutating func forceQuorum(_ incarnation: GroupIncarnation, _ effects: inout [RaftEffect]) {
        guard incarnation > self.incarnation, self.lastIndex > .zero, self.term.rawValue < Entry.ordinalMax,
            self.configuration.nextReplicaID.rawValue <= UInt64.max / 2, self.id.rawValue <= UInt64.max / 2
        else { return }
        self.becomeFollower(self.term.next(), leader: nil, &effects)
        self.endRepair(&effects)
        var survivor = self.configuration
        survivor.voters = [self.replica]
        survivor.outgoing = []
        survivor.learners = []
        survivor.nextReplicaID = ReplicaID(
            max(survivor.nextReplicaID.rawValue, self.id.rawValue + 1) + Self.replicaIDsSkipped)
        survivor.incarnation = incarnation
        self.appendToLog(Entry(index: self.lastIndex.next(), term: self.term, payload: .configuration(survivor)))
        self.announceConfiguration(&effects)
        // Its own vote is a quorum now: it leads once that and the entry are durable.
        self.startPreVote(&effects)
    }

    /// - Returns: whether the message may be handled.
    mutating func agreeOnIncarnation(with message: RaftMessage, _ effects: inout [RaftEffect]) -> Bool {
        if message.incarnation < self.incarnation, !self.settings.faults.contains(.incarnationUnchecked) {
            switch message.body {
            case .preVote, .vote, .append, .heartbeat, .commit, .timeoutNow, .repairQuery, .repairTarget:
                self.send(.newerTerm, to: message.from, &effects)
            case .preVoteReply, .voteReply, .appendAccepted, .appendRejected, .heartbeatReply, .newerTerm, .removed:
                break
            }
            return false
        }
        return self.belongs(message.incarnation, &effects)
    }

    /// An empty replica takes part in whatever life of the group it is spoken to by; any other's data is void in a
    /// higher one.
    mutating func belongs(_ incarnation: GroupIncarnation, _ effects: inout [RaftEffect]) -> Bool {
        if self.settings.faults.contains(.incarnationUnchecked) { return true }
        guard incarnation > self.incarnation else { return incarnation == self.incarnation }
        guard self.lastIndex == .zero else {
            if !self.isSuperseded { effects.append(.superseded(by: incarnation)) }
            self.isSuperseded = true
            return false
        }
        self.becomeFollower(self.term, leader: nil, &effects)
        self.incarnation = incarnation
        return true
    }
}
