import ChatModel
import ChatService
import ClusterModel
import Fanout
import Logging
import Raft
import Replication
import Routing

/// One node of a world of whole nodes: the real host, router and hub of one process, and the disk that outlives them.
final class SimulatedNode: ReplicationWitness, DeliveryLane, @unchecked Sendable {
    unowned let world: NodeWorld
    let number: Int
    let id: NodeID
    let loop: VirtualLoop
    private let storage: NodeStorage
    private(set) var platform: NodePlatform?
    private(set) var host: ReplicationHost?
    private(set) var router: Router?
    private(set) var hub: FanoutHub?
    private(set) var lane: LaneID?
    private(set) var boot: UInt64 = 0
    /// The boot of each peer that this process has met.
    private var met: [NodeID: UInt64] = [:]
    private(set) var peers: Set<NodeID> = []
    /// Added to the world's wall clock.
    var clockError: Int64 = 0
    var hasJoined = false
    /// Readers of this process by channel, and how many there are of each.
    var readers: [SimulatedReader] = []
    var joined: [ChannelID: Int] = [:]
    var watched: [UserID: Int] = [:]

    init(_ world: NodeWorld, _ number: Int) {
        self.world = world
        self.number = number
        self.id = NodeID(high: UInt64(number + 1) << 32, low: 0)
        self.loop = VirtualLoop(world.scheduler)
        self.storage = NodeStorage(forgetsKeys: world.swarm.faults.contains(.snapshotsWithoutKeys))
    }

    var isRunning: Bool { self.host != nil }

    // MARK: Life

    /// - Parameter isFounding: the first start of the first node.
    func start(isFounding: Bool = false) {
        self.boot += 1
        let boot = self.boot
        let platform = NodePlatform(
            loop: self.loop, storage: self.storage, swarm: self.world.swarm,
            chance: Chance(seed: self.world.chance.generator.next()))
        let wire = NodeWire(self.world, self)
        var replication = self.world.swarm.replication
        // Two ways to the same state.
        replication.appliesPostsInPlace = self.number % 2 == 0
        // Entries of many commands, of a few, and of one each.
        replication.batchBytesMax = [replication.batchBytesMax, 400, 0][self.number % 3]
        let host = ReplicationHost(
            loop: self.loop, identity: (NodeWorld.cluster, self.id), shardMap: self.world.shardMap,
            platform: platform, settings: replication, links: wire, logger: Self.silence,
            fatal: { [world, number] in world.oracle.fail("n\(number) stopped: \($0)") })
        var settings = self.world.swarm.router
        settings.now = { [unowned self] in self.world.wallClock(at: self) }
        let router = Router(host: host, links: wire, settings: settings, logger: Self.silence)
        let hub = FanoutHub(source: router)
        router.setSink(hub)
        self.platform = platform
        self.router = router
        self.hub = hub
        self.lane = hub.addLane(self)
        self.host = host
        self.world.say(self, "starts", "boot \(boot)")
        self.world.scheduler.enter(self.loop) {
            host.observer = router
            host.witness = self
            do throws(ReplicationFailure) {
                try host.resume(host.openLog(), founding: isFounding).get()
            } catch {
                self.world.oracle.fail("n\(self.number) can not start: \(error)")
            }
        }
        self.tickHub(boot)
    }

    private func tickHub(_ boot: UInt64) {
        self.world.scheduler.schedule(after: .seconds(1), on: self.loop, isOnLoop: false) { [weak self] in
            guard let self, self.boot == boot else { return }
            self.hub?.tick()
            self.tickHub(boot)
        }
    }

    func crash() {
        guard let host = self.host else { return }
        self.world.say(self, "crashes", self.world.swarm.isPowerLoss ? "by power loss" : "")
        self.end(host)
        self.storage.crash(isPower: self.world.swarm.isPowerLoss, &self.world.chance)
        self.peers = []
        self.met = [:]
        self.joined = [:]
        self.watched = [:]
        let readers = self.readers
        self.readers = []
        self.world.network.died(self.number)
        for reader in readers { reader.lostNode() }
    }

    private func end(_ host: ReplicationHost) {
        self.world.scheduler.enter(self.loop) {
            host.abandon()
            self.router?.abandon()
        }
        host.observer = nil
        host.witness = nil
        self.router?.setSink(DeafSink())
        self.loop.kill()
        self.host = nil
        self.router = nil
        self.hub = nil
        self.lane = nil
        self.platform = nil
    }

    /// The world is over.
    func finish() {
        if let host = self.host { self.end(host) }
        self.readers = []
        self.loop.kill()
    }

    // MARK: Peers; what happens at one end of a connection is told to its node a little later

    func connected(to peer: SimulatedNode) {
        let boot = peer.boot
        self.tell { node in
            guard node.peers.insert(peer.id).inserted else { return }
            if let known = node.met.updateValue(boot, forKey: peer.id), known != boot {
                node.host?.peerRestarted(peer.id)
            }
            node.router?.peerChanged(peer.id, isConnected: true)
        }
    }

    func disconnected(from peer: SimulatedNode) {
        self.tell { node in
            guard node.peers.remove(peer.id) != nil else { return }
            node.router?.peerChanged(peer.id, isConnected: false)
        }
    }

    func refused(by peer: SimulatedNode) {
        self.tell { $0.host?.peerUnreachable(peer.id) }
    }

    private var lastNews = VirtualTime.zero
    private func tell(_ news: @escaping (SimulatedNode) -> Void) {
        guard self.isRunning else { return }
        let now = self.world.scheduler.now
        self.lastNews = max(self.lastNews, now + self.world.chance.milliseconds(0...20))
        self.world.scheduler.schedule(
            after: VirtualTime(microseconds: self.lastNews.microseconds - now.microseconds), on: self.loop,
            isOnLoop: false
        ) { [unowned self] in news(self) }
    }

    // MARK: ReplicationWitness

    func applied(_ shard: ShardID, _ entry: Entry, stateHash: UInt64, events: [DurableEvent]) {
        self.world.oracle.applied(shard, entry, stateHash: stateHash, events: events, by: self.number)
        self.world.sayApplied(self, shard, entry, events)
    }

    func adopted(_ shard: ShardID, at index: LogIndex, stateHash: UInt64) {
        self.world.oracle.adopted(shard, at: index, stateHash: stateHash, by: self.number)
        self.world.say(self, "adopts", "shard \(shard) at \(index)")
    }

    func becameLeader(of shard: ShardID, in term: Term) {
        self.world.oracle.becameLeader(of: shard, in: term, node: self.number)
        self.world.say(self, "leads", "shard \(shard) in term \(term)")
    }

    // MARK: DeliveryLane

    /// The lane is a thread of its own: its readers hear a moment later.
    func deliver(_ deliveries: [Delivery]) {
        let boot = self.boot
        self.world.scheduler.schedule(on: self.loop, isOnLoop: false) { [weak self] in
            guard let self, self.boot == boot else { return }
            for delivery in deliveries {
                for reader in self.readers { reader.heard(delivery) }
            }
        }
    }

    private static let silence = Logger(label: "simulated") { _ in SwiftLogNoOpLogHandler() }
}

/// In the place of a hub whose process is gone.
private struct DeafSink: FeedSink {
    func receive(_ batch: [FeedItem]) {}
}
