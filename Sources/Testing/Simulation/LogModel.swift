import ClusterModel
import WriteAheadLog

/// An entry as the model keeps it: its payload follows from the nonce.
struct ModelEntry: Hashable {
    let term: Term
    let nonce: UInt64
    let bytes: Int

    static let kindOfConfiguration: UInt8 = 9

    func entry(at index: LogIndex) -> WALEntry {
        var generator = SeededGenerator(seed: self.nonce)
        var payload: [UInt8] = []
        payload.reserveCapacity(self.bytes)
        while payload.count < self.bytes {
            let word = generator.next()
            // Long runs of zeros too: nothing may depend on payloads being noise.
            for shift in 0..<min(8, self.bytes - payload.count) {
                payload.append(word % 5 == 0 ? 0 : UInt8(truncatingIfNeeded: word >> (shift * 8)))
            }
        }
        let kind = self.nonce % 7 == 0 ? Self.kindOfConfiguration : 1
        return WALEntry(index: index, term: self.term, kind: kind, payload: payload)
    }
}

/// What one shard's log must hold.
struct LogModel: Hashable {
    var hardState: WALHardStateModel?
    var firstIndex = LogIndex(1)
    var baseTerm = Term.zero
    var note: [UInt8] = []
    /// From `firstIndex` on.
    var entries: [ModelEntry] = []
    var tombstone: [UInt8] = []
    var isRemoved = false
    var damage: WALDamage?
    /// Whether anything was ever written for it.
    var isKnown = false

    var lastIndex: LogIndex { LogIndex(self.firstIndex.rawValue + UInt64(self.entries.count) - 1) }
    var lastTerm: Term { self.entries.last?.term ?? self.baseTerm }

    mutating func apply(_ step: LogStep) {
        if case .release(0, _) = step { return }
        self.isKnown = true
        switch step {
        case .entry(let index, let entry):
            self.entries.removeLast(self.entries.count - Int(index.rawValue - self.firstIndex.rawValue))
            self.entries.append(entry)
            self.isRemoved = false
        case .hardState(let state):
            self.hardState = state
            self.isRemoved = false
        case .restart(let index, let term, let note):
            self.entries = []
            (self.firstIndex, self.baseTerm, self.note) = (index.next(), term, note)
            self.isRemoved = false
        case .release(let below, let note):
            let below = min(LogIndex(below), self.lastIndex.next())
            guard below >= self.firstIndex else { return }
            self.note = note
            let count = Int(below.rawValue - self.firstIndex.rawValue)
            guard count > 0 else { return }
            self.baseTerm = self.entries[count - 1].term
            self.entries.removeFirst(count)
            self.firstIndex = below
        case .removal(let tombstone):
            self = LogModel()
            (self.tombstone, self.isRemoved, self.isKnown) = (tombstone, true, true)
        case .repaired: self.damage = nil
        }
    }
}

/// `WALHardState`, hashable.
struct WALHardStateModel: Hashable {
    var term: Term
    var vote: ReplicaID?
    var commitIndex: LogIndex

    var state: WALHardState { WALHardState(term: self.term, votedFor: self.vote, commitIndex: self.commitIndex) }
}

/// One record's worth of change: what a crash can cut between.
enum LogStep: Hashable {
    case removal([UInt8])
    case hardState(WALHardStateModel)
    case restart(LogIndex, Term, note: [UInt8])
    case entry(LogIndex, ModelEntry)
    case release(UInt64, note: [UInt8])
    case repaired
}

/// What was asked of the log in one piece, and when it counts.
struct LogRequest {
    let shard: ShardID
    /// 0 when it has none, as a release.
    let ticket: UInt64
    let steps: [LogStep]

    var work: LogWork {
        switch self.steps.first {
        case .release(let below, let note) where self.ticket == 0:
            return .release(self.shard, below: LogIndex(below), note: note)
        case .repaired where self.ticket == 0: return .repaired(self.shard)
        default: break
        }
        var append = WALAppend(shard: self.shard, ticket: self.ticket)
        for step in self.steps {
            switch step {
            case .removal(let tombstone): append.removal = tombstone
            case .hardState(let state): append.hardState = state.state
            case .restart(let index, let term, let note):
                append.restart = WALLogStart(index: index, term: term, note: note)
            case .entry(let index, let entry): append.entries.append(entry.entry(at: index))
            case .release, .repaired: break
            }
        }
        return .append(append)
    }
}
