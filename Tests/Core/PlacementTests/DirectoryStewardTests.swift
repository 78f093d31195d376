import ClusterModel
import Testing

@testable import Placement

@Suite struct DirectoryStewardTests {
    static func node(_ number: UInt64) -> NodeID { NodeID(high: 0, low: number) }

    /// A directory whose voters are nodes 1 to 3, and time.
    struct Office {
        var steward: DirectorySteward
        var registry = NodeRegistry.empty
        var now: UInt64 = 1_000
        var caughtUp: Set<NodeID> = []
        var dead: [NodeID: Set<NodeID>] = [:]
        var voting: Set<NodeID>?
        var isInitialised = true

        init(deadAfter: UInt64 = 10_000) {
            var settings = StewardSettings()
            settings.deadAfterMilliseconds = deadAfter
            self.steward = DirectorySteward(settings: settings)
        }

        mutating func add(_ numbers: ClosedRange<UInt64>, _ state: NodeState) {
            for number in numbers {
                var record = NodeRecord(
                    id: node(number), name: "", address: PeerAddress(host: "h", port: UInt16(number)),
                    clientAddress: "", state: state, boot: BootCounter(1))
                record.life.nonce = number
                self.registry.nodes.append(record)
                self.caughtUp.insert(node(number))
            }
        }

        mutating func look(after milliseconds: UInt64 = 0) -> [StewardStep] {
            self.now += milliseconds
            return self.steward.step(
                StewardView(
                    nowMilliseconds: self.now, wallClock: Timestamp(milliseconds: Int64(self.now)),
                    registry: self.registry, isInitialised: self.isInitialised,
                    directoryVoters: [node(1), node(2), node(3)], caughtUp: self.caughtUp, deadInViewOf: self.dead,
                    voting: self.voting))
        }
    }

    @Test func `the founder is let in at once and only when the directory is initialised`() {
        var office = Office()
        office.add(1...1, .joining)
        office.isInitialised = false
        #expect(office.look() == [])
        office.isInitialised = true
        #expect(office.look() == [.activate([Self.node(1)])])
    }

    @Test func `joiners that come within two seconds are let in together`() {
        var office = Office()
        office.add(1...1, .active)
        office.add(2...2, .joining)
        #expect(office.look() == [])
        office.add(3...3, .joining)
        #expect(office.look(after: 900) == [])
        #expect(office.look(after: 900) == [])
        #expect(office.look(after: 200) == [.activate([Self.node(2), Self.node(3)])])
    }

    @Test func `one joiner waits for a second and no longer`() {
        var office = Office()
        office.add(1...1, .active)
        office.add(2...2, .joining)
        #expect(office.look() == [])
        #expect(office.look(after: 999) == [])
        #expect(office.look(after: 1) == [.activate([Self.node(2)])])
    }

    @Test func `a joiner that lags or has not said who it is is not let in`() {
        var office = Office()
        office.add(1...1, .active)
        office.add(2...3, .joining)
        office.caughtUp.remove(Self.node(2))
        office.registry.nodes[2].life.nonce = 0
        #expect(office.look() == [])
        #expect(office.look(after: 60_000) == [])
        // And it does not keep those who are ready waiting for ever.
        office.add(4...4, .joining)
        #expect(office.look() == [])
        #expect(office.look(after: 2_000) == [.activate([Self.node(4)])])
    }

    @Test func `a node is given up when a majority of the voters has believed it dead for long enough without a break`()
    {
        var office = Office()
        office.add(1...5, .active)
        office.dead = [Self.node(1): [Self.node(5)]]
        #expect(office.look() == [])
        #expect(office.look(after: 60_000) == [])
        office.dead[Self.node(2)] = [Self.node(5)]
        #expect(office.look() == [])
        #expect(office.look(after: 9_000) == [])
        office.dead[Self.node(2)] = []
        #expect(office.look() == [])
        office.dead[Self.node(2)] = [Self.node(5)]
        #expect(office.look(after: 1_000) == [])
        #expect(office.look(after: 9_999) == [])
        #expect(office.look(after: 1) == [.bury(Self.node(5))])
        #expect(office.look(after: 1) == [], "not twice while the first is on its way")
        #expect(office.look(after: 5_000) == [.bury(Self.node(5))])
    }

    @Test func `of three nodes none is given up`() {
        var office = Office()
        office.add(1...3, .active)
        office.dead = [Self.node(1): [Self.node(3)], Self.node(2): [Self.node(3)]]
        #expect(office.look() == [])
        #expect(office.look(after: 600_000) == [])
    }

    @Test func `a drained node is removed when every group has said that it does not vote there`() {
        var office = Office()
        office.add(1...3, .active)
        office.add(4...4, .draining)
        #expect(office.look() == [], "nobody has said anything")
        office.voting = [Self.node(1), Self.node(4)]
        #expect(office.look() == [])
        office.voting = [Self.node(1), Self.node(2)]
        #expect(office.look() == [.remove(Self.node(4))])
    }
}

