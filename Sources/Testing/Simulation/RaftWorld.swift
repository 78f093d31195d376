import ClusterModel
import Raft

/// One Raft group on simulated nodes, disks and links: the second host of `RaftReplica`, next to the
/// real one.
///
/// Two phases: in the first everything may break that the swarm configuration allows; then all is
/// healed, and the group has to come together within `convergenceTime`: one leader that stays, new
/// proposals committed, and every member with the same log.
struct RaftWorld {
    enum Event {
        case tick(Int, life: Int)
        case deliver(RaftMessage, to: Int)
        case synced(Int, life: Int, PersistMark)
        case fetched(Int, life: Int, for: ReplicaID, from: LogIndex, bytesMax: Int)
        case unreachable(Int, gone: NodeID)
        case client
        case chaos
        case restart(Int)
        case resume(Int)
        case mendNetwork
        case heal
        case inspect
    }

    struct Node {
        let id: NodeID
        var disk = SimulatedDisk()
        /// Nil while the node is down, or has no part in the group.
        var replica: RaftReplica?
        /// The replica that the disk belongs to; a higher id than the last one means a new disk.
        var identity: ReplicaID?
        /// Counts starts: what belongs to an earlier life is void.
        var life = 0
        var isUp = true
        var isPaused = false
        /// What arrives while the node is paused.
        var backlog: [Event] = []
        var applied = LogIndex.zero
        var state: UInt64 = 0
        var commitSeen = LogIndex.zero
        var syncFree = VirtualTime.zero
        var tickMicroseconds: UInt64 = 50_000
    }

    static let convergenceTime = VirtualTime.seconds(30)
    /// Longer than any election: a leader that holds out so long is stable.
    static let stableTime = VirtualTime.seconds(4)

    let seed: UInt64
    let narrate: ((String) -> Void)?
    var chance: Chance
    var swarm: RaftSwarm
    var network: FaultyNetwork
    var nodes: [Node] = []
    var queue = EventQueue<Event>()
    var oracle = RaftOracle()
    var trace = TraceHash()
    var counts = RaftCounts()
    var linkFree: [VirtualTime]
    var effects: [RaftEffect] = []

    var nextOperation: UInt64 = 1
    var nextRead: UInt64 = 1
    var epoch: UInt64 = 1
    /// Where a leader put an operation, until it is decided.
    var accepted: [LogIndex: [(operation: UInt64, term: Term)]] = [:]
    var acknowledged: [UInt64] = []
    var readFloors: [UInt64: LogIndex] = [:]

    var isHealed = false
    var healedAt = VirtualTime.zero
    var stableSince: (term: Term, leader: Replica, time: VirtualTime, committed: LogIndex)?
    var isFinished = false

    init(seed: UInt64, faults: SeededFaults, narrate: ((String) -> Void)?) {
        self.seed = seed
        self.narrate = narrate
        self.chance = Chance(seed: seed)
        self.swarm = RaftSwarm(&self.chance)
        self.swarm.settings.faults = faults
        self.network = FaultyNetwork(nodes: self.swarm.nodes, faults: self.swarm.network)
        self.linkFree = Array(repeating: .zero, count: self.swarm.nodes * self.swarm.nodes)
        self.found()
    }

    /// All voters begin with the same first entry; spare nodes wait to be added.
    private mutating func found() {
        let ids = (0..<self.swarm.nodes).map { NodeID(high: UInt64($0 + 1) << 32, low: 0) }
        let voters = (0..<self.swarm.voters).map { Replica(id: ReplicaID(UInt64($0 + 1)), node: ids[$0]) }
        let founding = RecoveredLog.founding(
            Configuration(
                voters: voters, epoch: RingEpoch(1), nextReplicaID: ReplicaID(UInt64(self.swarm.voters + 1))))
        for (place, id) in ids.enumerated() {
            var node = Node(id: id)
            let skew = self.chance.number(-self.swarm.clockSkewMilliseconds...self.swarm.clockSkewMilliseconds)
            node.tickMicroseconds = UInt64(50_000 + skew * 1000)
            if place < voters.count {
                node.identity = voters[place].id
                node.disk = SimulatedDisk(founding: founding)
            }
            self.nodes.append(node)
            self.start(place)
        }
        self.queue.schedule(.client, after: .milliseconds(500))
        self.queue.schedule(.chaos, after: .milliseconds(100))
        self.queue.schedule(.inspect, after: .milliseconds(500))
        self.queue.schedule(.heal, after: self.swarm.safetyPhase)
    }

