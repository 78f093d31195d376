import ChatModel
import ClientProtocol
import ClusterModel
import Fanout
import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A WebSocket of one client: the shell round ``WebSocketDecoder`` and ``ConnectionState``. Costs no task; lives on
/// its channel's event loop and is touched there only.
///
/// Bytes out take one of two ways. While nothing waits in NIO's queue, they go straight to the kernel (plain TCP);
/// what the kernel does not take, and everything under TLS, goes through NIO. A socket with bytes in that queue is
/// *blocked*: it is given no events, keeps its cursors, and catches up once the queue is empty.
final class ClientSocket: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A channel that this socket is in.
    struct Membership {
        /// The place in the loop's room; nil when the client has unsubscribed.
        var place: Int?
        /// The own `member.joined` that this membership began with.
        let joinedSeq: UInt64
        var isBehind = false
        /// A page of the log is on its way.
        var isFetching = false
        /// A newer membership is known of; it begins when this one has ended.
        var rejoins = false
    }

    let loop: SocketLoop
    private(set) var id: UInt64 = 0
    private var decoder: WebSocketDecoder
    private var state: ConnectionState
    private var bearer: String?
    private let isSecure: Bool
    var context: ChannelHandlerContext?
    /// The connection's descriptor while the kernel may be written to directly, else -1.
    private var descriptor: CInt = -1
    /// Unflushed bytes of this turn.
    var pending: ByteBuffer?
    var bytesInQueue = 0
    private var isReadingPaused = false
    private var isCutting = false
    private var hasClosedOutput = false
    private var effects: [ConnectionState.Effect] = []

    /// Who it is; known from `enter` on.
    private(set) var user = UserID(high: 0, low: 0)
    private(set) var actor: Actor?
    /// What the last load found, until `enter` takes it.
    var entrance: SocketEntrance?
    var memberships: [ChannelID: Membership] = [:]
    var behind: [ChannelID] = []
    var noticesWaiting: [UserNotice] = []
    var joining: Set<ChannelID> = []
    /// Nothing but `ping` was heard for a while.
    private(set) var isAway = false
    /// When each channel was last told that this socket's user types there.
    var typedAt: [ChannelID: Int64] = [:]
    /// Those whose presence it is told of, and how often it has named them.
    var watched: Set<UserID> = []
    var watchTurn: UInt64 = 0

    /// Unsent bytes beyond which no client is waited for.
    private static let unsentMax = 4 * 1024 * 1024
    static let pageMax = 64
    static let chunkBytes = 64 * 1024

    init(loop: SocketLoop, bearer: String?, isSecure: Bool) {
        self.loop = loop
        self.bearer = bearer
        self.isSecure = isSecure
        let settings = loop.services.settings
        self.decoder = WebSocketDecoder(messageBytesMax: settings.messageBytesMax)
        self.state = ConnectionState(settings: settings, now: SocketServices.now())
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if !self.isSecure {
            // Only a plain TCP connection has a descriptor to write to, and the event loop owns it: `forget`
            // drops it on this loop before it can be closed and used again.
            try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
                self.descriptor = $0
            }
        }
        self.id = self.loop.add(self)
        let bearer = self.bearer
        self.bearer = nil
        self.step(.opened(bearer: bearer))
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.forget() }

    func channelInactive(context: ChannelHandlerContext) {
        self.forget()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var input = self.unwrapInboundIn(data)
        while let output = self.decoder.next(&input) {
            self.step(.received(output, self.allowance(for: output)))
        }
        if self.isAway { self.judgePresence() }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.flush()
        context.fireChannelReadComplete()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed: self.step(.inputClosed)
        case is ChannelShouldQuiesceEvent: break
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Reset by the peer, or TLS that broke: nothing can be said any more.
        context.close(promise: nil)
    }

    /// The account has another role from here on.
    func give(_ role: Role) {
        guard let actor = self.actor else { return }
        self.actor = Actor(user: actor.user, role: role, session: actor.session)
    }

    /// The session has ended.
    func revoke(_ session: SessionID) {
        guard self.actor?.session == session, self.state.isOpen else { return }
        self.step(.news(ServerFrame.sessionRevoked(session)))
        self.step(.end(.sessionRevoked))
    }

    /// Closes without waiting for anything.
    func abandon() { self.context?.close(promise: nil) }

    private func forget() {
        guard let context = self.context else { return }
        self.context = nil
        self.descriptor = -1
        self.pending = nil
        self.leaveAll()
        self.loop.remove(self)
        context.close(promise: nil)
    }

    private func allowance(for output: WebSocketDecoder.Output) -> ConnectionState.Allowance {
        switch output {
        case .violation, .close: .granted
        case .text, .ping, .pong: self.actor == nil ? .granted : self.loop.spend(self.user)
        }
    }

    // MARK: Steps

    func step(_ input: ConnectionState.Input) {
        self.state.step(input, at: SocketServices.now(), into: &self.effects)
        // Carrying out an effect may step again; what that appends is carried out here, in order.
        guard !self.isPerforming else { return }
        self.isPerforming = true
        var done = 0
        while done < self.effects.count {
            let effect = self.effects[done]
            done += 1
            self.perform(effect)
        }
        self.effects.removeAll(keepingCapacity: self.effects.capacity <= 8)
        self.isPerforming = false
    }
    private var isPerforming = false

    /// Looked at once in a heartbeat, and every tick while `isImpatient`.
    func tick() -> Bool {
        self.step(.tick)
        self.judgePresence()
        self.flush()
        if !self.behind.isEmpty { self.catchUp() }
        return !self.behind.isEmpty || self.state.isImpatient(at: SocketServices.now())
    }

    private func judgePresence() {
        let isAway = self.state.isIdle(at: SocketServices.now())
        guard isAway != self.isAway else { return }
        self.isAway = isAway
        if self.hasEntered { self.loop.judgePresence(of: self.user) }
    }

    /// `ready` was said.
    var hasEntered: Bool { self.state.session != nil }
    var isOpen: Bool { self.context != nil && self.state.isOpen }

    private func perform(_ effect: ConnectionState.Effect) {
        switch effect {
        case .verify(let token): self.loop.verify(token, for: self)
        case .load(let actor, let resume):
            self.actor = actor
            self.user = actor.user
            self.loop.load(actor, resume: resume, for: self)
        case .enter: self.enter()
        case .rebind(let actor):
            self.loop.rebind(self, from: self.actor, to: actor)
            self.actor = actor
        case .say(let payload): self.say(payload)
        case .post(let draft, let ref): self.loop.post(draft, ref, for: self)
        case .fetch(let channel, let after, let limit, let ref):
            self.loop.fetch(channel, after: after, limit: limit, ref, for: self)
        case .subscribe(let channels, let ref): self.loop.subscribe(channels, ref, for: self)
        case .carryOut(let frame, let ref): self.loop.carryOut(frame, ref, for: self)
        case .unsubscribe(let channels, let ref):
            for channel in channels { self.unsubscribe(channel) }
            self.step(.answered(ServerFrame.ok(ref)))
        case .ping: self.write(opcode: 9, [])
        case .pong(let payload): self.write(opcode: 10, payload)
        case .close(let code, let reason, let isFinal): self.sayClose(code, reason, isFinal: isFinal)
        case .cut:
            self.isCutting = true
            self.cutWhenFlushed()
        }
    }

    private func sayClose(_ code: UInt16, _ reason: String, isFinal: Bool) {
        self.leaveAll()
        self.write(opcode: 8, [UInt8(code >> 8), UInt8(code & 0xFF)] + Array(reason.utf8.prefix(120)))
        self.loop.attend(to: self)
        guard isFinal else { return }
        // The peer's answer could not be understood, so the end of our output says that there is no more.
        self.hasClosedOutput = true
    }

    // MARK: Bytes out

    func say(_ payload: [UInt8]) { self.write(opcode: 1, payload) }

    private func write(opcode: UInt8, _ payload: [UInt8]) {
        guard let context = self.context else { return }
        if self.pending == nil {
            self.pending = context.channel.allocator.buffer(capacity: payload.count + 10)
            self.loop.flushLater(self)
        }
        guard var buffer = self.pending.take() else { return }
        TextFrame.writeHeader(opcode: opcode, count: payload.count, into: &buffer)
        buffer.writeBytes(payload)
        self.pending = buffer
        self.boundBacklog()
    }

    /// A reader that can be given an event now.
    var takesEvents: Bool {
        self.bytesInQueue == 0 && self.context != nil && self.actor != nil && self.state.isOpen
    }

    /// Whole frames, shared with other sockets.
    func deliver(_ frames: ByteBuffer) {
        if self.pending == nil { return self.send(frames) }
        self.pending?.writeImmutableBuffer(frames)
        self.boundBacklog()
    }

    func flush() {
        if let buffer = self.pending.take() { self.send(buffer) }
        self.cutWhenFlushed()
    }

    private func send(_ frames: ByteBuffer) {
        guard let context = self.context, frames.readableBytes > 0 else { return }
        var rest = frames
        if self.descriptor >= 0, self.bytesInQueue == 0 {
            let sent = rest.withUnsafeReadableBytes { bytes in
                #if canImport(Darwin)
                    Darwin.send(self.descriptor, bytes.baseAddress, bytes.count, CInt(MSG_DONTWAIT))
                #elseif canImport(Musl)
                    Musl.send(self.descriptor, bytes.baseAddress, bytes.count, CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL))
                #else
                    Glibc.send(self.descriptor, bytes.baseAddress, bytes.count, CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL))
                #endif
            }
            if sent == rest.readableBytes { return }
            // A refusal (full buffer, broken connection) is NIO's to notice: it gets everything that is left.
            if sent > 0 { rest.moveReaderIndex(forwardBy: sent) }
        }
        self.enqueue(rest, context)
    }

    private func enqueue(_ rest: ByteBuffer, _ context: ChannelHandlerContext) {
        let count = rest.readableBytes
        self.bytesInQueue += count
        let promise = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        promise.futureResult.whenComplete { _ in bound.value.dequeued(count) }
        context.writeAndFlush(self.wrapOutboundOut(rest), promise: promise)
        guard self.bytesInQueue > 0 else { return }
        self.step(.blocked)
        self.loop.attend(to: self)
        self.boundBacklog()
    }

    private func dequeued(_ count: Int) {
        self.bytesInQueue -= count
        guard self.bytesInQueue == 0, self.context != nil else { return }
        self.step(.unblocked)
        self.resumeReading()
        self.cutWhenFlushed()
        if !self.behind.isEmpty { self.loop.catchUpLater(self) }
    }

    /// A client that asks without reading is not read from; and beyond all patience it goes.
    private func boundBacklog() {
        let unsent = self.bytesInQueue + (self.pending?.readableBytes ?? 0)
        if unsent > Self.unsentMax { return self.step(.end(.slowConsumer)) }
        guard self.bytesInQueue > 0, unsent > self.loop.services.settings.backlogBytesMax, !self.isReadingPaused else {
            return
        }
        self.isReadingPaused = true
        self.setAutoRead(false)
    }

    private func resumeReading() {
        guard self.isReadingPaused else { return }
        self.isReadingPaused = false
        self.setAutoRead(true)
    }

    private func setAutoRead(_ isOn: Bool) {
        // Fails only on a closed channel.
        try? self.context?.channel.syncOptions?.setOption(.autoRead, value: isOn)
    }

    private func cutWhenFlushed() {
        guard self.bytesInQueue == 0, self.pending == nil, let context = self.context else { return }
        if self.isCutting { return context.close(promise: nil) }
        guard self.hasClosedOutput, !self.isSecure else { return }
        self.hasClosedOutput = false
        self.descriptor = -1
        context.close(mode: .output, promise: nil)
    }
}
