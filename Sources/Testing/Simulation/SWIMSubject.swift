import ClusterModel
import SWIM

/// Gossip among 3 to 50 nodes under one seed: faults, then a healed network in which all must agree.
package enum SWIMSubject: SimulationSubject {
    package static let name = "swim"

    package static func run(seed: UInt64, narrate: ((String) -> Void)?) -> SimulationReport {
        self.run(seed: seed, scenario: nil, narrate: narrate)
    }

    /// - Parameters:
    ///   - scenario: nil draws one.
    ///   - change: Alters the swarm configuration, to show that the simulator sees what it should.
    package static func run(
        seed: UInt64, scenario: SWIMSwarm.Scenario?, change: (inout SWIMSwarm) -> Void = { _ in },
        narrate: ((String) -> Void)? = nil
    ) -> SimulationReport {
        var chance = Chance(seed: seed)
        var swarm = SWIMSwarm(scenario, &chance)
        change(&swarm)
        var world = SWIMWorld(swarm, chance, narrate)
        world.run()
        return world.report(seed: seed)
    }
}

/// The nodes, their network and what the seed does to them.
struct SWIMWorld {
    enum Event {
        case tick(node: Int, boot: UInt64)
        case deliver(SWIMMessage, from: Int, to: Int)
        case hint(of: Int, to: Int)
        case resume(node: Int)
        case exit(node: Int, boot: UInt64)
        case disturb
        case judge
    }

    struct Node {
        let id: NodeID
        let address: PeerAddress
        var boot: UInt64 = 0
        /// Nil while the process is down.
        var instance: SWIMInstance?
        var hasLeft = false
        /// What arrives while it stands still waits here.
        var isPaused = false
        var backlog: [Event] = []
    }

    let swarm: SWIMSwarm
    var chance: Chance
    let narrate: ((String) -> Void)?
    var events = EventQueue<Event>()
    var network: FaultyNetwork
    var nodes: [Node]
    var oracle = SWIMOracle()
    var trace = TraceHash()
    var eventCount = 0
    var counts = (messages: 0, deaths: 0, objections: 0, crashes: 0, pauses: 0)
    var isHealed = false
    var isOver = false
    var agreedSince: VirtualTime?
    var crashedAt: VirtualTime?

    init(_ swarm: SWIMSwarm, _ chance: Chance, _ narrate: ((String) -> Void)?) {
        self.swarm = swarm
        self.chance = chance
        self.narrate = narrate
        self.network = FaultyNetwork(nodes: swarm.nodes, faults: swarm.network)
        self.nodes = (0..<swarm.nodes).map {
            Node(
                id: NodeID(high: UInt64($0 + 1) << 32, low: 0),
                address: PeerAddress(host: "10.0.0.\($0)", port: 7000))
        }
    }

    mutating func run() {
        for node in self.nodes.indices { self.start(node, contacting: Array(0..<min(3, self.nodes.count))) }
        self.events.schedule(.disturb, after: .milliseconds(100))
        self.events.schedule(.judge, after: self.swarm.faultyPhase)
        while !self.isOver, self.oracle.violation == nil, let event = self.events.next() {
            self.eventCount += 1
            self.handle(event)
        }
    }

    func report(seed: UInt64) -> SimulationReport {
        SimulationReport(
            seed: seed, events: self.eventCount, simulated: self.events.now, trace: self.trace,
            violation: self.oracle.violation,
            counts: [
                ("messages", self.counts.messages), ("deaths", self.counts.deaths),
                ("objections", self.counts.objections), ("crashes", self.counts.crashes),
                ("pauses", self.counts.pauses),
            ])
    }

