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
    private let identityFile: IdentityFile
    private let host: ReplicationHost
    private let gossip: GossipShell
    private let system: ClusterActorSystem
    private let actors: NodeActors
    private let loopGroup: MultiThreadedEventLoopGroup
    private let logger: Logger

    /// Builds the parts, opens the disk and begins to speak as a member.
    ///
    /// - Parameter link: the actor system that the join was asked through, so that there is only one.
    init(
        identity: NodeIdentity, identityFile: IdentityFile, dataDirectory: String, system: ClusterActorSystem,
        transport: PeerTransport, peers: PeerKeeper, loopGroup: MultiThreadedEventLoopGroup, executor: LoopExecutor,
        advertised: PeerAddress, logger: Logger
    ) async throws {
        self.identity = identity
        self.identityFile = identityFile
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
                logger.critical("The node can not go on", metadata: ["error": "\(failure)"])
                exit(1)
            })
        let router = Router(host: host, links: links, logger: Logger(label: "roost.router"))
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

    // MARK: Enrolment

    /// Brings the directory to say of this node what is true: registered, this boot, this address, active.
    /// Asks again until it does; every step is idempotent.
    func enrol(advertised: PeerAddress, clientAddress: String, _ registration: Registration) async throws {
        let node = self.identity.node
        while true {
            let directory = self.router.directory
            let record = directory.registry[node]
            if self.identity.isFounding, directory.secrets == nil {
                await self.ask(.initialise(ClusterSecrets.generate(), registration))
            }
            switch record?.state {
            case nil where self.identity.isFounding:
                await self.ask(
                    .registerNode(
                        NodeRecord(
                            id: node, name: "\(advertised)", address: advertised, clientAddress: clientAddress,
                            state: .joining, boot: self.identity.boot)))
            case .joining?:
                if directory.secrets != nil { await self.ask(.activateNode(node)) }
            case .removed?:
                throw NodeFailure(
                    "the cluster has removed this node; to let the machine in again, empty \(self.identityFile.path)'s "
                        + "directory so that it joins as a new node")
            case .active?, .draining?, .dead?, nil:
                break
            }
            if let record, record.boot < self.identity.boot || record.clientAddress != clientAddress {
                await self.ask(
                    .bootNode(node, boot: self.identity.boot, address: advertised, clientAddress: clientAddress))
            } else if let record, record.state == .active || record.state == .draining, directory.secrets != nil {
                break
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        if self.identity.isFounding {
            var identity = self.identity
            identity.isFounding = false
            try self.identityFile.save(identity)
        }
    }

    private func ask(_ command: Command) async {
        do throws(ServiceError) {
            if case .refused(let refusal) = try await self.router.perform(command) {
                self.logger.warning("The directory refused", metadata: ["refusal": "\(refusal)"])
                try? await Task.sleep(for: .milliseconds(500))
            }
        } catch {
            self.logger.debug("The directory does not answer yet", metadata: ["error": "\(error)"])
        }
    }

    // MARK: The end

    /// Gives every leadership away and waits, for at most two seconds, until others have them.
    func handOver() async {
        let led: Int? = try? await self.host.loop.submit {
            self.router.isDraining = true
            return self.host.transferLeaderships()
        }.get()
        guard let led, led > 0 else { return }
        for _ in 0..<40 {
            let left: Int = (try? await self.host.loop.submit { self.host.leaderCount }.get()) ?? 0
            if left == 0 { return }
            try? await Task.sleep(for: .milliseconds(50))
        }
    }

    func shutdown() async {
        await self.gossip.leave()
        await self.host.shutdown()
        await self.system.shutdown()
    }

    private func registerMetrics() {
        let metrics = Metrics.shared
        let host = self.host
        let router = self.router
        func onLoop(_ name: String, _ help: String, _ read: @escaping @Sendable (ReplicationHost) -> Double) {
            metrics.reading(name, help) { (try? host.loop.submit { read(host) }.wait()) ?? 0 }
        }
        onLoop("roost_raft_replicas", "Shard replicas on this node.") { Double($0.replicaCount) }
        onLoop("roost_raft_leaders", "Shards that this node leads.") { Double($0.leaderCount) }
        onLoop("roost_raft_shards_without_leader", "Replicas here that know no leader.") {
            Double($0.shardsWithoutLeader)
        }
        onLoop("roost_raft_entries_applied_total", "Log entries applied since the start.") {
            Double($0.statistics.entriesApplied)
        }
        onLoop("roost_raft_elections_won_total", "Elections won since the start.") {
            Double($0.statistics.electionsWon)
        }
        onLoop("roost_projection_backlog_rows", "Rows on their way to SQLite.") { Double($0.projectionBacklogRows) }
        onLoop("roost_log_syncs_total", "Group commits of the write-ahead log.") {
            Double($0.logStatistics?.syncs ?? 0)
        }
        onLoop("roost_log_written_bytes_total", "Bytes written to the log.") { Double($0.logStatistics?.bytes ?? 0) }
        onLoop("roost_log_queued_bytes", "Bytes submitted and not yet durable.") {
            Double($0.logStatistics?.queuedBytes ?? 0)
        }
        metrics.reading("roost_ready", "1 when the node serves.") { router.readiness.isReady ? 1 : 0 }
        metrics.reading("roost_ring_epoch", "The registry epoch that this node has.") {
            Double(router.directory.registry.epoch.rawValue)
        }
    }
}
