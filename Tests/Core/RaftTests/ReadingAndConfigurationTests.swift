import ClusterModel
import Raft
import Testing

/// Thesis, section 6.4.
@Suite struct `Reads` {
    private func led(_ voters: UInt64 = 3) -> Group {
        var group = Group(voters: voters)
        group.tick(3)
        group.forget()
        return group
    }

    @Test func `are answered after one round of heartbeats`() {
        var group = self.led()
        group.propose(1, "hello")
        group.settle()
        group.step(1, .read(token: 5))
        #expect(!group.effects(1).contains(.readReady(token: 5, group[1].commitIndex)))
        group.settle()
        #expect(group.effects(1).contains(.readReady(token: 5, group[1].commitIndex)))
    }

    @Test func `share a round when they arrive during one`() {
        var group = self.led()
        group.step(1, .read(token: 1))
        for token in UInt64(2)...50 { group.step(1, .read(token: token)) }
        #expect(group.waiting.count == 2)
        group.settle()
        #expect(group.effects(1).count == 50)
    }

    @Test func `of a follower are referred to the leader`() {
        var group = self.led()
        #expect(group.step(2, .read(token: 1)) == [.readFailed(token: 1, leader: Group.replica(1))])
    }

    @Test func `of a leader that is cut off fail when it steps down`() {
        var group = self.led()
        group.isolated = [ReplicaID(1)]
        group.step(1, .read(token: 1))
        group.tick(30, only: [1])
        #expect(group.effects(1).contains(.readFailed(token: 1, leader: nil)))
    }

    @Test func `are not proved by the answer to an older round`() {
        var group = self.led()
        group.step(1, .read(token: 1))
        let old = group.waiting
        group.settle()
        group.step(1, .read(token: 2))
        group.waiting = []
        for message in old { group.deliver(message) }
        group.settle()
        #expect(!group.effects(1).contains(.readReady(token: 2, group[1].commitIndex)))
        group.tick(2)
        #expect(group.effects(1).contains(.readReady(token: 2, group[1].commitIndex)))
    }

    @Test func `wait until an entry of the leader's term is committed`() {
        var group = Group(voters: 3)
        group.stalled = []
        group.step(1, .tick)
        while group[1].role != .leader { _ = group.settleOnce() }
        group.step(1, .read(token: 1))
        #expect(group.effects(1).allSatisfy { if case .readReady = $0 { false } else { true } })
        group.settle()
        #expect(group.effects(1).contains(.readReady(token: 1, 2)))
    }

    @Test func `that a voter has vouched for need no round`() {
        var group = self.led()
        group.propose(1, "hello")
        group.settle()
        group.isolated = [ReplicaID(1)]
        let ready = RaftEffect.readReady(token: 1, group[1].commitIndex)
        #expect(group.step(1, .read(token: 1, voucher: group[2].readVoucher)) == [ready])
        #expect(group.waiting.isEmpty)
    }

    @Test func `are not proved by the word of a replica of another term or life`() {
        var group = self.led()
        let word = group[2].readVoucher
        let others = [
            ReadVoucher(replica: word.replica, term: word.term.next(), incarnation: word.incarnation),
            ReadVoucher(replica: word.replica, term: Term(word.term.rawValue - 1), incarnation: word.incarnation),
            ReadVoucher(
                replica: word.replica, term: word.term,
                incarnation: GroupIncarnation(word.incarnation.rawValue + 1)),
        ]
        for (token, voucher) in others.enumerated() {
            group.step(1, .read(token: UInt64(token), voucher: voucher))
            #expect(!group.effects(1).contains(.readReady(token: UInt64(token), group[1].commitIndex)))
            group.settle()
            #expect(group.effects(1).contains(.readReady(token: UInt64(token), group[1].commitIndex)))
        }
    }

    @Test func `are not proved by who does not vote, nor by the leader's own word`() {
        var group = self.led()
        group.step(1, .changeConfiguration(.addLearner(Group.node(4), RingEpoch(2))))
        group.add(4)
        group.settle()
        group.tick(3)
        #expect(group[1].configuration.isLearner(ReplicaID(4)) && group[4].term == group[1].term)
        group.isolated = [ReplicaID(1)]
        for (token, id) in [UInt64(4), 1].enumerated() {
            group.step(1, .read(token: UInt64(token), voucher: group[id].readVoucher))
            #expect(!group.effects(1).contains(.readReady(token: UInt64(token), group[1].commitIndex)))
        }
    }

