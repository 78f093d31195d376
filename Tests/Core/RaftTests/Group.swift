import ClusterModel
import Raft

/// A whole group in one value, for tests that say what happens next: messages and writes wait until the
/// test delivers them, and links can be cut.
struct Group {
    private(set) var replicas: [ReplicaID: RaftReplica] = [:]
    var waiting: [RaftMessage] = []
    private var writes: [(ReplicaID, PersistMark)] = []
    /// Replicas that nobody hears and that hear nobody.
    var isolated: Set<ReplicaID> = []
    /// Replicas whose disks do not answer.
    var stalled: Set<ReplicaID> = []
    private(set) var committed: [ReplicaID: [Entry]] = [:]
    /// All effects but sends and writes, since the last `forget`.
    private(set) var happened: [ReplicaID: [RaftEffect]] = [:]
    var observe: (ReplicaID, RaftEffect) -> Void = { _, _ in }
    private let settings: RaftSettings

    static func node(_ id: UInt64) -> NodeID { NodeID(high: id << 32, low: 0) }
    static func replica(_ id: UInt64) -> Replica { Replica(id: ReplicaID(id), node: Self.node(id)) }

    init(voters: UInt64, settings: RaftSettings = RaftSettings()) {
        self.settings = settings
        let founding = RecoveredLog.founding(
            Configuration(
                voters: (1...voters).map(Self.replica), epoch: RingEpoch(1), nextReplicaID: ReplicaID(voters + 1)))
        for id in 1...voters { self.add(id, founding) }
    }

    mutating func add(_ id: UInt64, _ recovered: RecoveredLog = .empty) {
        self.replicas[ReplicaID(id)] = RaftReplica(
            id: ReplicaID(id), node: Self.node(id), settings: self.settings, recovered: recovered, seed: id)
    }

    subscript(id: UInt64) -> RaftReplica { self.replicas[ReplicaID(id)]! }

    @discardableResult
    mutating func step(_ id: UInt64, _ input: RaftInput) -> [RaftEffect] {
        let id = ReplicaID(id)
        var effects: [RaftEffect] = []
        self.replicas[id]?.step(input, into: &effects)
        for effect in effects {
            self.observe(id, effect)
            switch effect {
            case .persist(let mark, _, _): self.writes.append((id, mark))
            case .install(let mark, _, _):
                self.writes.append((id, mark))
                self.happened[id, default: []].append(effect)
            case .send(let message): self.waiting.append(message)
            case .committed(let entries): self.committed[id, default: []] += entries
            default: self.happened[id, default: []].append(effect)
            }
        }
        return effects
    }

    /// Delivers messages and finishes writes until nothing is left.
    mutating func settle() {
        var rounds = 0
        while rounds < 1000, self.settleOnce() { rounds += 1 }
        precondition(rounds < 1000, "the group never comes to rest")
    }

    mutating func settleOnce() -> Bool {
        let writes = self.writes.filter { !self.stalled.contains($0.0) }
        self.writes.removeAll { !self.stalled.contains($0.0) }
        let messages = self.waiting
        self.waiting = []
        for (id, mark) in writes { self.step(id.rawValue, .persisted(mark)) }
        for message in messages { self.deliver(message) }
        return !writes.isEmpty || !messages.isEmpty
    }

    mutating func deliver(_ message: RaftMessage) {
        guard !self.isolated.contains(message.from.id), !self.isolated.contains(message.to.id) else { return }
        self.step(message.to.id.rawValue, .received(message))
    }

    /// Somebody tells the voter to campaign, so that the others answer although they hear their leader.
    mutating func elect(_ id: UInt64) {
        let term = self[id].term.rawValue
        self.step(id, .received(RaftMessage(from: id == 1 ? 2 : 1, to: id, term: term, .timeoutNow)))
        self.settle()
    }

    mutating func tick(_ count: Int = 1, only ids: [UInt64]? = nil) {
        for _ in 0..<count {
            for id in ids ?? self.replicas.keys.map(\.rawValue).sorted() { self.step(id, .tick) }
            self.settle()
        }
    }

    mutating func propose(_ id: UInt64, _ text: String, token: UInt64 = 1) {
        self.step(id, .propose([Proposal(token: token, payload: Array(text.utf8))]))
    }

    mutating func forget() { self.happened = [:] }
    func effects(_ id: UInt64) -> [RaftEffect] { self.happened[ReplicaID(id)] ?? [] }
    func texts(_ id: UInt64) -> [String] {
        (self.committed[ReplicaID(id)] ?? []).compactMap {
            guard case .command(let bytes) = $0.payload else { return nil }
            return String(decoding: bytes, as: UTF8.self)
        }
    }
    var leaders: [UInt64] { self.replicas.values.filter { $0.role == .leader }.map(\.id.rawValue).sorted() }
}

extension RaftMessage {
    init(from: UInt64, to: UInt64, term: UInt64, _ body: Body) {
        self.init(from: Group.replica(from), to: Group.replica(to), term: Term(term), body: body)
    }
}
extension LogIndex: ExpressibleByIntegerLiteral {
    package init(integerLiteral value: UInt64) { self.init(value) }
}
extension Term: ExpressibleByIntegerLiteral {
    package init(integerLiteral value: UInt64) { self.init(value) }
}
