import ChatService
import ClusterActors
import ClusterModel
import Fanout
import HTTPTypes
import Hummingbird
import HummingbirdCore
import HummingbirdHTTP2
import Identity
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOPosix
import NIOSSL
import Synchronization

/// A node's client listener: HTTP/1.1, HTTP/2 (over TLS, by ALPN) and WebSockets on one port.
///
/// ```
/// start ──▶ serving ──drain──▶ draining ──stop──▶ stopped
///              └──────────────────stop──────────────▲
/// ```
/// REST requests run in a task per HTTP connection, owned by this server, on the connection's event loop: on a processor
/// that sleeps between requests each change of threads costs some tens of microseconds. So handlers do not block, and
/// what takes milliseconds goes elsewhere (`RestAnswer.json`). Sockets have no task: each lives on its event loop.
package final class GatewayServer: Sendable {
    private struct State {
        var listener: (any Channel)?
        var serving: Task<Void, Never>?
        var ticking: [RepeatedTask] = []
        var isStopped = false
    }

    private let settings: GatewaySettings
    private let group: any EventLoopGroup
    private let logger: Logger
    private let ledger: ConnectionLedger
    private let edge: EdgeContext
    private let http1: HTTP1Channel
    private let http2: HTTP2Channel
    private let connections: AsyncStream<AcceptedConnection>
    /// By the loop's identity. They live as long as the tasks that run on them, which hold this server.
    private let executors: [ObjectIdentifier: LoopExecutor]
    /// What sockets wait for: short questions to shards.
    private let jobs: AsyncStream<@Sendable () async -> Void>
    private let addJob: AsyncStream<@Sendable () async -> Void>.Continuation
    private let state = Mutex(State())

    /// The node's feed, for tests and metrics.
    package let hub: FanoutHub

    /// - Parameters:
    ///   - routes: what answers HTTP requests; it maps its own errors, and what it throws becomes a bare 500.
    ///   - group: where connections live. The server neither makes nor ends it.
    package init<Routes: HTTPResponder>(
        settings: GatewaySettings, service: any ChatService, authenticator: Authenticator, routes: Routes,
        group: any EventLoopGroup, logger: Logger
    ) where Routes.Context: InitializableFromSource<ApplicationRequestContextSource> {
        self.settings = settings
        self.group = group
        self.logger = logger
        let limits = settings.limits
        self.ledger = ConnectionLedger(
            totalMax: limits.connectionsMax, perAddressMax: limits.connectionsPerAddressMax)
        let hub = FanoutHub(source: service.feeds, presence: service.presence)
        self.hub = hub
        service.feeds.setSink(hub)
        let (jobs, addJob) = AsyncStream.makeStream(of: (@Sendable () async -> Void).self)
        self.jobs = jobs
        self.addJob = addJob
        let sessions = SessionTable(socketsMax: settings.socket.socketsPerSessionMax)
        let sockets = SocketServices(
            settings: settings.socket, rateLimits: settings.rateLimits, service: service,
            authenticator: authenticator, hub: hub, sessions: sessions, logger: logger, jobs: addJob)
        let loops = group.makeIterator().map { SocketLoop(loop: $0, services: sockets) }
        let responder = Self.responder(routes, logger: logger)
        self.http1 = HTTP1Channel(responder: responder)
        self.http2 = HTTP2Channel(
            responder: responder, configuration: .init(idleTimeout: .nanoseconds(limits.idleTimeout.nanoseconds)))
        let (connections, continuation) = AsyncStream.makeStream(of: AcceptedConnection.self)
        self.connections = connections
        self.executors = Dictionary(
            uniqueKeysWithValues: group.makeIterator().map { (ObjectIdentifier($0), LoopExecutor($0)) })
        self.edge = EdgeContext(
            settings: settings, logger: logger, http2: self.http2, loops: loops, connections: continuation)
    }

    /// Binds and serves.
    ///
    /// - Returns: where clients reach it.
    /// - Throws: what binding or reading the certificate throws.
    package func start() async throws -> (host: String, port: Int) {
        let tls = try self.settings.tls.map { try Self.tlsContext($0) }
        let initializer = EdgeInitializer(edge: self.edge, ledger: self.ledger, tls: tls)
        let prepare = self.settings.prepareListener
        let listener = try await ServerBootstrap(group: self.group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { listener in listener.eventLoop.makeCompletedFuture { try prepare(listener) } }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { initializer($0) }
            .bind(host: self.settings.host, port: self.settings.port)
            .get()
        let loops = Array(self.edge.loops.values)
        let ticking = loops.map { $0.startTicking() }
        let hubTicking = self.startHubTicking()
        let serving = Task {
            async let jobs: Void = self.work()
            await self.serve()
            await jobs
        }
        self.state.withLock { state in
            state.listener = listener
            state.serving = serving
            state.ticking = ticking + [hubTicking]
        }
        return (self.settings.host, listener.localAddress?.port ?? self.settings.port)
    }

    /// Stops accepting, sends every socket to another node and waits until all are closed: at most
    /// `drainMilliseconds` and the time of a close handshake.
    package func drain() async {
        self.edge.beginDraining()
        await self.closeListener()
        self.edge.quiesce()
        let loops = Array(self.edge.loops.values)
        await withTaskGroup(of: Void.self) { group in
            for loop in loops { group.addTask { await loop.drain() } }
        }
    }

    /// Closes everything. Sockets that were not drained are told that the node restarts (1012).
    package func stop() async {
        self.edge.beginDraining()
        await self.closeListener()
        let loops = Array(self.edge.loops.values)
        await withTaskGroup(of: Void.self) { group in
            for loop in loops { group.addTask { await loop.stop() } }
        }
        let (serving, ticking) = self.state.withLock { state in
            defer {
                state.serving = nil
                state.ticking = []
                state.isStopped = true
            }
            return (state.serving, state.ticking)
        }
        for task in ticking { task.cancel() }
        self.edge.finish()
        self.addJob.finish()
        self.edge.quiesce()
        // A request in progress has a second to end; then its connection is closed under it.
        let patience = self.group.next().scheduleTask(in: .seconds(1)) { self.edge.closeHTTP() }
        await serving?.value
        patience.cancel()
        self.edge.closeHTTP()
    }

    private func closeListener() async {
        let listener = self.state.withLock { state in
            defer { state.listener = nil }
            return state.listener
        }
        // A listener that is closed already is what is wanted.
        try? await listener?.close().get()
    }

    /// One task for each HTTP connection, all awaited here.
    private func serve() async {
        await withDiscardingTaskGroup { group in
            for await accepted in self.connections {
                group.addTask(executorPreference: self.executors[ObjectIdentifier(accepted.loop)]) {
                    switch accepted.connection {
                    case .http1(let channel): await self.http1.handle(value: channel, logger: self.logger)
                    case .http2(let value): await self.http2.handle(value: value, logger: self.logger)
                    }
                }
            }
        }
    }

    private func work() async {
        await withDiscardingTaskGroup { group in
            for await job in self.jobs { group.addTask(operation: job) }
        }
    }

    private func startHubTicking() -> RepeatedTask {
        let hub = self.hub
        return self.group.next().scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
            hub.tick()
        }
    }
}

