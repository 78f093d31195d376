import ClusterModel

/// What the host asks of the log, in order.
package enum LogWork: Sendable {
    case append(WALAppend)
    case release(ShardID, below: LogIndex, note: [UInt8])
    case repaired(ShardID)
    /// Go on in a new segment, when this one holds entries.
    case rollOver

    /// What it counts for while it waits: about what it will take in the log.
    var queuedBytes: Int {
        switch self {
        case .append(let append):
            append.entries.reduce(2 * RecordHead.bytes) { $0 + RecordHead.bytes + $1.payload.count }
        case .release(_, _, let note): RecordHead.bytes + note.count
        case .repaired: RecordHead.bytes
        case .rollOver: 0
        }
    }
}

/// What a durable batch makes true of the shards.
enum LogChange {
    case entry(ShardID, LogIndex, Term, RecordPosition)
    case hardState(ShardID, WALHardState)
    case restart(ShardID, WALLogStart)
    case release(ShardID, LogIndex, Term, note: [UInt8])
    case removal(ShardID, tombstone: [UInt8])
    case repaired(ShardID)

    /// Whether segments may be free afterwards.
    var frees: Bool {
        switch self {
        case .restart, .release, .removal: true
        case .entry, .hardState, .repaired: false
        }
    }

    func apply(to table: inout ShardTable) {
        switch self {
        case .entry(let shard, let index, let term, let position):
            let isJoined = table.update(shard) { $0.append(index, term, at: position) }
            precondition(isJoined, "shard \(shard): entry \(index) does not join the log")
        case .hardState(let shard, let state): table.update(shard) { $0.setHardState(state) }
        case .restart(let shard, let start):
            table.update(shard) { $0.restart(start.index, start.term, note: start.note) }
        case .release(let shard, let index, let term, let note):
            table.update(shard) { $0.release(below: index, term: term, note: note) }
        case .removal(let shard, let tombstone): table.update(shard) { $0.remove(tombstone: tombstone) }
        case .repaired(let shard): table.update(shard) { $0.damage = nil }
        }
    }
}

/// What each shard has been encoded up to, which is ahead of what is durable.
struct EncodedMarks {
    private struct Mark {
        var lastIndex = LogIndex.zero
        var term = Term.zero
        var vote: ReplicaID?
        var isKnown = false
    }
    private var marks: [Mark] = []

    init(_ table: ShardTable) {
        for (shard, log) in table.shards {
            self.update(shard) { $0 = Mark(lastIndex: log.lastIndex, isKnown: true) }
            if let state = log.hardState { _ = self.isVoteNew(state, of: shard) }
        }
    }

    func lastIndex(_ shard: ShardID) -> LogIndex {
        let slot = Int(shard.rawValue)
        return slot < self.marks.count ? self.marks[slot].lastIndex : .zero
    }

    mutating func setLastIndex(_ shard: ShardID, _ index: LogIndex) { self.update(shard) { $0.lastIndex = index } }

    /// Whether these are the first records that the log has of the shard.
    mutating func isNew(_ shard: ShardID) -> Bool {
        self.update(shard) { mark in
            defer { mark.isKnown = true }
            return !mark.isKnown
        }
    }

    /// Whether a hard state says more than a new commit index.
    mutating func isVoteNew(_ state: WALHardState, of shard: ShardID) -> Bool {
        self.update(shard) { mark in
            defer { (mark.term, mark.vote) = (state.term, state.votedFor) }
            return mark.term != state.term || mark.vote != state.votedFor
        }
    }

    mutating func remove(_ shard: ShardID) { self.update(shard) { $0 = Mark() } }

    private mutating func update<Result>(_ shard: ShardID, _ change: (inout Mark) -> Result) -> Result {
        let slot = Int(shard.rawValue)
        if slot >= self.marks.count {
            self.marks.append(contentsOf: repeatElement(Mark(), count: slot + 1 - self.marks.count))
        }
        return change(&self.marks[slot])
    }
}
