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
    /// A new leader appends nothing, so entries of older terms wait and reads do not.
    package static let noNoop = SeededFaults(rawValue: 1 << 15)
    /// The proofs of two rounds of reads have one number.
    package static let reuseReadContext = SeededFaults(rawValue: 1 << 16)
    /// Old voters leave before the new ones have come.
    package static let removeBeforeAdd = SeededFaults(rawValue: 1 << 17)
    /// Entries behind a received state stay, although they do not follow from it.
    package static let keepSuffixOfSnapshot = SeededFaults(rawValue: 1 << 18)
    /// Entries behind a received state go, although they follow from it and were acknowledged.
    package static let dropSuffixOfSnapshot = SeededFaults(rawValue: 1 << 19)
    /// Messages of another incarnation are handled like the own ones.
    package static let incarnationUnchecked = SeededFaults(rawValue: 1 << 20)
    /// A replica that is added gets the id of one that was removed.
    package static let reuseReplicaIDs = SeededFaults(rawValue: 1 << 21)
    /// Pre-votes are granted while the leader is heard.
    package static let preVoteAgainstLeader = SeededFaults(rawValue: 1 << 22)
    /// A replica whose disk has lost entries votes like any other.
    package static let damagedVotes = SeededFaults(rawValue: 1 << 23)

    /// A configuration change is taken although it was planned from an older registry than the last one.
    package static let epochMayFall = SeededFaults(rawValue: 1 << 26)
    /// A read is served on the word of a replica that stands in another term.
    package static let vouchersOfAnyTerm = SeededFaults(rawValue: 1 << 27)

    // Mistakes of a host, which a simulated one makes.

    /// The log lets go of entries that the durable state does not have.
    package static let compactBeyondDurable = SeededFaults(rawValue: 1 << 24)
    /// A node that comes back with an older disk than its peers have seen takes part.
    package static let acceptOlderBoot = SeededFaults(rawValue: 1 << 25)
    /// A voucher is kept for reads that are asked for later.
    package static let keepVouchers = SeededFaults(rawValue: 1 << 28)
}

extension Configuration {
    /// What `.reuseReplicaIDs` gives out again.
    var unusedReplicaID: ReplicaID? {
        (1..<self.nextReplicaID.rawValue).lazy.map { ReplicaID($0) }.first { !self.isMember($0) }
    }
}

extension Configuration {
    /// The wrong `quorumIndex` of `.learnersCount`.
    func quorumIndexCountingLearners(_ match: (ReplicaID) -> LogIndex) -> LogIndex {
        let places = self.members.map { match($0.id) }.sorted(by: >)
        let needed = self.voters.count / 2
        return needed < places.count ? places[needed] : .zero
    }
}
