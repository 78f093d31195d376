import ClusterModel
import Raft

/// Every order of events that a small group can meet: three voters, a few terms and entries, and up to a depth.
///
/// The simulator draws orders by lot and runs long; this leaves none out and runs short. At each state any message
/// may arrive (or never), any disk may finish its oldest write, anybody may campaign, a leader may take a proposal
/// or show itself, and a node may crash and lose what is not synced. Checked are Raft's own safety properties.
package struct RaftExhaustion: Sendable {
    package struct Bounds: Sendable {
        /// Events in a row.
        package var depth = 12
        /// Campaigns stop at this term; the group begins in term 1.
        package var terms: UInt64 = 3
        package var entries = 3
        package var crashes = 1
        /// Heartbeats of all leaders together.
        package var heartbeats = 1
        /// More messages than these under way are lost.
        package var messages = 6
        /// Where to stop in any case.
        package var states = 20_000
        package var faults: SeededFaults = []

        package init() {}
    }

    package private(set) var states = 0
    package private(set) var transitions = 0
    /// Whether all states within the depth were visited.
    package private(set) var isComplete = true
    /// What is broken, and by which events.
    package private(set) var violation: String?

    private let bounds: Bounds
    /// How much depth was left when a state was visited.
    private var visited: [Int: Int] = [:]
    private var path: [String] = []

    package init(_ bounds: Bounds) { self.bounds = bounds }

    package mutating func run() {
        self.explore(Model(bounds: self.bounds), depth: self.bounds.depth)
        self.states = self.visited.count
    }

    private mutating func explore(_ model: Model, depth: Int) {
        for event in model.events(self.bounds) {
            guard self.violation == nil else { return }
            guard self.visited.count < self.bounds.states else { return self.isComplete = false }
            var next = model
            next.handle(event)
            self.transitions += 1
            self.path.append(model.text(event))
            defer { self.path.removeLast() }
            if let violation = next.violation {
                self.violation = violation + ": " + self.path.joined(separator: "; ")
                return
            }
            let left = depth - 1
            guard left > 0, self.visited[next.essence] ?? -1 < left else {
                if self.visited[next.essence] == nil { self.visited[next.essence] = left }
                continue
            }
            self.visited[next.essence] = left
            self.explore(next, depth: left)
        }
    }
}

private enum ModelEvent {
    case arrival(Int)
    case write(Int)
    case campaign(Int)
    case proposal(Int)
    case heartbeat(Int)
    case crash(Int)
}

private struct Model {
    private var replicas: [RaftReplica] = []
    private var disks: [SimulatedDisk] = []
    private var writes: [[PersistMark]] = []
    private var messages: [RaftMessage] = []
    private var crashes: Int
    private var heartbeats: Int
    private let messagesMax: Int
    private let settings: RaftSettings
    private var effects: [RaftEffect] = []

    // What the outside knows.
    private var leaders: [Term: ReplicaID] = [:]
    private var committed: [Entry] = []
    private(set) var violation: String?

    init(bounds: RaftExhaustion.Bounds) {
        var settings = RaftSettings()
        settings.heartbeatTicks = 1
        settings.faults = bounds.faults
        self.settings = settings
        self.crashes = bounds.crashes
        self.heartbeats = bounds.heartbeats
        self.messagesMax = bounds.messages
        let voters = (UInt64(1)...3).map { Replica(id: ReplicaID($0), node: NodeID(high: $0, low: 0)) }
        let founding = RecoveredLog.founding(
            Configuration(voters: voters, epoch: RingEpoch(1), nextReplicaID: ReplicaID(4)))
        for voter in voters {
            self.replicas.append(
                RaftReplica(id: voter.id, node: voter.node, settings: settings, recovered: founding, seed: 1))
            self.disks.append(SimulatedDisk(founding: founding))
            self.writes.append([])
        }
    }

    func events(_ bounds: RaftExhaustion.Bounds) -> [ModelEvent] {
        var events: [ModelEvent] = []
        for place in self.messages.indices where self.messages.firstIndex(of: self.messages[place]) == place {
            events.append(.arrival(place))
        }
        for place in self.replicas.indices {
            let replica = self.replicas[place]
            if !self.writes[place].isEmpty { events.append(.write(place)) }
            if replica.role == .leader {
                if replica.lastIndex.rawValue < UInt64(bounds.entries) { events.append(.proposal(place)) }
                if self.heartbeats > 0 { events.append(.heartbeat(place)) }
            } else if replica.term.rawValue < bounds.terms {
                events.append(.campaign(place))
            }
            if self.crashes > 0 { events.append(.crash(place)) }
        }
        return events
    }

    func text(_ event: ModelEvent) -> String {
        switch event {
        case .arrival(let place): return self.messages[place].description
        case .write(let place): return "\(place + 1) has written"
        case .campaign(let place): return "\(place + 1) campaigns"
        case .proposal(let place): return "\(place + 1) proposes"
        case .heartbeat(let place): return "\(place + 1) shows itself"
        case .crash(let place): return "\(place + 1) crashes"
        }
    }

