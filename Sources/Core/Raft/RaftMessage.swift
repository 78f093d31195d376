import ClusterModel

/// What replicas of one group say to each other. The host checks cluster, shard and boot counter before it
/// hands one on; the replica checks everything else, and ignores what makes no sense.
package struct RaftMessage: Hashable, Sendable {
    package let from: Replica
    /// The host sends to `to.node`; the replica ignores what is not for its own id.
    package let to: Replica
    /// The sender's term.
    package let term: Term
    /// The life of the group that the sender belongs to. A lower one than the receiver's is refused, a higher
    /// one ends the receiver's own.
    package let incarnation: GroupIncarnation
    package let body: Body

    package init(
        from: Replica, to: Replica, term: Term, incarnation: GroupIncarnation = .founding, body: Body
    ) {
        self.from = from
        self.to = to
        self.term = term
        self.incarnation = incarnation
        self.body = body
    }

    /// A voter's answer.
    package enum Verdict: UInt8, Hashable, Sendable {
        case denied = 0
        case granted = 1
        /// From a voter whose disk has lost something: counts only if every voter grants, since then the best
        /// log of all is chosen, and somebody still has each committed entry.
        case grantedIfUnanimous = 2

        var isGranted: Bool { self != .denied }
    }

    package enum Body: Hashable, Sendable {
        /// "Would you vote for me in the term after mine?" Changes nothing at the receiver (thesis, 9.6).
        case preVote(lastIndex: LogIndex, lastTerm: Term)
        /// `asked` is the asker's term, since the answerer's own may be older.
        case preVoteReply(Verdict, asked: Term)
        /// `isTransfer`: the leader itself asked for this election, so it is no disruption (thesis, 4.2.3).
        case vote(lastIndex: LogIndex, lastTerm: Term, isTransfer: Bool)
        case voteReply(Verdict)
        /// Entries that follow the named one; none at all asks whether the follower has that one.
        case append(previousIndex: LogIndex, previousTerm: Term, entries: [Entry], commit: LogIndex)
        /// Everything up to `match` is as at the leader, and durable.
        case appendAccepted(match: LogIndex)
        /// The follower has no such entry at `previousIndex`. The hint is the newest place at which the
        /// logs may agree: everything after it certainly differs.
        case appendRejected(previousIndex: LogIndex, hintIndex: LogIndex, hintTerm: Term)
        /// `commit` never exceeds what this follower has acknowledged. `readContext` counts the rounds
        /// that prove leadership to reads; 0 before the first.
        case heartbeat(commit: LogIndex, readContext: UInt64)
        /// `isDamaged`: the follower's disk lacks something that it may have acknowledged.
        case heartbeatReply(readContext: UInt64, isDamaged: Bool = false)
        /// News of the commit index between heartbeats; not answered.
        case commit(LogIndex)
        /// "Campaign now, without a pre-vote."
        case timeoutNow
        /// The answer to a message of an older term or incarnation: the sender's is the news.
        case newerTerm
        /// The answer to a campaign of a replica that the committed configuration at this index left out.
        case removed(at: LogIndex)
        /// From a follower whose disk has lost something: "how far does your log reach?" The number is drawn at
        /// its start, so that no answer to an earlier life is taken for one to this.
        case repairQuery(UInt64)
        /// The leader's last index when it was asked: who has all up to there lacks nothing that was committed.
        case repairTarget(UInt64, lastIndex: LogIndex)
    }

    /// A few bytes without a payload: the host gathers these per peer and turn.
    package var isSmall: Bool {
        if case .append(_, _, let entries, _) = self.body { return entries.isEmpty }
        return true
    }

    /// Belongs on the connection that bulk must never delay: elections and proofs of leadership.
    package var isControl: Bool {
        switch self.body {
        case .append, .appendAccepted, .appendRejected: return false
        case .preVote, .preVoteReply, .vote, .voteReply, .heartbeat, .heartbeatReply, .commit, .timeoutNow,
            .newerTerm, .removed, .repairQuery, .repairTarget:
            return true
        }
    }
}
