// The seam between messages and connections: what the actor system needs of a transport, and nothing more.

import ClusterModel

/// What became of a message that was handed in for sending. None of them says that it arrived.
package enum SendVerdict: Sendable, Hashable {
    case queued
    /// No connection of that kind is open. The message is gone; a reconnect is under way if `connect` was called.
    case notConnected
    /// The connection's bounded outbox is full: the peer reads slower than we write. The message is gone.
    case overflow
    /// Over `PeerFrame.payloadBytesMax`. A mistake of the caller's.
    case tooLarge
}

/// Sends to peers by node. Any thread.
package protocol PeerLink: Sendable {
    /// Messages to one node on one kind of connection arrive in the order in which they were queued, until the
    /// connection breaks; then a suffix of them is lost, never one from the middle.
    func send(_ message: [UInt8], to node: NodeID, on kind: ConnectionKind) -> SendVerdict
}

/// The way back over the connection that a message came on, whether or not this node dials the sender. Any thread.
package protocol ReturnPath: Sendable {
    func send(_ message: [UInt8]) -> SendVerdict
}

/// Takes what arrives. Called on event loops, in order for each connection: must not block.
package protocol PeerReceiver: AnyObject, Sendable {
    func received(_ message: [UInt8], from node: NodeID, on kind: ConnectionKind, path: any ReturnPath)
    func peerChanged(_ event: PeerEvent)
}

/// What happens to the connections that this node dials, and who dials it. Events of one node arrive in order.
package enum PeerEvent: Sendable, Hashable {
    /// One outbound connection is open for messages.
    case opened(NodeID, ConnectionKind)
    /// All four outbound connections are open.
    case connected(NodeID)
    /// An open outbound connection is gone, and with it what was queued. A redial follows at once.
    case closed(NodeID, ConnectionKind)
    /// Nobody listens at the peer's address: its process is gone, if it is the one that was there. Told for each refused
    /// dial of the control connection; after a `closed` this is the fast path of elections.
    case refused(NodeID)
    /// The handshake was refused, by us or by the peer. Redials go on, since most reasons pass.
    case rejected(NodeID, HandshakeRefusal, byPeer: Bool)
    /// A peer dialled us and passed the handshake: where it says that it can be dialled, and its boot counter.
    case met(NodeID, PeerHello, ConnectionKind)
    /// A member of another cluster under the same key has dialled this node for messages: members dial only whom
    /// their registry or seed list names, so that cluster takes this node's address for one of its own.
    case claimed(by: ClusterID)
}
