import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket

/// One WebSocket to one node, opened and closed within `withConnection`.
struct SocketClient: Sendable {
    typealias Stream = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    /// A server's frame may hold a page of `fetch`; above this it is a protocol error.
    static let messageBytesMax = 4 << 20

    enum Message: Sendable {
        case text(String)
        /// The peer's close; 1005 where it gave no code.
        case closed(code: Int, reason: String)
    }

    private let outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>

    /// Sends one text frame. Safe from any task; returns when the transport has taken it.
    func send(_ text: String) async throws {
        try await self.write(.text, ByteBuffer(string: text))
    }

    /// Starts the close handshake.
    func close() async throws {
        var code = ByteBuffer()
        code.writeInteger(UInt16(1000))
        try await self.write(.connectionClose, code)
    }

    private func write(_ opcode: WebSocketOpcode, _ data: ByteBuffer) async throws {
        try await self.outbound.write(WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: data))
    }

    /// Dials, upgrades and calls `receive` for every message, in order, until the peer closes or it returns false.
    /// - Returns: the peer's close; 1006 where the connection broke without one.
    static func withConnection(
        to server: ServerURL, opened: @Sendable (SocketClient) async throws -> Void,
        receive: @Sendable (SocketClient, String) async throws -> Bool
    ) async throws -> (code: Int, reason: String) {
        let channel = try await Self.dial(server)
        return try await channel.executeThenClose { inbound, outbound in
            let client = SocketClient(outbound: outbound)
            try await opened(client)
            do {
                for try await frame in inbound {
                    switch frame.opcode {
                    case .text:
                        guard try await receive(client, String(buffer: frame.unmaskedData)) else { return (1000, "") }
                    case .ping:
                        try await client.write(.pong, frame.unmaskedData)
                    case .connectionClose:
                        var data = frame.unmaskedData
                        let code = data.readInteger(as: UInt16.self).map(Int.init) ?? 1005
                        try await client.write(.connectionClose, frame.unmaskedData)
                        return (code, String(buffer: data))
                    default:
                        break
                    }
                }
            } catch let error as IOError {
                return (1006, error.description)
            } catch let error as ChannelError {
                return (1006, String(describing: error))
            }
            return (1006, "connection lost")
        }
    }

    private static func dial(_ server: ServerURL) async throws -> Stream {
        let tls = server.isSecure ? try NIOSSLContext(configuration: .makeClientConfiguration()) : nil
        let result: EventLoopFuture<Stream?>
        do {
            result = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connectTimeout(.seconds(5))
                .channelOption(.socketOption(.tcp_nodelay), value: 1)
                .connect(host: server.host, port: server.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if let tls {
                            // An IP address is no server name for SNI.
                            let name = (try? SocketAddress(ipAddress: server.host, port: 0)) == nil ? server.host : nil
                            try channel.pipeline.syncOperations.addHandler(
                                try NIOSSLClientHandler(context: tls, serverHostname: name))
                        }
                        return try Self.configureUpgrade(channel, host: server.authority)
                    }
                }
        } catch {
            throw ClientFailure.unreachable(servers: [server], reason: String(describing: error))
        }
        guard let stream = try await result.get() else {
            throw ClientFailure.malformedAnswer("\(server) does not upgrade GET /ws to a WebSocket")
        }
        return stream
    }

    private static func configureUpgrade(_ channel: any Channel, host: String) throws -> EventLoopFuture<Stream?> {
        let upgrader = NIOTypedWebSocketClientUpgrader<Stream?>(maxFrameSize: Self.messageBytesMax) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    NIOWebSocketFrameAggregator(
                        minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 1_024,
                        maxAccumulatedFrameSize: Self.messageBytesMax))
                return try Stream(wrappingChannelSynchronously: channel)
            }
        }
        var headers = HTTPHeaders()
        headers.add(name: "Host", value: host)
        let configuration = NIOTypedHTTPClientUpgradeConfiguration<Stream?>(
            upgradeRequestHead: HTTPRequestHead(version: .http1_1, method: .GET, uri: "/ws", headers: headers),
            upgraders: [upgrader],
            notUpgradingCompletionHandler: { channel in
                channel.close(promise: nil)
                return channel.eventLoop.makeSucceededFuture(nil)
            })
        return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
            configuration: .init(upgradeConfiguration: configuration))
    }
}
