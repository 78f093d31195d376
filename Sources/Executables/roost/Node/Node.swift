import ChatService
import ClusterActors
import ClusterModel
import Descriptors
import Foundation
import Founding
import Gateway
import Hummingbird
import Identity
import Logging
import Membership
import NIOCore
import NIOPosix
import PeerTransport
import Placement
import Replication
import Routing
import Synchronization
import Telemetry
import UnixSignals

/// One running node: built part by part from the disk upwards, taken down from the sockets downwards.
final class Node: Sendable {
    private let settings: ServeSettings
    private let logger: Logger
    private let dataDirectory: String
    /// Client and peer connections.
    private let group: MultiThreadedEventLoopGroup
    /// One thread, so that busy clients never delay a heartbeat: all shards, and the connections that Raft speaks over.
    private let replicationLoop: MultiThreadedEventLoopGroup
    private let transport: PeerTransport
    private let peers: PeerKeeper
    private let service: NodeService
    private let gateway: GatewayServer
    private let passwords: PasswordHasher
    private let descriptors: DescriptorReserve
    private let metricsListener: Task<Void, Never>?
    private let httpAddress: String
    private let member = Mutex<Member?>(nil)

    private init(
        settings: ServeSettings, logger: Logger, dataDirectory: String, group: MultiThreadedEventLoopGroup,
        replicationLoop: MultiThreadedEventLoopGroup, transport: PeerTransport, peers: PeerKeeper, service: NodeService,
        gateway: GatewayServer,
        passwords: PasswordHasher, descriptors: DescriptorReserve, metricsListener: Task<Void, Never>?,
        httpAddress: String
    ) {
        self.settings = settings
        self.logger = logger
        self.dataDirectory = dataDirectory
        self.group = group
        self.replicationLoop = replicationLoop
        self.transport = transport
        self.peers = peers
        self.service = service
        self.gateway = gateway
        self.passwords = passwords
        self.descriptors = descriptors
        self.metricsListener = metricsListener
        self.httpAddress = httpAddress
    }

    /// Opens the ports and the disk. The node is not a member of anything yet when this returns.
    static func start(_ settings: ServeSettings) async throws -> Node {
        let logger = Logger(label: "roost")
        let dataDirectory = try DataDirectory.claim(settings.dataDirectory)
        try ChaosControl.start(
            dataDirectory: dataDirectory, environment: ProcessInfo.processInfo.environment, logger: logger)
        let key = try Self.clusterKey(settings, logger)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
        let replicationLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let descriptors = DescriptorReserve(logger: logger)
        descriptors.start(on: group.next())
        let advertised = settings.peerAdvertise ?? settings.peerListen
        let peers = PeerKeeper(logger: logger) { end in
            switch end {
            case .refused(let reason):
                logger.critical("The cluster refuses this node", metadata: ["reason": "\(reason)"])
                Roost.complain(reason)
                exit(1)
            case .drained:
                // The orderly way out, which a signal takes, too.
                kill(getpid(), SIGTERM)
            }
        }
        var transportSettings = PeerTransportSettings(
            listen: settings.peerListen,
            advertised: settings.peerListen.port == 0 ? settings.peerAdvertise : advertised,
            key: key, nodeName: "\(advertised)", nonce: .random(in: .min ... .max),
            seedListHash: SeedList(settings.seeds, own: advertised).hash.rawValue)
        transportSettings.standing = .empty
        transportSettings.raftLoop = replicationLoop.next()
        transportSettings.prepareListener = { try descriptors.guardListener($0, for: .peers) }
        let transport = try PeerTransport(
            settings: transportSettings, group: group, logger: Logger(label: "roost.peers"),
            onEvent: { peers.handle($0) })
        peers.use(transport)

        let service = NodeService(descriptors: descriptors)
        let now: @Sendable () -> Timestamp = { .wallClock }
        let authenticator = Authenticator(directory: { service.directory }, now: now)
        let passwords = PasswordHasher(threadCount: max(System.coreCount - 1, 1))
        let router = buildRouter(
            service: service, authenticator: authenticator, passwords: passwords,
            settings: RestSettings(rateLimits: settings.rateLimits, servesMetrics: settings.metricsListen == nil),
            now: now)
        var gatewaySettings = GatewaySettings(
            host: settings.listen.host, port: Int(settings.listen.port),
            tls: settings.tls.map { .init(certificate: $0.certificate, key: $0.key) },
            rateLimits: settings.rateLimits)
        gatewaySettings.prepareListener = { try descriptors.guardListener($0, for: .clients) }
        gatewaySettings.isShort = { descriptors.admission(of: .clients) != .admitted }
        let gateway = GatewayServer(
            settings: gatewaySettings,
            service: service, authenticator: authenticator, routes: router.buildResponder(), group: group,
            logger: Logger(label: "roost.gateway"))
        let http = try await Self.bind("--listen \(settings.listen)") { try await gateway.start() }
        return Node(
            settings: settings, logger: logger, dataDirectory: dataDirectory, group: group,
            replicationLoop: replicationLoop, transport: transport,
            peers: peers, service: service, gateway: gateway, passwords: passwords, descriptors: descriptors,
            metricsListener: try await MetricsListener.start(settings.metricsListen, group: group),
            httpAddress: "\(PeerAddress(host: http.host, port: UInt16(http.port)))")
    }