    @Test func `of five voters need more than one word`() {
        var group = self.led(5)
        group.isolated = [ReplicaID(1)]
        group.step(1, .read(token: 1, voucher: group[2].readVoucher))
        #expect(!group.effects(1).contains(.readReady(token: 1, group[1].commitIndex)))
    }

    @Test func `wait for an entry of the leader's term, whoever has vouched`() {
        var group = Group(voters: 3)
        group.step(1, .tick)
        while group[1].role != .leader { _ = group.settleOnce() }
        group.step(1, .read(token: 1, voucher: group[2].readVoucher))
        #expect(group.effects(1).allSatisfy { if case .readReady = $0 { false } else { true } })
        group.settle()
        #expect(group.effects(1).contains(.readReady(token: 1, 2)))
    }

    @Test func `of a single voter need nobody else`() {
        var group = self.led(1)
        #expect(group.step(1, .read(token: 1)) == [.readReady(token: 1, 2)])
    }
}

/// Thesis, chapter 4.
@Suite struct `Configurations` {
    private let epoch = RingEpoch(2)

    private func led(_ voters: UInt64) -> Group {
        var group = Group(voters: voters)
        group.tick(3)
        group.forget()
        return group
    }

    @Test func `one voter grows to three through learners and a joint configuration`() {
        var group = self.led(1)
        for id in UInt64(2)...3 {
            group.add(id)
            group.step(1, .changeConfiguration(.addLearner(Group.node(id), self.epoch)))
            group.settle()
        }
        #expect(group[1].progress(of: ReplicaID(3))?.lag == 0)
        group.step(1, .changeConfiguration(.replaceVoters([ReplicaID(1), ReplicaID(2), ReplicaID(3)], self.epoch)))
        group.settle()
        // Nobody has told the leader yet that its disk lacks nothing.
        #expect(group[1].configuration.isJoint)
        group.tick(2)
        #expect(group[3].committedConfiguration.voters == (UInt64(1)...3).map(Group.replica))
        #expect(!group[1].isConfigurationChangePending)
        #expect(group[1].configuration.learners.isEmpty)
    }

    @Test func `learners do not count`() {
        var group = self.led(1)
        group.add(2)
        group.step(1, .changeConfiguration(.addLearner(Group.node(2), self.epoch)))
        group.settle()
        group.isolated = [ReplicaID(2)]
        group.propose(1, "alone")
        group.settle()
        #expect(group.texts(1) == ["alone"])
        group.tick(100, only: [2])
        #expect(group[2].role == .follower)
    }

