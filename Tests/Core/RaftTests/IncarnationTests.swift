import ClusterModel
import Raft
import Testing

@Suite struct `A group whose quorum is lost` {
    private func survived() -> Group {
        var group = Group(voters: 3)
        group.tick(3)
        group.isolated = [ReplicaID(2), ReplicaID(3)]
        group.propose(1, "uncommitted")
        group.settle()
        group.step(1, .forceQuorum(GroupIncarnation(1)))
        return group
    }

    @Test func `goes on with its survivor and all that this one has, once that is durable`() {
        var group = self.survived()
        #expect(group[1].role == .candidate)
        group.settle()
        #expect(group[1].role == .leader)
        #expect(group.texts(1) == ["uncommitted"])
        #expect(group[1].incarnation == GroupIncarnation(1))
        #expect(group[1].configuration.voters == [Group.replica(1)])
        #expect(group[1].configuration.members.count == 1)
    }

    @Test func `gives no id again that it may not know of`() {
        let group = self.survived()
        #expect(group[1].configuration.nextReplicaID >= ReplicaID(1000))
    }

    @Test func `is forced once in an incarnation, and never by an empty replica`() {
        var group = self.survived()
        group.settle()
        let last = group[1].lastIndex
        group.step(1, .forceQuorum(GroupIncarnation(1)))
        group.step(1, .forceQuorum(.founding))
        #expect(group[1].lastIndex == last)
        group.add(9)
        #expect(group.step(9, .forceQuorum(GroupIncarnation(1))).isEmpty)
    }

    @Test func `does not hear what its older life says, and tells it so`() {
        var group = self.survived()
        group.settle()
        let term = group[1].term
        let stale = RaftMessage(from: 2, to: 1, term: 50, .vote(lastIndex: 99, lastTerm: 49, isTransfer: true))
        let effects = group.step(1, .received(stale))
        #expect(
            effects == [
                .send(
                    RaftMessage(
                        from: Group.replica(1), to: Group.replica(2), term: term, incarnation: GroupIncarnation(1),
                        body: .newerTerm))
            ])
        #expect(group[1].term == term)
        #expect(group[1].role == .leader)
    }

    @Test func `voids the data of its older life, and says so once`() {
        var group = self.survived()
        let hint = RaftMessage(
            from: Group.replica(1), to: Group.replica(2), term: 3, incarnation: GroupIncarnation(1), body: .newerTerm)
        #expect(group.step(2, .received(hint)) == [.superseded(by: GroupIncarnation(1))])
        #expect(group.step(2, .received(hint)).isEmpty)
        #expect(group[2].readmitted(as: 2000) == false)
    }

    @Test func `takes in an empty replica`() {
        var group = self.survived()
        group.settle()
        let id = group[1].configuration.nextReplicaID.rawValue
        group.add(id)
        group.step(1, .changeConfiguration(.addLearner(Group.node(id), RingEpoch(2))))
        group.tick(6)
        #expect(group[id].incarnation == GroupIncarnation(1))
        #expect(group.texts(id) == ["uncommitted"])
    }

    @Test func `refuses a state of its older life`() {
        var group = self.survived()
        let point = SnapshotPoint(index: 99, term: 9, configuration: group[2].configuration)
        #expect(group.step(1, .snapshotReady(point, from: ReplicaID(2))).contains(.snapshotIgnored(point)))
    }

    @Test func `tells a late message to a deleted replica from one to its successor`() throws {
        let tombstone = ReplicaTombstone(incarnation: .founding, replica: ReplicaID(5))
        #expect(tombstone.refuses(ReplicaID(5), of: .founding))
        #expect(!tombstone.refuses(ReplicaID(6), of: .founding))
        #expect(!tombstone.refuses(ReplicaID(1), of: GroupIncarnation(1)))
        let later = ReplicaTombstone(incarnation: GroupIncarnation(1), replica: ReplicaID(2))
        #expect(tombstone.merged(with: later) == later)
        #expect(later.merged(with: tombstone) == later)
        #expect(try ReplicaTombstone(encoded: later.encoded) == later)
        #expect(later.encoded.count <= 64)
    }
}

extension RaftReplica {
    fileprivate func readmitted(as id: UInt64) -> Bool {
        var replica = self
        return replica.readmit(as: ReplicaID(id))
    }
}
