// Whoever calls: counted, put on the loop that its messages are for, then TLS and the handshake.

import ClusterModel
import Glibc
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization

/// One accepted connection, whatever channel it lives in.
private final class InboundConnection: Sendable {
    struct State {
        var session: PeerSession?
        var failure = DialFailure.closed
        var hasMoved = false
        var hasEnded = false
    }
    let remote: String
    /// When TLS must be up, wherever it is.
    let deadline: NIODeadline
    let state = Mutex(State())

    init(remote: String, deadline: NIODeadline) {
        self.remote = remote
        self.deadline = deadline
    }
}

extension PeerTransport {
    /// On the loop of the edge that has accepted it.
    ///
    /// What the connection is for is said in its hello, which comes after TLS, when its channel cannot change its loop any
    /// more. So the name that the dialler asks TLS for tells one for Raft: its socket goes to the replication loop, with the
    /// bytes read so far, and has its handshake there.
    func accept(_ channel: any Channel) throws {
        guard self.admits() else { throw ChannelError.operationUnsupported }
        let inbound = InboundConnection(
            remote: channel.remoteAddress?.ipAddress ?? "unknown",
            deadline: .now() + self.settings.tlsTimeout.timeAmount)
        // Counted by the channel's end and not by the handler's, which a channel that fails early never reaches.
        channel.closeFuture.assumeIsolated().whenComplete { _ in
            if !inbound.state.withLock({ $0.hasMoved }) { self.ended(inbound) }
        }
        self.keep(channel)
        let limit = StrangerLimit()
        try channel.pipeline.syncOperations.addHandler(limit)
        guard let raftLoop = self.settings.raftLoop else { return try self.serve(channel, inbound, limit) }
        let timer = channel.eventLoop.assumeIsolated().scheduleTask(deadline: inbound.deadline) {
            inbound.state.withLock { $0.failure = .handshake(.timedOut) }
            channel.close(promise: nil)
        }
        channel.closeFuture.whenComplete { _ in timer.cancel() }
        let gate = SNIHandler { asked in
            timer.cancel()
            do {
                if case .hostname(PeerTLS.raftServerName) = asked, self.takesForRaft() {
                    try channel.syncOptions?.setOption(.autoRead, value: false)
                    let mover = FirstBytesTaker { self.move(channel, $0, to: raftLoop, inbound) }
                    try channel.pipeline.syncOperations.addHandler(mover)
                } else {
                    try self.serve(channel, inbound, limit)
                }
            } catch {
                channel.close(promise: nil)
            }
            return channel.eventLoop.makeSucceededVoidFuture()
        }
        try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(gate))
    }

    private func admits() -> Bool {
        self.state.withLock { state in
            let admitted =
                !state.isShutDown && state.inboundCount < self.settings.inboundMax
                && state.inboundHandshakeCount < self.settings.inboundHandshakesMax
            if admitted {
                state.inboundCount += 1
                state.inboundHandshakeCount += 1
            } else {
                state.statistics.turnedAway += 1
            }
            return admitted
        }
    }

    private func takesForRaft() -> Bool {
        let now = NIODeadline.now().uptimeNanoseconds / 1_000_000
        return self.state.withLock { $0.raftHandshakes.take(nowMilliseconds: now) }
    }

    /// A channel belongs to its loop for good: the socket gets a second descriptor, which outlives the channel's.
    private func move(
        _ channel: any Channel, _ bytes: ByteBuffer, to loop: any EventLoop, _ inbound: InboundConnection
    ) {
        let copy = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable {
            (socket: NIOBSDSocket.Handle) in fcntl(socket, F_DUPFD_CLOEXEC, 0)
        }
        // No descriptor is left. Whoever calls tries again.
        guard let copy, copy >= 0 else { return channel.close(promise: nil) }
        let id = ObjectIdentifier(inbound)
        let moved = loop.makePromise(of: Void.self)
        self.state.withLock { $0.moves[id] = moved.futureResult }
        inbound.state.withLock { $0.hasMoved = true }
        channel.close(promise: nil)
        let taken = ClientBootstrap(group: loop)
            .channelInitializer { channel in
                channel.closeFuture.whenComplete { _ in self.ended(inbound) }
                return channel.eventLoop.makeCompletedFuture {
                    // Closed by whoever registers it: a channel that is closed already must not get that far.
                    guard self.holds(channel) else { throw ChannelError.ioOnClosedChannel }
                    let limit = StrangerLimit()
                    try channel.pipeline.syncOperations.addHandlers([FirstBytesGiver(bytes), limit])
                    try self.serve(channel, inbound, limit)
                }
            }
            .withConnectedSocket(copy)
        taken.whenComplete { result in
            if case .failure = result { self.ended(inbound) }
            self.state.withLock { $0.moves[id] = nil }
            moved.succeed()
        }
    }

    /// On the loop on which the connection stays.
    private func serve(_ channel: any Channel, _ inbound: InboundConnection, _ limit: StrangerLimit) throws {
        let own = self.state.withLock { $0.hello(.probe, self.settings) }
        let owner = PeerConnectionOwner(
            opened: { _, session in
                limit.isLifted = true
                inbound.state.withLock { $0.session = session }
                if let node = session.node { self.keep(channel, of: node) }
                return self.admitted(session)
            },
            ended: { failure in inbound.state.withLock { $0.failure = failure } })
        let tls = NIOSSLServerHandler(context: self.tls.server)
        let handler = self.handler(
            HandshakeMachine(role: .acceptor, own: own), owner: owner, tls: max(.zero, inbound.deadline - .now()))
        try channel.pipeline.syncOperations.addHandlers([tls, handler])
        channel.closeFuture.assumeIsolated().whenComplete { _ in
            if let cluster = handler.foreignCluster { self.report(.claimed(by: cluster)) }
        }
    }

    private func admitted(_ session: PeerSession) -> (any PeerReceiver)? {
        let receiver = self.state.withLock { state in
            state.inboundHandshakeCount -= 1
            return state.receiver
        }
        if case .carry(let kind) = session.purpose, let node = session.node {
            self.state.withLock { $0.peers[node] }?.peerSeen(kind)
            self.report(.met(node, session.peer, kind))
        }
        return receiver
    }

    private func ended(_ inbound: InboundConnection) {
        let (isFirst, session, failure) = inbound.state.withLock { state in
            defer { state.hasEnded = true }
            return (!state.hasEnded, state.session, state.failure)
        }
        guard isFirst else { return }
        self.state.withLock { state in
            state.inboundCount -= 1
            guard session == nil else { return }
            state.inboundHandshakeCount -= 1
            state.statistics.failedHandshakes += 1
        }
        guard failure != .closed, self.mayLog("accept \(inbound.remote)") else { return }
        self.logger.warning(
            "peer connection failed",
            metadata: ["peer.remote": "\(inbound.remote)", "peer.failure": "\(failure)"])
    }
}

