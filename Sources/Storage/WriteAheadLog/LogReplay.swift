import ClusterModel

/// Rebuilds the shards' logs from records in their order, and keeps apart what lost records made uncertain.
///
/// A shard whose records may have been lost is *suspected*: what stood before the loss is kept as its prefix, and what
/// comes after it is followed on its own. A later record may show that nothing was lost that is still needed (a
/// snapshot's restart, a release beyond the loss, a segment's first batch that agrees with one of the two). Whoever is
/// still suspected at the end is damaged and has its prefix.
///
/// - SeeAlso: R. Alagappan and others, "Protocol-Aware Recovery for Consensus-Based Storage" (FAST 2018).
struct LogReplay {
    private struct Suspicion {
        /// The log before the first loss; nil while only the vote is in doubt.
        var prefix: (log: ShardLog, retained: [WALEntry])?
        var isVoteLost = false
        /// Damage may have been said where the loss is.
        var mayBeDamaged = false
        /// So may a removal be: then even the replica's tombstone, and with it who it is, is in doubt.
        var mayBeRemoved = false
        /// What came after the loss does not fit to what was known before it.
        var isConfused = false
    }

    private(set) var table = ShardTable()
    private var retained = RetainedEntries()
    private var suspicions: [ShardID: Suspicion] = [:]
    private let settings: WALSettings

    init(settings: WALSettings) { self.settings = settings }

    // MARK: Records

    /// An entry whose payload was read when its kind is one that is retained.
    mutating func entry(_ head: RecordHead, at position: RecordPosition, payload: [UInt8]?) -> CorruptionReason? {
        guard head.index > .zero else { return .recordMalformed }
        if !self.table.update(head.shard, { $0.append(head.index, head.term, at: position) }) {
            guard self.suspicions[head.shard]?.prefix != nil else { return .indexGap }
            // Something else was lost as well, a removal perhaps. Only a new beginning can make sense of it.
            self.suspicions[head.shard]?.isConfused = true
            self.table.update(head.shard) {
                $0.restart(head.index.previous(), .zero, note: [])
                _ = $0.append(head.index, head.term, at: position)
            }
            self.retained.truncate(head.shard, from: .zero)
        }
        self.retained.truncate(head.shard, from: head.index)
        if let payload {
            let entry = WALEntry(index: head.index, term: head.term, kind: head.entryKind, payload: payload)
            self.retained.append(entry, of: head.shard)
        }
        return nil
    }

    mutating func hardState(_ state: WALHardState, of shard: ShardID) {
        self.table.update(shard) { $0.setHardState(state) }
        self.suspicions[shard]?.isVoteLost = false
        self.settle(shard)
    }

    mutating func restart(_ shard: ShardID, _ index: LogIndex, _ term: Term, note: [UInt8]) {
        self.table.update(shard) { $0.restart(index, term, note: note) }
        self.retained.truncate(shard, from: .zero)
        self.suspicions[shard]?.prefix = nil
        self.suspicions[shard]?.isConfused = false
        self.settle(shard)
    }

    mutating func release(_ shard: ShardID, below index: LogIndex, term: Term, note: [UInt8]) {
        guard index > .zero else { return }  // Carries a ticket and nothing else.
        self.table.update(shard) { $0.release(below: index, term: term, note: note) }
    }

    mutating func remove(_ shard: ShardID, tombstone: [UInt8]) {
        self.table.update(shard) { $0.remove(tombstone: tombstone) }
        self.retained.truncate(shard, from: .zero)
        self.suspicions[shard] = nil
    }

    mutating func repaired(_ shard: ShardID) {
        self.table.update(shard) { $0.damage = nil }
        self.suspicions[shard]?.mayBeDamaged = false
        self.settle(shard)
    }

    // MARK: Losses

    /// Records that may have been for anybody in `footprint` did not read back.
    /// - Parameter isStart: what is lost is a segment's first batch, which may have said of them that they are damaged.
    mutating func lose(_ footprint: Footprint, isStart: Bool = false) {
        for number in 0..<self.settings.shardCountMax {
            let shard = ShardID(UInt16(number))
            let (entries, vote) = (footprint.mayHoldEntries(of: shard), footprint.mayHoldVote(of: shard))
            // The first records of a shard count as a vote, so without one it must be known.
            guard vote || entries && self.table[shard] != nil else { continue }
            var suspicion = self.suspicions[shard] ?? Suspicion()
            suspicion.isVoteLost = suspicion.isVoteLost || vote
            suspicion.mayBeDamaged = suspicion.mayBeDamaged || isStart
            suspicion.mayBeRemoved = suspicion.mayBeRemoved || footprint.mayHoldRemoval(of: shard)
            // Also who was never heard of: all that was known of him may be what is lost.
            self.table.update(shard) { _ in }
            if entries {
                let log = self.table[shard] ?? ShardLog()
                suspicion.prefix = suspicion.prefix ?? (log, self.retained.entries(of: shard, from: .zero))
                self.table.update(shard) { $0.detach() }
                self.retained.truncate(shard, from: .zero)
            }
            self.suspicions[shard] = suspicion
        }
    }

    /// Ends a suspicion that has nothing left to suspect.
    private mutating func settle(_ shard: ShardID) {
        guard let suspicion = self.suspicions[shard], suspicion.prefix == nil, !suspicion.isVoteLost,
            !suspicion.mayBeDamaged, !suspicion.mayBeRemoved
        else { return }
        self.suspicions[shard] = nil
    }

    // MARK: Segment starts

    /// What the first batch of the oldest segment says: taken as it is.
    mutating func begin(_ bounds: [ShardID: ShardBounds]) {
        for (shard, bounds) in bounds { self.table.update(shard) { $0 = ShardLog(bounds) } }
    }

