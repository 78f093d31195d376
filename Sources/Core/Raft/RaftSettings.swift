/// The figures of one Raft group. Times are in ticks; the host ticks every 50 ms.
///
/// The defaults give heartbeats every 100 ms and elections after 1–2 s of silence. All replicas of a
/// group should use the same figures; different ones cost availability, never safety.
package struct RaftSettings: Sendable {
    /// A follower that has heard no leader for a number of ticks drawn from this range campaigns. The
    /// lower bound is also how long a follower refuses votes against a leader that it hears.
    package var electionTicks: ClosedRange<Int> = 20...40
    package var heartbeatTicks = 2
    /// A leader that has not heard a quorum for this long steps down.
    package var checkQuorumTicks = 20
    /// Entries sent to one follower and not yet acknowledged.
    package var inflightEntriesMax = 256
    package var inflightBytesMax = 4 << 20
    /// Payload bytes of one append message; a single larger entry still travels, alone.
    package var appendBytesMax = 512 << 10
    /// Payload bytes proposed and not yet committed; beyond, proposals are refused as `.overloaded`.
    package var proposalBytesMax = 8 << 20
    /// One proposed payload; larger ones are refused as `.tooLarge`.
    package var entryBytesMax = 256 << 10
    /// Bytes of committed entries kept in memory for followers that lag.
    package var cachedBytesMax = 4 << 20
    /// Deliberate bugs. Empty everywhere but in the simulator's test of itself.
    package var faults: SeededFaults = []

    package init() {}
}

/// Bugs that can be switched on to prove that the simulator sees them. Each is a mistake that a
/// published Raft has really had.
package struct SeededFaults: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// A vote leaves before its record is durable.
    package static let voteBeforeSync = SeededFaults(rawValue: 1 << 0)
    /// An append is acknowledged before the entries are durable.
    package static let acknowledgeBeforeSync = SeededFaults(rawValue: 1 << 1)
    /// The leader counts its own entries before they are durable.
    package static let countUnsyncedSelf = SeededFaults(rawValue: 1 << 2)
    /// Entries of older terms are committed by counting replicas (Raft, figure 8).
    package static let commitOldTerms = SeededFaults(rawValue: 1 << 3)
    /// Reads are answered without proof of leadership.
    package static let readWithoutQuorum = SeededFaults(rawValue: 1 << 4)
    /// Reads are answered before an entry of the leader's term is committed.
    package static let readBeforeTermStart = SeededFaults(rawValue: 1 << 5)
    /// Configuration changes do not wait for an entry committed in the leader's term.
    package static let changeBeforeTermStart = SeededFaults(rawValue: 1 << 6)
    /// A second configuration change may start while one is uncommitted.
    package static let twoPendingChanges = SeededFaults(rawValue: 1 << 7)
    /// Voters are swapped in one step, without the joint configuration.
    package static let swapWithoutJoint = SeededFaults(rawValue: 1 << 8)
    /// Learners count towards the commit quorum.
    package static let learnersCount = SeededFaults(rawValue: 1 << 9)
    /// Conflicting entries are kept instead of truncated.
    package static let keepConflicts = SeededFaults(rawValue: 1 << 10)
    /// Heartbeats carry the commit index beyond what the follower was seen to hold.
    package static let commitBeyondMatch = SeededFaults(rawValue: 1 << 11)
    /// A vote is granted whatever the candidate's log.
    package static let voteForStaleLog = SeededFaults(rawValue: 1 << 12)
    /// Votes and pre-votes are granted while the leader is heard.
    package static let noStickiness = SeededFaults(rawValue: 1 << 13)
    /// Requests for votes leave before the candidate's own term is durable.
    package static let campaignBeforeSync = SeededFaults(rawValue: 1 << 14)
    /// A second vote in one term is granted to another candidate.
    package static let voteTwice = SeededFaults(rawValue: 1 << 15)
}
