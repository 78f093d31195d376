import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

/// Opens client WebSockets at `GET /ws`.
enum SocketDial {
    struct NotUpgraded: Error, CustomStringConvertible {
        var description: String { "GET /ws was not upgraded" }
    }

    /// Connects and upgrades.
    ///
    /// - Parameters:
    ///   - limit: How long connecting may take; the upgrade has no limit of its own.
    ///   - connected: On the loop, when the connection exists: whoever may want to end it before it is upgraded.
    ///   - upgraded: On the loop: adds the handler that speaks. It must not write yet; what is written while the HTTP
    ///     handlers leave the pipeline does not arrive.
    static func open(
        _ endpoint: Endpoint, on loop: any EventLoop, limit: TimeAmount = .seconds(10),
        connected: @escaping @Sendable (any Channel) -> Void = { _ in },
        upgraded: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<Void> {
        let dialed = ClientBootstrap(group: loop)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .connectTimeout(limit)
        let promise = loop.makePromise(of: Void.self)
        promise.completeWithTask {
            let answer = try await dialed.connect(host: endpoint.host, port: endpoint.port) { channel in
                connected(channel)
                return channel.eventLoop.makeCompletedFuture {
                    try Self.configure(channel, endpoint: endpoint, upgraded: upgraded)
                }
            }
            guard try await answer.get() else { throw NotUpgraded() }
        }
        return promise.futureResult
    }

    private static func configure(
        _ channel: any Channel, endpoint: Endpoint, upgraded: @escaping @Sendable (any Channel) throws -> Void
    ) throws -> EventLoopFuture<Bool> {
        let upgrader = NIOTypedWebSocketClientUpgrader<Bool>(maxFrameSize: 4 << 20) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                try upgraded(channel)
                return true
            }
        }
        var headers = HTTPHeaders()
        headers.add(name: "Host", value: "\(endpoint.host):\(endpoint.port)")
        let configuration = NIOTypedHTTPClientUpgradeConfiguration<Bool>(
            upgradeRequestHead: HTTPRequestHead(version: .http1_1, method: .GET, uri: "/ws", headers: headers),
            upgraders: [upgrader],
            notUpgradingCompletionHandler: { channel in
                channel.close(promise: nil)
                return channel.eventLoop.makeSucceededFuture(false)
            })
        return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
            configuration: .init(upgradeConfiguration: configuration))
    }
}
