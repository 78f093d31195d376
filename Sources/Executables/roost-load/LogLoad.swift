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

/// Sends below the edge: the commands that a node would make of its clients' frames, in the batches in which nodes
/// hand commands to each other, over the peers' protocol (TLS, numbered one-way calls).
///
/// What is left out is HTTP, WebSocket, JSON and the session; everything from the leader's log on is as always:
/// membership, idempotency, the channel's numbers, fsync on a majority. Like a log's own client library it learns
/// which node leads a shard and asks that one. Each of its lanes keeps a window of commands in flight; what came free in
/// one turn travels as one batch a node.
///
/// Confined to `loop`, which makes `@unchecked Sendable` true.
final class LogLoad: @unchecked Sendable {
    private struct Lane {
        let actor: Actor
        let channels: [(id: ChannelID, shard: ShardID)]
        var sent = 0
        var inFlight = 0
    }
    private struct InFlight {
        let lane: Int
        let shard: ShardID
        let command: Command
        let due: NIODeadline
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let loop: any EventLoop
    private let group: MultiThreadedEventLoopGroup
    private let node: NodeID
    private let window: Int
    private let rate: Double
    private var texts: LoadTexts
    private let keyPrefix: String

    private var transport: PeerTransport?
    private var system: ClusterActorSystem?
    private var receiver: LogLoadReceiver?
    private var nodes: [NodeID] = []
    private var leaders: [ShardID: NodeID] = [:]
    private var lanes: [Lane] = []
    private var flights: [UInt64: InFlight] = [:]
    private var outgoing: [NodeID: [CommandBatch.Item]] = [:]
    private var requests = UInt64.random(in: 0..<1 << 40)
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
        self.keyPrefix = String(UInt64.random(in: 0 ... .max), radix: 36)
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
        try await load.learnLeaders(system)
        let lanes = try plans.map { try Self.lane($0, shards) }
        load.loop.execute { load.begin(lanes) }
        return load
    }

    private static func lane(_ plan: SocketPlan, _ map: ShardMap) throws -> Lane {
        Lane(
            actor: Actor(user: plan.user, role: .member, session: SessionID(high: 0, low: 0)),
            channels: try plan.channels.map { text in
                guard let channel = ChannelID(text) else { throw Failure(description: "no channel id: \(text)") }
                return (channel, map.shard(of: .channel(channel)))
            })
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

    private func learnLeaders(_ system: ClusterActorSystem) async throws {
        for node in self.nodes {
            let host = try system.reference(to: HostActor.self, at: ActorAddress(node: node, kind: .host))
            for group in try await host.groups().groups { self.leaders[group.shard] = node }
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
        let channel = self.lanes[lane].channels[number % self.lanes[lane].channels.count]
        let actor = self.lanes[lane].actor
        self.requests += 1
        let text = self.texts.next(number)
        let key = "\(self.keyPrefix)-\(lane)-\(number)"
        let command = Command.postMessage(
            channel.id, MessageContent(text: text, clientID: nil, thread: nil), by: actor,
            IdempotencyKey(user: actor.user, key: key, fingerprint: UInt64(number)))
        self.route(self.requests, InFlight(lane: lane, shard: channel.shard, command: command, due: due))
    }

    private func route(_ request: UInt64, _ flight: InFlight) {
        self.flights[request] = flight
        let leader = self.leaders[flight.shard] ?? self.nodes[Int(request % UInt64(self.nodes.count))]
        self.outgoing[leader, default: []].append(
            CommandBatch.Item(request: request, shard: flight.shard, command: flight.command))
    }

    private func flush() {
        guard let system = self.system else { return }
        // Well below the transport's frame of 1 MiB: a command takes its text and some 120 bytes.
        let countMax = max(1, (512 << 10) / (self.texts.size + 256))
        let batches = self.outgoing
        self.outgoing.removeAll(keepingCapacity: true)
        for (node, items) in batches {
            for start in stride(from: 0, to: items.count, by: countMax) {
                let part = Array(items[start..<min(start + countMax, items.count)])
                let verdict = system.post(
                    .routingSubmit, to: ActorAddress(node: node, kind: .routing),
                    CommandBatch(from: self.node, commands: part))
                guard verdict != .queued else { continue }
                for item in part { self.finish(item.request, refusal: "the transport says \(verdict)") }
            }
        }
    }

    fileprivate func received(_ batch: ResultBatch) {
        self.loop.execute {
            for item in batch.results { self.received(item) }
            self.flush()
        }
    }

    private func received(_ item: ResultBatch.Item) {
        guard let flight = self.flights[item.request] else { return }
        switch item.outcome {
        case .applied(.refused(let refusal)): self.finish(item.request, refusal: "\(refusal)")
        case .applied, .posted: self.finish(item.request, refusal: nil)
        case .overloaded: self.finish(item.request, refusal: "overloaded")
        case .storageFull: self.finish(item.request, refusal: "storage full")
        case .notLeader(let leader?):
            self.leaders[flight.shard] = leader
            self.route(item.request, flight)
        case .notLeader(nil):
            self.leaders[flight.shard] = nil
            self.loop.assumeIsolated().scheduleTask(in: .milliseconds(20)) {
                self.route(item.request, flight)
                self.flush()
            }
        }
    }

    private func finish(_ request: UInt64, refusal: String?) {
        guard let flight = self.flights.removeValue(forKey: request) else { return }
        self.lanes[flight.lane].inFlight -= 1
        if self.isMeasuring {
            if let refusal {
                self.result.refused += 1
                if self.result.firstRefusal == nil { self.result.firstRefusal = refusal }
            } else {
                self.result.acked += 1
                self.result.latencies.add(nanoseconds: UInt64(max((.now() - flight.due).nanoseconds, 0)))
            }
        }
        if self.rate == 0 { self.send(on: flight.lane, dueAt: .now()) }
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
