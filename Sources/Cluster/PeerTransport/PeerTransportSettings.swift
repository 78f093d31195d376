import ClusterModel
import NIOCore

/// How a node's peer port behaves. Times are real time.
package struct PeerTransportSettings: Sendable {
    /// Where to listen. Port 0 lets the system choose, for tests.
    package var listen: PeerAddress
    /// Where other nodes dial us, as the hello says. Nil means where we listen.
    package var advertised: PeerAddress?
    package var key: ClusterKey
    /// In the certificate, for people.
    package var nodeName: String
    /// Random in each process.
    package var nonce: UInt64
    package var seedListHash: UInt64
    package var standing: PeerStanding

    package var tlsTimeout: Duration = .seconds(5)
    package var helloTimeout: Duration = .seconds(5)
    package var connectTimeout: Duration = .seconds(2)
    /// The first wait before a redial and the longest one; each wait is a random half to whole of its step.
    package var backoff: ClosedRange<Duration> = .milliseconds(50)...(.seconds(2))
    /// Inbound connections of all peers together; what comes on top is closed before TLS.
    package var inboundMax = 4096
    /// Inbound connections that have not passed the handshake yet.
    package var inboundHandshakesMax = 256
    /// Bytes in one connection's outbox, by kind, those in the kernel's buffer not counted.
    package var outboxBytesMax: @Sendable (ConnectionKind) -> Int = { kind in
        switch kind {
        case .control: 4 << 20
        case .append: 32 << 20
        case .bulk: 8 << 20
        // More than the longest result, and what others wait for.
        case .calls: 48 << 20
        }
    }
    /// Where the connections for Raft live at both ends, those of the kinds `control` and `append`: the loop that their
    /// messages come from and go to, so that no other thread has to be woken for them. Nil: where the others live.
    package var raftLoop: (any EventLoop)?
    /// What of it callers may take up before they have proved anything.
    var raftHandshakes = HandshakeBudget()
    /// Adds to the pipeline of the listening socket what decides when to accept; on its loop, before it is bound.
    package var prepareListener: @Sendable (any Channel) throws -> Void = { _ in }
    /// Failed inbound connections are logged once for each address in this time.
    package var logInterval: Duration = .seconds(10)

    package init(
        listen: PeerAddress, advertised: PeerAddress? = nil, key: ClusterKey, nodeName: String, nonce: UInt64,
        seedListHash: UInt64, standing: PeerStanding = .empty
    ) {
        self.listen = listen
        self.advertised = advertised
        self.key = key
        self.nodeName = nodeName
        self.nonce = nonce
        self.seedListHash = seedListHash
        self.standing = standing
    }
}
