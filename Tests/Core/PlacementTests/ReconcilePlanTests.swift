import ClusterModel
import Testing

@testable import Placement

@Suite struct ReconcilePlanTests {
    static func node(_ number: UInt64) -> NodeID { NodeID(high: 0, low: number) }
    static func nodes(_ numbers: UInt64...) -> [NodeID] { numbers.map(Self.node) }

    /// The replica of node n is replica n here; the first voter leads.
    static func group(
        voters: [UInt64], learners: [UInt64] = [], lagging: Set<UInt64> = [], silent: Set<UInt64> = [],
        epoch: UInt64 = 1, isJoint: Bool = false, isChangePending: Bool = false, hasCommittedInTerm: Bool = true
    ) -> GroupView {
        GroupView(
            leader: ReplicaID(voters[0]),
            peers: (voters.map { ($0, true) } + learners.map { ($0, false) }).map { number, isVoter in
                GroupView.Peer(
                    replica: Replica(id: ReplicaID(number), node: Self.node(number)), isVoter: isVoter,
                    lag: lagging.contains(number) ? 1000 : 0,
                    ackedMillisecondsAgo: silent.contains(number) ? nil : number == voters[0] ? 0 : 100)
            },
            isJoint: isJoint, isChangePending: isChangePending, hasCommittedInTerm: hasCommittedInTerm,
            lastEpoch: RingEpoch(epoch))
    }

    static func step(
        _ group: GroupView, to voters: [UInt64], observers: [UInt64] = [], gone: Set<UInt64> = [], epoch: UInt64 = 1,
        mayReceive: Set<UInt64> = Set(1...9), mayTransfer: Bool = true, keptUpFor: UInt64 = 60_000,
        epochStableFor: UInt64 = 60_000
    ) -> ReconcileStep {
        let wish = PlacementWish(
            epoch: RingEpoch(epoch), voters: voters.map(Self.node), observers: observers.map(Self.node),
            gone: Set(gone.map(Self.node)), mayReceive: Set(mayReceive.map(Self.node)), mayTransfer: mayTransfer)
        var durations: [ReplicaID: UInt64] = [:]
        for peer in group.peers { durations[peer.replica.id] = keptUpFor }
        return ReconcilePlan(group: group, wish: wish, keptUpFor: durations, epochStableFor: epochStableFor).nextStep()
    }

    static func replicas(_ numbers: UInt64...) -> [ReplicaID] { numbers.map(ReplicaID.init) }

    @Test func `a group that is as wanted rests`() {
        #expect(Self.step(Self.group(voters: [1, 2, 3]), to: [1, 2, 3]) == .none)
    }

    @Test func `nothing happens before the leader has committed in its term`() {
        #expect(Self.step(Self.group(voters: [1], hasCommittedInTerm: false), to: [1, 2, 3]) == .none)
    }

    @Test func `nothing happens while a change is under way`() {
        #expect(Self.step(Self.group(voters: [1], isChangePending: true), to: [1, 2, 3]) == .none)
        #expect(Self.step(Self.group(voters: [1], isJoint: true), to: [1, 2, 3]) == .none)
    }

    @Test func `a registry older than the group's last change is not followed`() {
        #expect(Self.step(Self.group(voters: [1], epoch: 5), to: [1, 2], epoch: 4) == .none)
        #expect(Self.step(Self.group(voters: [1], epoch: 5), to: [1, 2], epoch: 5) == .addLearner(Self.node(2)))
    }

    @Test func `an empty wish changes nothing`() {
        #expect(Self.step(Self.group(voters: [1, 2, 3]), to: []) == .none)
    }

    @Test func `a wanted node first becomes a learner, given a slot`() {
        #expect(Self.step(Self.group(voters: [1, 2, 3]), to: [1, 2, 4]) == .addLearner(Self.node(4)))
        #expect(Self.step(Self.group(voters: [1, 2, 3]), to: [1, 2, 4], mayReceive: []) == .none)
    }

