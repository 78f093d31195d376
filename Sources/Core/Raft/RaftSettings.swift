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
    /// Bytes of entries kept in memory for followers that have not acknowledged them, uncommitted ones aside.
    package var cachedBytesMax = 512 << 10
    /// Of these, the newest are kept when all have them: a new leader's followers, or a learner of a quiet group, need
    /// no disk then. A busy group's are let go of while the processor's caches still hold them.
    package var recentBytesMax = 8 << 10
    /// Deliberate bugs. Empty everywhere but in the simulator's test of itself.
    package var faults: SeededFaults = []

    package init() {}
}
