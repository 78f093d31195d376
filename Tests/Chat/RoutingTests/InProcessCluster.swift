import ChatModel
import ChatService
import ClusterModel
import Foundation
import Logging
import NIOCore
import NIOPosix
import Placement
import Replication
import Synchronization

@testable import Routing

/// Real hosts, routers, logs and projections of several nodes in one process; only the network is a table.
final class InProcessCluster: @unchecked Sendable {
    let directory: String
    let cluster = ClusterID(high: 7, low: 7)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let shardMap = ShardMap(shardCount: 4)
    private let state = Mutex(State())

    /// How far ahead the clock of all nodes is.
    private let leapMilliseconds = Atomic<Int64>(0)

    private struct State {
        var nodes: [NodeID: Member] = [:]
        var cut: Set<NodeID> = []
        /// Commands that are on their way and do not arrive; nil while everything does.
        var heldCommands: [(CommandBatch, NodeID)]?
    }

    struct Member {
        let host: ReplicationHost
        let router: Router
        let sink: CollectingSink
    }

    private let settings: ReplicationSettings

    init(_ settings: ReplicationSettings = ReplicationSettings()) throws {
        self.settings = settings
        self.directory = NSTemporaryDirectory() + "roost-routing-\(UInt64.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: self.directory, withIntermediateDirectories: true)
    }

    /// Silent, but for ROOST_TEST_LOG=1.
    private static func logger(_ label: String) -> Logger {
        guard ProcessInfo.processInfo.environment["ROOST_TEST_LOG"] != nil else {
            return Logger(label: label) { _ in SwiftLogNoOpLogHandler() }
        }
        return Logger(label: label) { StreamLogHandler.standardError(label: $0) }
    }

    /// From now on it is so much later. Any thread.
    func leap(milliseconds: Int64) { self.leapMilliseconds.wrappingAdd(milliseconds, ordering: .relaxed) }

    func folder(_ number: Int) -> String { self.directory + "/\(number)" }

    static func id(_ number: Int) -> NodeID { NodeID(high: 0, low: UInt64(number)) }

    func member(_ node: NodeID) -> Member? {
        self.state.withLock { $0.cut.contains(node) ? nil : $0.nodes[node] }
    }

    var connected: [NodeID] { self.state.withLock { state in state.nodes.keys.filter { !state.cut.contains($0) } } }

    @discardableResult
    func start(
        _ number: Int, founding: Bool = false, from folder: String? = nil, on platform: (any HostPlatform)? = nil
    ) async throws -> Member {
        let node = Self.id(number)
        let folder = folder ?? self.folder(number)
        let links = TableLinks(cluster: self, node: node)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let host = ReplicationHost(
            loop: self.group.next(), identity: (self.cluster, node), shardMap: self.shardMap,
            platform: platform ?? CalmPlatform(base: DiskPlatform(directory: folder)), settings: self.settings,
            links: links, logger: Self.logger("node\(number)"),
            fatal: { preconditionFailure("node \(number): \($0)") })
        var routerSettings = RouterSettings()
        routerSettings.now = {
            Timestamp.wallClock.advanced(byMilliseconds: self.leapMilliseconds.load(ordering: .relaxed))
        }
        let router = Router(
            host: host, links: links, settings: routerSettings, logger: Self.logger("router\(number)"))
        let sink = CollectingSink()
        router.setSink(sink)
        try await host.loop.submit { host.observer = router }.get()
        try await host.start(founding: founding)
        let member = Member(host: host, router: router, sink: sink)
        self.state.withLock { $0.nodes[node] = member }
        for other in self.connected where other != node {
            self.member(other)?.host.peerRestarted(node)
            self.member(other)?.router.peerChanged(node, isConnected: true)
            router.peerChanged(other, isConnected: true)
        }
        return member
    }

    /// The next batch of commands between nodes does not arrive; what follows does. Any thread.
    func holdCommands() { self.state.withLock { $0.heldCommands = [] } }

    /// What was held arrives, late. Any thread.
    /// - Returns: how many batches that were.
    func releaseCommands() -> Int {
        let held = self.state.withLock { state in
            defer { state.heldCommands = nil }
            return state.heldCommands ?? []
        }
        for (batch, node) in held { self.member(node)?.router.received(batch) }
        return held.count
    }

    /// - Returns: whether the first batch after `holdCommands` was kept back; what follows it arrives.
    fileprivate func holdsBack(_ batch: CommandBatch, to node: NodeID) -> Bool {
        self.state.withLock { state in
            guard state.heldCommands?.isEmpty == true else { return false }
            state.heldCommands?.append((batch, node))
            return true
        }
    }

    /// From now on nothing leaves the node and nothing reaches it. Any thread.
    func cut(_ number: Int) { self.state.withLock { _ = $0.cut.insert(Self.id(number)) } }

    /// As `kill -9`, but for the file handles: nothing of what is queued leaves any more.
    func stop(_ number: Int) async {
        let node = Self.id(number)
        let removed = self.state.withLock { state in
            state.cut.remove(node)
            return state.nodes.removeValue(forKey: node)
        }
        guard let member = removed else { return }
        for other in self.connected {
            self.member(other)?.router.peerChanged(node, isConnected: false)
            self.member(other)?.host.peerUnreachable(node)
        }
        await member.host.shutdown()
    }

