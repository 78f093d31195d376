import ClusterModel
import Failpoints

// Filling a batch with records.
extension LogEngine {
    /// Encodes as much of the backlog as the batch takes.
    package func fill() {
        guard !self.isRollDue else { return }
        while self.backlogNext < self.backlog.count {
            guard self.encodeNext() else {
                // An empty batch that takes nothing has reached the end of the segment.
                self.isRollDue = self.filling.encoder.isEmpty
                return
            }
            self.backlogNext += 1
        }
        self.backlog.removeAll(keepingCapacity: true)
        self.backlogNext = 0
    }

    /// - Returns: false when the rest of the piece of work at hand does not fit into this batch.
    private func encodeNext() -> Bool {
        switch self.backlog[self.backlogNext] {
        case .append(let append): return self.encode(append)
        case .release(let shard, let index, let note): return self.encodeRelease(shard, below: index, note: note)
        case .repaired(let shard):
            guard self.filling.encoder.fits(bodyBytes: 0) else { return false }
            Failpoints.hit(.walRepairRecord)
            self.filling.encoder.append(RecordHead(.repaired, shard: shard, index: .zero), words: [])
            self.filling.changes.append(.repaired(shard))
            self.filling.queuedBytes += RecordHead.bytes
            return true
        case .rollOver: return self.mayGoOn()
        }
    }

    /// At most to the end of what is encoded, so that a reader need not know the end to make sense of it.
    private func encodeRelease(_ shard: ShardID, below index: LogIndex, note: [UInt8]) -> Bool {
        guard self.filling.encoder.fits(bodyBytes: note.count) else { return false }
        Failpoints.hit(.walReleaseRecord)
        let index = min(index, self.encoded.lastIndex(shard).next())
        // Zero when the entry before it is in this very batch: then whoever reads this record has read that one.
        let term = index > .zero ? self.state.withTable { $0[shard]?.term(at: index.previous()) } ?? .zero : .zero
        let head = RecordHead(.release, shard: shard, bodyBytes: note.count, index: index, term: term)
        self.filling.encoder.append(head, bytes: note)
        self.filling.changes.append(.release(shard, index, term, note: note))
        self.filling.queuedBytes += RecordHead.bytes + note.count
        return true
    }

    private func encode(_ append: WALAppend) -> Bool {
        if !self.headEncoded {
            guard self.encodeHead(append) else { return false }
            self.headEncoded = true
        }
        while self.entriesEncoded < append.entries.count {
            guard self.encode(append.entries[self.entriesEncoded], of: append.shard) else { return false }
            self.entriesEncoded += 1
        }
        self.headEncoded = false
        self.entriesEncoded = 0
        self.filling.synced.append(SyncedAppend(shard: append.shard, ticket: append.ticket))
        return true
    }

    private func encodeHead(_ append: WALAppend) -> Bool {
        let (removal, restart) = (append.removal, append.restart)
        guard self.filling.encoder.fits(bodies: [removal?.count ?? 0, 8, restart?.note.count ?? 0]) else {
            return false
        }
        // So that a loss without a vote can not have been all there was of a shard.
        if self.encoded.isNew(append.shard) { self.filling.encoder.footprint.insertVote(of: append.shard) }
        if let removal { self.encodeRemoval(append.shard, tombstone: removal) }
        if let hardState = append.hardState {
            self.encode(hardState, of: append.shard)
            self.filling.changes.append(.hardState(append.shard, hardState))
            if self.encoded.isVoteNew(hardState, of: append.shard) {
                self.filling.encoder.footprint.insertVote(of: append.shard)
            }
        }
        if let restart { self.encodeRestart(append.shard, restart) }
        self.filling.queuedBytes += 2 * RecordHead.bytes
        // An append without records still owes its ticket, so at least one record goes with every batch.
        if removal == nil && append.hardState == nil && restart == nil && append.entries.isEmpty {
            self.filling.encoder.append(RecordHead(.release, shard: append.shard, index: .zero), words: [])
        }
        return true
    }

    private func encodeRemoval(_ shard: ShardID, tombstone: [UInt8]) {
        Failpoints.hit(.walRemovalRecord)
        let head = RecordHead(.removal, shard: shard, bodyBytes: tombstone.count, index: .zero)
        self.filling.encoder.append(head, bytes: tombstone)
        self.filling.changes.append(.removal(shard, tombstone: tombstone))
        self.filling.encoder.footprint.insertRemoval(of: shard)
        self.encoded.remove(shard)
    }

    private func encodeRestart(_ shard: ShardID, _ restart: WALLogStart) {
        Failpoints.hit(.walRestartRecord)
        let head = RecordHead(
            .restart, shard: shard, bodyBytes: restart.note.count, index: restart.index, term: restart.term)
        self.filling.encoder.append(head, bytes: restart.note)
        self.filling.changes.append(.restart(shard, restart))
        self.filling.encoder.footprint.insertEntries(of: shard)
        self.encoded.setLastIndex(shard, restart.index)
    }

    private func encode(_ entry: WALEntry, of shard: ShardID) -> Bool {
        guard self.filling.encoder.fits(bodyBytes: entry.payload.count) else { return false }
        let last = self.encoded.lastIndex(shard)
        precondition(
            entry.index > .zero && entry.index <= last.next(),
            "shard \(shard): entry \(entry.index) after \(last) leaves a gap")
        let head = RecordHead(
            .entry, entryKind: entry.kind, shard: shard, bodyBytes: entry.payload.count, index: entry.index,
            term: entry.term)
        let offset = self.filling.encoder.append(head, bytes: entry.payload)
        self.filling.encoder.footprint.insertEntries(of: shard)
        guard let segment = self.segment else { preconditionFailure("no segment before start") }
        let position = RecordPosition(
            segment: segment, byteOffset: self.filling.startBlock * BlockFormat.blockBytes + offset)
        self.filling.changes.append(.entry(shard, entry.index, entry.term, position))
        self.filling.queuedBytes += RecordHead.bytes + entry.payload.count
        self.encoded.setLastIndex(shard, entry.index)
        self.holdsEntries = true
        return true
    }

    func encode(_ state: WALHardState, of shard: ShardID) {
        let vote = state.votedFor.map { [$0.rawValue] } ?? []
        let head = RecordHead(
            .hardState, shard: shard, bodyBytes: vote.count * 8, index: state.commitIndex, term: state.term)
        self.filling.encoder.append(head, words: vote)
    }
}
