import ClusterActors
import ClusterModel
import Founding
import Identity
import Logging
import Membership
import NIOPosix
import PeerTransport
import Placement
import Routing

/// How a process becomes a member: by what its disk says, else by founding or joining (reliability 3.2, 3.3).
struct Enlistment {
    let settings: ServeSettings
    let dataDirectory: String
    let transport: PeerTransport
    let peers: PeerKeeper
    let service: NodeService
    let advertised: PeerAddress
    let clientAddress: String
    /// The replication loop.
    private let loopGroup: MultiThreadedEventLoopGroup
    let logger: Logger

    init(
        settings: ServeSettings, dataDirectory: String, transport: PeerTransport, peers: PeerKeeper,
        service: NodeService, advertised: PeerAddress, clientAddress: String,
        loopGroup: MultiThreadedEventLoopGroup, logger: Logger
    ) {
        self.settings = settings
        self.dataDirectory = dataDirectory
        self.transport = transport
        self.peers = peers
        self.service = service
        self.advertised = advertised
        self.clientAddress = clientAddress
        self.loopGroup = loopGroup
        self.logger = logger
    }

    func run() async throws -> Member {
        let file = IdentityFile(dataDirectory: self.dataDirectory)
        if var identity = try file.load() {
            identity.boot = identity.boot.next()
            try file.save(identity)
            self.logger.info(
                "Starting again",
                metadata: ["cluster": "\(identity.cluster)", "node": "\(identity.node)", "boot": "\(identity.boot)"])
            let (system, executor) = self.makeSystem(identity.node)
            return try await self.member(identity, file, system, executor, registry: nil)
        }
        return try await self.foundOrJoin(file)
    }

    private func foundOrJoin(_ file: IdentityFile) async throws -> Member {
        let founder = Founder(
            machine: FoundingMachine(
                seeds: SeedList(self.settings.seeds, own: self.advertised), ownAddress: self.advertised,
                nonce: self.transport.nonce, seed: .random(in: .min ... .max)),
            prober: TransportProber(transport: self.transport), logger: self.logger)
        let request = InitRequest(dataDirectory: self.dataDirectory)
        let watching = Task {
            while !Task.isCancelled {
                if let hash = request.take() { await founder.initialise(confirming: hash) }
                let reason = await founder.waitingReason
                let silent = reason.silent.map(\.description).joined(separator: ", ")
                self.service.isWaiting(for: ["waiting-for-seeds" + (silent.isEmpty ? "" : ": \(silent)")])
                try? await Task.sleep(for: .milliseconds(500))
            }
        }
        defer { watching.cancel() }
        var random = SystemRandomNumberGenerator()
        // One node id for all attempts: a registration whose answer was lost is met again, not doubled.
        let node = NodeID.random(using: &random)
        while true {
            switch try await founder.decide() {
            case .found:
                let identity = NodeIdentity(
                    cluster: .random(using: &random), node: node, boot: BootCounter(1),
                    shardCount: self.settings.shardCount, isFounding: true)
                try file.save(identity)
                self.logger.info(
                    "Founded a cluster", metadata: ["cluster": "\(identity.cluster)", "node": "\(identity.node)"])
                let (system, executor) = self.makeSystem(node)
                return try await self.member(identity, file, system, executor, registry: nil)
            case .join(let cluster, let address):
                if let member = try await self.join(cluster, via: address, as: node, file) { return member }
                await founder.joinFailed()
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }

    /// - Returns: nil when that member could not let us in now.
    private func join(
        _ cluster: ClusterID, via address: PeerAddress, as node: NodeID, _ file: IdentityFile
    ) async throws -> Member? {
        guard case .success(let hello) = await self.transport.probe(address), let peer = hello.standing.node else {
            return nil
        }
        let (system, executor) = self.makeSystem(node)
        system.start()
        self.transport.attach(system, directory: self.peers)
        self.transport.become(.member(cluster, node, BootCounter(1)))
        self.transport.connect(to: peer, at: address)
        let record = NodeRecord(
            id: node, name: "\(self.advertised)", address: self.advertised, clientAddress: self.clientAddress,
            state: .joining, boot: BootCounter(1))
        let request = JoinRequest(record: record)
        let place = ActorAddress(node: peer, kind: .membership)
        for _ in 0..<50 {
            do {
                let membership = try system.reference(to: MembershipActor.self, at: place)
                switch try await membership.join(request) {
                case .welcome(let registry, let shardCount):
                    let identity = NodeIdentity(
                        cluster: cluster, node: node, boot: BootCounter(1), shardCount: Int(shardCount),
                        isFounding: false)
                    try file.save(identity)
                    self.logger.info("Joined a cluster", metadata: ["cluster": "\(cluster)", "node": "\(node)"])
                    return try await self.member(identity, file, system, executor, registry: registry)
                case .refused(let code):
                    throw NodeFailure("the cluster refused this node (\(code)); see the log of \(address)")
                case .later:
                    break
                }
            } catch is CallError {
                // Not connected yet, or the member is busy: ask again.
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        self.transport.disconnect(peer)
        await system.shutdown()
        return nil
    }

    private func makeSystem(_ node: NodeID) -> (ClusterActorSystem, LoopExecutor) {
        let executor = LoopExecutor(self.loopGroup.next())
        var settings = ClusterActorSettings()
        settings.executor = { address in
            switch address.kind {
            case .routing, .connection: executor
            default: nil
            }
        }
        let system = ClusterActorSystem(
            node: node, link: self.transport, settings: settings, logger: Logger(label: "roost.actors"))
        return (system, executor)
    }

    private func member(
        _ identity: NodeIdentity, _ file: IdentityFile, _ system: ClusterActorSystem, _ executor: LoopExecutor,
        registry: NodeRegistry?
    ) async throws -> Member {
        system.start()
        self.transport.attach(system, directory: self.peers)
        let member = try await Member(
            identity: identity, identityFile: file, dataDirectory: self.dataDirectory, system: system,
            transport: self.transport, peers: self.peers, loopGroup: self.loopGroup, executor: executor,
            advertised: self.advertised, steward: self.settings.steward, logger: self.logger)
        self.transport.become(.member(identity.cluster, identity.node, identity.boot))
        self.service.becameMember(member.router)
        if let registry { self.peers.directoryChanged(registry) }
        self.peers.dial(seeds: self.settings.seeds.filter { $0 != self.advertised })
        return member
    }
}

/// Founding's questions, asked by the transport.
struct TransportProber: SeedProber {
    let transport: PeerTransport

    func probe(_ address: PeerAddress) async -> FoundingAnswer? {
        guard case .success(let hello) = await self.transport.probe(address) else { return nil }
        switch hello.standing {
        case .empty: return .empty(SeedListHash(rawValue: hello.seedListHash), nonce: hello.nonce)
        case .member(let cluster, _, _): return .member(cluster)
        }
    }
}
