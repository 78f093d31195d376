// What goes into the founding machine and what comes out.

import ClusterModel

package struct FoundingSettings: Sendable, Hashable {
    /// How long an answer counts.
    package var windowMilliseconds: UInt64 = 10_000
    /// How often a waiting node says what it waits for.
    package var complainMilliseconds: UInt64 = 5_000
    /// The pauses between dials of a seed that does not answer, doubling.
    package var backoffMilliseconds: ClosedRange<UInt64> = 100...2_000
    /// The pause after an answer.
    package var refreshMilliseconds: UInt64 = 250
    /// A dial without an answer is taken for unreachable after this.
    package var dialTimeoutMilliseconds: UInt64 = 2_000

    package init() {}
}

/// Numbers the dials of one process.
package struct FoundingQuestion: Sendable, Hashable {
    package let rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// The hello that a dialled peer answered with.
package enum FoundingAnswer: Sendable, Hashable {
    /// It has no identity either.
    case empty(SeedListHash, nonce: UInt64)
    case member(ClusterID)
}

package enum FoundingInput: Sendable, Hashable {
    /// A monotonic clock. A value below an earlier one counts as the earlier one.
    case tick(nowMilliseconds: UInt64)
    /// The answer to the `.dial` of that question, or without a question from a peer known otherwise. `.empty` counts
    /// only of seeds and only for the newest question: a late one may be older than what it would prove.
    case answered(PeerAddress, question: FoundingQuestion?, FoundingAnswer)
    case unreachable(PeerAddress)
    /// The member that was asked could not let this node in; the machine looks for another member of the cluster.
    case joinFailed
    /// The operator founds by hand, where a seed is gone for good, and repeats the hash of the seed list.
    case initialise(confirming: SeedListHash)
}

package enum FoundingEffect: Sendable, Hashable {
    /// Say hello to this seed: empty, the hash of the seed list, the nonce. Report its answer with the
    /// question's number, or `.unreachable`.
    case dial(PeerAddress, FoundingQuestion)
    /// Mint and persist an identity and the directory of a new cluster, then answer `.member`.
    case found
    case join(ClusterID, via: PeerAddress)
    case waiting(WaitingReason)
    /// Exit with an error; going on could only make it worse.
    case stop(StopReason)
    /// The answer to `.initialise` where it is not `.found`.
    case refused(InitialiseRefusal)
}

/// Why nothing happens yet.
package struct WaitingReason: Sendable, Hashable {
    /// Is this the first seed, which founds once all others answer? Other nodes wait for a member.
    package let mayFound: Bool
    /// The seeds without an answer in the window.
    package let silent: [PeerAddress]
    /// The empty seeds that were given another list.
    package let differing: [PeerAddress]
    /// Seeds that are this node under a second name.
    package let aliases: [PeerAddress]
    /// The cluster that did not let this node in.
    package let cluster: ClusterID?
}

package enum StopReason: Sendable, Hashable {
    /// Members of two clusters answer. The smaller id first.
    case twoClusters(ClusterID, ClusterID)
    /// All other seeds are empty, but these were started with another list.
    case differentSeedLists([PeerAddress])
}

package enum InitialiseRefusal: Sendable, Hashable {
    /// The confirmed hash is not that of this node's seed list, which is given.
    case otherSeedList(SeedListHash)
    case clusterExists(ClusterID)
    /// Only the node at this address may found.
    case notFirstSeed(PeerAddress)
}
