import ChatModel
import ClusterActors
import ClusterModel
import Distributed
import Logging
import NIOCore
import NIOPosix
import PeerTransport
import Placement
import Replication
import Routing

/// Sends below the edge: the commands that a node would make of its clients' frames, in the form in which nodes
/// hand commands to each other, over the peers' protocol (TLS, numbered one-way calls).
///
/// What is left out is HTTP, WebSocket, JSON and the session; everything from the leader's log on is as always:
/// membership, idempotency, the channel's numbers, fsync on a majority. Like a log's own client library it learns
/// which node leads a shard and asks that one. Each of its lanes keeps a window of commands in flight; what came free in
/// one turn travels in batches of at most 256 commands a node, the first while the next is made.
///
/// Confined to `loop`, which makes `@unchecked Sendable` true.
final class LogLoad: @unchecked Sendable {
    private struct Lane {
        let channels: [(id: ChannelID, shard: ShardID)]
        var template: PostTemplate
        var sent = 0
        var inFlight = 0
    }
    private struct InFlight {
        let lane: Int
        /// Of the lane's messages.
        let number: Int
        let shard: ShardID
        let due: NIODeadline
    }
    /// Commands for one node that the turn has made so far.
    private struct Outgoing {
        var items = ByteWriter()
        var requests: [UInt64] = []
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let loop: any EventLoop
    private let group: MultiThreadedEventLoopGroup
    private let node: NodeID
    private let window: Int
    private let rate: Double
    private let texts: LoadTexts

    private var transport: PeerTransport?
    private var system: ClusterActorSystem?
    private var receiver: LogLoadReceiver?
    private var nodes: [NodeID] = []
    /// By shard, the place of the node in `nodes`.
    private var leaders: [Int?] = []
    private var lanes: [Lane] = []
    private var flights = Flights<InFlight>()
    /// By the place of the node in `nodes`.
    private var outgoing: [Outgoing] = []
    private var nextLane = 0
    private var pace = (last: NIODeadline.now(), due: 0.0)
    private var isSending = true
    /// Messages that are still to be sent.
    private var left: Int
    private var isMeasuring = false
    private var result = LoadState.Result()

    private init(
        group: MultiThreadedEventLoopGroup, node: NodeID, window: Int, texts: LoadTexts, rate: Double, count: Int
    ) {
        self.group = group
        self.loop = group.next()
        self.node = node
        self.window = window
        self.rate = rate
        self.texts = texts
        self.left = count
    }

    /// Becomes a peer of all `peers`, learns who leads what, and begins to send.
    static func start(
        _ plans: [SocketPlan], shards: ShardMap, peers: [Endpoint], keyFile: String, window: Int, texts: LoadTexts,
        rate: Double, count: Int
    ) async throws -> LogLoad {
        var random = SystemRandomNumberGenerator()
        let node = NodeID.random(using: &random)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let load = LogLoad(group: group, node: node, window: window, texts: texts, rate: rate, count: count)
        let logger = Logger(label: "roost-load") { _ in SwiftLogNoOpLogHandler() }
        let transport = try PeerTransport(
            settings: PeerTransportSettings(
                listen: PeerAddress(host: "127.0.0.1", port: 0), key: try ClusterKey.load(keyFile),
                nodeName: "roost-load", nonce: .random(in: .min ... .max), seedListHash: 0),
            group: group, logger: logger)
        let system = ClusterActorSystem(node: node, link: transport, logger: logger)
        system.register(.routingResults, on: LogLoadReceiver.self) { try await $0.results($1) }
        load.transport = transport
        load.system = system
        load.receiver = system.host(.routing) { LogLoadReceiver(load: load, actorSystem: system) }
        transport.attach(system)
        _ = try await transport.start()
        system.start()
        try await load.meet(peers, transport)
        try await load.learnLeaders(system, shards)
        let run = String(UInt64.random(in: 0 ... .max), radix: 36)
        let lanes = try plans.enumerated().map { number, plan in
            try Self.lane(plan, shards, keyPrefix: "\(run)-\(number)-", textSize: texts.size)
        }
        load.loop.execute { load.begin(lanes) }
        return load
    }

