import ClientProtocol
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Reads a connection's first request and decides what the connection is: a WebSocket or HTTP.
///
/// ```
///              head of GET /ws, good handshake         end of request
/// firstHead ──────────────────────────────▶ upgrading ───────────────▶ removed, ClientSocket in its place
///     │  any other head
///     ├─────────────▶ http (stays in the pipeline: connection limits and clean refusals for later requests too)
///     │  deadline, bad bytes, refused handshake
///     └─────────────▶ refused (answered once, then swallows input until the peer has read the answer)
/// ```
/// NIO's own upgrade handler is not used: it drops the request head of a refused upgrade and has no deadline.
/// Lives on its channel's event loop.
final class EdgeRequestHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        case firstHead
        case upgrading(WebSocketHandshake)
        case http
        case refused
    }

    /// The handlers in front of this one, to be taken away at an upgrade.
    struct Codec {
        let encoder: HTTPResponseEncoder
        let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    }

    private let edge: EdgeContext
    private let codec: Codec
    private let isSecure: Bool
    private var state = State.firstHead
    private var deadline: Scheduled<Void>?
    /// The decoder stops after a request that asks for an upgrade, so its answer must be the connection's last.
    private var closesAfterResponse = false
    /// What is wrong with a later request that could not be parsed: the connection's last.
    private var unparsed: DirectReply?
    /// While the rest of an answer is thrown away in whose place `unparsed` was written.
    private var isReplacing = false

    init(edge: EdgeContext, codec: Codec, isSecure: Bool) {
        self.edge = edge
        self.codec = codec
        self.isSecure = isSecure
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        self.deadline = context.eventLoop.scheduleTask(in: self.edge.settings.limits.headTimeout) {
            let (handler, context) = bound.value
            switch handler.state {
            case .firstHead, .upgrading: handler.refuse(.timeout, context: context)
            case .http, .refused: break
            }
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.deadline?.cancel()
        self.deadline = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.deadline?.cancel()
        self.deadline = nil
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (self.state, self.unwrapInboundIn(data)) {
        case (.firstHead, .head(let head)):
            self.decide(on: head, context: context)
        case (.upgrading(let handshake), .end):
            self.upgrade(handshake, context: context)
        case (.upgrading, .body(let body)) where body.readableBytes > 0:
            self.refuse(.badHandshake, context: context)
        case (.http, .head(let head)):
            guard head.uri.utf8.count <= self.edge.settings.limits.uriBytesMax else {
                return self.refuse(.addressTooLong, head.method, context: context)
            }
            self.closesAfterResponse = Self.asksForUpgrade(head.headers)
            context.fireChannelRead(data)
        case (.http, _):
            context.fireChannelRead(data)
        case (.upgrading, _), (.firstHead, _), (.refused, _):
            break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let parserError = error as? HTTPParserError
        let reply: DirectReply = parserError == .headerOverflow ? .headersTooLarge : .unparsable
        switch self.state {
        case .firstHead, .upgrading:
            guard parserError != nil else { return context.close(promise: nil) }
            self.refuse(reply, context: context)
        case .http:
            // The task behind answers it with a bare 400, once the requests before it are answered; then it is our turn.
            if parserError != nil { self.unparsed = reply }
            context.fireErrorCaught(error)
        case .refused:
            break
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch (event, self.state) {
        case (is ChannelShouldQuiesceEvent, .firstHead), (ChannelEvent.inputClosed, .firstHead),
            (ChannelEvent.inputClosed, .upgrading), (ChannelEvent.inputClosed, .refused):
            context.close(promise: nil)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    private static func saysClose(_ headers: HTTPHeaders) -> Bool {
        headers[canonicalForm: "connection"].contains { $0.lowercased() == "close" }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part = self.unwrapOutboundIn(data)
        if case .head(let head) = part {
            // A route that gave up on a body says so in its answer: what is left of the body is not read.
            if Self.saysClose(head.headers) { self.closesAfterResponse = true }
            // Whatever a route answers has a name; only what never reached one has none.
            if let reply = self.unparsed, head.status == .badRequest, !head.headers.contains(name: "Request-Id") {
                return self.replace(with: reply, context: context, promise: promise)
            }
        }
        guard self.closesAfterResponse || self.isReplacing else { return context.write(data, promise: promise) }
        switch part {
        case .head(var head):
            head.headers.replaceOrAdd(name: "Connection", value: "close")
            context.write(self.wrapOutboundOut(.head(head)), promise: promise)
        case .body:
            guard !self.isReplacing else {
                promise?.succeed()
                return
            }
            context.write(data, promise: promise)
        case .end:
            self.isReplacing = false
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.writeAndFlush(data).whenComplete { _ in
                let (handler, context) = bound.value
                handler.linger(context: context)
            }
            promise?.succeed()
        }
    }

    /// The answer that says what is wrong, in the place of the bare one that has begun; its end is this one's too.
    private func replace(with reply: DirectReply, context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        self.unparsed = nil
        self.isReplacing = true
        let (head, body) = reply.parts(requestID: RequestName.make(), allocator: context.channel.allocator)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        context.write(self.wrapOutboundOut(.body(.byteBuffer(body))), promise: promise)
    }
}

extension EdgeRequestHandler {
    private func decide(on head: HTTPRequestHead, context: ChannelHandlerContext) {
        guard head.uri.utf8.count <= self.edge.settings.limits.uriBytesMax else {
            return self.refuse(.addressTooLong, head.method, context: context)
        }
        guard head.uri.prefix(while: { $0 != "?" }) == "/ws" else {
            self.deadline?.cancel()
            return self.becomeHTTP(head, context: context)
        }
        switch WebSocketHandshake.read(head, origins: self.edge.origins) {
        case .success where self.edge.isDraining: self.refuse(.draining, head.method, context: context)
        case .success(let handshake): self.state = .upgrading(handshake)
        case .failure(let refusal): self.refuse(refusal.reply, head.method, context: context)
        }
    }

    static func asksForUpgrade(_ headers: HTTPHeaders) -> Bool {
        headers.contains(name: "Upgrade")
    }

    /// Puts Hummingbird's handlers behind this one and gives the connection a task.
    private func becomeHTTP(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
        self.state = .http
        self.closesAfterResponse = Self.asksForUpgrade(head.headers)
        do {
            let pipeline = context.pipeline.syncOperations
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: self.isSecure))
            let idle = Duration.nanoseconds(self.edge.settings.limits.idleTimeout.nanoseconds)
            try pipeline.addHandler(HTTPConnectionStateHandler(idleTimeout: idle, logger: self.edge.logger))
            let connection = try NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>(
                wrappingChannelSynchronously: context.channel, configuration: .init(isOutboundHalfClosureEnabled: true))
            self.edge.serve(.http1(connection), on: context.channel)
            context.fireChannelRead(self.wrapInboundOut(.head(head)))
        } catch {
            self.edge.logger.error("cannot set up an HTTP connection", metadata: ["error": "\(error)"])
            context.close(promise: nil)
        }
    }

    private func upgrade(_ handshake: WebSocketHandshake, context: ChannelHandlerContext) {
        guard let loop = self.edge.loops[ObjectIdentifier(context.eventLoop)] else {
            return self.refuse(.overloaded, context: context)
        }
        self.deadline?.cancel()
        self.state = .refused
        let pipeline = context.pipeline.syncOperations
        do {
            // The order matters: the socket must be there before the decoder goes, since the decoder hands it the
            // frames that came in one packet with the handshake.
            try pipeline.addHandler(ClientSocket(loop: loop, bearer: handshake.bearer, isSecure: self.isSecure))
            let head = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: handshake.reply)
            context.write(self.wrapOutboundOut(.head(head)), promise: nil)
            context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
            try Self.narrow(context.channel, to: self.edge.settings.socket)
            pipeline.removeHandler(context: context, promise: nil)
            pipeline.removeHandler(self.codec.encoder, promise: nil)
            pipeline.removeHandler(self.codec.decoder, promise: nil)
        } catch {
            self.edge.logger.error("cannot set up a socket", metadata: ["error": "\(error)"])
            context.close(promise: nil)
        }
    }

    /// Small buffers for what is mostly idle. Without a send buffer of its own the kernel would take megabytes of
    /// events for a client that does not read, and nobody would notice it lagging.
    private static func narrow(_ channel: any Channel, to settings: SocketSettings) throws {
        guard let options = channel.syncOptions else { return }
        try options.setOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 512))
        try options.setOption(.socketOption(.so_sndbuf), value: SocketOptionValue(settings.backlogBytesMax))
        let high = settings.backlogBytesMax
        try options.setOption(.writeBufferWaterMark, value: .init(low: high / 2, high: high))
    }

    /// - Parameter method: of the request, where it is known: the answer to a HEAD has no body.
    private func refuse(_ reply: DirectReply, _ method: HTTPMethod? = nil, context: ChannelHandlerContext) {
        self.state = .refused
        self.deadline?.cancel()
        let (head, body) = reply.parts(requestID: RequestName.make(), allocator: context.channel.allocator)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        if method != .HEAD { context.write(self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil))).whenComplete { _ in
            let (handler, context) = bound.value
            handler.linger(context: context)
        }
    }

    /// Closes our side and reads on for a second: closing at once would reset the connection while the client
    /// still sends, and a reset may overtake the answer.
    private func linger(context: ChannelHandlerContext) {
        self.state = .refused
        guard !self.isSecure else { return context.close(promise: nil) }
        context.close(mode: .output, promise: nil)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .seconds(1)) { bound.value.close(promise: nil) }
    }
}

/// A name for a request that never reached a route.
enum RequestName {
    static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        return "req_" + String(generator.next() as UInt64, radix: 36)
    }
}