    @Test func `one change at a time, from the newest plan only, and from the leader only`() {
        var group = self.led(3)
        group.isolated = [ReplicaID(2), ReplicaID(3)]
        #expect(
            group.step(2, .changeConfiguration(.addLearner(Group.node(4), self.epoch))) == [
                .configurationRefused(.notLeader(Group.replica(1)))
            ])
        #expect(
            group.step(1, .changeConfiguration(.addLearner(Group.node(4), .zero))) == [
                .configurationRefused(.staleEpoch(last: RingEpoch(1)))
            ])
        #expect(
            group.step(1, .changeConfiguration(.addLearner(Group.node(3), self.epoch))) == [
                .configurationRefused(.alreadyMember(Group.replica(3)))
            ])
        #expect(
            group.step(1, .changeConfiguration(.replaceVoters([ReplicaID(9)], self.epoch))) == [
                .configurationRefused(.unknownReplica(ReplicaID(9)))
            ])
        #expect(
            group.step(1, .changeConfiguration(.replaceVoters([], self.epoch))) == [.configurationRefused(.malformed)])
        group.step(1, .changeConfiguration(.addLearner(Group.node(4), self.epoch)))
        #expect(
            group.step(1, .changeConfiguration(.addLearner(Group.node(5), self.epoch))) == [
                .configurationRefused(.pending)
            ])
    }

    @Test func `nothing changes before the leader has committed in its term`() {
        var group = Group(voters: 3)
        group.step(1, .tick)
        while group[1].role != .leader { _ = group.settleOnce() }
        group.step(1, .changeConfiguration(.addLearner(Group.node(4), self.epoch)))
        #expect(group.effects(1).contains(.configurationRefused(.termNotStarted)))
    }

    @Test func `a leader that the group leaves behind steps down and names its heir`() {
        var group = self.led(3)
        group.step(1, .changeConfiguration(.replaceVoters([ReplicaID(2), ReplicaID(3)], self.epoch)))
        group.settle()
        #expect(group[1].role == .follower)
        #expect(group.leaders.count == 1)
        #expect(group[2].committedConfiguration.voters == [Group.replica(2), Group.replica(3)])
    }

    @Test func `a removed replica is told so and disturbs nobody`() {
        var group = self.led(3)
        group.isolated = [ReplicaID(3)]
        group.step(1, .changeConfiguration(.replaceVoters([ReplicaID(1), ReplicaID(2)], self.epoch)))
        group.settle()
        let term = group[1].term
        group.isolated = []
        group.tick(200)
        #expect(group[1].term == term)
        #expect(group.leaders == [1])
        #expect(group.effects(3).contains { if case .removedFromGroup = $0 { true } else { false } })
    }

    @Test func `a configuration that was truncated is no longer in force`() {
        var group = self.led(3)
        group.isolated = [ReplicaID(1)]
        group.step(1, .changeConfiguration(.addLearner(Group.node(4), self.epoch)))
        group.settle()
        #expect(group[1].configuration.learners.count == 1)
        group.elect(2)
        group.isolated = []
        group.tick(30)
        #expect(group[1].configuration.learners.isEmpty)
    }

    /// Found by the simulator: the leaving leader alone had the end of the joint configuration, in which it is
    /// no voter; its log was the longest, so nobody else could win (thesis, section 4.2.2).
    @Test func `a leaving leader that was cut off leads once more to finish its leave`() {
        var group = self.led(3)
        group.step(1, .changeConfiguration(.replaceVoters([ReplicaID(2)], self.epoch)))
        while !(group[1].configuration.voters == [Group.replica(2)] && !group[1].configuration.isJoint) {
            guard group.settleOnce() else { break }
        }
        group.waiting = []  // The end of the joint configuration is lost, and the leader falls silent.
        group.isolated = [ReplicaID(1)]
        group.settle()
        group.tick(30)
        #expect(group.leaders.isEmpty)
        group.isolated = []
        group.tick(200)
        #expect(group.leaders == [2])
        #expect(group[2].committedConfiguration.voters == [Group.replica(2)])
        #expect(!group[2].isConfigurationChangePending)
    }

    /// Thesis, section 3.10.
    @Test func `leadership moves at once to a voter that has everything`() {
        var group = self.led(3)
        let term = group[1].term
        group.step(1, .transferLeadership(to: ReplicaID(3)))
        #expect(group.step(1, .propose([Proposal(token: 1, payload: [])])) == [.refused(token: 1, .transferring)])
        group.settle()
        #expect(group.leaders == [3])
        #expect(group[3].term == term.next())
    }

    @Test func `a transfer that does not happen is given up`() {
        var group = self.led(3)
        group.isolated = [ReplicaID(3)]
        group.step(1, .transferLeadership(to: ReplicaID(3)))
        group.tick(20, only: [1, 2])
        group.propose(1, "on we go")
        group.settle()
        #expect(group.texts(1) == ["on we go"])
    }

    /// A voter whose own configuration is older than the candidate's.
    @Test func `a replica votes even where it believes to be no voter`() {
        var group = self.led(1)
        group.add(2)
        group.step(
            2, .received(RaftMessage(from: 1, to: 2, term: 9, .vote(lastIndex: 3, lastTerm: 2, isTransfer: false))))
        #expect(
            group.step(2, .persisted(PersistMark(1))) == [
                .send(RaftMessage(from: 2, to: 1, term: 9, .voteReply(.granted)))
            ])
    }
}
