// The shell round the handshake, on either end of a connection, and afterwards the way in for messages.

import ClusterModel
import NIOCore
import NIOSSL
import NIOTLS

/// Why a connection ended, or never came about.
package enum DialFailure: Error, Sendable, Hashable {
    /// Nobody listens there.
    case refused
    /// No route, no such name, no answer in time.
    case unreachable(String)
    /// The other end does not hold our cluster key, or does not speak TLS 1.3.
    case tls(String)
    case handshake(HandshakeFailure)
    /// Hung up.
    case closed
}

/// What a connection tells its owner. On the connection's event loop.
struct PeerConnectionOwner {
    /// - Returns: Who takes the messages.
    var opened: (PeerConnection, PeerSession) -> (any PeerReceiver)?
    /// Once, and last.
    var ended: (DialFailure) -> Void
}

/// Owns one channel from TLS to its end. Everything in it happens on the channel's event loop.
final class PeerConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    struct Timeouts {
        var tls: TimeAmount
        var hello: TimeAmount
    }

    private let processor = NIOSingleStepByteToMessageProcessor(PeerFrameDecoder(), maximumBufferSize: nil)
    private var machine: HandshakeMachine
    var foreignCluster: ClusterID? { self.machine.foreignCluster }
    private let judge: (NodeID, PeerStart) -> DirectoryVerdict
    private let connect: (any Channel, PeerSession) -> PeerConnection
    private let owner: PeerConnectionOwner
    private let timeouts: Timeouts

    private var timer: Scheduled<Void>?
    private var connection: PeerConnection?
    private var route: (receiver: any PeerReceiver, node: NodeID, kind: ConnectionKind)?
    private var failure: DialFailure?
    private var hasEnded = false

    init(
        machine: HandshakeMachine, timeouts: Timeouts, owner: PeerConnectionOwner,
        judge: @escaping (NodeID, PeerStart) -> DirectoryVerdict,
        connect: @escaping (any Channel, PeerSession) -> PeerConnection
    ) {
        self.machine = machine
        self.timeouts = timeouts
        self.owner = owner
        self.judge = judge
        self.connect = connect
    }

    // MARK: The channel's life

    /// A channel may have been open for some bytes already.
    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { self.startTimer(self.timeouts.tls, context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        self.startTimer(self.timeouts.tls, context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end(self.failure ?? .closed)
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            self.startTimer(self.timeouts.hello, context)
            self.perform(self.machine.step(.tlsEstablished), context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if self.failure == nil {
            self.failure = Self.isOfTLS(error) && !self.machine.isOpen ? .tls("\(error)") : .closed
        }
        context.close(promise: nil)
    }

    /// A peer that dies without saying goodbye to TLS is a closed connection like any other.
    private static func isOfTLS(_ error: any Error) -> Bool {
        if case .uncleanShutdown? = error as? NIOSSLError { return false }
        return error is NIOSSLError || error is BoringSSLError || error is NIOSSLExtraError
    }

    // MARK: Bytes

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard self.failure == nil else { return }
        do {
            try self.processor.process(buffer: self.unwrapInboundIn(data)) { frame in
                self.received(frame, context)
            }
        } catch {
            self.fail(.handshake(.protocolViolation), context)
        }
    }

    private func received(_ frame: PeerFrame, _ context: ChannelHandlerContext) {
        guard self.failure == nil else { return }
        guard self.machine.isOpen else {
            return self.perform(self.machine.step(.frame(frame.kind, frame.payload)), context)
        }
        guard frame.kind == .message, let route = self.route, let connection = self.connection else {
            return self.fail(.handshake(.protocolViolation), context)
        }
        route.receiver.received(frame.payload, from: route.node, on: route.kind, path: connection)
    }

    // MARK: Effects

    private func perform(_ effects: [HandshakeMachine.Effect], _ context: ChannelHandlerContext) {
        for effect in effects {
            switch effect {
            case .send(let kind, let payload):
                var buffer = context.channel.allocator.buffer(capacity: payload.count + PeerFrame.overhead)
                buffer.writeFrame(kind, payload)
                context.writeAndFlush(self.wrapOutboundOut(buffer), promise: nil)
            case .judge(let node, let start):
                self.perform(self.machine.step(.judged(self.judge(node, start))), context)
            case .established(let session):
                self.establish(session, context)
            case .close(let failure):
                self.fail(.handshake(failure), context)
            }
        }
    }

    private func establish(_ session: PeerSession, _ context: ChannelHandlerContext) {
        self.timer?.cancel()
        self.timer = nil
        let connection = self.connect(context.channel, session)
        self.connection = connection
        let receiver = self.owner.opened(connection, session)
        if let receiver, let node = session.node, case .carry(let kind) = session.purpose {
            self.route = (receiver, node, kind)
        }
        // The dialler of a probe has what it wanted and hangs up; its time to do so is bounded here too.
        if session.purpose == .probe { self.startTimer(self.timeouts.hello, context) }
    }

    private func startTimer(_ time: TimeAmount, _ context: ChannelHandlerContext) {
        self.timer?.cancel()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        self.timer = context.eventLoop.scheduleTask(in: time) {
            let (handler, context) = bound.value
            guard handler.failure == nil, !handler.hasEnded else { return }
            if handler.machine.isOpen {
                handler.fail(.closed, context)
            } else {
                handler.perform(handler.machine.step(.timeout), context)
            }
        }
    }

    private func fail(_ failure: DialFailure, _ context: ChannelHandlerContext) {
        if self.failure == nil { self.failure = failure }
        context.close(promise: nil)
    }

    private func end(_ failure: DialFailure) {
        guard !self.hasEnded else { return }
        self.hasEnded = true
        self.timer?.cancel()
        self.timer = nil
        self.connection?.shut()
        self.route = nil
        self.owner.ended(failure)
    }
}
