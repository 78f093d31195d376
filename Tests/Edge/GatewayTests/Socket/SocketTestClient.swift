import ClientProtocol
import NIOCore
import NIOPosix

/// A frame as a client sees it.
struct SeenFrame: Hashable, Sendable {
    let opcode: UInt8
    let payload: [UInt8]

    var json: JSONObject? { (try? JSONValue(parsing: self.payload))?.asObject }
    var type: String? { self.json?["type"]?.asString }
    var closeCode: UInt16? {
        guard self.opcode == 8, self.payload.count >= 2 else { return nil }
        return UInt16(self.payload[0]) << 8 | UInt16(self.payload[1])
    }
}

/// A client that sends exactly the bytes it is told to, on a TCP connection of its own.
final class SocketTestClient: Sendable {
    struct Silence: Error {}

    private let channel: any Channel
    private let inbox: NIOLoopBound<Inbox>

    static func connect(port: Int, reads: Bool = true, receiveBuffer: Int? = nil) async throws -> SocketTestClient {
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: reads)
            .channelOption(.allowRemoteHalfClosure, value: true)
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(
                .socketOption(.so_rcvbuf), value: SocketOptionValue(receiveBuffer))
        }
        let (channel, inbox) = try await bootstrap.connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                let inbox = Inbox()
                try channel.pipeline.syncOperations.addHandler(inbox)
                return (channel, NIOLoopBound(inbox, eventLoop: channel.eventLoop))
            }
        }
        return SocketTestClient(channel: channel, inbox: inbox)
    }

    private init(channel: any Channel, inbox: NIOLoopBound<Inbox>) {
        self.channel = channel
        self.inbox = inbox
    }

    /// A socket that has done its handshake.
    static func open(
        port: Int, headers: String = "", reads: Bool = true, receiveBuffer: Int? = nil
    ) async throws -> SocketTestClient {
        let client = try await Self.connect(port: port, receiveBuffer: receiveBuffer)
        try await client.send(text: Self.handshake(headers: headers))
        let head = try await client.readHead()
        guard head.hasPrefix("HTTP/1.1 101") else { throw Silence() }
        if !reads { try await client.setReading(false) }
        return client
    }

    static func handshake(path: String = "/ws", headers: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\(headers)\r\n"
    }

    func setReading(_ isOn: Bool) async throws { try await self.channel.setOption(.autoRead, value: isOn).get() }

    func send(text: String) async throws { try await self.send(bytes: Array(text.utf8)) }
    func send(bytes: [UInt8]) async throws {
        try await self.channel.writeAndFlush(self.channel.allocator.buffer(bytes: bytes))
    }

    /// A masked frame.
    static func frame(opcode: UInt8 = 1, _ payload: [UInt8], isFinal: Bool = true) -> [UInt8] {
        var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | opcode]
        switch payload.count {
        case ..<126: bytes.append(0x80 | UInt8(payload.count))
        case ..<65_536: bytes += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default: bytes += [0x80 | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        let mask: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
        return bytes + mask + payload.enumerated().map { $1 ^ mask[$0 & 3] }
    }

    func say(_ json: String) async throws { try await self.send(bytes: Self.frame(Array(json.utf8))) }

    func readHead() async throws -> String {
        try await self.wait { bytes in
            guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
            defer { bytes.removeSubrange(..<end.upperBound) }
            return String(decoding: bytes[..<end.upperBound], as: UTF8.self)
        }
    }

    /// Everything until the server ends its output.
    func readToEnd() async throws -> String {
        let inbox = self.inbox
        try await self.waitForEnd()
        return try await self.channel.eventLoop.submit { String(decoding: inbox.value.bytes, as: UTF8.self) }.get()
    }

    func waitForEnd() async throws {
        let inbox = self.inbox
        _ = try await self.wait { _ in inbox.value.isAtEnd ? true : nil }
    }

    func readFrame() async throws -> SeenFrame {
        try await self.wait { bytes in
            guard bytes.count >= 2 else { return nil }
            var count = Int(bytes[1] & 0x7F)
            var start = 2
            if count >= 126 {
                let width = count == 126 ? 2 : 8
                guard bytes.count >= 2 + width else { return nil }
                count = bytes[2..<2 + width].reduce(0) { $0 << 8 | Int($1) }
                start += width
            }
            guard bytes.count >= start + count else { return nil }
            let frame = SeenFrame(opcode: bytes[0] & 0x0F, payload: Array(bytes[start..<start + count]))
            bytes.removeSubrange(..<(start + count))
            return frame
        }
    }

    /// The next frame of a type; others before it are dropped.
    func read(_ type: String) async throws -> JSONObject {
        while true {
            let frame = try await self.readFrame()
            if frame.opcode == 8 { throw Silence() }
            if frame.type == type, let json = frame.json { return json }
        }
    }

    /// The code that the server closes with; data before it is dropped.
    func readClose() async throws -> UInt16? {
        while true {
            let frame = try await self.readFrame()
            if frame.opcode == 8 { return frame.closeCode }
        }
    }

    func close() async { try? await self.channel.close() }

    /// Waits until `take` makes something of the bytes that have come; 10 seconds at most.
    private func wait<Value: Sendable>(_ take: @escaping @Sendable (inout [UInt8]) -> Value?) async throws -> Value {
        let inbox = self.inbox
        let promise = self.channel.eventLoop.makePromise(of: Value.self)
        self.channel.eventLoop.execute {
            let timeout = inbox.eventLoop.scheduleTask(in: .seconds(10)) {
                inbox.value.waiter = nil
                promise.fail(Silence())
            }
            inbox.value.wait {
                guard let value = take(&inbox.value.bytes) else {
                    guard inbox.value.isAtEnd else { return false }
                    timeout.cancel()
                    promise.fail(Silence())
                    return true
                }
                timeout.cancel()
                promise.succeed(value)
                return true
            }
        }
        return try await promise.futureResult.get()
    }

    private final class Inbox: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var bytes: [UInt8] = []
        var isAtEnd = false
        var waiter: (() -> Bool)?

        func wait(_ waiter: @escaping () -> Bool) {
            if !waiter() { self.waiter = waiter }
        }
        private func changed() {
            guard let waiter = self.waiter else { return }
            self.waiter = nil
            if !waiter() { self.waiter = waiter }
        }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.bytes += self.unwrapInboundIn(data).readableBytesView
            self.changed()
        }
        func channelInactive(context: ChannelHandlerContext) {
            self.isAtEnd = true
            self.changed()
        }
        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            guard case .some(.inputClosed) = event as? ChannelEvent else { return }
            self.isAtEnd = true
            self.changed()
        }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