    private static func lane(_ plan: SocketPlan, _ map: ShardMap, keyPrefix: String, textSize: Int) throws -> Lane {
        let actor = Actor(user: plan.user, role: .member, session: SessionID(high: 0, low: 0))
        return Lane(
            channels: try plan.channels.map { text in
                guard let channel = ChannelID(text) else { throw Failure(description: "no channel id: \(text)") }
                return (channel, map.shard(of: .channel(channel)))
            }, template: PostTemplate(actor: actor, keyPrefix: keyPrefix, textSize: textSize))
    }

    /// Dials every peer; they dial back by themselves, and over that their results come.
    private func meet(_ peers: [Endpoint], _ transport: PeerTransport) async throws {
        for peer in peers {
            let address = PeerAddress(host: peer.host, port: UInt16(peer.port))
            guard case .success(let hello) = await transport.probe(address),
                case .member(let cluster, let node, _) = hello.standing
            else { throw Failure(description: "no member of a cluster with this key answers at \(address)") }
            transport.become(.member(cluster, self.node, BootCounter(1)))
            transport.connect(to: node, at: address)
            self.nodes.append(node)
        }
        for _ in 0..<500 {
            let isReady = self.nodes.allSatisfy { transport.openKinds(to: $0).contains(.calls) }
            if isReady, transport.statistics.inboundConnections >= 4 * peers.count { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Failure(description: "the peers did not connect within 10 s")
    }

    private func learnLeaders(_ system: ClusterActorSystem, _ shards: ShardMap) async throws {
        self.outgoing = self.nodes.map { _ in Outgoing() }
        self.leaders = Array(repeating: nil, count: shards.shardsAndDirectory.count)
        for (place, node) in self.nodes.enumerated() {
            let host = try system.reference(to: HostActor.self, at: ActorAddress(node: node, kind: .host))
            for group in try await host.groups().groups where shards.contains(group.shard) {
                self.leaders[Int(group.shard.rawValue)] = place
            }
        }
    }

    // MARK: On the loop

    private func begin(_ lanes: [Lane]) {
        self.lanes = lanes
        if self.rate > 0 {
            self.pace.last = .now()
            self.paceOn()
        } else {
            for lane in lanes.indices {
                for _ in 0..<self.window { self.send(on: lane, dueAt: .now()) }
            }
            self.flush()
        }
    }

    private func send(on lane: Int, dueAt due: NIODeadline) {
        guard self.isSending, self.left > 0 else { return }
        self.left -= 1
        let number = self.lanes[lane].sent
        self.lanes[lane].sent += 1
        self.lanes[lane].inFlight += 1
        let channels = self.lanes[lane].channels
        let flight = InFlight(
            lane: lane, number: number, shard: channels[number % channels.count].shard, due: due)
        self.route(self.flights.insert(flight), flight)
    }

    private func route(_ request: UInt64, _ flight: InFlight) {
        let node = self.leaders[Int(flight.shard.rawValue)] ?? Int(request % UInt64(self.nodes.count))
        let channels = self.lanes[flight.lane].channels
        self.outgoing[node].requests.append(request)
        CommandBatch.Item.encode(request, flight.shard, into: &self.outgoing[node].items) { writer in
            self.lanes[flight.lane].template.write(
                flight.number, of: flight.lane, to: channels[flight.number % channels.count].id, self.texts,
                into: &writer)
        }
        let isFull =
            self.outgoing[node].requests.count >= Self.commandsAtOnce
            || self.outgoing[node].items.count >= Self.bytesAtOnce
        if isFull { self.submit(to: node) }
    }

    private static let commandsAtOnce = 256
    /// Well below the transport's frame of 1 MiB.
    private static let bytesAtOnce = 512 << 10

    private func flush() {
        for node in self.nodes.indices where !self.outgoing[node].requests.isEmpty { self.submit(to: node) }
    }

    private func submit(to node: Int) {
        guard let system = self.system else { return }
        let requests = self.outgoing[node].requests
        self.outgoing[node].requests.removeAll(keepingCapacity: true)
        var batch = ByteWriter(reservingCapacity: self.outgoing[node].items.count + 64)
        CommandBatch.encode(
            from: self.node, count: requests.count, self.outgoing[node].items.bytes, into: &batch)
        self.outgoing[node].items.removeAll()
        let verdict = system.post(
            .routingSubmit, to: ActorAddress(node: self.nodes[node], kind: .routing), bytes: batch.bytes)
        guard verdict != .queued else { return }
        // Not at once: what takes their places would be refused as well.
        self.loop.assumeIsolated().scheduleTask(in: .milliseconds(20)) {
            let now = NIODeadline.now()
            for request in requests { self.finish(request, refusal: "the transport says \(verdict)", at: now) }
            self.flush()
        }
    }

    fileprivate func received(_ batch: ResultBatch) {
        self.loop.execute {
            // One look at the clock for what has come together: who waits behind others in it waits longer by that.
            let now = NIODeadline.now()
            for item in batch.results { self.received(item, at: now) }
            self.flush()
        }
    }

    private func received(_ item: ResultBatch.Item, at now: NIODeadline) {
        guard let flight = self.flights[item.request] else { return }
        switch item.outcome {
        case .applied(.refused(let refusal)): self.finish(item.request, refusal: "\(refusal)", at: now)
        case .applied, .posted: self.finish(item.request, refusal: nil, at: now)
        case .overloaded: self.finish(item.request, refusal: "overloaded", at: now)
        case .storageFull: self.finish(item.request, refusal: "storage full", at: now)
        case .notLeader(let leader):
            if let leader, let place = self.nodes.firstIndex(of: leader) {
                self.leaders[Int(flight.shard.rawValue)] = place
                return self.route(item.request, flight)
            }
            self.leaders[Int(flight.shard.rawValue)] = nil
            self.loop.assumeIsolated().scheduleTask(in: .milliseconds(20)) {
                self.route(item.request, flight)
                self.flush()
            }
        }
    }

    private func finish(_ request: UInt64, refusal: String?, at now: NIODeadline) {
        guard let flight = self.flights.remove(request) else { return }
        self.lanes[flight.lane].inFlight -= 1
        if self.isMeasuring {
            if let refusal {
                self.result.refused += 1
                if self.result.firstRefusal == nil { self.result.firstRefusal = refusal }
            } else {
                self.result.acked += 1
                self.result.latencies.add(nanoseconds: UInt64(max((now - flight.due).nanoseconds, 0)))
            }
        }
        if self.rate == 0 { self.send(on: flight.lane, dueAt: now) }
    }

    /// Sends what is due every millisecond. What finds every window full stays due and its wait counts.
    private func paceOn() {
        let now = NIODeadline.now()
        self.pace.due += self.rate * Double((now - self.pace.last).nanoseconds) / 1e9
        self.pace.last = now
        while self.pace.due >= 1, let lane = self.nextFree() {
            self.send(on: lane, dueAt: now - .nanoseconds(Int64((self.pace.due - 1) / self.rate * 1e9)))
            self.pace.due -= 1
        }
        self.flush()
        guard self.isSending else { return }
        self.loop.assumeIsolated().scheduleTask(in: .milliseconds(1)) { self.paceOn() }
    }

    private func nextFree() -> Int? {
        for _ in self.lanes.indices {
            self.nextLane = (self.nextLane + 1) % self.lanes.count
            if self.lanes[self.nextLane].inFlight < self.window { return self.nextLane }
        }
        return nil
    }

    // MARK: Any thread

    func beginMeasuring() async throws {
        try await self.loop.submit { self.isMeasuring = true }.get()
    }

    func finishMeasuring() async throws -> LoadState.Result {
        try await self.loop.submit {
            self.isMeasuring = false
            self.isSending = false
            return self.result
        }.get()
    }

    /// Waits until all messages of the count have been sent and answered.
    func finishCount() async throws {
        while try await self.loop.submit({ self.left > 0 || !self.flights.isEmpty }).get() {
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Waits up to 10 s for what is in flight; returns how much that still is.
    func drain() async throws -> Int {
        for _ in 0..<100 {
            let left = try await self.loop.submit { self.flights.count }.get()
            if left == 0 { return 0 }
            try await Task.sleep(for: .milliseconds(100))
        }
        return try await self.loop.submit { self.flights.count }.get()
    }

    func stop() async {
        await self.transport?.shutdown()
        await self.system?.shutdown()
        // The process ends right after this; nothing waits for its one loop.
        self.group.shutdownGracefully { _ in }
    }
}

/// Where the nodes send what became of commands.
distributed actor LogLoadReceiver {
    typealias ActorSystem = ClusterActorSystem
    private let load: LogLoad

    init(load: LogLoad, actorSystem: ClusterActorSystem) {
        self.actorSystem = actorSystem
        self.load = load
    }

    distributed func results(_ batch: ResultBatch) { self.load.received(batch) }
}