extension GatewayServer {
    private struct ResponseBroken: Error {}

    private static func responder<Routes: HTTPResponder>(
        _ routes: Routes, logger: Logger
    ) -> HTTPChannelHandler.Responder
    where Routes.Context: InitializableFromSource<ApplicationRequestContextSource> {
        let date = HTTPDate()
        return { request, writer, channel in
            var response: Response
            do {
                let source = ApplicationRequestContextSource(channel: channel, logger: logger)
                response = try await routes.respond(to: request, context: Routes.Context(source: source))
            } catch let error as HTTPParserError {
                // The request's body is not HTTP: the connection's handler answers 400 and closes.
                throw error
            } catch {
                logger.error("a route failed", metadata: ["error.type": "\(type(of: error))"])
                response = Response(status: .internalServerError)
            }
            response.headers[.date] = date.text()
            // A byte too many would be read as the beginning of the connection's next answer.
            if Self.isBodiless(request.method, response.status) { response = response.createHeadResponse() }
            do {
                try await writer.write(response: response.head, body: response.body)
            } catch is HTTPParserError {
                // Not as what it is: the connection's handler would write a second response.
                throw ResponseBroken()
            }
        }
    }

    /// Whether an answer ends with its head, whatever that says of a length (RFC 9110, 6.4.1).
    private static func isBodiless(_ method: HTTPRequest.Method, _ status: HTTPResponse.Status) -> Bool {
        method == .head || status == .noContent || status == .notModified || status.kind == .informational
    }

    private static func tlsContext(_ files: GatewaySettings.TLSFiles) throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(files.certificate).map { NIOSSLCertificateSource.certificate($0) }
        let key = try NIOSSLPrivateKey(file: files.key, format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["h2", "http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }
}
