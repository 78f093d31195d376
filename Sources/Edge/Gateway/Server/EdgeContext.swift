import ChatModel
import ChatService
import HummingbirdCore
import HummingbirdHTTP2
import Logging
import NIOCore
import NIOHTTPTypes
import Synchronization

/// A connection that speaks HTTP and therefore gets a task; WebSockets never do.
enum HTTPConnection: Sendable {
    case http1(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>)
    case http2(HTTP2Channel.Value)
}

/// The same with the loop that it lives on.
struct AcceptedConnection: Sendable {
    let connection: HTTPConnection
    let loop: any EventLoop
}

/// What the handlers of all connections of one listener share. Thread-safe.
final class EdgeContext: Sendable {
    let settings: GatewaySettings
    private let ownOrigins: OriginRule
    let logger: Logger
    let http2: HTTP2Channel
    /// The socket side of each event loop, by the loop's identity.
    let loops: [ObjectIdentifier: SocketLoop]

    private let isDrainingFlag = Atomic(false)
    private let connections: AsyncStream<AcceptedConnection>.Continuation
    /// HTTP connections, to be quiesced when the listener stops.
    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

    init(
        settings: GatewaySettings, logger: Logger, http2: HTTP2Channel, loops: [SocketLoop],
        connections: AsyncStream<AcceptedConnection>.Continuation
    ) {
        self.settings = settings
        self.ownOrigins = OriginRule(allowed: settings.allowedOrigins)
        self.logger = logger
        self.http2 = http2
        self.loops = Dictionary(uniqueKeysWithValues: loops.map { (ObjectIdentifier($0.loop), $0) })
        self.connections = connections
    }

    /// The node's own settings, and the workspace's as they are now.
    var origins: OriginRule {
        let workspace = self.loops.values.first?.services.service.directory.workspace
        return self.ownOrigins.adding(workspace?.allowedOrigins ?? [])
    }

    var isDraining: Bool { self.isDrainingFlag.load(ordering: .relaxed) }
    func beginDraining() { self.isDrainingFlag.store(true, ordering: .relaxed) }

    /// Hands a connection to the listener's task group.
    func serve(_ connection: HTTPConnection, on channel: any Channel) {
        let id = ObjectIdentifier(channel)
        self.channels.withLock { $0[id] = channel }
        channel.closeFuture.whenComplete { _ in self.channels.withLock { $0[id] = nil } }
        guard case .terminated = self.connections.yield(.init(connection: connection, loop: channel.eventLoop)) else {
            return
        }
        channel.close(promise: nil)
    }

    /// Tells every HTTP connection to finish its request and close.
    func quiesce() {
        let channels = self.channels.withLock { Array($0.values) }
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
    }

    func closeHTTP() {
        let channels = self.channels.withLock { Array($0.values) }
        for channel in channels { channel.close(promise: nil) }
    }

    func finish() { self.connections.finish() }
}
