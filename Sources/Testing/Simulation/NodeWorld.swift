import ChatModel
import ChatService
import ClusterModel
import Placement
import Raft
import Replication
import Routing

/// Whole nodes in virtual time: the real hosts, routers, hubs and log engines of three to five nodes, their network
/// and disks, and the people who use them. Everything follows from the seed.
final class NodeWorld: @unchecked Sendable {
    static let cluster = ClusterID(high: 7, low: 7)

    let scheduler = VirtualScheduler()
    let profile: NodeProfile
    var swarm: NodeSwarm
    var chance: Chance
    let shardMap: ShardMap
    var oracle = NodeOracle()
    private(set) var nodes: [SimulatedNode] = []
    private(set) var network: NodeNetwork!
    private let narrate: ((String) -> Void)?

    // The people.
    private(set) var users: [Actor] = []
    private(set) var channelIDs: [ChannelID] = []
    var readers: [SimulatedReader] = []
    var sagas: [NameSaga] = []
    var requestsOpen = 0
    var requests = 0
    var readsOpen = 0
    var reads = 0
    var texts = 0
    var counts = (crashes: 0, pauses: 0, cuts: 0)

    var isHealed = false
    var isOver = false
    var hasLookedAgain = false
    var calmSince: VirtualTime?
    var lastReason = ""

    init(_ profile: NodeProfile, _ swarm: NodeSwarm, _ chance: Chance, _ narrate: ((String) -> Void)?) {
        self.profile = profile
        self.swarm = swarm
        self.chance = chance
        self.narrate = narrate
        self.shardMap = ShardMap(shardCount: swarm.shards)
        self.network = NodeNetwork(self, nodes: swarm.nodes)
        self.nodes = (0..<swarm.nodes).map { SimulatedNode(self, $0) }
    }

    func run() {
        self.nodes[0].start(isFounding: true)
        for node in self.nodes.dropFirst() { node.start() }
        self.every(.milliseconds(100)) { $0.disturb() }
        self.settle()
        for node in self.nodes { self.admit(node) }
        self.scheduler.schedule(after: self.swarm.faultyPhase) { [unowned self] in self.heal() }
        while !self.isOver, self.oracle.violation == nil, self.scheduler.runNext() {}
        self.sayStandings()
    }

    /// Lets go of everything, whoever holds whom: the next seed wants the memory.
    func finish() {
        for node in self.nodes { node.finish() }
        self.scheduler.finish()
        self.readers = []
        self.sagas = []
    }

    func report(seed: UInt64) -> SimulationReport {
        SimulationReport(
            seed: seed, events: self.scheduler.eventCount, simulated: self.scheduler.now, trace: self.oracle.trace,
            violation: self.oracle.violation,
            counts: [
                ("entries applied", self.oracle.entriesApplied), ("batches", self.oracle.batches),
                ("requests", self.requests), ("reads", self.reads),
                ("acknowledged", self.oracle.acknowledgements), ("deliveries", self.oracle.deliveries),
                ("resumes", self.readers.reduce(0) { $0 + $1.resumes }), ("messages", self.network.messages),
                ("lost messages", self.network.losses), ("elections", self.oracle.elections),
                ("snapshots", self.oracle.snapshotsAdopted),
                ("crashes", self.counts.crashes), ("pauses", self.counts.pauses), ("cuts", self.counts.cuts),
            ])
    }

    // MARK: Shared

    func every(_ interval: VirtualTime, _ work: @escaping (NodeWorld) -> Void) {
        self.scheduler.schedule(after: interval) { [unowned self] in
            work(self)
            self.every(interval, work)
        }
    }

    func number(of id: NodeID) -> Int? {
        let number = Int(clamping: id.high >> 32) - 1
        return self.nodes.indices.contains(number) ? number : nil
    }

    func anyRunningNode() -> SimulatedNode? { self.chance.pick(self.nodes.filter { $0.isRunning && $0.hasJoined }) }