    func finish() async throws {
        for node in self.connected { await self.stop(Int(node.low)) }
        try await self.group.shutdownGracefully()
        try FileManager.default.removeItem(atPath: self.directory)
    }

    /// Where every replica stands, by shard: what must be alike on all nodes once they are at rest.
    func standings(of shard: ShardID) async -> [ReplicaStanding?] {
        var standings: [ReplicaStanding?] = []
        for node in self.connected.sorted() {
            guard let host = self.member(node)?.host else { continue }
            standings.append(try? await host.loop.submit { host.standing(of: shard) }.get())
        }
        return standings
    }

    /// Every node has a voter of every shard, at one index, with one state, and somebody leads.
    func isAlike(_ count: Int) async -> Bool {
        for shard in self.shardMap.shardsAndDirectory {
            let standings = await self.standings(of: shard)
            guard standings.count == count, let first = standings.first ?? nil else { return false }
            guard
                standings.allSatisfy({
                    $0?.appliedIndex == first.appliedIndex && $0?.stateHash == first.stateHash && $0?.isVoter == true
                }), standings.contains(where: { $0?.isLeader == true })
            else { return false }
        }
        return true
    }

    func record(_ number: Int) -> NodeRecord {
        NodeRecord(
            id: Self.id(number), name: "node\(number)", address: PeerAddress(host: "127.0.0.1", port: UInt16(number)),
            clientAddress: "", state: .joining, boot: BootCounter(1))
    }

    /// Polls until `condition` holds; real threads are at work, so real time passes.
    func eventually(_ seconds: Double = 15, _ condition: () async -> Bool) async -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            if await condition() { return true }
            try? await Task.sleep(for: .milliseconds(20))
        }
        return false
    }
}

/// Delivers by calling; a cut or missing node hears nothing.
struct TableLinks: ReplicationLinks, RouterLinks {
    let cluster: InProcessCluster
    let node: NodeID

    func send(_ batch: RaftBatch, to node: NodeID, isControl: Bool) {
        guard self.isConnected(self.node), let decoded = try? RaftBatch(encoded: batch.encoded) else { return }
        self.cluster.member(node)?.host.received(decoded, from: self.node)
    }
    func send(_ message: HostMessage, to node: NodeID) {
        guard self.isConnected(self.node), let decoded = try? HostMessage(encoded: message.encoded) else { return }
        self.cluster.member(node)?.host.received(decoded, from: self.node)
    }
    func deliver(_ items: [FeedItem], to node: NodeID) {
        self.cluster.member(node)?.router.received(FeedBatch(from: self.node, items: items))
    }
    func isConnected(_ node: NodeID) -> Bool { self.cluster.member(node) != nil }
    func send(_ batch: CommandBatch, to node: NodeID) {
        guard let decoded = try? CommandBatch(encoded: batch.encoded) else { return }
        if self.cluster.holdsBack(decoded, to: node) { return }
        self.cluster.member(node)?.router.received(decoded)
    }
    func send(_ batch: ResultBatch, to node: NodeID) {
        guard let decoded = try? ResultBatch(encoded: batch.encoded) else { return }
        self.cluster.member(node)?.router.received(decoded)
    }
    func send(_ changes: [InterestChange], to node: NodeID) {
        self.cluster.member(node)?.router.received(InterestBatch(from: self.node, changes: changes))
    }
    func read(_ request: ReadRequest, at node: NodeID, completion: @escaping @Sendable (ReadReply) -> Void) {
        guard let member = self.cluster.member(node), let decoded = try? ReadRequest(encoded: request.encoded) else {
            return completion(.unavailable)
        }
        member.router.serve(decoded, completion: completion)
    }
    func search(_ batch: SearchBatch, at node: NodeID, completion: @escaping @Sendable (SearchReply?) -> Void) {
        guard let member = self.cluster.member(node), let decoded = try? SearchBatch(encoded: batch.encoded) else {
            return completion(nil)
        }
        member.router.serve(decoded) { completion(try? SearchReply(encoded: $0.encoded)) }
    }
    func rebuildIndices(at node: NodeID, completion: @escaping @Sendable (RebuildReply?) -> Void) {
        guard let member = self.cluster.member(node) else { return completion(nil) }
        Task { completion(RebuildReply(shards: UInt16(await member.router.rebuildIndicesHere()))) }
    }
    func groups(ledBy node: NodeID) async -> [GroupStatus] {
        await self.cluster.member(node)?.router.groupsLedHere() ?? []
    }
    func gossip(about node: NodeID) -> String { self.isConnected(node) ? "alive" : "dead" }
}

final class CollectingSink: FeedSink {
    private let items = Mutex<[FeedItem]>([])
    func receive(_ batch: [FeedItem]) { self.items.withLock { $0 += batch } }
    var events: [DurableEvent] {
        self.items.withLock { $0.compactMap { if case .event(let event) = $0 { event } else { nil } } }
    }
    var notices: [UserNotice] {
        self.items.withLock { $0.compactMap { if case .notice(_, let notice) = $0 { notice } else { nil } } }
    }
}
