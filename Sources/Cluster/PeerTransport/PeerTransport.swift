// Connections between nodes: who may speak (TLS, hello), and ordered bounded message streams to each peer.

import ClusterModel
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A node's peer port and its connections to others.
///
/// This node dials four connections to every peer that it was told of by `connect`, and sends to a peer only over
/// those. What peers send arrives over the connections that they dialled; the `ReturnPath` of a message leads back
/// over the same one, so that a node which is not dialled yet gets answers too. See docs/peer-protocol.md.
///
/// Life: `start`, then, once the node is a member, `attach` and `become`, at the end `shutdown`. All methods may be called
/// from any thread.
package final class PeerTransport: PeerLink, PeerDialler, Sendable {
    struct State {
        var standing: PeerStanding
        var receiver: (any PeerReceiver)?
        var directory: any PeerDirectory = EmptyPeerDirectory()
        var boots = KnownBoots()
        var peers: [NodeID: OutboundPeer] = [:]
        var advertised: PeerAddress?
        var server: (any Channel)?
        /// Every channel that is open or being opened, to close at the end.
        var channels: [ObjectIdentifier: any Channel] = [:]
        /// Of sockets that are between two channels: done when there is one, or none to come.
        var moves: [ObjectIdentifier: EventLoopFuture<Void>] = [:]
        /// The open ones that a peer has dialled, by peer.
        var inbound: [NodeID: [ObjectIdentifier: any Channel]] = [:]
        var inboundCount = 0
        var inboundHandshakeCount = 0
        var raftHandshakes: HandshakeBudget
        var throttle: LogThrottle
        var statistics = PeerTransportStatistics()
        var isShutDown = false
    }

    let settings: PeerTransportSettings
    private let group: any EventLoopGroup
    let logger: Logger
    let tls: PeerTLS
    private let onEvent: @Sendable (PeerEvent) -> Void
    let state: Mutex<State>

    /// - Parameter onEvent: Told after the receiver, on the loop of the peer; must not block.
    package init(
        settings: PeerTransportSettings, group: any EventLoopGroup, logger: Logger,
        onEvent: @escaping @Sendable (PeerEvent) -> Void = { _ in }
    ) throws {
        self.settings = settings
        self.group = group
        self.logger = logger
        self.onEvent = onEvent
        self.tls = try PeerTLS(key: settings.key, nodeName: settings.nodeName)
        let throttle = LogThrottle(intervalMilliseconds: settings.logInterval.wholeMilliseconds)
        self.state = Mutex(
            State(
                standing: settings.standing, raftHandshakes: settings.raftHandshakes, throttle: throttle))
    }

    // MARK: Life

    /// Listens. An empty node answers probes from here on.
    ///
    /// - Returns: The bound address, of interest where port 0 was asked for.
    package func start() async throws -> PeerAddress {
        let prepare = self.settings.prepareListener
        let bootstrap = ServerBootstrap(group: self.group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { listener in listener.eventLoop.makeCompletedFuture { try prepare(listener) } }
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try PeerSocket.configure(channel)
                    try self.accept(channel)
                }
            }
        let listen = self.settings.listen
        let server = try await bootstrap.bind(host: listen.host, port: Int(listen.port)).get()
        let port = server.localAddress?.port.flatMap(UInt16.init(exactly:)) ?? listen.port
        let bound = PeerAddress(host: listen.host, port: port)
        let isLate = self.state.withLock { state in
            state.server = server
            state.advertised = self.settings.advertised ?? bound
            return state.isShutDown
        }
        if isLate { try await server.close() }
        self.logger.info("peer port open", metadata: ["peer.address": "\(bound)"])
        return bound
    }

    /// Gives what a member needs; before `become`.
    package func attach(_ receiver: any PeerReceiver, directory: any PeerDirectory = EmptyPeerDirectory()) {
        self.state.withLock { state in
            state.receiver = receiver
            state.directory = directory
        }
    }

    /// From the next hello on this node is `standing`. An empty node becomes a member once; connections that are open stay.
    package func become(_ standing: PeerStanding) {
        self.state.withLock { $0.standing = standing }
    }

    package var standing: PeerStanding { self.state.withLock { $0.standing } }
    /// What tells this process from every other in its hellos.
    package var nonce: UInt64 { self.settings.nonce }
    package var statistics: PeerTransportStatistics {
        self.state.withLock { state in
            var statistics = state.statistics
            statistics.inboundConnections = state.inboundCount
            return statistics
        }
    }

    /// Closes the port and every connection and waits until they are closed. What was queued may be lost.
    package func shutdown() async {
        let (server, peers, channels, moves) = self.state.withLock { state in
            state.isShutDown = true
            defer { state.peers = [:] }
            return (
                state.server, Array(state.peers.values), Array(state.channels.values), Array(state.moves.values)
            )
        }
        for peer in peers { peer.stop() }
        for channel in channels { channel.close(promise: nil) }
        // Waited for only: that a channel was closed before is no failure of the shutdown.
        _ = try? await server?.close()
        for channel in channels { _ = try? await channel.closeFuture.get() }
        // Their new channels find the transport shut down, and end.
        for move in moves { _ = try? await move.get() }
        // The receiver holds this transport as its link.
        self.state.withLock { $0.receiver = nil }
    }

    // MARK: Peers

    /// Dials `node` and keeps four connections to it until `disconnect`. Called again it only notes a new address.
    package func connect(to node: NodeID, at address: PeerAddress) {
        let (peer, isNew): (OutboundPeer?, Bool) = self.state.withLock { state in
            guard !state.isShutDown, state.standing.node != node else { return (nil, false) }
            if let peer = state.peers[node] { return (peer, false) }
            let backoff = self.settings.backoff
            let peer = OutboundPeer(
                node: node, address: address, loop: self.loop(of: node), raftLoop: self.settings.raftLoop,
                dialler: self,
                backoffMilliseconds: max(
                    1, backoff.lowerBound.wholeMilliseconds)...backoff.upperBound.wholeMilliseconds,
                seed: self.settings.nonce ^ node.low)
            state.peers[node] = peer
            return (peer, true)
        }
        if isNew { peer?.start() } else { peer?.move(to: address) }
    }

    /// Always the same one, so that the events of a node keep their order when it is disconnected and connected again.
    private func loop(of node: NodeID) -> any EventLoop {
        let loops = Array(self.group.makeIterator())
        return loops[Int(node.low % UInt64(loops.count))]
    }

    /// Hangs up the connections that this node dialled. Those that the peer dialled stay.
    package func disconnect(_ node: NodeID) {
        self.state.withLock { $0.peers.removeValue(forKey: node) }?.stop()
    }

    /// The node is no peer any more: hangs up on both sides. Its next hello is judged anew.
    package func expel(_ node: NodeID) {
        let (peer, inbound) = self.state.withLock { state in
            (state.peers.removeValue(forKey: node), state.inbound[node].map { Array($0.values) } ?? [])
        }
        peer?.stop()
        for channel in inbound { channel.close(promise: nil) }
    }

    /// Which of our connections to `node` are open.
    package func openKinds(to node: NodeID) -> [ConnectionKind] {
        self.state.withLock { $0.peers[node] }?.openKinds ?? []
    }

    package func send(_ message: [UInt8], to node: NodeID, on kind: ConnectionKind) -> SendVerdict {
        guard let peer = self.state.withLock({ $0.peers[node] }) else { return .notConnected }
        return peer.send(message, on: kind)
    }

    /// Asks who is at `address`: connects, exchanges hellos, hangs up.
    ///
    /// A peer whose `nonce` is this node's own is this node under another name.
    package func probe(_ address: PeerAddress) async -> Result<PeerHello, DialFailure> {
        let promise = self.group.next().makePromise(of: Result<PeerHello, DialFailure>.self)
        let loop = promise.futureResult.eventLoop
        loop.execute {
            var answer: PeerHello?
            let owner = PeerConnectionOwner(
                opened: { connection, session in
                    answer = session.peer
                    connection.close()
                    return nil
                },
                ended: { failure in promise.succeed(answer.map(Result.success) ?? .failure(failure)) })
            let bound = NIOLoopBound(owner, eventLoop: loop)
            self.dial(address, .probe, expecting: nil, on: loop, channelLoop: nil, owner: { bound.value }) { _ in }
        }
        do {
            return try await promise.futureResult.get()
        } catch {
            return .failure(.unreachable("\(error)"))
        }
    }

    // MARK: Dialling

    var receiver: (any PeerReceiver)? { self.state.withLock { $0.receiver } }

    func report(_ event: PeerEvent) {
        self.receiver?.peerChanged(event)
        self.onEvent(event)
    }

    func dialFailed(_ node: NodeID, _ kind: ConnectionKind, _ failure: DialFailure) {
        guard kind == .control, self.mayLog("dial \(node)") else { return }
        self.logger.info("peer can not be reached", metadata: ["peer.node": "\(node)", "peer.failure": "\(failure)"])
    }

    func dial(
        _ address: PeerAddress, _ purpose: DialPurpose, expecting node: NodeID?, on loop: any EventLoop,
        channelLoop: (any EventLoop)?, owner: @escaping @Sendable () -> PeerConnectionOwner,
        connected: @escaping (any Channel) -> Void
    ) {
        loop.preconditionInEventLoop()
        let (own, isShutDown) = self.state.withLock { ($0.hello(purpose, self.settings), $0.isShutDown) }
        guard !isShutDown else { return owner().ended(.closed) }
        let machine = HandshakeMachine(role: .dialler(purpose, expected: node), own: own)
        let bound = NIOLoopBound(connected, eventLoop: loop)
        let bootstrap = ClientBootstrap(group: channelLoop ?? loop)
            .connectTimeout(self.settings.connectTimeout.timeAmount)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try PeerSocket.configure(channel)
                    let tls = try NIOSSLClientHandler(
                        context: self.tls.client, serverHostname: purpose.isForRaft ? PeerTLS.raftServerName : nil)
                    let handler = self.handler(
                        machine, owner: owner(), tls: self.settings.tlsTimeout.timeAmount)
                    try channel.pipeline.syncOperations.addHandlers([tls, handler])
                    self.keep(channel)
                }
            }
        let dialled: EventLoopFuture<any Channel>
        if let socket = try? SocketAddress(ipAddress: address.host, port: Int(address.port)) {
            dialled = bootstrap.connect(to: socket)
        } else {
            dialled = bootstrap.connect(host: address.host, port: Int(address.port))
        }
        dialled.hop(to: loop).whenComplete { result in
            switch result {
            case .success(let channel): bound.value(channel)
            // The handler of a channel that never was active does not speak up; where it did, the owner ignores this.
            case .failure(let error): owner().ended(Self.failure(of: error))
            }
        }
    }

    private static func failure(of error: any Error) -> DialFailure {
        let causes = (error as? NIOConnectionError).map { $0.connectionErrors.map(\.error) } ?? [error]
        let codes = causes.compactMap { ($0 as? IOError)?.errnoCode }
        return !codes.isEmpty && codes.allSatisfy({ $0 == ECONNREFUSED }) ? .refused : .unreachable("\(error)")
    }

    // MARK: Both

    /// - Parameter tls: How long TLS may take yet.
    func handler(_ machine: HandshakeMachine, owner: PeerConnectionOwner, tls: TimeAmount) -> PeerConnectionHandler {
        PeerConnectionHandler(
            machine: machine,
            timeouts: .init(tls: tls, hello: self.settings.helloTimeout.timeAmount),
            owner: owner,
            judge: { node, start in self.judge(node, start) },
            connect: { channel, session in
                let bytesMax: Int =
                    if case .carry(let kind) = session.purpose { self.settings.outboxBytesMax(kind) } else { 0 }
                return PeerConnection(channel: channel, bytesMax: bytesMax) {
                    self.state.withLock { $0.statistics.overflowedMessages += 1 }
                }
            })
    }

    private func judge(_ node: NodeID, _ start: PeerStart) -> DirectoryVerdict {
        // The host's directory has a lock of its own: ask it before taking ours.
        let directory = self.state.withLock { $0.directory }
        guard !directory.isRemoved(node) else { return .removed }
        let durable = directory.knownBoot(of: node).map { (boot: $0, nonce: directory.knownNonce(of: node)) }
        let isConnected = !self.openKinds(to: node).isEmpty
        return self.state.withLock { $0.boots.judge(node, start, durable: durable, isConnected: isConnected) }
    }

    func keep(_ channel: any Channel) {
        if !self.holds(channel) { channel.close(promise: nil) }
    }

    /// - Returns: false where the transport is shut down, and nobody else closes the channel.
    func holds(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let isLate = self.state.withLock { state in
            state.channels[id] = channel
            return state.isShutDown
        }
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.channels[id] = nil } }
        return !isLate
    }

    func keep(_ channel: any Channel, of node: NodeID) {
        let id = ObjectIdentifier(channel)
        self.state.withLock { $0.inbound[node, default: [:]][id] = channel }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { state in
                state.inbound[node]?[id] = nil
                if state.inbound[node]?.isEmpty ?? false { state.inbound[node] = nil }
            }
        }
    }

    func mayLog(_ key: String) -> Bool {
        let now = NIODeadline.now().uptimeNanoseconds / 1_000_000
        return self.state.withLock { $0.throttle.allows(key, nowMilliseconds: now) }
    }
}

/// Counters since the start, for metrics.
package struct PeerTransportStatistics: Sendable, Equatable {
    /// Open now, those in the handshake included.
    package var inboundConnections = 0
    /// Closed before TLS, since there were too many.
    package var turnedAway: UInt64 = 0
    /// Inbound connections that ended before their handshake did, for whatever reason.
    package var failedHandshakes: UInt64 = 0
    /// Messages refused to their senders by a full outbox.
    package var overflowedMessages: UInt64 = 0
}

extension PeerTransport.State {
    func hello(_ purpose: DialPurpose, _ settings: PeerTransportSettings) -> PeerHello {
        PeerHello(
            purpose: purpose, standing: self.standing, nonce: settings.nonce, seedListHash: settings.seedListHash,
            address: self.advertised ?? settings.advertised ?? settings.listen)
    }
}

extension Duration {
    /// Rounded down; negative durations are 0.
    var wholeMilliseconds: UInt64 {
        let (seconds, attoseconds) = self.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(seconds) * 1_000 + UInt64(attoseconds / 1_000_000_000_000_000)
    }

    var timeAmount: TimeAmount { .milliseconds(Int64(clamping: self.wholeMilliseconds)) }
}