    @Test func `a learner that is no longer wanted goes first`() {
        #expect(
            Self.step(Self.group(voters: [1, 2, 3], learners: [5]), to: [1, 2, 4]) == .removeLearner(ReplicaID(5)))
    }

    @Test func `the directory keeps learners on nodes that do not vote`() {
        let group = Self.group(voters: [1, 2, 3], learners: [4])
        #expect(Self.step(group, to: [1, 2, 3], observers: [1, 2, 3, 4]) == .none)
        #expect(Self.step(group, to: [1, 2, 3], observers: [1, 2, 3, 4, 5]) == .addLearner(Self.node(5)))
    }

    @Test func `a learner that is caught up replaces a voter in one joint step`() {
        let group = Self.group(voters: [1, 2, 3], learners: [4])
        #expect(Self.step(group, to: [1, 2, 4]) == .replaceVoters(Self.replicas(1, 2, 4)))
    }

    @Test func `a learner that lags, is silent or has only just caught up does not vote yet`() {
        #expect(Self.step(Self.group(voters: [1, 2, 3], learners: [4], lagging: [4]), to: [1, 2, 4]) == .none)
        #expect(Self.step(Self.group(voters: [1, 2, 3], learners: [4], silent: [4]), to: [1, 2, 4]) == .none)
        #expect(Self.step(Self.group(voters: [1, 2, 3], learners: [4]), to: [1, 2, 4], keptUpFor: 100) == .none)
    }

    @Test func `dropping a living voter waits until the registry is still, dropping a gone one does not`() {
        let group = Self.group(voters: [1, 2, 3], learners: [4])
        #expect(Self.step(group, to: [1, 2, 4], epochStableFor: 4_999) == .none)
        #expect(
            Self.step(group, to: [1, 2, 4], gone: [3], epochStableFor: 0) == .replaceVoters(Self.replicas(1, 2, 4)))
    }

    @Test func `no change without recent majorities of the old and the new voters`() {
        #expect(Self.step(Self.group(voters: [1, 2, 3], learners: [4], silent: [2, 3]), to: [1, 3, 4]) == .none)
        #expect(Self.step(Self.group(voters: [1, 2, 3], silent: [2]), to: [1, 2]) == .none)
    }

    @Test func `one voter grows to three in one step when both joiners are ready`() {
        let group = Self.group(voters: [1], learners: [2, 3])
        #expect(Self.step(group, to: [1, 2, 3], epochStableFor: 0) == .replaceVoters(Self.replicas(1, 2, 3)))
    }

    @Test func `one voter waits five seconds for the second joiner and then grows to two`() {
        let group = Self.group(voters: [1], learners: [2, 3], lagging: [3])
        #expect(Self.step(group, to: [1, 2, 3], keptUpFor: 4_999) == .none)
        #expect(Self.step(group, to: [1, 2, 3], keptUpFor: 5_000) == .replaceVoters(Self.replicas(1, 2)))
    }

    @Test func `of two nodes both vote, at once`() {
        let group = Self.group(voters: [1], learners: [2])
        #expect(Self.step(group, to: [1, 2], keptUpFor: 200) == .replaceVoters(Self.replicas(1, 2)))
    }

    @Test func `while a wanted voter is missing the best old one stays`() {
        let group = Self.group(voters: [1, 2, 3, 4], learners: [6], silent: [2])
        // Wanted are 1, 5 and 6; 5 has no replica yet and can not receive one.
        let step = Self.step(group, to: [1, 5, 6], gone: [2], mayReceive: [])
        #expect(step == .replaceVoters(Self.replicas(1, 6, 3)))
    }

    @Test func `a leader that goes hands over first to the most caught-up voter that stays`() {
        let group = Self.group(voters: [3, 1, 2], learners: [4])
        #expect(Self.step(group, to: [1, 2, 4]) == .transferLeadership(ReplicaID(1)))
        #expect(Self.step(group, to: [1, 2, 4], mayTransfer: false) == .none)
    }

    @Test func `a leader of whose voters none stays makes the change itself`() {
        let group = Self.group(voters: [1], learners: [2])
        #expect(Self.step(group, to: [2]) == .replaceVoters(Self.replicas(2)))
    }

    @Test func `the preferred leader gets the group once it has been well for thirty seconds`() {
        let group = Self.group(voters: [2, 1, 3])
        #expect(Self.step(group, to: [1, 2, 3], keptUpFor: 29_999) == .none)
        #expect(Self.step(group, to: [1, 2, 3], keptUpFor: 30_000) == .transferLeadership(ReplicaID(1)))
        #expect(Self.step(group, to: [1, 2, 3], mayTransfer: false) == .none)
        #expect(Self.step(Self.group(voters: [2, 1, 3], lagging: [1]), to: [1, 2, 3]) == .none)
    }

    @Test func `a replica that falls behind starts its waiting time anew`() {
        var reconciler = Reconciler()
        let wish = PlacementWish(
            epoch: RingEpoch(1), voters: Self.nodes(1, 2), mayReceive: [], mayTransfer: true)
        let ready = Self.group(voters: [1], learners: [2])
        let behind = Self.group(voters: [1], learners: [2], lagging: [2])
        #expect(reconciler.step(nowMilliseconds: 1_000, group: ready, wish: wish) == .none)
        #expect(reconciler.step(nowMilliseconds: 1_100, group: behind, wish: wish) == .none)
        #expect(reconciler.step(nowMilliseconds: 1_500, group: ready, wish: wish) == .none)
        let step = reconciler.step(nowMilliseconds: 1_700, group: ready, wish: wish)
        #expect(step == .replaceVoters(Self.replicas(1, 2)))
    }
}