    mutating func handle(_ event: ModelEvent) {
        switch event {
        case .arrival(let place):
            let message = self.messages.remove(at: place)
            self.step(Int(message.to.id.rawValue) - 1, .received(message))
        case .write(let place):
            let mark = self.writes[place].removeFirst()
            self.disks[place].sync(through: mark)
            self.step(place, .persisted(mark))
        case .campaign(let place):
            let replica = self.replicas[place]
            let own = Replica(id: replica.id, node: replica.node)
            let other = self.replicas[(place + 1) % self.replicas.count]
            self.step(
                place,
                .received(
                    RaftMessage(
                        from: Replica(id: other.id, node: other.node), to: own, term: replica.term, body: .timeoutNow)))
        case .proposal(let place):
            self.step(place, .propose([Proposal(token: 1, payload: [UInt8(place)])]))
        case .heartbeat(let place):
            self.heartbeats -= 1
            self.step(place, .tick)
        case .crash(let place):
            self.crashes -= 1
            var chance = Chance(seed: 1)
            _ = self.disks[place].crash(isFailing: true, &chance)
            self.writes[place] = []
            let replica = self.replicas[place]
            self.replicas[place] = RaftReplica(
                id: replica.id, node: replica.node, settings: self.settings,
                recovered: self.disks[place].synced.recovered(commitIndex: .zero), seed: 1)
        }
    }

    private mutating func step(_ place: Int, _ input: RaftInput) {
        self.effects.removeAll(keepingCapacity: true)
        self.replicas[place].step(input, into: &self.effects)
        for effect in self.effects { self.perform(effect, place) }
        self.compareLogs(place)
    }

    private mutating func perform(_ effect: RaftEffect, _ place: Int) {
        switch effect {
        case .persist(let mark, let hardState, let entries):
            self.disks[place].write(mark, .append(hardState, entries))
            self.writes[place].append(mark)
        case .send(let message):
            if self.messages.count < self.messagesMax { self.messages.append(message) }
        case .committed(let entries):
            for entry in entries { self.commit(entry, place) }
        case .roleChanged(.leader, let term, _):
            self.elect(place, term)
        case .install, .fetch, .accepted, .refused, .readReady, .readFailed, .roleChanged, .configurationChanged,
            .configurationRefused, .removedFromGroup, .sendSnapshot, .snapshotIgnored, .superseded, .repaired:
            break
        }
    }

    /// Election safety and leader completeness.
    private mutating func elect(_ place: Int, _ term: Term) {
        let id = self.replicas[place].id
        if let other = self.leaders[term], other != id { self.violation = "two leaders in term \(term)" }
        self.leaders[term] = id
        for entry in self.committed where self.disks[place].written.entry(at: entry.index) != entry {
            self.violation = "\(id) leads without the committed entry \(entry.index)"
        }
    }

    /// State machine safety, and what is committed is durable on a majority.
    private mutating func commit(_ entry: Entry, _ place: Int) {
        let known = Int(entry.index.rawValue) - 1
        if known < self.committed.count {
            if self.committed[known] != entry { self.violation = "two entries committed at \(entry.index)" }
            return
        }
        self.committed.append(entry)
        let holders = self.disks.count { $0.synced.covers(entry.index, entry.term) }
        if holders < 2 { self.violation = "\(entry.index) is committed and durable on \(holders)" }
    }

    /// Log matching.
    private mutating func compareLogs(_ place: Int) {
        for other in self.disks.indices where other != place {
            let left = self.disks[place].written.entries
            let right = self.disks[other].written.entries
            var length = min(left.count, right.count)
            while length > 0, left[length - 1].term != right[length - 1].term { length -= 1 }
            if left[..<length] != right[..<length] { self.violation = "logs agree at \(length) and differ before" }
        }
    }

    /// Equal for states from which the same can follow.
    var essence: Int {
        var hasher = Hasher()
        for place in self.replicas.indices {
            self.replicas[place].hash(essenceInto: &hasher)
            hasher.combine(self.disks[place].synced.hardState)
            hasher.combine(self.disks[place].synced.entries)
            hasher.combine(self.writes[place].count)
        }
        // Messages are a set: their order means nothing.
        var sum = 0
        for message in self.messages { sum &+= message.hashValue }
        hasher.combine(sum)
        hasher.combine(self.crashes)
        hasher.combine(self.heartbeats)
        hasher.combine(self.committed.count)
        for (term, id) in self.leaders.sorted(by: { $0.key < $1.key }) {
            hasher.combine(term)
            hasher.combine(id)
        }
        return hasher.finalize()
    }
}

/// The night's form: `--seed` is the depth.
package enum RaftExhaustionSubject: SimulationSubject {
    package static let name = "raft-exhaustive"

    package static func run(seed: UInt64, narrate: ((String) -> Void)?) -> SimulationReport {
        var bounds = RaftExhaustion.Bounds()
        bounds.depth = Int(min(seed, 40))
        bounds.states = 1_000_000
        var exhaustion = RaftExhaustion(bounds)
        exhaustion.run()
        narrate?(
            "\(exhaustion.states) states within \(bounds.depth) events"
                + (exhaustion.isComplete ? "" : ", and more that were left out"))
        var trace = TraceHash()
        trace.mix(exhaustion.states)
        return SimulationReport(
            seed: seed, events: exhaustion.transitions, simulated: .zero, trace: trace, violation: exhaustion.violation,
            counts: [("states", exhaustion.states), ("transitions", exhaustion.transitions)])
    }
}