    private mutating func handle(_ event: Event) {
        switch event {
        case .tick(let node, let boot):
            guard self.nodes[node].boot == boot, self.nodes[node].instance != nil else { return }
            let late = self.swarm.jitterMilliseconds
            self.events.schedule(
                event, after: .milliseconds(UInt64(50 + (late > 0 ? self.chance.number(0...late) : 0))))
            // Missed ticks are missed; everything else waits.
            if !self.nodes[node].isPaused { self.step(node, .tick(nowMilliseconds: self.nowMilliseconds)) }
        case .deliver(let message, let from, let to):
            if self.nodes[to].isPaused { return self.nodes[to].backlog.append(event) }
            self.step(to, .received(message, from: self.nodes[from].id))
        case .hint(let of, let to):
            if self.nodes[to].isPaused { return self.nodes[to].backlog.append(event) }
            if self.nodes[of].instance == nil { self.step(to, .connectionLost(self.nodes[of].id)) }
        case .resume(let node): self.resume(node)
        case .exit(let node, let boot):
            if self.nodes[node].boot == boot { self.nodes[node].instance = nil }
        case .disturb: self.disturb()
        case .judge: self.judge()
        }
    }

    var nowMilliseconds: UInt64 { self.events.now.microseconds / 1000 }

    func say(_ node: Int, _ verb: String, _ details: @autoclosure () -> String) {
        self.narrate?(Narration.line(self.events.now, "n\(node)", verb, details()))
    }
}

// MARK: - Stepping

extension SWIMWorld {
    mutating func step(_ node: Int, _ input: SWIMInput) {
        var effects: [SWIMEffect] = []
        self.nodes[node].instance?.step(input, into: &effects)
        guard let instance = self.nodes[node].instance else { return }
        self.oracle.stepped(instance, hasLeft: self.nodes[node].hasLeft)
        for effect in effects { self.perform(effect, of: node) }
    }

    private mutating func perform(_ effect: SWIMEffect, of node: Int) {
        switch effect {
        case .send(let message, let receiver, _):
            self.carry(message, from: node, to: self.number(of: receiver))
        case .changed(let member, _):
            self.trace.mix(UInt64(node))
            self.trace.mix(member.id.high ^ UInt64(member.status.rawValue) ^ member.incarnation.refutations << 8)
            self.oracle.changed(member, at: self.nodes[node].id)
            self.say(node, "\(member.status)", "n\(self.number(of: member.id)) \(member.incarnation)")
            if member.status == .dead { self.declaredDead(member, by: node) }
        case .refuted(let incarnation):
            self.counts.objections += 1
            self.say(node, "objects", "\(incarnation)")
        case .healthChanged(let multiplier): self.say(node, "health", "x\(multiplier)")
        case .rivalBoot(let incarnation): self.oracle.fail("a rival \(incarnation) of n\(node) was heard of")
        case .foreignCluster(let cluster, _): self.oracle.fail("cluster \(cluster) appeared at n\(node)")
        }
    }

    private func number(of id: NodeID) -> Int { Int(id.high >> 32) - 1 }

    private mutating func carry(_ message: SWIMMessage, from: Int, to: Int) {
        self.counts.messages += 1
        var message = message
        if self.chance.percent(4) {
            // The binary form of some, since all would be slow.
            do throws(WireError) {
                message = try SWIMMessage(encoded: message.encoded)
            } catch {
                self.oracle.fail("n\(from) sent what can not be read: \(error)")
            }
        }
        for delay in self.network.fates(from: from, to: to, &self.chance) {
            self.events.schedule(.deliver(message, from: from, to: to), after: delay)
        }
    }

    private mutating func declaredDead(_ member: GossipMember, by node: Int) {
        self.counts.deaths += 1
        let target = self.number(of: member.id)
        let mayKill = self.swarm.scenario == .chaos || self.swarm.scenario == .partition
        if !mayKill, self.nodes[target].instance != nil, !self.standsStillAtTimes(target) {
            self.oracle.fail("n\(node) gave up n\(target), which is well")
        }
    }
}

// MARK: - Faults

extension SWIMWorld {
    private static let cluster = ClusterID(high: 1, low: 1)
    private static let foreign = ClusterID(high: 2, low: 2)

