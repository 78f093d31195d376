// The handshake of two nodes after TLS, on either end, as a pure machine.

import ClusterModel

/// What both ends agreed upon; the connection carries messages from here on.
package struct PeerSession: Sendable, Hashable {
    package let purpose: DialPurpose
    /// Both wire versions' minimum of maxima.
    package let version: UInt16
    /// The other end's hello.
    package let peer: PeerHello
    /// Nil for a probe of, or by, an empty node.
    package var node: NodeID? { self.peer.standing.node }
}

/// One connection's hellos:
///
///     dialler   awaitingTLS -> awaitingAnswer -> (judging) -> open | failed
///     acceptor  awaitingTLS -> awaitingHello  -> (judging) -> open | failed
///
/// The dialler speaks first. The acceptor answers with its own hello or with a refusal, then closes. A probe is
/// always answered, by whom and to whom ever, since founding nodes have no cluster to prove; it carries nothing.
struct HandshakeMachine: Sendable {
    enum Role: Sendable, Equatable {
        /// - Parameter expected: Who must answer, nil for a probe.
        case dialler(DialPurpose, expected: NodeID?)
        case acceptor
    }

    enum Input: Sendable, Equatable {
        case tlsEstablished
        case frame(PeerFrame.Kind, [UInt8])
        /// The answer to `.judge`.
        case judged(DirectoryVerdict)
        case timeout
    }

    enum Effect: Sendable, Equatable {
        case send(PeerFrame.Kind, [UInt8])
        /// Ask the directory of nodes about this member, which passed all other checks; continue with `.judged`.
        case judge(NodeID, PeerStart)
        case established(PeerSession)
        /// Flush what was sent, then close.
        case close(HandshakeFailure)
    }

    private enum State: Sendable, Equatable {
        case awaitingTLS
        case awaitingHello
        case judging(PeerSession)
        case open
        case failed
    }

    private let role: Role
    /// `purpose` in it is the dialler's; an acceptor echoes the purpose of the hello that it answers.
    private let own: PeerHello
    private var state: State = .awaitingTLS
    /// The other cluster that a member was refused for: it holds our key and believes that we are one of its own.
    private(set) var foreignCluster: ClusterID?

    init(role: Role, own: PeerHello) {
        self.role = role
        self.own = own
    }

    var isOpen: Bool { self.state == .open }

    mutating func step(_ input: Input) -> [Effect] {
        switch (self.state, input) {
        case (.awaitingTLS, .tlsEstablished):
            self.state = .awaitingHello
            guard case .dialler(let purpose, _) = self.role else { return [] }
            var hello = self.own
            hello.purpose = purpose
            return [.send(.hello, hello.encoded)]
        case (.awaitingHello, .frame(.hello, let bytes)):
            return self.received(bytes)
        case (.awaitingHello, .frame(.refusal, let bytes)):
            return self.refused(bytes)
        case (.judging(let session), .judged(let verdict)):
            return self.judged(session, verdict)
        case (.awaitingTLS, .timeout), (.awaitingHello, .timeout), (.judging, .timeout):
            return self.fail(.timedOut)
        case (.awaitingTLS, .frame), (.awaitingHello, .frame(.message, _)), (.judging, .frame):
            return self.fail(.protocolViolation)
        case (.awaitingTLS, .judged), (.awaitingHello, .judged), (.awaitingHello, .tlsEstablished),
            (.judging, .tlsEstablished), (.open, _), (.failed, _):
            return []
        }
    }

    private mutating func received(_ bytes: [UInt8]) -> [Effect] {
        let hello: PeerHello
        do throws(PeerHello.Malformed) {
            hello = try PeerHello(bytes: bytes, speaking: self.own.versions)
        } catch {
            switch error {
            case .magic, .content: return self.refuse(.malformed)
            case .versions: return self.refuse(.version)
            }
        }
        guard let version = self.own.versions.agreed(with: hello.versions) else { return self.refuse(.version) }
        let session = PeerSession(purpose: hello.purpose, version: version, peer: hello)
        if case .dialler(let purpose, _) = self.role, purpose != hello.purpose { return self.fail(.protocolViolation) }
        guard hello.purpose != .probe else { return self.open(session) }
        return self.check(session)
    }

    /// What can be said without the directory of nodes. Cheapest and most telling first.
    private mutating func check(_ session: PeerSession) -> [Effect] {
        guard case .member(let cluster, let node, _) = self.own.standing else { return self.refuse(.notReady) }
        guard case .member(let theirs, let peer, let boot) = session.peer.standing, theirs == cluster else {
            self.foreignCluster = session.peer.standing.cluster
            return self.refuse(.clusterMismatch)
        }
        guard peer != node else {
            return self.refuse(session.peer.nonce == self.own.nonce ? .duplicateNode : .twin)
        }
        if case .dialler(_, let expected?) = self.role, expected != peer { return self.refuse(.wrongNode) }
        self.state = .judging(session)
        return [.judge(peer, PeerStart(boot: boot, nonce: session.peer.nonce, address: session.peer.address))]
    }

    private mutating func judged(_ session: PeerSession, _ verdict: DirectoryVerdict) -> [Effect] {
        switch verdict {
        case .accepted: self.open(session)
        case .staleBoot: self.refuse(.staleBoot)
        case .removed: self.refuse(.removed)
        case .twin: self.refuse(.twin)
        }
    }

    private mutating func open(_ session: PeerSession) -> [Effect] {
        self.state = .open
        switch self.role {
        case .dialler:
            return [.established(session)]
        case .acceptor:
            var answer = self.own
            answer.purpose = session.purpose
            return [.send(.hello, answer.encoded), .established(session)]
        }
    }

    /// The other end said no. Bytes that are no refusal are as good as silence.
    private mutating func refused(_ bytes: [UInt8]) -> [Effect] {
        guard case .dialler = self.role, bytes.count == 1, let reason = HandshakeRefusal(rawValue: bytes[0]) else {
            return self.fail(.protocolViolation)
        }
        return self.fail(.refusedByPeer(reason))
    }

    /// We say no. Only an acceptor tells the other end: a dialler just hangs up.
    private mutating func refuse(_ reason: HandshakeRefusal) -> [Effect] {
        let effects = self.fail(.refusedByUs(reason))
        return self.role == .acceptor ? [.send(.refusal, [reason.rawValue])] + effects : effects
    }

    private mutating func fail(_ failure: HandshakeFailure) -> [Effect] {
        self.state = .failed
        return [.close(failure)]
    }
}

/// Why no session came about.
package enum HandshakeFailure: Error, Sendable, Hashable {
    case refusedByUs(HandshakeRefusal)
    case refusedByPeer(HandshakeRefusal)
    case timedOut
    /// A frame out of turn, of unknown kind or over its limit.
    case protocolViolation
}
