import ClusterModel
import Testing

@testable import Placement

/// The rule driven against a toy group under random registries, slow learners and crashing nodes.
@Suite struct ReconcileConvergenceTests {
    @Test(arguments: 0..<20 as Range<UInt64>)
    func `a group reaches every wish and never has fewer voters than it must`(block: UInt64) {
        for seed in block * 25..<(block + 1) * 25 {
            var world = ToyGroup(seed: seed)
            for _ in 0..<4 {
                world.changeRegistry()
                // Some wishes are replaced half-way.
                if Bool.random(using: &world.random) { world.run(milliseconds: 4_000) }
            }
            world.heal()
            world.run(milliseconds: 120_000)
            #expect(world.violations.isEmpty, "seed \(seed)")
            #expect(world.voterNodes == Set(world.wanted), "seed \(seed)")
            #expect(world.learnerCount == 0, "seed \(seed)")
            #expect(world.leaderNode == world.wanted.first, "seed \(seed)")
        }
    }
}

/// A replicated group reduced to what the rule sees and does.
private struct ToyGroup {
    struct Member {
        let replica: Replica
        let isVoter: Bool
        var lag: UInt64
    }

    var random: SeededGenerator
    private(set) var violations: [String] = []
    private(set) var wanted: [NodeID] = []
    private var nodes: [NodeID] = []
    private var active: [NodeID] = []
    private var crashed: Set<NodeID> = []
    private var members: [Member] = []
    private var leader: ReplicaID
    private var nextReplica: UInt64 = 2
    private var epoch: UInt64 = 1
    private var lastEpoch: UInt64 = 0
    private var pendingUntil: UInt64 = 0
    private var now: UInt64 = 0
    private var reconciler = Reconciler()

    init(seed: UInt64) {
        self.random = SeededGenerator(seed: seed)
        self.nodes = (1...7).map { NodeID(high: seed, low: $0) }
        self.active = [self.nodes[0]]
        self.leader = ReplicaID(1)
        self.members = [Member(replica: Replica(id: self.leader, node: self.nodes[0]), isVoter: true, lag: 0)]
    }

    var voterNodes: Set<NodeID> { Set(self.members.filter(\.isVoter).map(\.replica.node)) }
    var learnerCount: Int { self.members.count { !$0.isVoter } }
    var leaderNode: NodeID? { self.members.first { $0.replica.id == self.leader }?.replica.node }

    mutating func changeRegistry() {
        self.active = self.nodes.shuffled(using: &self.random)
        self.active = Array(self.active.prefix(Int.random(in: 1...7, using: &self.random)))
        self.epoch += 1
        self.wanted = Ring(nodes: self.active, shardCount: 16).replicas(of: ShardID(3))
        // One node at a time may be down, and only while the others can still elect and commit.
        self.crashed = []
        if self.voterNodes.count >= 3, let victim = self.nodes.randomElement(using: &self.random) {
            self.crashed = [victim]
            self.electIfNeeded()
        }
    }

    mutating func heal() { self.crashed = [] }

    mutating func run(milliseconds: UInt64) {
        let end = self.now + milliseconds
        while self.now < end {
            self.now += 250
            self.electIfNeeded()
            for index in self.members.indices where !self.crashed.contains(self.members[index].replica.node) {
                let speed = UInt64.random(in: 0...400, using: &self.random)
                self.members[index].lag -= min(self.members[index].lag, speed)
            }
            self.perform(self.reconciler.step(nowMilliseconds: self.now, group: self.view(), wish: self.wish()))
        }
    }

    private mutating func electIfNeeded() {
        let isWell = self.members.contains {
            $0.replica.id == self.leader && $0.isVoter && !self.crashed.contains($0.replica.node)
        }
        guard !isWell else { return }
        let able = self.members.filter { $0.isVoter && $0.lag == 0 && !self.crashed.contains($0.replica.node) }
        if let next = able.randomElement(using: &self.random) {
            self.leader = next.replica.id
            self.reconciler = Reconciler()
        }
    }

    private func view() -> GroupView {
        GroupView(
            leader: self.leader,
            peers: self.members.map {
                GroupView.Peer(
                    replica: $0.replica, isVoter: $0.isVoter, lag: $0.lag,
                    ackedMillisecondsAgo: $0.replica.id == self.leader
                        ? 0 : self.crashed.contains($0.replica.node) ? 10_000 : 100)
            },
            isJoint: self.now < self.pendingUntil, isChangePending: false, hasCommittedInTerm: true,
            lastEpoch: RingEpoch(self.lastEpoch))
    }

    private func wish() -> PlacementWish {
        PlacementWish(
            epoch: RingEpoch(self.epoch), voters: self.wanted, mayReceive: Set(self.nodes).subtracting(self.crashed),
            mayTransfer: true)
    }

    private mutating func perform(_ step: ReconcileStep) {
        let before = self.members.filter(\.isVoter)
        switch step {
        case .none: return
        case .addLearner(let node):
            self.require(!self.members.contains { $0.replica.node == node }, "two replicas on \(node.short)")
            let replica = Replica(id: ReplicaID(self.nextReplica), node: node)
            self.nextReplica += 1
            self.members.append(Member(replica: replica, isVoter: false, lag: 5_000))
        case .removeLearner(let id):
            self.require(self.members.contains { $0.replica.id == id && !$0.isVoter }, "no learner \(id)")
            self.members.removeAll { $0.replica.id == id }
        case .transferLeadership(let id):
            self.require(before.contains { $0.replica.id == id }, "transfer to \(id), which does not vote")
            self.leader = id
            self.reconciler = Reconciler()
            return
        case .replaceVoters(let ids):
            self.replaceVoters(ids, before)
        }
        self.lastEpoch = self.epoch
        self.pendingUntil = self.now + UInt64.random(in: 0...1_000, using: &self.random)
    }

    private mutating func replaceVoters(_ ids: [ReplicaID], _ before: [Member]) {
        let next = self.members.filter { ids.contains($0.replica.id) }
        self.require(next.count == Set(ids).count, "unknown voters in \(ids)")
        self.require(next.allSatisfy { $0.isVoter || $0.lag <= 64 }, "a voter that is not caught up")
        let least = min(before.count, self.wanted.count)
        self.require(next.count >= least, "\(before.count) voters became \(next.count), wanted \(self.wanted.count)")
        let living = next.count { !self.crashed.contains($0.replica.node) }
        self.require(living > next.count / 2, "a configuration without a living majority")
        self.members = self.members.compactMap { member in
            guard ids.contains(member.replica.id) else { return member.isVoter ? nil : member }
            return Member(replica: member.replica, isVoter: true, lag: member.lag)
        }
        self.electIfNeeded()
    }

    private mutating func require(_ condition: Bool, _ text: String) {
        if !condition { self.violations.append("\(self.now) ms: \(text)") }
    }
}
