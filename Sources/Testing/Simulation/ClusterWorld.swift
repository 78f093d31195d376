import ChatMachine
import ChatModel
import ClusterModel
import Placement
import Raft

/// A cluster of nodes with a replica of every group that they are given; see `ClusterSubject`.
///
/// Three phases: *safety*, in which nodes join, drain, die, are wiped and cut off; *heal*, after which every group must
/// stand at its ideal place with no replica left over; and one *clean join*, which may move little more than it must.
struct ClusterWorld {
    enum Event {
        case tick(Int, life: Int)
        case deliver(Int, RaftMessage, to: Int)
        case synced(Int, life: Int, shard: Int)
        case look(Int, life: Int)
        case start(Int)
        case chaos
        case client
        case mend
        case heal
        case inspect
    }

    /// One group's replica on one node: what the disk has, and what runs.
    struct Slot {
        var id: ReplicaID
        var hardState: HardState
        var entries: [Entry]
        var unsynced: [(mark: PersistMark, hardState: HardState?, entries: [Entry])] = []
        var raft: RaftReplica
        var isDetached = false
        var reconciler = Reconciler()
        /// The directory's state as this replica has applied it.
        var machine: ShardMachine?
    }

    struct Node {
        let id: NodeID
        let address: PeerAddress
        var life = 0
        var boot: UInt64 = 0
        var isUp = false
        /// Its disk is gone, or it will never start again.
        var isLost = false
        var downSince = VirtualTime.zero
        var slots: [Slot?]
        var budget = MoveBudget()
        var steward = DirectorySteward()
        var ring: (epoch: RingEpoch, ring: Ring)?
    }

    static let tickMilliseconds: UInt64 = 100
    static let lookMilliseconds: UInt64 = 250
    static let convergence = VirtualTime.seconds(60)

    let seed: UInt64
    let narrate: ((String) -> Void)?
    let groups: Int
    let map: ShardMap
    let faults: SeededFaults
    var chance: Chance
    var network: FaultyNetwork
    var queue = EventQueue<Event>()
    var nodes: [Node] = []
    var oracle: ClusterOracle
    var trace = TraceHash()
    var effects: [RaftEffect] = []
    var counts = (elections: 0, joins: 0, drains: 0, deaths: 0, wipes: 0, cuts: 0, learners: 0, moved: 0, ideal: 0)
    var eventCount = 0
    var clientToken: UInt64 = 0
    var isHealed = false
    var isCutOff = false
    var settledSince: VirtualTime?
    var healedAt = VirtualTime.zero
    var lastJoin: (learners: Int, rings: Ring)?
    var isFinished = false

    init(seed: UInt64, faults: SeededFaults, narrate: ((String) -> Void)?) {
        self.seed = seed
        self.faults = faults
        self.narrate = narrate
        self.chance = Chance(seed: seed)
        self.groups = 1 + self.chance.number(4...12)
        self.map = ShardMap(shardCount: self.groups - 1)
        var links = FaultyNetwork.Faults()
        links.lossPercent = self.chance.dimension(1...10)
        links.delayMilliseconds = max(1, self.chance.dimension(1...40))
        self.network = FaultyNetwork(nodes: Self.nodesMax, faults: links)
        self.oracle = ClusterOracle(groups: self.groups)
        self.found()
    }

    /// Every start of a new data directory is a node of its own.
    static let nodesMax = 16

    private mutating func found() {
        let founder = self.add(at: 0)
        for shard in 0..<self.groups {
            let log = RecoveredLog.founding(.founding(self.nodes[founder].id, epoch: .zero))
            self.nodes[founder].slots[shard] = self.slot(founder, shard, ReplicaID(1), log.hardState, log.tail)
        }
        self.start(founder)
        for _ in 1..<self.chance.number(3...5) { self.join(at: nil) }
        self.queue.schedule(.chaos, after: .seconds(4))
        self.queue.schedule(.client, after: .seconds(1))
        self.queue.schedule(.inspect, after: .seconds(1))
        self.queue.schedule(.heal, after: .seconds(UInt64(self.chance.number(10...30))))
    }

    mutating func add(at host: Int?) -> Int {
        let place = self.nodes.count
        let port = host ?? place
        self.nodes.append(
            Node(
                id: NodeID(high: self.seed &+ UInt64(place) << 32, low: UInt64(place)),
                address: PeerAddress(host: "10.0.0.1", port: UInt16(port + 1)),
                slots: Array(repeating: nil, count: self.groups)))
        var settings = StewardSettings()
        settings.deadAfterMilliseconds = 6_000
        self.nodes[place].steward = DirectorySteward(settings: settings)
        return place
    }

    func name(_ place: Int) -> String { "n\(place)" }
    var nowMilliseconds: UInt64 { self.queue.now.microseconds / 1000 }

    func tell(_ node: String, _ verb: String, _ details: String) {
        self.narrate?(Narration.line(self.queue.now, node, verb, details))
    }

    mutating func run() {
        while !self.isFinished, self.oracle.violation == nil, let event = self.queue.next() {
            self.eventCount += 1
            self.take(event)
        }
    }

    func report() -> SimulationReport {
        SimulationReport(
            seed: self.seed, events: self.eventCount, simulated: self.queue.now, trace: self.trace,
            violation: self.oracle.violation,
            counts: [
                ("elections", self.counts.elections), ("joins", self.counts.joins), ("drains", self.counts.drains),
                ("deaths", self.counts.deaths), ("wipes", self.counts.wipes), ("cuts", self.counts.cuts),
                ("learners", self.counts.learners), ("committed", self.oracle.committedCount),
                ("moved", self.counts.moved), ("ideal", self.counts.ideal),
            ])
    }

    private mutating func take(_ event: Event) {
        switch event {
        case .tick(let place, let life):
            guard self.nodes[place].isUp, self.nodes[place].life == life else { return }
            for shard in 0..<self.groups where self.nodes[place].slots[shard]?.isDetached == false {
                self.step(place, shard, .tick)
            }
            self.queue.schedule(event, after: .milliseconds(Self.tickMilliseconds))
        case .deliver(let shard, let message, let place): self.deliver(shard, message, place)
        case .synced(let place, let life, let shard):
            guard self.nodes[place].isUp, self.nodes[place].life == life else { return }
            self.sync(place, shard)
        case .look(let place, let life):
            guard self.nodes[place].isUp, self.nodes[place].life == life else { return }
            self.look(place)
            self.queue.schedule(event, after: .milliseconds(Self.lookMilliseconds))
        case .start(let place): if !self.nodes[place].isUp, !self.nodes[place].isLost { self.start(place) }
        case .chaos:
            guard !self.isHealed else { return }
            self.harm()
            self.queue.schedule(.chaos, after: self.chance.milliseconds(500...5_000))
        case .client:
            self.write()
            self.queue.schedule(.client, after: self.chance.milliseconds(100...600))
        case .mend: self.network.heal()
        case .heal: self.heal()
        case .inspect:
            self.inspect()
            self.queue.schedule(.inspect, after: .milliseconds(500))
        }
    }
}
