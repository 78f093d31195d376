import ClusterModel

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
    /// Requests for votes leave before the candidate's own term is durable.
    package static let campaignBeforeSync = SeededFaults(rawValue: 1 << 13)
    /// A second vote in one term is granted to another candidate.
    package static let voteTwice = SeededFaults(rawValue: 1 << 14)
}

extension Configuration {
    /// The wrong `quorumIndex` of `.learnersCount`.
    func quorumIndexCountingLearners(_ match: (ReplicaID) -> LogIndex) -> LogIndex {
        let places = self.members.map { match($0.id) }.sorted(by: >)
        let needed = self.voters.count / 2
        return needed < places.count ? places[needed] : .zero
    }
}