    /// What the first batch of a later segment says: compared for those that are certain, and the truth about the
    /// others, since it was written when the log still was what it was, or after an opening that has judged it.
    mutating func compare(_ bounds: [ShardID: ShardBounds]) -> CorruptionReason? {
        for (shard, truth) in bounds.sorted(by: { $0.key < $1.key }) {
            if let suspicion = self.suspicions[shard] {
                guard self.adopt(truth, of: shard, suspicion) else { return .headerDisagrees }
            } else {
                // Whom an opening before this one suspected without having heard of him stands there as well.
                let log = self.table[shard] ?? ShardLog()
                guard log.hardState == truth.hardState, log.lastIndex == truth.lastIndex,
                    log.lastTerm == truth.lastTerm
                else { return .headerDisagrees }
                self.table.update(shard) {
                    $0.release(below: truth.firstIndex, term: truth.baseTerm, note: truth.note)
                    $0.damage = truth.damage
                }
            }
        }
        // Who is not named had written nothing.
        for shard in self.suspicions.keys where bounds[shard] == nil {
            self.suspicions[shard] = nil
            self.table.remove(shard)
        }
        return nil
    }

    private mutating func adopt(_ truth: ShardBounds, of shard: ShardID, _ suspicion: Suspicion) -> Bool {
        guard let prefix = suspicion.prefix else {
            guard let log = self.table[shard], log.lastIndex == truth.lastIndex, log.lastTerm == truth.lastTerm else {
                return false
            }
            self.table.update(shard) { $0.adopt(truth) }
            self.suspicions[shard] = nil
            return true
        }
        var suffix = self.table[shard] ?? ShardLog()
        let isSuffixTrue =
            !suffix.isDetached && suffix.lastIndex == truth.lastIndex && suffix.lastTerm == truth.lastTerm
        suffix.release(below: truth.firstIndex, term: truth.baseTerm, note: truth.note)
        if isSuffixTrue, suffix.isWhole, suffix.firstIndex == truth.firstIndex {
            self.suspicions[shard] = nil
        } else if prefix.log.lastIndex == truth.lastIndex, prefix.log.lastTerm == truth.lastTerm {
            // Equal index and term, so equal logs (Raft paper, section 5.3: log matching).
            suffix = prefix.log
            suffix.release(below: truth.firstIndex, term: truth.baseTerm, note: truth.note)
            self.suspicions[shard] = nil
            self.retained.truncate(shard, from: .zero)
            for entry in prefix.retained { self.retained.append(entry, of: shard) }
        } else if truth.lastIndex < truth.firstIndex {
            suffix = ShardLog(truth)
            self.suspicions[shard] = nil
            self.retained.truncate(shard, from: .zero)
        } else {
            if !isSuffixTrue || suffix.firstIndex != truth.firstIndex {
                suffix = ShardLog(truth)
                self.retained.truncate(shard, from: .zero)
            }
            self.suspicions[shard]?.isVoteLost = false
            self.suspicions[shard]?.mayBeDamaged = false
            self.suspicions[shard]?.mayBeRemoved = false
            self.suspicions[shard]?.isConfused = false
        }
        suffix.adopt(truth)
        self.table.update(shard) { $0 = suffix }
        return true
    }

    // MARK: The end

    /// Settles what is still suspected, and finds what is missing without a loss having been seen.
    /// - Returns: who is damaged now and was not known to be, and up to where the damaged are known to have reached.
    mutating func finish() -> (isDamageNew: Bool, lostThrough: [ShardID: LogIndex]) {
        var isDamageNew = false
        var lostThrough: [ShardID: LogIndex] = [:]
        func note(_ damage: WALDamage, _ log: inout ShardLog) {
            if (log.damage?.rawValue ?? 0) < damage.rawValue {
                log.damage = damage
                isDamageNew = true
            }
        }
        for (shard, found) in self.table.shards {
            var log = found
            let suspicion = self.suspicions[shard]
            if suspicion?.isConfused == true || !log.isWhole {
                if !log.isDetached { lostThrough[shard] = log.lastIndex }
                log = Self.certain(of: suspicion?.prefix?.log, before: found, suspicion?.isConfused ?? false)
                self.retained.truncate(shard, from: .zero)
                for entry in suspicion?.prefix?.retained ?? [] { self.retained.append(entry, of: shard) }
                note(.entriesLost, &log)
            }
            if let suspicion, suspicion.isVoteLost || suspicion.mayBeDamaged || suspicion.mayBeRemoved {
                note(.hardStateLost, &log)
            }
            if let through = lostThrough[shard], through <= log.lastIndex { lostThrough[shard] = nil }
            self.table.update(shard) { $0 = log }
        }
        self.suspicions = [:]
        return (isDamageNew, lostThrough)
    }

    /// What is left of a log: the prefix as far as it is still needed, with what is known from later on.
    private static func certain(of prefix: ShardLog?, before suffix: ShardLog, _ isConfused: Bool) -> ShardLog {
        var log = prefix ?? ShardLog()
        if prefix != nil, isConfused {
            if !log.isWhole { log.restart(log.firstIndex.previous(), log.baseTerm, note: log.note) }
        } else {
            let first = suffix.firstIndex
            if first.rawValue > log.lastIndex.rawValue + 1 || !log.isWhole {
                log.restart(first.previous(), suffix.baseTerm, note: suffix.note)
            } else {
                log.release(below: first, term: suffix.baseTerm, note: suffix.note)
            }
        }
        var facts = ShardBounds(suffix)
        facts.note = log.note
        log.adopt(facts)
        return log
    }

    func retainedEntries(of shard: ShardID, in log: ShardLog) -> [WALEntry] {
        self.retained.entries(of: shard, from: log.firstIndex).filter { $0.index <= log.lastIndex }
    }
}