    func wallClock(at node: SimulatedNode) -> Timestamp {
        Timestamp(
            milliseconds: 1_700_000_000_000 + Int64(self.scheduler.now.microseconds / 1_000) + node.clockError)
    }

    /// Where every replica stands, for who reads a narration to its end.
    func sayStandings() {
        guard self.narrate != nil else { return }
        for node in self.nodes {
            for shard in self.shardMap.shardsAndDirectory {
                guard let standing = node.host?.standing(of: shard) else { continue }
                self.say(
                    node, "stands",
                    "shard \(shard) at \(standing.appliedIndex), term \(standing.term)"
                        + (standing.isLeader ? ", leads" : "") + (standing.isVoter ? ", voter" : "")
                        + (standing.isDetached ? ", detached" : "") + ", voters "
                        + standing.voters.map { "n\(self.number(of: $0) ?? -1)" }.joined(separator: " ")
                        + ", leader \(node.host?.leader(of: shard).map { "n\(self.number(of: $0) ?? -1)" } ?? "unknown")"
                )
            }
        }
    }

    func say(_ node: SimulatedNode, _ verb: String, _ details: @autoclosure () -> String) {
        self.narrate?(Narration.line(self.scheduler.now, "n\(node.number)", verb, details()))
    }

    func sayApplied(_ node: SimulatedNode, _ shard: ShardID, _ entry: Entry, _ events: [DurableEvent]) {
        guard self.narrate != nil else { return }
        let what = events.map { "\($0.channel) \($0.seq)" }.joined(separator: ", ")
        self.say(node, "applies", "shard \(shard) \(entry.index) of term \(entry.term)  \(what)")
    }

    // MARK: Settling

    /// Users and channels exist before anybody speaks; faults do not wait for that.
    private func settle() {
        for number in 0..<self.swarm.users {
            let user = UserID(high: UInt64(number + 1) << 40, low: self.chance.generator.next())
            self.users.append(
                Actor(user: user, role: .member, session: SessionID(high: UInt64(number + 1), low: 1)))
        }
        for number in 0..<self.swarm.channels {
            self.channelIDs.append(
                ChannelID(high: UInt64(number + 1) << 48, low: self.chance.generator.next()))
        }
        var missing = self.users.count
        for (number, actor) in self.users.enumerated() {
            let record = UserRecord(
                id: actor.user, username: "user\(number)", displayName: "", email: nil, role: .member,
                passwordHash: "x", createdAt: Timestamp(milliseconds: 1))
            ClientRequest(self, .createUser(record)) { [unowned self] _ in
                missing -= 1
                if missing == 0 { self.settleChannels() }
            }.begin()
        }
    }

    private func settleChannels() {
        var missing = self.channelIDs.count
        for (number, channel) in self.channelIDs.enumerated() {
            let type: ChannelType = number % 3 == 0 ? .public : .private
            if type == .public { self.oracle.publicChannels.insert(channel) }
            ClientRequest(
                self,
                .createChannel(channel, name: "room\(number)", type: type, topic: "", by: self.owner(of: channel), nil)
            ) { [unowned self] _ in
                for actor in self.users where actor != self.owner(of: channel) && self.chance.percent(70) {
                    ClientRequest(self, .addMember(channel, actor.user, by: self.owner(of: channel))).begin()
                }
                missing -= 1
                if missing == 0 { self.beginLoad() }
            }.begin()
        }
    }

    func owner(of channel: ChannelID) -> Actor { self.users[Int(channel.high >> 48) % self.users.count] }

    /// As an operator's node does when it comes: registers, then declares itself active when it has caught up.
    private func admit(_ node: SimulatedNode) {
        let record = NodeRecord(
            id: node.id, name: "node\(node.number)",
            address: PeerAddress(host: "10.0.0.\(node.number)", port: 7_000), clientAddress: "", state: .joining,
            boot: BootCounter(1))
        if node.number == 0 { node.hasJoined = true }
        ClientRequest(self, .registerNode(record)) { [unowned self] _ in
            ClientRequest(self, .activateNode(node.id)) { _ in node.hasJoined = true }.begin()
        }.begin()
    }
}
