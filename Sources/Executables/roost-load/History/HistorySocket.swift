import NIOCore
import NIOWebSocket

/// One connection of a `HistoryClient`: frames to bytes and back. It outlives its client's interest in it by a moment,
/// and then says nothing more.
final class HistorySocket: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private weak var client: HistoryClient?
    private var context: ChannelHandlerContext?
    private var isAbandoned = false
    private var needsFlush = false

    init(client: HistoryClient) { self.client = client }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func write(_ text: String) {
        guard let context = self.context, !self.isAbandoned else { return }
        let data = context.channel.allocator.buffer(string: text)
        context.write(
            self.wrapOutboundOut(.init(fin: true, opcode: .text, maskKey: .random(), data: data)), promise: nil)
        self.needsFlush = true
    }

    func flush() {
        if self.needsFlush { self.context?.flush() }
        self.needsFlush = false
    }

    /// Closes without a word; nothing of this connection is heard any more.
    func abandon() {
        self.isAbandoned = true
        self.context?.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isAbandoned, let client = self.client else { return }
        let frame = self.unwrapInboundIn(data)
        switch frame.opcode {
        case .text: client.received(frame.unmaskedData, from: self)
        case .ping:
            client.heard()
            let pong = WebSocketFrame(fin: true, opcode: .pong, maskKey: .random(), data: frame.unmaskedData)
            context.writeAndFlush(self.wrapOutboundOut(pong), promise: nil)
        case .connectionClose:
            var payload = frame.unmaskedData
            let code = payload.readInteger(as: UInt16.self) ?? 1005
            client.closed(self, code: code)
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) { self.end("the connection was lost") }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.end("\(error)")
        context.close(promise: nil)
    }

    private func end(_ reason: String) {
        guard !self.isAbandoned else { return }
        self.client?.lost(self, reason)
    }
}

extension HistoryClient {
    /// docs/socket.md: codes after which a person must act. In a run nobody did anything to deserve one.
    func closed(_ socket: HistorySocket, code: UInt16) {
        self.run.counters.closes[code, default: 0] += 1
        switch code {
        case 1002, 1003, 1007, 1008, 1009, 4400, 4403:
            say("client \(self.number): \(self.nodeName) closed the socket with \(code)")
        default: break
        }
        self.lost(socket, "closed with \(code)")
    }
}
