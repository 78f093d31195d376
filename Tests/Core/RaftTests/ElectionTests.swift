import ClusterModel
import Raft
import Testing

@Suite struct `Elections` {
    @Test func `the preferred voter of a starting group leads within a tick or two`() {
        var group = Group(voters: 3)
        group.tick(2)
        #expect(group.leaders == [1])
        #expect(group[2].leader == Group.replica(1))
        #expect(group[1].hasStartedTerm)
    }

    @Test func `a single voter leads itself, but only once its own vote is durable`() {
        var group = Group(voters: 1)
        group.stalled = [ReplicaID(1)]
        group.tick(2)
        #expect(group[1].role == .candidate)
        group.stalled = []
        group.settle()
        #expect(group[1].role == .leader)
    }

    /// Raft, section 5.2.
    @Test func `a replica votes once in a term`() {
        var group = Group(voters: 3)
        group.step(
            1, .received(RaftMessage(from: 2, to: 1, term: 5, .vote(lastIndex: 1, lastTerm: 1, isTransfer: false))))
        group.step(
            1, .received(RaftMessage(from: 3, to: 1, term: 5, .vote(lastIndex: 1, lastTerm: 1, isTransfer: false))))
        #expect(group.waiting.map(\.body) == [.voteReply(.denied)])
        group.waiting = []
        group.isolated = [ReplicaID(2), ReplicaID(3)]
        group.step(1, .persisted(PersistMark(1)))
        #expect(group.waiting == [RaftMessage(from: 1, to: 2, term: 5, .voteReply(.granted))])
    }

    @Test func `a vote waits for its record, and is dropped when the term has passed`() {
        var group = Group(voters: 3)
        group.step(
            1, .received(RaftMessage(from: 2, to: 1, term: 5, .vote(lastIndex: 1, lastTerm: 1, isTransfer: false))))
        #expect(group.waiting.isEmpty)
        group.step(1, .received(RaftMessage(from: 3, to: 1, term: 6, .heartbeat(commit: 0, readContext: 0))))
        group.waiting = []
        group.step(1, .persisted(PersistMark(2)))
        #expect(group.waiting.isEmpty)
    }

    /// Raft, section 5.4.1.
    @Test(arguments: [(1, 1, true), (9, 1, true), (1, 2, true), (0, 0, false), (0, 1, false)])
    func `only a candidate with all that the voter has gets its vote`(index: UInt64, term: UInt64, granted: Bool) {
        var group = Group(voters: 3)
        group.isolated = [ReplicaID(2)]
        group.step(
            1,
            .received(
                RaftMessage(
                    from: 2, to: 1, term: 5, .vote(lastIndex: LogIndex(index), lastTerm: Term(term), isTransfer: false))
            ))
        _ = group.step(1, .persisted(PersistMark(1)))
        #expect(group.waiting.map(\.body) == [.voteReply(granted ? .granted : .denied)])
    }

    /// Thesis, section 9.6.
    @Test func `a replica that was cut off does not raise the term`() {
        var group = Group(voters: 3)
        group.tick(2)
        let term = group[1].term
        group.isolated = [ReplicaID(3)]
        group.tick(200)
        #expect(group[3].term == term)
        group.isolated = []
        group.tick(50)
        #expect(group.leaders == [1])
        #expect(group[1].term == term)
    }

    /// Thesis, section 4.2.3.
    @Test func `a vote is ignored while the leader is heard, unless the leader asked for it`() {
        var group = Group(voters: 3)
        group.tick(2)
        let term = group[2].term.rawValue
        group.step(
            2,
            .received(
                RaftMessage(from: 3, to: 2, term: term + 5, .vote(lastIndex: 99, lastTerm: 99, isTransfer: false))))
        #expect(group[2].term == Term(term))
        group.step(
            2,
            .received(RaftMessage(from: 3, to: 2, term: term + 5, .vote(lastIndex: 99, lastTerm: 99, isTransfer: true)))
        )
        #expect(group[2].term == Term(term + 5))
    }

    /// Thesis, section 6.2.
    @Test func `a leader without a quorum steps down within an election timeout`() {
        var group = Group(voters: 3)
        group.tick(2)
        group.isolated = [ReplicaID(1)]
        group.tick(24, only: [1])
        #expect(group[1].role != .leader)
        #expect(group[1].leader == nil)
    }

    @Test func `a leader learns of a higher term from the follower that it tries to lead`() {
        var group = Group(voters: 3)
        group.tick(2)
        group.step(
            3, .received(RaftMessage(from: 2, to: 3, term: 9, .vote(lastIndex: 9, lastTerm: 9, isTransfer: true))))
        group.waiting = []
        group.tick(3)
        #expect(group[1].term >= Term(9))
        group.tick(100)
        #expect(group.leaders.count == 1)
    }

    @Test func `the connection to a dead leader being refused elects another within three ticks`() {
        var group = Group(voters: 3)
        group.tick(4)
        group.isolated = [ReplicaID(1)]
        group.step(2, .peerUnreachable(Group.node(1)))
        group.step(3, .peerUnreachable(Group.node(1)))
        group.tick(3, only: [2, 3])
        #expect(group[2].role == .leader || group[3].role == .leader)
    }

    @Test func `a mistaken report that the leader is gone changes nothing`() {
        var group = Group(voters: 3)
        group.tick(4)
        let term = group[1].term
        group.step(2, .peerUnreachable(Group.node(1)))
        group.tick(20)
        #expect(group.leaders == [1])
        #expect(group[1].term == term)
    }

    /// Every way in which the six directions of three links can be cut.
    @Test(arguments: 0..<64)
    func `if some voter reaches a majority both ways, a leader holds out`(mask: Int) {
        func isOpen(_ from: UInt64, _ to: UInt64) -> Bool {
            let pairs: [(UInt64, UInt64)] = [(1, 2), (2, 1), (1, 3), (3, 1), (2, 3), (3, 2)]
            return pairs.firstIndex { $0 == (from, to) }.map { mask & (1 << $0) == 0 } ?? false
        }
        var group = Group(voters: 3)
        group.tick(2)
        var leadersSeen: [[UInt64]] = []
        for tick in 0..<200 {
            for id in UInt64(1)...3 { group.step(id, .tick) }
            var rounds = 0
            repeat {
                group.waiting.removeAll { !isOpen($0.from.id.rawValue, $0.to.id.rawValue) }
                rounds += 1
            } while group.settleOnce() && rounds < 100
            if tick >= 100 { leadersSeen.append(group.leaders) }
        }
        let canLead = (UInt64(1)...3).contains { id in
            (UInt64(1)...3).contains { $0 != id && isOpen(id, $0) && isOpen($0, id) }
        }
        if canLead {
            #expect(Set(leadersSeen).count == 1)
            #expect(leadersSeen.last?.count == 1)
        }
    }
}