/// Closes a connection that says more than a handshake needs before it has proved anything: TLS bounds what it keeps, but
/// lets a stranger send a certificate of 100 KiB in records of a byte each, to be deciphered one by one.
private final class StrangerLimit: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// A first message, a certificate with its signature and a hello are about two kilobytes.
    static let bytesMax = 16 << 10

    var isLifted = false
    private var bytes = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !self.isLifted {
            self.bytes += self.unwrapInboundIn(data).readableBytes
            guard self.bytes <= Self.bytesMax else { return context.close(promise: nil) }
        }
        context.fireChannelRead(data)
    }
}

/// Hands on what was read of a connection that moves, once. Its socket is read no further, unless the other end closes it.
private final class FirstBytesTaker: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var bytes: ByteBuffer?
    private let moves: (ByteBuffer) -> Void

    init(moves: @escaping (ByteBuffer) -> Void) { self.moves = moves }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var read = self.unwrapInboundIn(data)
        guard self.bytes == nil else {
            self.bytes?.writeBuffer(&read)
            return
        }
        self.bytes = read
        // What the handler before it still holds comes in this turn.
        context.eventLoop.assumeIsolated().execute {
            guard let bytes = self.bytes, context.channel.isActive else { return }
            self.moves(bytes)
        }
    }
}

/// Gives a connection that has moved what was read of it before, ahead of all that is still to come.
private final class FirstBytesGiver: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var bytes: ByteBuffer?

    init(_ bytes: ByteBuffer) { self.bytes = bytes }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        guard let bytes = self.bytes else { return }
        self.bytes = nil
        context.fireChannelRead(self.wrapInboundOut(bytes))
        context.fireChannelReadComplete()
    }
}
