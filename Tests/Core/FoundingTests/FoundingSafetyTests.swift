import ClusterModel
import Testing

@testable import Founding

/// Random worlds of processes that start, stop, are wiped and lose each other's answers.
@Suite struct FoundingSafetyTests {
    @Test(arguments: 0..<20 as Range<UInt64>)
    func `a second founding needs an instant in which all seeds were empty`(block: UInt64) {
        var foundings = 0
        for seed in block * 25..<(block + 1) * 25 {
            var world = World(seed: seed)
            world.run(untilMilliseconds: 60_000)
            #expect(world.violations.isEmpty, "seed \(seed)")
            foundings += world.foundings.count
        }
        // Worlds in which nothing is ever founded would prove nothing.
        #expect(foundings >= 15)
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func `processes that all stay up become one cluster within three seconds`(seed: UInt64) {
        var world = World(seed: seed, isCalm: true)
        world.run(untilMilliseconds: 3_000)
        #expect(world.foundings.count == 1)
        #expect(Set(world.members).count == 1 && world.members.allSatisfy { $0 != nil })
    }

    @Test func `wiping all but one seed never makes a second cluster`() {
        for seed in 0..<50 as Range<UInt64> {
            var world = World(seed: seed, isCalm: true)
            world.run(untilMilliseconds: 5_000)
            for node in 0..<world.seedCount - 1 { world.wipe(node) }
            world.run(untilMilliseconds: 30_000)
            #expect(world.foundings.count == 1, "seed \(seed)")
            #expect(Set(world.members).count == 1)
        }
    }
}

/// A world of nodes, of which the first few are the seeds. Times in milliseconds.
private struct World {
    struct Node {
        let address: PeerAddress
        var identity: ClusterID?
        var machine: FoundingMachine?
        var isRunning: Bool
    }
    struct Letter {
        let at: UInt64
        let order: Int
        let node: Int
        let incarnation: UInt64
        let input: FoundingInput
    }
    struct Founding { let at: UInt64, cluster: ClusterID }

    let seedCount: Int
    private(set) var nodes: [Node] = []
    private(set) var foundings: [Founding] = []
    private(set) var violations: [String] = []
    private let isCalm: Bool
    private let lossPercent: Int
    private var random: SeededGenerator
    private var now: UInt64 = 0
    private var letters: [Letter] = []
    private var sent = 0
    private var lastInstantAllEmpty: UInt64?

    init(seed: UInt64, isCalm: Bool = false) {
        var random = SeededGenerator(seed: seed)
        self.isCalm = isCalm
        self.seedCount = Int.random(in: (isCalm ? 2 : 1)...4, using: &random)
        self.lossPercent = isCalm ? 0 : Int.random(in: 0...40, using: &random)
        let others = Int.random(in: 0...2, using: &random)
        self.random = random
        self.nodes = (0..<self.seedCount + others).map {
            Node(
                address: PeerAddress(host: "10.0.0.\($0)", port: 7000), identity: nil, machine: nil, isRunning: false)
        }
        for index in self.nodes.indices where isCalm || Bool.random(using: &random) { self.start(index) }
    }

    var members: [ClusterID?] { self.nodes.map(\.identity) }
    private var seeds: [PeerAddress] { self.nodes.prefix(self.seedCount).map(\.address) }

    mutating func start(_ index: Int) {
        self.nodes[index].isRunning = true
        guard self.nodes[index].identity == nil else { return }
        let own = self.nodes[index].address
        self.nodes[index].machine = FoundingMachine(
            seeds: SeedList(self.seeds, own: own), ownAddress: own, nonce: self.random.next(), seed: self.random.next())
    }

    mutating func stop(_ index: Int) {
        self.nodes[index].isRunning = false
        self.nodes[index].machine = nil
    }

    mutating func wipe(_ index: Int) {
        self.stop(index)
        self.nodes[index].identity = nil
        self.start(index)
    }

