// What goes into a gossip instance and what comes out.

import ClusterModel

package enum SWIMInput: Sendable, Hashable {
    /// Every 50 ms, of a monotonic clock. A value below an earlier one counts as the earlier one.
    case tick(nowMilliseconds: UInt64)
    /// From the node that the connection authenticated.
    case received(SWIMMessage, from: NodeID)
    /// A node that should be there, from the registry or a seed's hello.
    case contact(NodeID, PeerAddress)
    /// The transport's hint: the connection closed and a new one was refused.
    case connectionLost(NodeID)
    /// This node is going, on purpose. The host goes on ticking for a second or so.
    case leave
}

package enum SWIMEffect: Sendable, Hashable {
    /// Best effort; losing it is harmless.
    case send(SWIMMessage, to: NodeID, PeerAddress)
    /// Another member's status, address or boot changed. `previous` is nil for one that was unknown.
    case changed(GossipMember, previous: MemberStatus?)
    /// This node was accused and objected.
    case refuted(Incarnation)
    /// Somebody speaks of a later boot of this very node: a second process may run on a copy of the data directory.
    case rivalBoot(Incarnation)
    /// How slow this node thinks itself to be: 1 is well.
    case healthChanged(multiplier: Int)
    /// A message of another cluster arrived and was dropped.
    case foreignCluster(ClusterID, from: NodeID)
}
