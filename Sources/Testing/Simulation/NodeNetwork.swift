import ChatModel
import ClusterModel
import Replication
import Routing

/// The connections between simulated nodes, as the transport keeps them: in order while they last, and what was on
/// its way is gone with them. Nothing is doubled and nothing overtakes; but a full queue drops a message.
///
/// One connection for each pair stands for the four of the transport: its lanes do not wait for each other.
final class NodeNetwork: @unchecked Sendable {
    enum Lane: Int, CaseIterable {
        case control, append, bulk, calls
    }

    private struct Connection {
        var isUp = false
        /// Counts connections; what belongs to an earlier one is lost.
        var number: UInt64 = 0
        /// Since when something waits on a cut direction.
        var stuckSince: VirtualTime?
        /// When the ends notice that the cut direction is dead.
        var givesUpAfter = VirtualTime.zero
        var earliestRedial = VirtualTime.zero
        var lastArrival: [VirtualTime] = Array(repeating: .zero, count: 2 * Lane.allCases.count)
        var held: [(direction: Int, deliver: () -> Void)] = []
    }

    private unowned let world: NodeWorld
    private var connections: [Connection]
    private let nodes: Int
    var cuts: FaultyNetwork
    private(set) var messages = 0
    private(set) var losses = 0

    init(_ world: NodeWorld, nodes: Int) {
        self.world = world
        self.nodes = nodes
        self.cuts = FaultyNetwork(nodes: nodes, faults: .none)
        self.connections = Array(repeating: Connection(), count: nodes * nodes)
    }

    private func place(_ one: Int, _ other: Int) -> Int { min(one, other) * self.nodes + max(one, other) }

    // MARK: Messages

    /// Carries a message to a node's loop, or loses it.
    func send(from: Int, to: Int, _ lane: Lane, _ deliver: @escaping (SimulatedNode) -> Void) {
        self.messages += 1
        let place = self.place(from, to)
        let connection = self.connections[place]
        guard connection.isUp, !self.world.chance.perMille(self.world.swarm.dropPerMille) else {
            self.losses += 1
            return
        }
        let number = connection.number
        let hand: () -> Void = { [unowned self] in
            guard self.connections[place].number == number, self.connections[place].isUp else { return }
            deliver(self.world.nodes[to])
        }
        let direction = from < to ? 0 : 1
        let key = direction * Lane.allCases.count + lane.rawValue
        let jitter = UInt64(self.world.chance.number(0...self.world.swarm.jitterMicroseconds * 2))
        let delay = VirtualTime(microseconds: UInt64(self.world.swarm.delayMilliseconds) * 1_000 + 30 + jitter)
        let arrival = max(self.world.scheduler.now + delay, connection.lastArrival[key])
        self.connections[place].lastArrival[key] = arrival
        let wait = VirtualTime(microseconds: arrival.microseconds - self.world.scheduler.now.microseconds)
        let target = self.world.nodes[to]
        self.world.scheduler.schedule(after: wait) { [unowned self] in
            guard self.connections[place].number == number else { return }
            guard self.cuts.isOpen(from: from, to: to), self.connections[place].held.isEmpty else {
                return self.hold(place, direction, target, hand)
            }
            self.world.scheduler.post(on: target.loop, hand)
        }
    }

    /// The bytes stand in the kernel until the direction is open again or the connection is given up.
    private func hold(_ place: Int, _ direction: Int, _ target: SimulatedNode, _ hand: @escaping () -> Void) {
        if self.connections[place].stuckSince == nil {
            self.connections[place].stuckSince = self.world.scheduler.now
            self.connections[place].givesUpAfter = self.world.chance.milliseconds(500...4_000)
        }
        self.connections[place].held.append(
            (direction, { [unowned self] in self.world.scheduler.post(on: target.loop, hand) }))
    }

    // MARK: Connections

    /// Every 100 ms: what is stuck for too long is given up, what is down is dialled.
    func tick() {
        for one in 0..<self.nodes {
            for other in (one + 1)..<max(one + 1, self.nodes) { self.tick(one, other) }
        }
    }

    private func tick(_ one: Int, _ other: Int) {
        let place = self.place(one, other)
        let now = self.world.scheduler.now
        let isOpen = self.cuts.isOpen(from: one, to: other) && self.cuts.isOpen(from: other, to: one)
        if self.connections[place].isUp {
            if isOpen {
                self.release(place)
            } else if let since = self.connections[place].stuckSince,
                now > since + self.connections[place].givesUpAfter
            {
                self.close(one, other)
            }
            if self.world.chance.perMille(self.world.swarm.resetPerMille) { self.close(one, other) }
        } else if isOpen, now >= self.connections[place].earliestRedial {
            self.open(one, other)
        }
    }

    private func release(_ place: Int) {
        let held = self.connections[place].held
        self.connections[place].held = []
        self.connections[place].stuckSince = nil
        for item in held { item.deliver() }
    }