    mutating func run(untilMilliseconds end: UInt64) {
        while self.now < end {
            self.now += 10
            if !self.isCalm { self.disturb() }
            self.noteInstant()
            self.deliver()
            for index in self.nodes.indices where (self.now / 10 + UInt64(index)) % 5 == 0 {
                self.feed(.tick(nowMilliseconds: self.now), to: index)
            }
        }
    }

    private mutating func disturb() {
        guard Int.random(in: 0..<100, using: &self.random) == 0 else { return }
        let index = Int.random(in: self.nodes.indices, using: &self.random)
        switch Int.random(in: 0..<4, using: &self.random) {
        case 0: self.stop(index)
        case 1: self.wipe(index)
        default: if !self.nodes[index].isRunning { self.start(index) }
        }
    }

    private mutating func noteInstant() {
        if self.nodes.prefix(self.seedCount).allSatisfy({ $0.identity == nil && $0.machine != nil }) {
            self.lastInstantAllEmpty = self.now
        }
    }

    private mutating func deliver() {
        let due = self.letters.filter { $0.at <= self.now }.sorted { ($0.at, $0.order) < ($1.at, $1.order) }
        self.letters.removeAll { $0.at <= self.now }
        for letter in due where self.nodes[letter.node].machine?.nonce == letter.incarnation {
            self.feed(letter.input, to: letter.node)
        }
    }

    private mutating func feed(_ input: FoundingInput, to index: Int) {
        guard let effects = self.nodes[index].machine?.step(input) else { return }
        for effect in effects { self.perform(effect, of: index) }
    }

    private mutating func perform(_ effect: FoundingEffect, of index: Int) {
        switch effect {
        case .dial(let address, let question): self.dial(address, question, from: index)
        case .found: self.found(index)
        case .join(let cluster, let via): self.join(cluster, via: via, by: index)
        case .waiting: break
        case .stop(.twoClusters): self.stop(index)
        case .stop(.differentSeedLists), .refused: self.violations.append("\(effect) at \(self.now)")
        }
    }

    private mutating func dial(_ address: PeerAddress, _ question: FoundingQuestion, from index: Int) {
        guard let nonce = self.nodes[index].machine?.nonce else { return }
        let target = self.nodes.firstIndex { $0.address == address }
        let isLost = Int.random(in: 0..<100, using: &self.random) < self.lossPercent
        // The answer tells the state of now and arrives up to three seconds later.
        var input = FoundingInput.unreachable(address)
        if let target, self.nodes[target].isRunning, !isLost {
            if let identity = self.nodes[target].identity {
                input = .answered(address, question: question, .member(identity))
            } else if let machine = self.nodes[target].machine {
                input = .answered(address, question: question, .empty(machine.seeds.hash, nonce: machine.nonce))
            }
        }
        let delay = UInt64.random(in: 0...(self.isCalm ? 20 : 3000), using: &self.random)
        self.sent += 1
        self.letters.append(
            Letter(at: self.now + delay, order: self.sent, node: index, incarnation: nonce, input: input))
    }

    private mutating func found(_ index: Int) {
        let cluster = ClusterID.random(using: &self.random)
        if index != 0 { self.violations.append("node \(index) founded at \(self.now)") }
        // An answer may be under way for three seconds, a second round adds the pause before it.
        guard let instant = self.lastInstantAllEmpty, instant + 10_000 >= self.now else {
            self.violations.append(
                "founded at \(self.now), all empty at \(String(describing: self.lastInstantAllEmpty))")
            return
        }
        if let previous = self.foundings.last, previous.at > instant {
            self.violations.append("founded at \(previous.at) and \(self.now) without all seeds empty in between")
        }
        self.foundings.append(Founding(at: self.now, cluster: cluster))
        self.nodes[index].identity = cluster
        self.nodes[index].machine = nil
    }

    private mutating func join(_ cluster: ClusterID, via: PeerAddress, by index: Int) {
        let member = self.nodes.first { $0.address == via }
        if let member, member.isRunning, member.identity == cluster, Int.random(in: 0..<4, using: &self.random) > 0 {
            self.nodes[index].identity = cluster
            self.nodes[index].machine = nil
        } else {
            self.feed(.joinFailed, to: index)
        }
    }
}
