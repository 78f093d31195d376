import ClusterModel
import Raft
import Testing

@Suite struct `Binary forms` {
    static let configuration = Configuration(
        voters: [Group.replica(1), Group.replica(2)], outgoing: [Group.replica(3)], learners: [Group.replica(4)],
        epoch: RingEpoch(300), nextReplicaID: ReplicaID(5))
    static let entries = [
        Entry(index: 7, term: 3, payload: .noop), Entry(index: 8, term: 3, payload: .command([1, 2, 3])),
        Entry(index: 9, term: 4, payload: .configuration(configuration)),
    ]
    static let bodies: [RaftMessage.Body] = [
        .preVote(lastIndex: 9, lastTerm: 4), .preVoteReply(.granted, asked: 4),
        .vote(lastIndex: 9, lastTerm: 4, isTransfer: true), .voteReply(.denied),
        .append(previousIndex: 6, previousTerm: 3, entries: entries, commit: 5), .appendAccepted(match: 9),
        .appendRejected(previousIndex: 6, hintIndex: 5, hintTerm: 2), .heartbeat(commit: 5, readContext: 700),
        .heartbeatReply(readContext: 700), .commit(9), .timeoutNow, .newerTerm, .removed(at: 9), .repairQuery(7),
        .repairTarget(7, lastIndex: 9), .heartbeatReply(readContext: 700, isDamaged: true),
    ]

    @Test(arguments: bodies)
    func `of messages come back, and no beginning of one is taken for a message`(body: RaftMessage.Body) throws {
        let message = RaftMessage(from: 1, to: 2, term: 400, body)
        let bytes = message.encoded
        #expect(try RaftMessage(encoded: bytes) == message)
        for length in 0..<bytes.count {
            #expect(throws: WireError.self) { try RaftMessage(encoded: Array(bytes[..<length])) }
        }
        #expect(throws: WireError.self) { try RaftMessage(encoded: bytes + [0]) }
    }

    @Test(arguments: [HardState.initial, HardState(term: 9, votedFor: ReplicaID(3), commitIndex: 1000)])
    func `of hard states come back`(state: HardState) throws {
        #expect(try HardState(encoded: state.encoded) == state)
    }

    @Test func `the number of a kind never changes`() {
        let numbers = Self.bodies.map { RaftMessage(from: 1, to: 2, term: 1, $0).encoded[32] }
        #expect(numbers == Array(1...16))
    }

    @Test(arguments: bodies, [GroupIncarnation.founding, GroupIncarnation(300)])
    func `without the nodes come back where the nodes are known`(
        body: RaftMessage.Body, incarnation: GroupIncarnation
    ) throws {
        let message = RaftMessage(
            from: Group.replica(1), to: Group.replica(2), term: 400, incarnation: incarnation, body: body)
        var writer = ByteWriter()
        message.encode(withoutNodesInto: &writer)
        var reader = ByteReader(writer.bytes)
        #expect(try RaftMessage(from: &reader, sender: Group.node(1), receiver: Group.node(2)) == message)
        #expect(reader.isAtEnd)
        #expect(message.encoded.count == writer.count + 32)
    }

    @Test func `of an idle group's heartbeat are a few bytes`() {
        let message = RaftMessage(from: 1, to: 2, term: 100, .heartbeat(commit: 5000, readContext: 0))
        var writer = ByteWriter()
        message.encode(withoutNodesInto: &writer)
        #expect(writer.count == 7)
    }

    @Test func `foreign ordinals that could overflow are refused`() {
        let bytes = RaftMessage(from: 1, to: 2, term: UInt64.max, .timeoutNow).encoded
        #expect(throws: WireError.invalid("Term")) { try RaftMessage(encoded: bytes) }
    }

    @Test func `changed bytes never trap, neither in the codec nor in a replica`() {
        var random = SeededGenerator(seed: 9)
        var group = Group(voters: 3)
        group.tick(3)
        for round in 0..<20_000 {
            let body = Self.bodies[round % Self.bodies.count]
            let from = UInt64.random(in: 2...4, using: &random)
            let to = UInt64.random(in: 1...2, using: &random)
            let term = UInt64.random(in: 1...6, using: &random)
            var bytes = RaftMessage(from: from, to: to, term: term, body).encoded
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                bytes[Int.random(in: 34..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            guard let message = try? RaftMessage(encoded: bytes) else { continue }
            group.step(to, .received(message))
            if round % 7 == 0 { group.step(to, .tick) }
            if round % 3 == 0 { group.step(to, .propose([Proposal(token: 1, payload: [1])])) }
            group.isolated = [ReplicaID(1), ReplicaID(2), ReplicaID(3)]
            group.settle()
        }
        #expect(group[1].commitIndex <= group[1].lastIndex)
    }
}
