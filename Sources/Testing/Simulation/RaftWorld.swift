import ClusterModel
import Raft

/// One Raft group on simulated nodes, disks and links: the second host of `RaftReplica`, next to the
/// real one.
///
/// Two phases: in the first everything may break that the swarm configuration allows; then all is
/// healed, and the group has to come together within `convergenceTime`: one leader that stays, new
/// proposals committed, and every member with the same log. Some runs end with a third, in which a follower
/// does not hear the leader, and nobody may mind.
struct RaftWorld {
    enum Event {
        case tick(Int, life: Int)
        case deliver(RaftMessage, to: Int, boot: UInt64)
        case synced(Int, life: Int, PersistMark)
        case fetched(Int, life: Int, for: ReplicaID, from: LogIndex, bytesMax: Int)
        case unreachable(Int, gone: NodeID)
        /// A state has arrived as a whole.
        case received(Int, RaftTransfer)
        /// The follower's report, or the end of the leader's patience when it has none.
        case transferEnded(Int, through: LogIndex?)
        /// The received state takes the place of the projection.
        case swap(Int, life: Int)
        case force(GroupIncarnation)
        /// A read that another node has passed on.
        case passedRead(PassedRead, to: Int)
        case client
        case chaos
        case restart(Int)
        case resume(Int)
        case mendNetwork
        case heal
        case inspect
    }

    /// A read with the word of the node that passes it on.
    struct PassedRead {
        let token: UInt64
        let voucher: ReadVoucher
        let from: NodeID
        let boot: UInt64
    }

    struct Node {
        /// Another one after its disk was wiped.
        var id: NodeID
        var disk = SimulatedDisk()
        /// The durable state of the machine.
        var projection = SimulatedState()
        /// A received state on the disk, not yet in place.
        var received: RaftTransfer?
        /// Counted and made durable at each start of the node.
        var boot: UInt64 = 0
        var tombstone: ReplicaTombstone?
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
        var ticks = 0
        var applied = LogIndex.zero
        var state: UInt64 = 0
        var commitSeen = LogIndex.zero
        /// The restart of the log at a received state is on its way to the disk.
        var installing: (mark: PersistMark, transfer: RaftTransfer)?
        /// Committed behind that state.
        var held: [Entry] = []
        /// The highest boot counter of each peer that has spoken to it.
        var boots: [NodeID: UInt64] = [:]
        /// An older copy of the whole disk, for a rollback.
        var backup: Backup?
        var syncFree = VirtualTime.zero
        var tickMicroseconds: UInt64 = 50_000
    }

    /// What a copied data directory holds.
    struct Backup {
        let disk: SimulatedDisk.Contents
        let projection: SimulatedState
        let boot: UInt64
        let identity: ReplicaID?
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
    /// One for each incarnation of the group, oldest first.
    var oracles = [RaftOracle()]
    var trace = TraceHash()
    var counts = RaftCounts()
    var linkFree: [VirtualTime]
    var effects: [RaftEffect] = []

    var nextOperation: UInt64 = 1
    var nextRead: UInt64 = 1
    var nextNode: UInt64 = 1
    var epoch: UInt64 = 1
    /// Where a leader put an operation, until it is decided.
    var accepted: [Place: [(operation: UInt64, term: Term)]] = [:]
    var acknowledged: [(operation: UInt64, incarnation: GroupIncarnation)] = []
    var readFloors: [UInt64: LogIndex] = [:]
    /// Of its own, so that what happens besides reads stays as it was without them.
    var readChance: Chance
    /// What `.keepVouchers` goes on using.
    var keptVouchers: [ReplicaID: ReadVoucher] = [:]
    /// Transfers that the leader has not been told the end of.
    var transfers: [Int: RaftTransfer] = [:]
    var nextTransfer = 1
    /// Replicas whose disks, or parts of them, are lost, as the outside knows.
    var lost: Set<ReplicaID> = []
    var damaged: Set<ReplicaID> = []
    /// What the directory knows of every node's starts.
    var knownBoots: [NodeID: UInt64] = [:]

    var isHealed = false
    var healedAt = VirtualTime.zero
    var healedTerm: UInt64 = 0
    var stableSince: (term: Term, leader: Replica, time: VirtualTime, committed: LogIndex)?
    var calm: Calm?
    var isFinished = false

    struct Place: Hashable {
        let incarnation: GroupIncarnation
        let index: LogIndex
    }

