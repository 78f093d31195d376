import HummingbirdCore
import HummingbirdHTTP2
import NIOCore
import NIOHTTP1
import NIOSSL
import NIOTLS

/// Sets up the pipeline of an accepted connection.
struct EdgeInitializer: Sendable {
    let edge: EdgeContext
    let ledger: ConnectionLedger
    let tls: NIOSSLContext?

    func callAsFunction(_ channel: any Channel) -> EventLoopFuture<Void> {
        let key = ConnectionLedger.Key(channel.remoteAddress)
        guard !self.edge.settings.isShort(), self.ledger.admit(key) else { return self.turnAway(channel) }
        channel.closeFuture.whenComplete { _ in self.ledger.release(key) }
        return channel.eventLoop.makeCompletedFuture {
            if let tls = self.tls {
                try self.addTLS(tls, to: channel)
            } else {
                try self.addHTTP1(to: channel, isSecure: false)
            }
        }
    }

    private func addHTTP1(to channel: any Channel, isSecure: Bool) throws {
        let limits = self.edge.settings.limits
        var decoderLimits = NIOHTTPDecoderLimitConfiguration()
        decoderLimits.maxHeaderFieldSize = limits.headerFieldBytesMax
        decoderLimits.maxHeaderListSize = limits.headerBytesMax
        decoderLimits.maxHeaderFieldCount = limits.headerFieldsMax
        let encoder = HTTPResponseEncoder()
        let decoder = ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: decoderLimits))
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(encoder)
        try pipeline.addHandler(decoder)
        let codec = EdgeRequestHandler.Codec(encoder: encoder, decoder: decoder)
        try pipeline.addHandler(EdgeRequestHandler(edge: self.edge, codec: codec, isSecure: isSecure))
    }

    /// TLS, then HTTP/2 or HTTP/1.1 as the client's ALPN asks. A handshake has as long as a request's head.
    private func addTLS(_ tls: NIOSSLContext, to channel: any Channel) throws {
        let deadline = channel.eventLoop.scheduleTask(in: self.edge.settings.limits.headTimeout) {
            channel.close(promise: nil)
        }
        let negotiation = NIOTypedApplicationProtocolNegotiationHandler<Void> { result, channel in
            deadline.cancel()
            switch result {
            case .negotiated("h2"):
                return self.edge.http2.setup(channel: channel, logger: self.edge.logger).map {
                    self.edge.serve(.http2($0), on: channel)
                }
            case .negotiated("http/1.1"), .fallback:
                return channel.eventLoop.makeCompletedFuture { try self.addHTTP1(to: channel, isSecure: true) }
            case .negotiated:
                return channel.close()
            }
        }
        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
        try channel.pipeline.syncOperations.addHandler(negotiation)
    }

    /// Over the bounds: says so where it costs nothing, and closes.
    private func turnAway(_ channel: any Channel) -> EventLoopFuture<Void> {
        guard self.tls == nil else { return channel.close() }
        let (head, body) = DirectReply.overloaded.parts(requestID: RequestName.make(), allocator: channel.allocator)
        var reply = channel.allocator.buffer(capacity: 512)
        reply.writeString("HTTP/1.1 \(head.status.code) \(head.status.reasonPhrase)\r\n")
        for (name, value) in head.headers { reply.writeString("\(name): \(value)\r\n") }
        reply.writeString("\r\n")
        reply.writeImmutableBuffer(body)
        return channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(TurnedAwayHandler(reply: reply))
        }
    }
}

/// Answers whatever comes with one refusal and closes.
private final class TurnedAwayHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let reply: ByteBuffer

    init(reply: ByteBuffer) { self.reply = reply }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(self.wrapOutboundOut(self.reply), promise: nil)
        context.close(mode: .output, promise: nil)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(200)) { bound.value.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}