@Suite struct MoveBudgetTests {
    static func node(_ number: UInt64) -> NodeID { NodeID(high: 0, low: number) }

    static func begin(
        _ budget: inout MoveBudget, at now: UInt64 = 0, groups: [GroupView] = [], isPaused: Bool = false,
        isDraining: Bool = false, away: Int = 0
    ) {
        budget.beginRound(
            nowMilliseconds: now, groups: groups, isPaused: isPaused, isDraining: isDraining, away: away)
    }

    static func filling(_ node: NodeID, lag: UInt64) -> GroupView {
        GroupView(
            leader: ReplicaID(1),
            peers: [
                .init(
                    replica: Replica(id: ReplicaID(2), node: node), isVoter: false, lag: lag, ackedMillisecondsAgo: 1)
            ], isJoint: false, isChangePending: false, hasCommittedInTerm: true, lastEpoch: .zero)
    }

    @Test func `two heavy replicas are filled at a time and light ones beside them`() {
        var budget = MoveBudget()
        Self.begin(&budget, groups: [Self.filling(Self.node(2), lag: 50_000)])
        #expect(budget.mayReceive(Self.node(2), entries: 50_000))
        budget.took(.addLearner(Self.node(2)), entries: 50_000)
        #expect(!budget.mayReceive(Self.node(2), entries: 50_000) && !budget.mayReceive(Self.node(3), entries: 2_000))
        #expect(budget.mayReceive(Self.node(2), entries: 10))
        for _ in 0..<budget.settings.lightMax { budget.took(.addLearner(Self.node(3)), entries: 10) }
        #expect(!budget.mayReceive(Self.node(2), entries: 10))
    }

    @Test func `a slow disk lets nothing begin`() {
        var budget = MoveBudget()
        Self.begin(&budget, isPaused: true)
        #expect(!budget.mayReceive(Self.node(2), entries: 1) && !budget.mayChange)
    }

    @Test func `eight groups are between two configurations at a time`() {
        var budget = MoveBudget()
        Self.begin(&budget)
        for _ in 0..<8 {
            #expect(budget.mayChange)
            budget.took(.replaceVoters([]), entries: 1)
        }
        #expect(!budget.mayChange)
    }

    @Test func `leaderships go one per two seconds once a cluster has settled and faster before and in a drain`() {
        var budget = MoveBudget()
        Self.begin(&budget, at: 10_000, away: 3)
        #expect(budget.mayTransfer)
        budget.took(.transferLeadership(ReplicaID(2)), entries: 1)
        #expect(!budget.mayTransfer)
        Self.begin(&budget, at: 11_999, away: 3)
        #expect(!budget.mayTransfer)
        Self.begin(&budget, at: 12_000, away: 3)
        #expect(budget.mayTransfer)
        Self.begin(&budget, at: 12_001, away: 40)
        for _ in 0..<4 { budget.took(.transferLeadership(ReplicaID(2)), entries: 1) }
        #expect(!budget.mayTransfer)
        Self.begin(&budget, at: 12_002, isDraining: true)
        for _ in 0..<15 { budget.took(.transferLeadership(ReplicaID(2)), entries: 1) }
        #expect(budget.mayTransfer)
    }
}

@Suite struct LeavingLeaderTests {
    static func node(_ number: UInt64) -> NodeID { NodeID(high: 0, low: number) }

    static func step(lagging: Set<UInt64> = [], mayTransfer: Bool = true, gone: Set<NodeID> = []) -> ReconcileStep {
        let group = GroupView(
            leader: ReplicaID(1),
            peers: (1...3).map { number in
                .init(
                    replica: Replica(id: ReplicaID(number), node: Self.node(number)), isVoter: true,
                    lag: lagging.contains(number) ? 10_000 : 0, ackedMillisecondsAgo: 0)
            }, isJoint: false, isChangePending: false, hasCommittedInTerm: true, lastEpoch: RingEpoch(1))
        let wish = PlacementWish(
            epoch: RingEpoch(2), voters: [4, 3, 2].map { Self.node($0) }, gone: gone, leaving: [Self.node(1)],
            mayReceive: [Self.node(4)], mayTransfer: mayTransfer)
        var reconciler = Reconciler()
        return reconciler.step(nowMilliseconds: 0, group: group, wish: wish)
    }

    @Test func `a draining leader hands over before anything moves`() {
        #expect(Self.step() == .transferLeadership(ReplicaID(2)))
        #expect(Self.step(lagging: [2]) == .transferLeadership(ReplicaID(3)))
        #expect(Self.step(mayTransfer: false) == .none)
    }

    @Test func `a draining leader without an heir that keeps up goes on with the move itself`() {
        #expect(Self.step(lagging: [2, 3]) == .addLearner(Self.node(4)))
        #expect(Self.step(lagging: [2], gone: [Self.node(3)]) == .addLearner(Self.node(4)))
    }
}