    init(seed: UInt64, faults: SeededFaults, narrate: ((String) -> Void)?) {
        self.seed = seed
        self.narrate = narrate
        self.chance = Chance(seed: seed)
        self.readChance = Chance(seed: ~seed)
        self.swarm = RaftSwarm(&self.chance)
        self.swarm.settings.faults = faults
        self.network = FaultyNetwork(nodes: self.swarm.nodes, faults: self.swarm.network)
        self.linkFree = Array(repeating: .zero, count: self.swarm.nodes * self.swarm.nodes)
        self.found()
    }

    var faults: SeededFaults { self.swarm.settings.faults }

    mutating func newNodeID() -> NodeID {
        defer { self.nextNode += 1 }
        return NodeID(high: self.nextNode << 32, low: 0)
    }

    /// All voters begin with the same first entry; spare nodes wait to be added.
    private mutating func found() {
        let ids = (0..<self.swarm.nodes).map { _ in self.newNodeID() }
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

    var violation: String? { self.oracles.lazy.compactMap(\.violation).first }

    mutating func run() -> SimulationReport {
        var events = 0
        while !self.isFinished, self.violation == nil, let event = self.queue.next() {
            events += 1
            self.handle(event)
        }
        let committed = self.oracles[self.oracles.count - 1].log.count
        return SimulationReport(
            seed: self.seed, events: events, simulated: self.queue.now, trace: self.trace, violation: self.violation,
            counts: self.counts.named + [("committed", committed)])
    }

    mutating func handle(_ event: Event) {
        self.trace.mix(self.queue.now.microseconds)
        switch event {
        case .tick(let place, let life):
            guard self.isCurrent(place, life) else { return }
            self.queue.schedule(event, after: VirtualTime(microseconds: self.nodes[place].tickMicroseconds))
            guard !self.nodes[place].isPaused else { return }
            self.step(place, .tick)
            self.project(place)
        case .deliver(let message, let place, let boot):
            guard self.isReady(place, for: event) else { return }
            self.deliver(message, to: place, boot: boot)
        case .synced(let place, let life, let mark):
            guard self.isCurrent(place, life) else { return }
            self.nodes[place].disk.sync(through: mark)
            guard self.isReady(place, for: event) else { return }
            self.synced(place, mark)
        case .fetched(let place, let life, let id, let from, let bytesMax):
            guard self.isCurrent(place, life), self.isReady(place, for: event) else { return }
            self.step(place, .fetched(for: id, self.readDisk(place, from: from, bytesMax: bytesMax)))
        case .unreachable(let place, let gone):
            guard self.isReady(place, for: event) else { return }
            self.step(place, .peerUnreachable(gone))
        case .received(let place, let transfer):
            guard self.isReady(place, for: event) else { return }
            self.received(place, transfer)
        case .transferEnded(let id, let through): self.transferEnded(id, through: through)
        case .swap(let place, let life):
            guard self.isCurrent(place, life), self.isReady(place, for: event) else { return }
            self.swap(place)
        case .force(let incarnation): self.force(incarnation)
        case .passedRead(let read, let place):
            guard self.isReady(place, for: event) else { return }
            self.deliver(read, to: place)
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

    // The oracle of a replica's incarnation.

    func oracle(_ incarnation: GroupIncarnation) -> RaftOracle {
        self.oracles[min(Int(incarnation.rawValue), self.oracles.count - 1)]
    }
    mutating func judge(_ incarnation: GroupIncarnation, _ body: (inout RaftOracle) -> Void) {
        body(&self.oracles[min(Int(incarnation.rawValue), self.oracles.count - 1)])
    }
    mutating func fail(_ text: String) { self.oracles[0].fail(text) }

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
    var compactions = 0
    var snapshots = 0
    var installs = 0
    var damages = 0
    var repairs = 0
    var wipes = 0
    var rollbacks = 0
    var forced = 0
    var superseded = 0

    var named: [(name: String, count: Int)] {
        [
            ("elections", self.elections), ("acknowledged", self.acknowledged), ("reads", self.reads),
            ("changes", self.changes), ("transfers", self.transfers), ("crashes", self.crashes),
            ("lost writes", self.lostWrites), ("cuts", self.cuts), ("pauses", self.pauses),
            ("fetches", self.fetches), ("compactions", self.compactions), ("snapshots", self.snapshots),
            ("installs", self.installs), ("damages", self.damages), ("repairs", self.repairs), ("wipes", self.wipes),
            ("rollbacks", self.rollbacks), ("forced", self.forced), ("superseded", self.superseded),
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
