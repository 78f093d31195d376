import Raft

/// The bugs that the simulator must find in the replicated log: the numbers of the specification, and those
/// that have none.
package enum RaftMutants {
    package static let all: [(id: String, name: String, faults: SeededFaults)] = [
        ("M1", "a vote before fsync", .voteBeforeSync),
        ("M2", "an acknowledgement before fsync", .acknowledgeBeforeSync),
        ("M3", "entries of older terms committed by counting", .commitOldTerms),
        ("M4", "a leader without an entry of its own", .noNoop),
        ("M5", "reads without a quorum", .readWithoutQuorum),
        ("M6", "a read's proof used for another read", .reuseReadContext),
        ("M7", "a configuration change before the term has started", .changeBeforeTermStart),
        ("M8", "two configuration changes at once", .twoPendingChanges),
        ("M9", "voters removed before the new ones are added", .removeBeforeAdd),
        ("M10", "learners in the quorum", .learnersCount),
        ("M11a", "entries kept behind a state that they do not follow", .keepSuffixOfSnapshot),
        ("M11b", "acknowledged entries dropped behind a state", .dropSuffixOfSnapshot),
        ("M12", "a log compacted beyond the durable state", .compactBeyondDurable),
        ("M17", "incarnations unchecked", .incarnationUnchecked),
        ("M18", "a replica id given again", .reuseReplicaIDs),
        ("M22", "a pre-vote against a leader that is heard", .preVoteAgainstLeader),
        ("M24", "an older disk accepted", .acceptOlderBoot),
        ("M25", "conflicting entries kept", .keepConflicts),
        ("R1", "a campaign before fsync", .campaignBeforeSync),
        ("R2", "a leader that counts itself before fsync", .countUnsyncedSelf),
        ("R3", "a vote for a candidate with a stale log", .voteForStaleLog),
        ("R4", "two votes in one term", .voteTwice),
        ("R5", "a commit index beyond what the follower holds", .commitBeyondMatch),
        ("R6", "voters swapped without a joint configuration", .swapWithoutJoint),
        ("R7", "reads before the term has started", .readBeforeTermStart),
        ("R8", "an ordinary vote of a damaged replica", .damagedVotes),
        ("R9", "a read on the word of a replica of another term", .vouchersOfAnyTerm),
        ("R10", "a replica's word kept for a later read", .keepVouchers),
    ]
}
