import ClusterModel
import Raft

/// What must hold of every group whatever happens: checked at each committed entry and each election.
struct ClusterOracle {
    private struct Committed: Equatable {
        let term: Term
        let payload: Payload
    }
    private struct Seat: Hashable {
        let shard: Int
        let term: Term
    }

    private var logs: [[Committed]]
    private var configurations: [Configuration?]
    private var leaders: [Seat: ReplicaID] = [:]
    private(set) var violation: String?

    init(groups: Int) {
        self.logs = Array(repeating: [], count: groups)
        self.configurations = Array(repeating: nil, count: groups)
    }

    mutating func fail(_ text: String) { self.violation = self.violation ?? text }

    /// One leader a term (I1).
    mutating func elected(_ replica: ReplicaID, _ term: Term, _ shard: Int) {
        let seat = Seat(shard: shard, term: term)
        if let other = self.leaders[seat], other != replica {
            self.fail("I1: \(other) and \(replica) lead shard \(shard) in term \(term)")
        }
        self.leaders[seat] = replica
    }

    /// What one replica committed every replica commits (I2); configurations follow from each other (I5).
    mutating func committed(_ entry: Entry, _ shard: Int) {
        let place = Int(entry.index.rawValue) - 1
        let committed = Committed(term: entry.term, payload: entry.payload)
        guard place == self.logs[shard].count else {
            if place > self.logs[shard].count {
                self.fail("I2: shard \(shard) committed \(entry.index) before what is below it")
            } else if self.logs[shard][place] != committed {
                self.fail("I2: shard \(shard) has two committed entries at \(entry.index)")
            }
            return
        }
        self.logs[shard].append(committed)
        guard case .configuration(let next) = entry.payload else { return }
        if let last = self.configurations[shard] { self.follows(next, last, shard) }
        self.configurations[shard] = next
    }

    private mutating func follows(_ next: Configuration, _ last: Configuration, _ shard: Int) {
        if next.epoch < last.epoch {
            self.fail("I5: shard \(shard) fell from epoch \(last.epoch) to \(next.epoch)")
        }
        if next.nextReplicaID < last.nextReplicaID { self.fail("I5: shard \(shard) gives a replica id again") }
        let isStep: Bool =
            if last.isJoint {
                Set(next.voters) == Set(last.voters) && !next.isJoint
            } else if next.isJoint {
                Set(next.outgoing) == Set(last.voters)
            } else {
                Set(next.voters) == Set(last.voters)
            }
        if !isStep { self.fail("I5: shard \(shard) went from \(last.voters) to \(next.voters) in one step") }
    }

    func configuration(of shard: Int) -> Configuration? { self.configurations[shard] }
    /// Every entry that was ever committed.
    var committedCount: Int { self.logs.reduce(0) { $0 + $1.count } }
}