    mutating func start(_ node: Int, contacting others: [Int]) {
        self.nodes[node].boot += 1
        self.nodes[node].hasLeft = false
        let boot = self.nodes[node].boot
        let own = GossipMember(
            id: self.nodes[node].id, address: self.nodes[node].address,
            incarnation: Incarnation(boot: BootCounter(boot)))
        self.nodes[node].instance = SWIMInstance(
            self: own, cluster: Self.cluster, settings: self.swarm.settings, seed: self.chance.generator.next())
        self.oracle.started(own)
        self.say(node, "starts", "boot \(boot)")
        self.events.schedule(.tick(node: node, boot: boot), after: self.chance.milliseconds(0...50))
        for other in others where other != node {
            self.step(node, .contact(self.nodes[other].id, self.nodes[other].address))
        }
    }

    private mutating func crash(_ node: Int) {
        self.counts.crashes += 1
        self.say(node, "crashes", "")
        self.nodes[node].instance = nil
        self.nodes[node].isPaused = false
        self.nodes[node].backlog.removeAll()
        for other in self.nodes.indices where other != node && self.chance.percent(self.swarm.hintPercent) {
            self.events.schedule(.hint(of: node, to: other), after: self.chance.delay(meanMilliseconds: 5))
        }
    }

    private mutating func pause(_ node: Int, for duration: VirtualTime) {
        self.counts.pauses += 1
        self.nodes[node].isPaused = true
        self.events.schedule(.resume(node: node), after: duration)
        if duration > .seconds(1) { self.say(node, "stops", "for \(duration) s") }
    }

    private mutating func resume(_ node: Int) {
        guard self.nodes[node].isPaused else { return }
        self.nodes[node].isPaused = false
        let backlog = self.nodes[node].backlog
        self.nodes[node].backlog.removeAll()
        let ticksFirst = self.chance.percent(50)
        if ticksFirst { self.step(node, .tick(nowMilliseconds: self.nowMilliseconds)) }
        for event in backlog { self.handle(event) }
        if !ticksFirst { self.step(node, .tick(nowMilliseconds: self.nowMilliseconds)) }
    }

    /// In the Lifeguard scenario: node 1 stands still 5 s of every 10 s, node 2 runs about a tenth of
    /// the time, in short turns.
    private func standsStillAtTimes(_ node: Int) -> Bool { self.swarm.scenario == .lifeguard && node == 1 }

    private mutating func disturb() {
        guard !self.isHealed else { return }
        self.events.schedule(.disturb, after: .milliseconds(100))
        if self.chance.perMille(self.swarm.foreignPerMille) { self.sendForeign() }
        switch self.swarm.scenario {
        case .chaos: self.disturbAtRandom()
        case .crash:
            if self.crashedAt == nil, self.events.now > .seconds(5) {
                self.crashedAt = self.events.now
                self.crash(self.chance.number(0...self.nodes.count - 1))
            }
        case .partition:
            if self.network.isHealed, self.events.now > .seconds(5) { self.splitInTwo() }
        case .lifeguard:
            if self.nowMilliseconds % 10_000 >= 5_000, !self.nodes[1].isPaused {
                self.pause(1, for: .milliseconds(10_000 - self.nowMilliseconds % 10_000))
            }
            // It wakes for the 50 to 100 ms between a resumption and the next turn of this loop.
            if !self.nodes[2].isPaused { self.pause(2, for: self.chance.milliseconds(350...1_350)) }
        }
    }

    private mutating func splitInTwo() {
        let first = self.chance.number(1...self.nodes.count - 1)
        for left in 0..<first {
            for right in first..<self.nodes.count {
                self.network.block(from: left, to: right)
                self.network.block(from: right, to: left)
            }
        }
        self.say(0, "split", "before n\(first)")
    }

    private mutating func disturbAtRandom() {
        let node = self.chance.number(0...self.nodes.count - 1)
        if self.chance.perMille(self.swarm.cutPerMille) {
            if self.chance.percent(40) { self.network.heal() } else { _ = self.network.cut(&self.chance) }
        }
        if self.chance.perMille(self.swarm.crashPerMille) {
            if self.nodes[node].instance == nil {
                self.start(node, contacting: Array(self.nodes.indices))
            } else {
                self.crash(node)
            }
        }
        if self.chance.perMille(self.swarm.leavePerMille), self.nodes[node].instance != nil, !self.nodes[node].hasLeft,
            !self.nodes[node].isPaused
        {
            self.nodes[node].hasLeft = true
            self.say(node, "leaves", "")
            self.step(node, .leave)
            self.events.schedule(.exit(node: node, boot: self.nodes[node].boot), after: .seconds(1))
        }
        if self.chance.perMille(self.swarm.pausePerMille), self.nodes[node].instance != nil,
            !self.nodes[node].isPaused
        {
            self.pause(node, for: self.chance.milliseconds(100...8_000))
        }
    }

