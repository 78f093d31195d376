import ClusterModel
import Raft
import Testing

@Suite struct `A damaged replica` {
    /// Voter 3 has lost everything behind the first entry, and knows it.
    private func damaged(_ voters: UInt64 = 3) -> Group {
        var group = Group(voters: voters)
        group.isolated = [ReplicaID(3)]
        group.tick(3)
        var recovered = RecoveredLog.founding(group[1].configuration)
        recovered.isDamaged = true
        group.add(3, recovered)
        return group
    }

    private func vote(_ group: inout Group, term: UInt64) -> [RaftEffect] {
        group.step(
            3,
            .received(
                RaftMessage(from: 2, to: 3, term: term, .vote(lastIndex: 9, lastTerm: 9, isTransfer: true))))
        return group.step(3, .persisted(PersistMark(1)))
    }

    @Test func `grants its vote only together with all others`() {
        var group = self.damaged()
        let effects = self.vote(&group, term: 9)
        #expect(effects == [.send(RaftMessage(from: 3, to: 2, term: 9, .voteReply(.grantedIfUnanimous)))])
    }

    @Test func `elects nobody with half of a quorum`() {
        var group = self.damaged()
        group.isolated = [ReplicaID(1)]
        group.tick(100)
        #expect(group.leaders.filter { $0 != 1 }.isEmpty)
        #expect(group[3].isDamaged)
    }

    @Test func `helps to elect when everybody agrees`() {
        var group = Group(voters: 2)
        group.tick(3)
        var recovered = RecoveredLog.founding(group[1].configuration)
        recovered.isDamaged = true
        group.add(2, recovered)
        group.elect(1)
        group.tick(10)
        #expect(group.leaders == [1])
        #expect(!group[2].isDamaged)
        #expect(group[2].lastIndex == group[1].lastIndex)
    }

    @Test func `never leads alone`() {
        var recovered = RecoveredLog.founding(.founding(Group.node(1), epoch: RingEpoch(1)))
        recovered.isDamaged = true
        var group = Group(voters: 1)
        group.add(1, recovered)
        group.tick(200)
        #expect(group.leaders.isEmpty)
    }

    @Test func `does not campaign at a leader's wish`() {
        var group = self.damaged()
        group.step(3, .received(RaftMessage(from: 1, to: 3, term: 1, .timeoutNow)))
        #expect(group[3].role == .follower)
    }

    @Test func `is whole when it has all that the leader had when it was asked`() {
        var group = self.damaged()
        group.propose(1, "hello")
        group.settle()
        group.isolated = []
        group.tick(10)
        #expect(group.effects(3).contains(.repaired))
        #expect(!group[3].isDamaged)
        #expect(group.texts(3) == ["hello"])
        #expect(group.effects(3).count { $0 == .repaired } == 1)
    }

    @Test func `waits until that is durable`() {
        var group = self.damaged()
        group.propose(1, "hello")
        group.settle()
        group.isolated = []
        group.stalled = [ReplicaID(3)]
        group.tick(10)
        #expect(group[3].lastIndex == group[1].lastIndex)
        #expect(group[3].isDamaged)
        group.stalled = []
        group.settle()
        #expect(!group[3].isDamaged)
    }

    @Test func `does not take a commit index for the answer, nor an answer to an earlier start`() {
        var group = self.damaged()
        group.isolated = [ReplicaID(1), ReplicaID(2)]
        let entries = [Entry(index: 2, term: 2, payload: .noop)]
        group.step(
            3,
            .received(
                RaftMessage(
                    from: 1, to: 3, term: 2, .append(previousIndex: 1, previousTerm: 1, entries: entries, commit: 2))))
        group.step(3, .received(RaftMessage(from: 1, to: 3, term: 2, .repairTarget(4711, lastIndex: 2))))
        group.settle()
        #expect(group[3].commitIndex == 2)
        #expect(group[3].isDamaged)
    }

    // Found by the simulator, raft seed 3579: a group was left to its only voter, which was damaged. It had nobody to
    // ask, and the logs of those who had just left were complete.

    @Test func `is not left alone with its group before it is whole`() {
        var group = Group(voters: 2)
        group.tick(3)
        self.restartDamaged(2, in: &group)
        group.step(1, .changeConfiguration(.replaceVoters([ReplicaID(2)], RingEpoch(2))))
        group.settle()
        #expect(group[1].configuration.isJoint)
        #expect(group[1].configuration.voters == [Group.replica(2)])
        #expect(group[2].isDamaged)
        group.tick(10)
        #expect(!group[2].isDamaged)
        #expect(group[2].committedConfiguration.voters == [Group.replica(2)])
        #expect(group.leaders == [2])
    }

    @Test func `is led by one who has left the group until it is whole`() {
        var group = Group(voters: 2)
        group.tick(3)
        group.step(1, .changeConfiguration(.replaceVoters([ReplicaID(2)], RingEpoch(2))))
        while group[1].configuration.isJoint || group[1].configuration.voters.count == 2, group.settleOnce() {}
        #expect(group[1].isConfigurationChangePending)
        group.waiting = []
        self.restartDamaged(2, in: &group)
        group.step(1, .tick)
        group.step(1, .tick)
        // Everything but the answer to its question.
        repeat {
            group.waiting.removeAll { if case .repairTarget = $0.body { true } else { false } }
        } while group.settleOnce()
        #expect(!group[1].isConfigurationChangePending)
        #expect(group[2].isDamaged)
        #expect(group.leaders == [1])
        group.tick(10)
        #expect(!group[2].isDamaged)
        #expect(group.leaders == [2])
    }

    private func restartDamaged(_ id: UInt64, in group: inout Group) {
        var recovered = RecoveredLog.founding(
            Configuration(
                voters: [Group.replica(1), Group.replica(2)], epoch: RingEpoch(1), nextReplicaID: ReplicaID(3)))
        recovered.isDamaged = true
        group.add(id, recovered)
        group.step(1, .peerRestarted(Group.node(id)))
    }

    @Test func `makes the leader forget what it acknowledged`() {
        var group = Group(voters: 3)
        group.tick(3)
        #expect(group[1].progress(of: ReplicaID(3))?.match == group[1].lastIndex)
        group.isolated = [ReplicaID(2), ReplicaID(3)]
        group.step(
            1, .received(RaftMessage(from: 3, to: 1, term: group[1].term.rawValue, .repairQuery(7))))
        #expect(group[1].progress(of: ReplicaID(3))?.match == .zero)
    }
}
