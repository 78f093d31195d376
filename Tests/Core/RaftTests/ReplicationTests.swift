import ClusterModel
import Raft
import Testing

@Suite struct `Replication` {
    private func led(_ voters: UInt64 = 3, _ settings: RaftSettings = RaftSettings()) -> Group {
        var group = Group(voters: voters, settings: settings)
        group.tick(3)
        return group
    }

    @Test func `a proposal reaches every replica without another tick`() {
        var group = self.led()
        group.propose(1, "hello")
        group.settle()
        for id in UInt64(1)...3 { #expect(group.texts(id) == ["hello"]) }
    }

    @Test func `many proposals at once are one write and one message to each follower`() {
        var group = self.led()
        let proposals = (0..<50).map { Proposal(token: $0, payload: [1, 2, 3]) }
        let effects = group.step(1, .propose(proposals))
        let writes = effects.filter { if case .persist = $0 { true } else { false } }
        let sends = effects.filter { if case .send = $0 { true } else { false } }
        #expect(writes.count == 1)
        #expect(sends.count == 2)
    }

    @Test func `an idle tick has no effects`() {
        var group = self.led()
        group.tick(1)
        let even = group.step(2, .tick)
        #expect(even.isEmpty)
    }

    @Test func `an acknowledgement waits until the entries are durable`() {
        var group = self.led()
        group.stalled = [ReplicaID(2), ReplicaID(3)]
        group.propose(1, "hello")
        group.settle()
        #expect(group.texts(1) == [])
        group.stalled = [ReplicaID(3)]
        group.settle()
        #expect(group.texts(1) == ["hello"])
    }

    @Test func `two followers are a quorum while the leader's own disk is slow`() {
        var group = self.led()
        group.stalled = [ReplicaID(1)]
        group.propose(1, "hello")
        group.settle()
        #expect(group.texts(1) == ["hello"])
    }

    @Test func `a single voter commits only what its own disk has`() {
        var group = self.led(1)
        group.stalled = [ReplicaID(1)]
        group.propose(1, "hello")
        group.settle()
        #expect(group.texts(1) == [])
        group.stalled = []
        group.settle()
        #expect(group.texts(1) == ["hello"])
    }

    /// Raft, section 5.4.2 and figure 8.
    @Test func `an entry of an older term is committed only along with one of the leader's own`() {
        var group = self.led()
        group.isolated = [ReplicaID(2), ReplicaID(3)]
        group.propose(1, "old")
        group.settle()
        group.isolated = []
        let term = group[1].term.rawValue
        // The leader hears of a higher term, and is elected again; its own no-op is held up.
        group.step(1, .received(RaftMessage(from: 2, to: 1, term: term + 1, .newerTerm)))
        group.elect(1)
        #expect(group[1].role == .leader)
        #expect(group.texts(1) == ["old"])
        #expect(group.committed[ReplicaID(1)]?.last?.payload == .noop)
    }

    /// Raft, section 5.3, figure 7.
    @Test func `a deposed leader's uncommitted entries are replaced`() {
        var group = self.led()
        group.isolated = [ReplicaID(1)]
        group.propose(1, "lost")
        group.settle()
        group.elect(2)
        group.propose(2, "kept")
        group.settle()
        group.isolated = []
        group.tick(30)
        for id in UInt64(1)...3 { #expect(group.texts(id) == ["kept"]) }
        #expect(group[1].lastIndex == group[2].lastIndex)
    }

    @Test func `a deposed leader's append is refused with the newer term`() {
        var group = self.led()
        group.elect(2)
        group.waiting = []
        let message = RaftMessage(
            from: 1, to: 3, term: 1, .append(previousIndex: 1, previousTerm: 1, entries: [], commit: 1))
        let effects = group.step(3, .received(message))
        #expect(effects == [.send(RaftMessage(from: 3, to: 1, term: group[3].term.rawValue, .newerTerm))])
    }

    @Test func `a follower that lags is fed from the disk, in bounded messages`() {
        var settings = RaftSettings()
        settings.cachedBytesMax = 100
        settings.appendBytesMax = 200
        var group = self.led(3, settings)
        group.isolated = [ReplicaID(3)]
        var disk: [Entry] = []
        for number in 0..<30 {
            group.propose(1, "message \(number)")
            group.settle()
        }
        disk = group.committed[ReplicaID(1)] ?? []
        #expect(group[1].windowStart > 20)
        group.isolated = []
        for _ in 0..<100 where group[3].lastIndex < group[1].lastIndex {
            group.tick(2)
            let fetches = group.effects(1)
            group.forget()
            for case .fetch(let id, let from, let bytesMax) in fetches {
                #expect(bytesMax == 200)
                group.step(1, .fetched(for: id, Array(disk.filter { $0.index >= from }.prefix(4))))
            }
            group.settle()
        }
        #expect(group.texts(3) == group.texts(1))
        #expect(group.texts(3).count == 30)
    }

    private func ledRememberingNothing() -> Group {
        var settings = RaftSettings()
        settings.recentBytesMax = 0
        return self.led(3, settings)
    }

    @Test func `entries that all have on disk are let go of`() {
        var group = self.ledRememberingNothing()
        for number in 0..<20 { group.propose(1, "message \(number)") }
        group.settle()
        // The last to acknowledge commits nothing any more: its entries go with the next that is committed.
        group.propose(1, "last")
        group.settle()
        for id in UInt64(1)...3 { #expect(group[id].windowStart >= group[id].lastIndex) }
    }

    @Test func `the newest entries stay, within their bound`() {
        var settings = RaftSettings()
        settings.recentBytesMax = 400
        var group = self.led(3, settings)
        for number in 0..<20 {
            group.propose(1, "message \(number)")
            group.settle()
        }
        for id in UInt64(1)...3 {
            #expect((200...400).contains(group[id].bytesInMemory))
            #expect(group[id].windowStart < group[id].lastIndex)
        }
    }

    @Test(arguments: [UInt64(1), 3]) func `entries that one lacks on its disk stay at the leader`(slow: UInt64) {
        var group = self.ledRememberingNothing()
        group.stalled = [ReplicaID(slow)]
        let first = group[1].lastIndex.next()
        for number in 0..<20 {
            group.propose(1, "message \(number)")
            group.settle()
        }
        #expect(group.texts(1).count == 20)
        #expect(group[1].windowStart <= first)
        #expect(group[2].windowStart >= group[2].lastIndex)
        group.stalled = []
        group.settle()
        for number in 20..<22 {
            group.propose(1, "message \(number)")
            group.settle()
        }
        #expect(group.texts(3).count == 22)
        #expect(group[1].windowStart >= group[1].lastIndex)
        #expect(!group.effects(1).contains { if case .fetch = $0 { true } else { false } })
    }

    @Test func `a read from disk that failed is asked again later`() {
        var settings = RaftSettings()
        settings.cachedBytesMax = 0
        var group = self.led(3, settings)
        group.isolated = [ReplicaID(3)]
        group.propose(1, "hello")
        group.settle()
        group.isolated = []
        group.forget()
        func fetches() -> [RaftEffect] { group.effects(1).filter { if case .fetch = $0 { true } else { false } } }
        group.tick(12)
        #expect(fetches().count == 1)
        group.step(1, .fetched(for: ReplicaID(3), []))
        #expect(fetches().count == 1)
        group.tick(4)
        #expect(fetches().count == 2)
    }

    @Test func `the pipeline to a silent follower is bounded`() {
        var settings = RaftSettings()
        settings.inflightEntriesMax = 4
        var group = self.led(3, settings)
        group.stalled = [ReplicaID(3)]
        var sent = 0
        for number in 0..<20 {
            group.propose(1, "\(number)")
            sent += group.waiting.filter { $0.to.id == ReplicaID(3) && !$0.isSmall }.count
            group.settle()
        }
        #expect(sent == 4)
        group.stalled = []
        group.settle()
        #expect(group.texts(3).count == 20)
    }

    @Test func `an append that was lost is noticed and sent again`() {
        var group = self.led()
        group.propose(1, "lost")
        group.waiting = []
        group.settle()
        group.tick(12)
        for id in UInt64(1)...3 { #expect(group.texts(id) == ["lost"]) }
    }

    @Test func `proposals are refused when too large, too many, and at followers`() {
        var settings = RaftSettings()
        settings.entryBytesMax = 10
        settings.proposalBytesMax = 100
        var group = self.led(3, settings)
        #expect(
            group.step(2, .propose([Proposal(token: 7, payload: [1])])) == [
                .refused(token: 7, .notLeader(Group.replica(1)))
            ])
        #expect(
            group.step(1, .propose([Proposal(token: 8, payload: Array(repeating: 0, count: 11))])) == [
                .refused(token: 8, .tooLarge)
            ])
        group.forget()
        group.step(1, .propose((0..<10).map { Proposal(token: $0, payload: Array(repeating: 0, count: 10)) }))
        #expect(group.effects(1).contains(.refused(token: 9, .overloaded)))
        group.settle()
        group.propose(1, "again", token: 99)
        #expect(!group.effects(1).contains(.refused(token: 99, .overloaded)))
    }

    @Test func `a peer that restarted is asked before its old acknowledgements count again`() {
        var group = self.led()
        group.propose(1, "hello")
        group.settle()
        group.step(1, .peerRestarted(Group.node(2)))
        #expect(group[1].progress(of: ReplicaID(2))?.match == .zero)
        group.settle()
        #expect(group[1].progress(of: ReplicaID(2))?.match == group[1].lastIndex)
    }

    @Test func `a restart goes on from what was durable`() {
        var group = self.led(1)
        group.propose(1, "hello")
        group.settle()
        let entries = group.committed[ReplicaID(1)] ?? []
        let state = HardState(term: group[1].term, votedFor: ReplicaID(1), commitIndex: 2)
        var recovered = RecoveredLog(hardState: state, entries: entries)
        recovered.tail.removeFirst(2)
        group.add(1, recovered)
        group.tick(8)
        #expect(group[1].role == .leader)
        #expect(group[1].term > state.term)
        #expect(group[1].commitIndex == LogIndex(UInt64(entries.count) + 1))
    }
}