    /// A well-formed message of another cluster, full of lies about this one.
    private mutating func sendForeign() {
        let node = self.chance.number(0...self.nodes.count - 1)
        guard var instance = self.nodes[node].instance else { return }
        let lies = self.nodes.map { other in
            Rumour(
                GossipMember(
                    id: other.id, address: other.address, incarnation: Incarnation(boot: BootCounter(9_999)),
                    status: .dead))
        }
        let liar = self.nodes[(node + 1) % self.nodes.count]
        let origin = GossipMember(
            id: liar.id, address: liar.address, incarnation: Incarnation(boot: BootCounter(9_999)))
        let message = SWIMMessage(
            cluster: Self.foreign, origin: origin, kind: .syncReply(lies), rumours: Array(lies.prefix(8)))
        let before = instance.members
        let effects = instance.step(.received(message, from: liar.id))
        self.oracle.foreign(before: before, after: instance, effects: effects)
        self.nodes[node].instance = instance
    }
}

// MARK: - Judging

extension SWIMWorld {
    private static let agreementBound = VirtualTime.seconds(90)
    private static let agreementHeldFor = VirtualTime.seconds(5)
    /// Noticing, the longest suspicion and the spreading of the news.
    private static let deathBound = VirtualTime.seconds(20)

    private mutating func judge() {
        self.events.schedule(.judge, after: .milliseconds(500))
        if !self.isHealed { self.heal() }
        let running = self.nodes.compactMap { $0.hasLeft ? nil : $0.instance }
        let gone = Set(self.nodes.filter { $0.instance == nil || $0.hasLeft }.map(\.id))
        if let disagreement = SWIMOracle.disagreement(running, gone: gone) {
            self.agreedSince = nil
            let bound = self.bound
            if self.events.now > bound {
                self.oracle.fail("at \(self.events.now) s, after the bound of \(bound) s, \(disagreement)")
            }
            return
        }
        let since = self.agreedSince ?? self.events.now
        self.agreedSince = since
        if self.events.now > since + Self.agreementHeldFor { self.isOver = true }
    }

    private var bound: VirtualTime {
        self.crashedAt.map { $0 + Self.deathBound } ?? self.swarm.faultyPhase + Self.agreementBound
    }

    /// No more faults. Somebody must run; nodes of which the others have never heard are introduced, as the registry
    /// would do.
    private mutating func heal() {
        self.isHealed = true
        self.say(0, "healed", "")
        self.network.heal()
        self.network.faults = .none
        for node in self.nodes.indices where self.nodes[node].isPaused { self.resume(node) }
        if self.nodes.allSatisfy({ $0.instance == nil || $0.hasLeft }) { self.start(0, contacting: []) }
        guard let host = self.nodes.firstIndex(where: { $0.instance != nil && !$0.hasLeft }) else { return }
        let acquainted = self.acquainted(with: host)
        for node in self.nodes.indices where !acquainted.contains(node) {
            self.step(node, .contact(self.nodes[host].id, self.nodes[host].address))
        }
    }

    /// The running nodes that know `host`, or are known by it, over any number of acquaintances.
    private func acquainted(with host: Int) -> Set<Int> {
        let knows = self.nodes.map { node in
            Set((node.instance?.members ?? []).filter { $0.status != .left }.map { self.number(of: $0.id) })
        }
        var found: Set<Int> = [host]
        var open = [host]
        while let one = open.popLast() {
            for other in self.nodes.indices where self.nodes[other].instance != nil && !found.contains(other) {
                guard knows[one].contains(other) || knows[other].contains(one) else { continue }
                found.insert(other)
                open.append(other)
            }
        }
        return found
    }
}