    private func open(_ one: Int, _ other: Int) {
        let (first, second) = (self.world.nodes[one], self.world.nodes[other])
        guard first.isRunning, second.isRunning, !first.loop.isPaused, !second.loop.isPaused else {
            if first.isRunning, !second.isRunning { first.refused(by: second) }
            if second.isRunning, !first.isRunning { second.refused(by: first) }
            return
        }
        let place = self.place(one, other)
        self.connections[place].isUp = true
        self.connections[place].number += 1
        self.connections[place].stuckSince = nil
        self.connections[place].held = []
        first.connected(to: second)
        second.connected(to: first)
    }

    func close(_ one: Int, _ other: Int) {
        let place = self.place(one, other)
        guard self.connections[place].isUp else { return }
        self.connections[place].isUp = false
        self.connections[place].number += 1
        self.connections[place].stuckSince = nil
        self.connections[place].held = []
        self.connections[place].earliestRedial = self.world.scheduler.now + self.world.chance.milliseconds(100...1_000)
        let (first, second) = (self.world.nodes[one], self.world.nodes[other])
        first.disconnected(from: second)
        second.disconnected(from: first)
    }

    /// The process is gone: the kernel says so to its peers.
    func died(_ node: Int) {
        for other in 0..<self.nodes where other != node { self.close(node, other) }
    }
}

/// A node's end of the network.
final class NodeWire: ReplicationLinks, RouterLinks, @unchecked Sendable {
    private unowned let world: NodeWorld
    private unowned let node: SimulatedNode

    init(_ world: NodeWorld, _ node: SimulatedNode) {
        self.world = world
        self.node = node
    }

    private func send(to node: NodeID, _ lane: NodeNetwork.Lane, _ deliver: @escaping (SimulatedNode) -> Void) {
        guard let number = self.world.number(of: node), number != self.node.number else { return }
        self.world.network.send(from: self.node.number, to: number, lane, deliver)
    }

    /// Now and then in the binary form, since all would be slow.
    private func passed<Value: Wire>(_ value: Value) -> Value {
        guard self.world.chance.percent(3) else { return value }
        do throws(WireError) {
            return try Value(encoded: value.encoded)
        } catch {
            self.world.oracle.fail("n\(self.node.number) sent what can not be read: \(error)")
            return value
        }
    }

    // MARK: ReplicationLinks, RouterLinks

    func send(_ batch: RaftBatch, to node: NodeID, isControl: Bool) {
        let batch = self.passed(batch)
        let from = self.node.id
        self.send(to: node, isControl ? .control : .append) { $0.host?.received(batch, from: from) }
    }
    func send(_ message: HostMessage, to node: NodeID) {
        let message = self.passed(message)
        let from = self.node.id
        self.send(to: node, .bulk) { $0.host?.received(message, from: from) }
    }
    func deliver(_ items: [FeedItem], to node: NodeID) {
        let batch = self.passed(FeedBatch(from: self.node.id, items: items))
        self.send(to: node, .calls) { $0.router?.received(batch) }
    }
    func send(_ batch: CommandBatch, to node: NodeID) {
        let batch = self.passed(batch)
        self.send(to: node, .calls) { $0.router?.received(batch) }
    }
    func send(_ batch: ResultBatch, to node: NodeID) {
        let batch = self.passed(batch)
        self.send(to: node, .calls) { $0.router?.received(batch) }
    }
    func send(_ changes: [InterestChange], to node: NodeID) {
        let batch = self.passed(InterestBatch(from: self.node.id, changes: changes))
        self.send(to: node, .calls) { $0.router?.received(batch) }
    }
    func isConnected(_ node: NodeID) -> Bool { self.node.peers.contains(node) }

    func read(_ request: ReadRequest, at node: NodeID, completion: @escaping @Sendable (ReadReply) -> Void) {
        let request = self.passed(request)
        let call = ReadCall(completion)
        let own = self.node
        own.world.scheduler.schedule(after: .seconds(2), on: own.loop) { call.complete(.unavailable) }
        self.send(to: node, .calls) { [world] target in
            guard let router = target.router else { return }
            router.serve(request) { reply in
                world.network.send(from: target.number, to: own.number, .calls) { _ in call.complete(reply) }
            }
        }
    }
    func groups(ledBy node: NodeID) async -> [GroupStatus] { [] }
    func groups(ledBy node: NodeID, completion: @escaping @Sendable ([GroupStatus]?) -> Void) { completion(nil) }
    func deadMembers(seenBy node: NodeID, completion: @escaping @Sendable (Set<NodeID>?) -> Void) { completion(nil) }
    func gossip(about node: NodeID) -> String { self.isConnected(node) ? "alive" : "dead" }
}

/// A read under way to another node; answered once.
private final class ReadCall: @unchecked Sendable {
    private var completion: (@Sendable (ReadReply) -> Void)?

    init(_ completion: @escaping @Sendable (ReadReply) -> Void) { self.completion = completion }

    func complete(_ reply: ReadReply) {
        self.completion?(reply)
        self.completion = nil
    }
}
