import ChatModel
import ChatService
import ClusterActors
import ClusterModel
import Foundation
import Identity
import Logging
import Membership
import NIOCore
import NIOPosix
import PeerTransport
import Placement
import Raft
import Replication
import Routing
import SWIM
import Telemetry
import WriteAheadLog

/// What a node has once it belongs to a cluster: actors, gossip, replicas, router.
final class Member: Sendable {
    let identity: NodeIdentity
    let router: Router
    let identityFile: IdentityFile
    let nonce: UInt64
    let host: ReplicationHost
    private let gossip: GossipShell
    private let system: ClusterActorSystem
    private let actors: NodeActors
    private let loopGroup: MultiThreadedEventLoopGroup
    let logger: Logger

    /// Builds the parts, opens the disk and begins to speak as a member.
    ///
    /// - Parameter link: the actor system that the join was asked through, so that there is only one.
    init(
        identity: NodeIdentity, identityFile: IdentityFile, dataDirectory: String, system: ClusterActorSystem,
        transport: PeerTransport, peers: PeerKeeper, loopGroup: MultiThreadedEventLoopGroup, executor: LoopExecutor,
        advertised: PeerAddress, steward: StewardSettings, logger: Logger
    ) async throws {
        self.identity = identity
        self.identityFile = identityFile
        self.nonce = transport.nonce
        self.system = system
        self.loopGroup = loopGroup
        self.logger = logger
        let loop = loopGroup.next()
        let links = NodeLinks(system: system)
        let host = ReplicationHost(
            loop: loop, identity: (identity.cluster, identity.node),
            shardMap: ShardMap(shardCount: identity.shardCount),
            dataDirectory: dataDirectory, settings: ReplicationSettings(), links: links,
            logger: Logger(label: "roost.replication"),
            fatal: { failure in
                #if DEBUG || ROOST_CHAOS
                    PowerLoss.holdWhoeverNotices()
                #endif
                logger.critical("The node can not go on", metadata: ["error": "\(failure)"])
                exit(1)
            })
        var routing = RouterSettings()
        routing.steward = steward
        let router = Router(host: host, links: links, settings: routing, logger: Logger(label: "roost.router"))
        let gossip = GossipShell(
            own: GossipMember(
                id: identity.node, address: advertised, incarnation: Incarnation(boot: identity.boot)),
            cluster: identity.cluster, loop: loop, links: links, logger: Logger(label: "roost.gossip"))
        links.use(gossip)
        self.host = host
        self.router = router
        self.gossip = gossip
        self.actors = NodeActors(router: router, system: system)
        system.registerDirect(.raftControl) { _, reader, node in Self.receive(reader, node, host) }
        system.registerDirect(.raftAppend) { _, reader, node in Self.receive(reader, node, host) }
        system.registerDirect(.raftBulk) { _, reader, node in
            var reader = reader
            guard let message = try? HostMessage(from: &reader), reader.isAtEnd else { return }
            host.received(message, from: node)
        }
        system.registerDirect(.gossip) { _, reader, node in
            var reader = reader
            if let message = try? SWIMMessage(from: &reader), reader.isAtEnd { gossip.received(message, from: node) }
        }
        peers.becameMember(node: identity.node, host: host, router: router, gossip: gossip, links: links)
        try await loop.submit {
            host.observer = router
            router.onDirectory = { peers.directoryChanged($0.registry) }
            gossip.onChange = { member, previous in router.gossipChanged(member, from: previous) }
        }.get()
        try await host.start(founding: identity.isFounding)
        gossip.start()
        self.registerMetrics()
        _ = executor  // Kept by the system's settings; named here because the actors are pinned to it.
    }

    /// Raft batches that do not decode are dropped like lost ones; the transport has counted their bytes.
    private static func receive(_ reader: ByteReader, _ node: NodeID, _ host: ReplicationHost) {
        var reader = reader
        guard let batch = try? RaftBatch(from: &reader), reader.isAtEnd else { return }
        host.received(batch, from: node)
    }

    // MARK: The end

    /// What an operator asks for on the node's own machine, until the task is cancelled.
    func obeyOrders(_ request: ForceRequest) async {
        await withDiscardingTaskGroup { notes in
            await self.obeyOrders(request) { note in notes.addTask { await self.writeDown(note) } }
            notes.cancelAll()
        }
    }

    /// Into the audit log, as soon as the directory takes it: that may be what the order was for. Once more where nobody
    /// knows what became of the first attempt.
    private func writeDown(_ note: AuditNote) async {
        while !Task.isCancelled {
            if case .done? = try? await self.router.perform(.recordAudit(note)) { return }
            try? await Task.sleep(for: .seconds(1))
        }
        self.logger.error("An operator's order is not in the audit log", metadata: ["audit.action": "\(note.action)"])
    }

    private func note(of order: ForceRequest.Order, _ answer: String) -> AuditNote {
        let (action, shards) =
            switch order {
            case .forceQuorum(let shards): ("group.force_quorum", shards.text)
            case .acceptLoss(let shards): ("group.accept_loss", shards.text)
            }
        return AuditNote(
            actor: nil, action: action, target: self.identity.node.description,
            details: [
                AuditDetail(name: "shards", value: String(shards.prefix(FormLimits.auditValueBytesMax))),
                AuditDetail(name: "result", value: answer),
            ], at: .wallClock)
    }

    private func obeyOrders(_ request: ForceRequest, _ writeDown: (AuditNote) -> Void) async {
        while !Task.isCancelled {
            if let order = request.take() {
                let answer = await self.obey(order)
                writeDown(self.note(of: order, answer))
                self.logger.critical("An operator's order was carried out", metadata: ["order.result": "\(answer)"])
                do {
                    try request.answer(answer)
                } catch {
                    self.logger.error("The answer to an order was not written", metadata: ["error": "\(error)"])
                }
            }
            try? await Task.sleep(for: .milliseconds(300))
        }
    }

    private func obey(_ order: ForceRequest.Order) async -> String {
        let host = self.host
        let count: Int? = try? await host.loop.submit {
            switch order {
            case .forceQuorum(let shards): host.forceQuorum(shards.members(of: host.shardMap)).count
            case .acceptLoss(let shards): shards.members(of: host.shardMap).count { host.acceptDataLoss(of: $0) }
            }
        }.get()
        return "\(count ?? 0) groups go on from this node alone"
    }

    /// From now on this node is not ready.
    func beginDraining() async { try? await self.host.loop.submit { self.router.isDraining = true }.get() }

    /// Gives every leadership away and waits, for at most five seconds, until others have them.
    func handOver() async {
        await self.beginDraining()
        for round in 0..<100 {
            let led: Int? = try? await self.host.loop.submit {
                // One that found no heir, or was won meanwhile, is offered again.
                if round.isMultiple(of: 20) { _ = self.host.transferLeaderships() }
                return self.host.leaderCount
            }.get()
            guard let led, led > 0 else { return }
            try? await Task.sleep(for: .milliseconds(50))
        }
    }

    func shutdown() async {
        await self.gossip.leave()
        await self.host.shutdown()
        await self.system.shutdown()
    }
}
