import ClusterModel
import Raft

/// Three replicas that hand their messages to each other at once, on a disk that syncs at once: the protocol's own cost.
struct RaftTrio {
    private var replicas: [RaftReplica] = []
    private var effects: [RaftEffect] = []
    private var queue: [(place: Int, input: RaftInput)] = []
    private(set) var committed = 0
    private var token: UInt64 = 0

    init() {
        let members = (0..<3).map { Replica(id: ReplicaID(UInt64($0 + 1)), node: NodeID(high: 1, low: UInt64($0))) }
        let configuration = Configuration(voters: members, epoch: .zero, nextReplicaID: ReplicaID(4))
        for (place, member) in members.enumerated() {
            self.replicas.append(
                RaftReplica(
                    id: member.id, node: member.node, settings: RaftSettings(), recovered: .founding(configuration),
                    seed: UInt64(place)))
        }
        while self.leader == nil {
            for place in 0..<3 { self.feed(place, .tick) }
        }
    }

    private var leader: Int? { self.replicas.firstIndex { $0.hasStartedTerm } }

    /// Proposes `count` commands in one step and runs until nothing moves.
    mutating func commit(_ payload: [UInt8], count: Int) {
        guard let leader = self.leader else { preconditionFailure("the trio has lost its leader") }
        let proposals = (0..<count).map { _ in
            self.token += 1
            return Proposal(token: self.token, payload: payload)
        }
        self.feed(leader, .propose(proposals))
    }

    private mutating func feed(_ place: Int, _ input: RaftInput) {
        self.queue.append((place, input))
        var next = 0
        while next < self.queue.count {
            let (place, input) = self.queue[next]
            next += 1
            self.effects.removeAll(keepingCapacity: true)
            self.replicas[place].step(input, into: &self.effects)
            for effect in self.effects {
                switch effect {
                case .persist(let mark, _, _): self.queue.append((place, .persisted(mark)))
                case .send(let message): self.queue.append((Int(message.to.id.rawValue) - 1, .received(message)))
                case .committed(let entries): self.committed += entries.count
                default: break
                }
            }
        }
        self.queue.removeAll(keepingCapacity: true)
    }
}

enum RaftBenchmarks {
    static func run(_ harness: Harness) {
        let payload = [UInt8](repeating: 7, count: 330)
        for count in [1, 8, 64] {
            var trio = RaftTrio()
            harness.measure("Raft: propose to applied on three, \(count) a turn", operations: count) {
                for _ in 0..<$0 { trio.commit(payload, count: count) }
            }
        }
    }
}
