import ClusterModel

/// Everything that can happen to a replica. The host feeds these one at a time, in the order in which
/// they happened.
package enum RaftInput: Sendable {
    /// The host's clock: one every 50 ms.
    case tick
    case received(RaftMessage)
    /// Commands for the log, in order. Answered one by one with `.accepted` or `.refused`.
    case propose([Proposal])
    /// Everything in `.persist` effects up to this mark is on disk to stay.
    case persisted(PersistMark)
    /// A linearizable read (ReadIndex, thesis section 6.4). Answered with `.readReady` or `.readFailed`; at once where
    /// the voucher of whoever passed it on makes a quorum with this replica.
    case read(token: UInt64, voucher: ReadVoucher? = nil)
    case changeConfiguration(ConfigurationChange)
    /// Ignored unless this replica leads and the other is a voter.
    case transferLeadership(to: ReplicaID)
    /// The connection to this node broke *and* a new one was refused: its process is gone. If it led,
    /// an election follows within a few ticks; harmless when mistaken, since others still hear the leader.
    case peerUnreachable(NodeID)
    /// This node is back with a new boot counter: what it acknowledged before is not counted again until
    /// it has been asked.
    case peerRestarted(NodeID)
    /// The answer to `.fetch`: entries from the asked index on, or none when they could not be read.
    case fetched(for: ReplicaID, [Entry])
    /// The host's log holds no entries up to and including this index any more: a durable state stands for
    /// them. Never beyond what the host has durably applied.
    case compacted(through: LogIndex)
    /// A complete, verified and fsynced state of this point lies on the disk; the replica `from` sent it.
    /// Answered with `.install` or `.snapshotIgnored`.
    case snapshotReady(SnapshotPoint, from: ReplicaID)
    /// At the leader: the follower reports that its log stands at this index, by the snapshot or without it.
    case snapshotDelivered(to: ReplicaID, through: LogIndex)
    /// At the leader: the transfer ended otherwise. It is asked for again when the follower shows itself.
    case snapshotFailed(to: ReplicaID)
    /// By an operator, who accepts the loss of what only others have: this replica goes on as the only voter
    /// of a higher incarnation, with everything in its log. Ignored for one that is not higher.
    case forceQuorum(GroupIncarnation)
}

package struct Proposal: Hashable, Sendable {
    /// The host's own name for the proposal; comes back in the answer.
    package let token: UInt64
    package let payload: [UInt8]

    package init(token: UInt64, payload: [UInt8]) {
        self.token = token
        self.payload = payload
    }
}

/// The place of a `.persist` effect in the order of one replica's writes, counted from 1 at each start.
package struct PersistMark: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }

    package static let zero = PersistMark(0)
    package func next() -> PersistMark { PersistMark(self.rawValue + 1) }
    package static func < (left: PersistMark, right: PersistMark) -> Bool { left.rawValue < right.rawValue }
    package var description: String { "\(self.rawValue)" }
}
