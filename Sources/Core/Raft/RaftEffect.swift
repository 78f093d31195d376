import ClusterModel

/// What the host is to do, in this order. Sends need not wait for writes: the replica itself holds back
/// what must not leave before it is durable.
package enum RaftEffect: Hashable, Sendable {
    /// Write these records, in the order of the marks; answer with `.persisted` once they are fsynced.
    /// Entries at an index that is already in the log replace everything from there on.
    case persist(mark: PersistMark, hardState: HardState?, entries: [Entry])
    case send(RaftMessage)
    /// Entries to apply, in order, each exactly once.
    case committed([Entry])
    /// The proposal stands in the log at this place. It is done when an entry of this index *and* term is
    /// committed, and lost when another term's entry is committed there.
    case accepted(token: UInt64, index: LogIndex, term: Term)
    case refused(token: UInt64, ProposalRefusal)
    /// The read may be served once everything up to this index is applied.
    case readReady(token: UInt64, LogIndex)
    case readFailed(token: UInt64, leader: Replica?)
    /// Role, term or known leader are new.
    case roleChanged(Role, Term, leader: Replica?)
    /// The configuration in force is new (`committed` false: appended, or back to an older one by a
    /// truncation), or the one at this index was committed.
    case configurationChanged(Configuration, at: LogIndex, committed: Bool)
    case configurationRefused(ConfigurationRefusal)
    /// Read entries from the disk for a follower that needs older ones than are in memory, up to about
    /// `bytesMax` but at least one; answer with `.fetched`, always.
    case fetch(for: ReplicaID, from: LogIndex, bytesMax: Int)
    /// A committed configuration at this index left this replica out, as it has seen or another says. A hint: ask
    /// the current leader before deleting anything.
    case removedFromGroup(at: LogIndex)
    /// The follower needs entries that the log no longer holds: send it a state. Answer with
    /// `.snapshotDelivered` or `.snapshotFailed`, always.
    case sendSnapshot(to: Replica)
    /// The log is from now on empty after this point. Write that under the mark, in order with the `.persist`
    /// ones, and answer with `.persisted`; then put the received state in the place of the machine's.
    case install(mark: PersistMark, SnapshotPoint, hardState: HardState?)
    /// This state is not needed: remove it.
    case snapshotIgnored(SnapshotPoint)
    /// The group goes on in a higher incarnation, of which this replica's data is no part: delete it, tombstone
    /// first, and start an empty replica when one is wanted here.
    case superseded(by: GroupIncarnation)
    /// What this damaged replica may have lost it has again: its log may be marked sound.
    case repaired
}

/// A replica's part in its group. Learners are followers that the configuration does not let vote.
package enum Role: Hashable, Sendable {
    /// → preCandidate when no leader is heard; → candidate at the leader's wish.
    case follower
    /// Asks whether an election could be won. → candidate with a quorum; → follower.
    case preCandidate
    /// → leader with a quorum; → follower; → preCandidate when the election is not decided in time.
    case candidate
    /// → follower on a higher term, without a quorum, or when it has left the group.
    case leader
}

/// Why a proposal is not in the log.
package enum ProposalRefusal: Hashable, Sendable {
    /// Ask the leader, if one is known.
    case notLeader(Replica?)
    /// Too many bytes wait for a commit: try again later.
    case overloaded
    /// Never fits.
    case tooLarge
    /// Leadership is moving: try again in a moment, at the new leader.
    case transferring
}

/// How far a leader has brought one other replica.
package struct ReplicaProgress: Hashable, Sendable {
    /// Durable there up to here, as it acknowledged.
    package let match: LogIndex
    package let ticksSinceHeard: Int
    /// Heard within the check-quorum time.
    package let isActive: Bool
    /// It has said, since it was last seen to start, that its disk lacks nothing.
    package let isWhole: Bool
    /// Entries of the leader's log that it has not acknowledged.
    package let lag: Int
}