    /// A single node makes its own key; whoever names a file must have it.
    private static func clusterKey(_ settings: ServeSettings, _ logger: Logger) throws -> ClusterKey {
        do throws(ClusterKeyError) {
            return try ClusterKey.load(settings.clusterKeyPath)
        } catch {
            guard case .missing = error, settings.clusterKeyFile == nil else { throw UsageError("\(error)") }
            guard settings.seeds.count <= 1 else {
                throw UsageError("--cluster-key-file: nodes with common seeds need a common key; see 'roost key new'")
            }
            let key = ClusterKey.generate()
            try key.save(settings.clusterKeyPath)
            logger.info("Made a cluster key", metadata: ["file": "\(settings.clusterKeyPath)"])
            return key
        }
    }

    private static func bind<Value>(_ what: String, _ work: () async throws -> Value) async throws -> Value {
        do {
            return try await work()
        } catch {
            throw NodeFailure("\(what): \(error)")
        }
    }

    // MARK: Life

    /// Becomes a member, serves, and drains when asked to stop. Returns when everything is closed.
    func runUntilStopped() async throws {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        try await withThrowingTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                for await _ in signals { return true }
                return true
            }
            tasks.addTask {
                try await self.becomeMember()
                return false
            }
            // A signal, or the end of a drain.
            _ = try await tasks.next()
            tasks.cancelAll()
            // A founding that was cut off by the signal throws its cancellation; there is nothing left to do with it.
            while let _ = try? await tasks.next() {}
        }
        await self.stop()
    }

    private func becomeMember() async throws {
        let bound = try await Self.bind("--peer-listen \(self.settings.peerListen)") {
            try await self.transport.start()
        }
        let advertised = self.settings.peerAdvertise ?? bound
        let enlistment = Enlistment(
            settings: self.settings, dataDirectory: self.dataDirectory, transport: self.transport, peers: self.peers,
            service: self.service, advertised: advertised, clientAddress: self.httpAddress,
            loopGroup: self.replicationLoop, logger: self.logger)
        let member = try await enlistment.run()
        self.member.withLock { $0 = member }
        let enrolment = Enrolment(
            advertised: advertised, clientAddress: self.httpAddress, registration: self.settings.registration,
            versions: self.settings.versions)
        let orders = Task { await member.obeyOrders(ForceRequest(dataDirectory: self.dataDirectory)) }
        defer { orders.cancel() }
        try await member.enrol(enrolment)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                while !self.service.readiness.isReady { try await Task.sleep(for: .milliseconds(20)) }
                print("ready node=\(member.identity.node) http=\(self.httpAddress) peers=\(bound)")
                fflush(nil)
                // The other task says when to end.
                while true { try await Task.sleep(for: .seconds(3_600)) }
            }
            tasks.addTask { try await member.stay(enrolment) { await self.gateway.drain() } }
            defer { tasks.cancelAll() }
            try await tasks.next()
        }
        self.logger.info("Drained and removed")
    }

    /// Not ready, leaderships handed over, sockets told, logs flushed: at most some ten seconds.
    private func stop() async {
        self.logger.info("Draining")
        let member = self.member.withLock { $0 }
        if let member { await member.handOver() }
        await self.gateway.drain()
        await self.gateway.stop()
        if let member { await member.shutdown() }
        await self.transport.shutdown()
        self.metricsListener?.cancel()
        await self.passwords.shutDown()
        self.descriptors.stop()
        self.logger.info("Stopped")
    }
}