    mutating func run() -> SimulationReport {
        var events = 0
        while !self.isFinished, self.oracle.violation == nil, let event = self.queue.next() {
            events += 1
            self.handle(event)
        }
        return SimulationReport(
            seed: self.seed, events: events, simulated: self.queue.now, trace: self.trace,
            violation: self.oracle.violation, counts: self.counts.named + [("committed", self.oracle.log.count)])
    }

    mutating func handle(_ event: Event) {
        self.trace.mix(self.queue.now.microseconds)
        switch event {
        case .tick(let place, let life):
            guard self.isCurrent(place, life) else { return }
            self.queue.schedule(event, after: VirtualTime(microseconds: self.nodes[place].tickMicroseconds))
            guard !self.nodes[place].isPaused else { return }
            self.step(place, .tick)
        case .deliver(let message, let place):
            guard self.isReady(place, for: event) else { return }
            self.deliver(message, to: place)
        case .synced(let place, let life, let mark):
            guard self.isCurrent(place, life) else { return }
            self.nodes[place].disk.sync(through: mark)
            guard self.isReady(place, for: event) else { return }
            self.step(place, .persisted(mark))
        case .fetched(let place, let life, let id, let from, let bytesMax):
            guard self.isCurrent(place, life), self.isReady(place, for: event) else { return }
            self.step(place, .fetched(for: id, self.readDisk(place, from: from, bytesMax: bytesMax)))
        case .unreachable(let place, let gone):
            guard self.isReady(place, for: event) else { return }
            self.step(place, .peerUnreachable(gone))
        case .client: self.client()
        case .chaos: self.chaos()
        case .restart(let place): self.restart(place)
        case .resume(let place): self.resume(place)
        case .mendNetwork:
            self.tell("", "mend", "all links are open")
            self.network.heal()
        case .heal: self.heal()
        case .inspect: self.inspect()
        }
    }

    private func isCurrent(_ place: Int, _ life: Int) -> Bool {
        self.nodes[place].isUp && self.nodes[place].life == life
    }

    /// A paused node's events wait in its buffers.
    private mutating func isReady(_ place: Int, for event: Event) -> Bool {
        guard self.nodes[place].isUp else { return false }
        if self.nodes[place].isPaused { self.nodes[place].backlog.append(event) }
        return !self.nodes[place].isPaused
    }

    private func readDisk(_ place: Int, from: LogIndex, bytesMax: Int) -> [Entry] {
        var entries: [Entry] = []
        var bytes = 0
        var index = from
        while let entry = self.nodes[place].disk.written.entry(at: index) {
            if !entries.isEmpty, bytes + entry.byteCount > bytesMax { break }
            bytes += entry.byteCount
            entries.append(entry)
            index = index.next()
        }
        return entries
    }

    func tell(_ node: @autoclosure () -> String, _ verb: String, _ details: @autoclosure () -> String) {
        guard let narrate else { return }
        narrate(Narration.line(self.queue.now, node(), verb, details()))
    }
}

/// What happened how often in a run.
struct RaftCounts {
    var elections = 0
    var acknowledged = 0
    var reads = 0
    var changes = 0
    var crashes = 0
    var lostWrites = 0
    var cuts = 0
    var pauses = 0
    var transfers = 0
    var fetches = 0

    var named: [(name: String, count: Int)] {
        [
            ("elections", self.elections), ("acknowledged", self.acknowledged), ("reads", self.reads),
            ("changes", self.changes), ("transfers", self.transfers), ("crashes", self.crashes),
            ("lost writes", self.lostWrites), ("cuts", self.cuts), ("pauses", self.pauses),
            ("fetches", self.fetches),
        ]
    }
}

package enum RaftSimulation: SimulationSubject {
    package static let name = "raft"

    package static func run(seed: UInt64, narrate: ((String) -> Void)?) -> SimulationReport {
        self.run(seed: seed, faults: [], narrate: narrate)
    }

    package static func run(
        seed: UInt64, faults: SeededFaults, narrate: ((String) -> Void)? = nil
    ) -> SimulationReport {
        var world = RaftWorld(seed: seed, faults: faults, narrate: narrate)
        return world.run()
    }
}
