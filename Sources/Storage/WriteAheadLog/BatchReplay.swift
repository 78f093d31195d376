import ClusterModel

/// Reads the records of sound batches and hands them to the replay, every length and kind checked.
struct BatchReplay {
    /// Entry indexes and positions stay far from overflow; a larger one is damage.
    private static let indexMax = LogIndex(1 << 62)

    private let retainedKinds: Set<UInt8>
    private let shardCountMax: Int

    init(settings: WALSettings) {
        self.retainedKinds = settings.retainedKinds
        self.shardCountMax = settings.shardCountMax
    }

    private func check(
        _ head: RecordHead, _ records: StreamReader, _ scan: BatchScan, _ block: Int
    ) throws(WALError) {
        guard records.remaining >= Int(head.bodyBytes), head.index <= Self.indexMax else {
            throw scan.corrupt(block, .recordMalformed)
        }
        // A loss is charged to every shard below the bound, so there may be none beyond it.
        guard Int(head.shard.rawValue) < self.shardCountMax else {
            throw .settings("the log holds shard \(head.shard), shardCountMax is \(self.shardCountMax)")
        }
    }

    // MARK: Ordinary batches

    func replay(_ batch: SoundBatch, _ scan: BatchScan, into replay: inout LogReplay) throws(WALError) {
        var records = scan.records(of: batch)
        var count = 0
        while let (head, position) = records.head() {
            let block = position / BlockFormat.blockBytes
            try self.check(head, records, scan, block)
            let place = RecordPosition(segment: scan.number, byteOffset: position)
            if let problem = self.replay(head, place, &records, into: &replay) { throw scan.corrupt(block, problem) }
            count += 1
        }
        guard records.remaining == 0, count == Int(batch.head.recordCount) else {
            throw scan.corrupt(batch.startBlock, .batchMalformed)
        }
    }

    private func replay(
        _ head: RecordHead, _ position: RecordPosition, _ records: inout StreamReader, into replay: inout LogReplay
    ) -> CorruptionReason? {
        guard let kind = RecordKind(rawValue: head.kind) else { return .unknownRecord(head.kind) }
        switch kind {
        case .entry:
            var payload: [UInt8]?
            if self.retainedKinds.contains(head.entryKind) {
                payload = records.bytes(Int(head.bodyBytes))
            } else {
                guard records.skip(Int(head.bodyBytes)) else { return .recordMalformed }
            }
            return replay.entry(head, at: position, payload: payload)
        case .hardState:
            guard let state = Self.hardState(head, &records) else { return .recordMalformed }
            replay.hardState(state, of: head.shard)
        case .restart:
            guard let note = records.bytes(Int(head.bodyBytes)) else { return .recordMalformed }
            replay.restart(head.shard, head.index, head.term, note: note)
        case .release:
            guard let note = records.bytes(Int(head.bodyBytes)) else { return .recordMalformed }
            replay.release(head.shard, below: head.index, term: head.term, note: note)
        case .removal:
            guard let tombstone = records.bytes(Int(head.bodyBytes)) else { return .recordMalformed }
            replay.remove(head.shard, tombstone: tombstone)
        case .repaired:
            guard head.bodyBytes == 0 else { return .recordMalformed }
            replay.repaired(head.shard)
        case .bounds, .segmentStart, .note, .tombstone:
            return .recordMalformed
        }
        return nil
    }

    private static func hardState(_ head: RecordHead, _ records: inout StreamReader) -> WALHardState? {
        switch head.bodyBytes {
        case 0: return WALHardState(term: head.term, votedFor: nil, commitIndex: head.index)
        case 8:
            guard let vote = records.word() else { return nil }
            return WALHardState(term: head.term, votedFor: ReplicaID(vote), commitIndex: head.index)
        default: return nil
        }
    }

    // MARK: Segment starts

    /// All that a segment's first batch says.
    func start(_ batch: SoundBatch, _ scan: BatchScan) throws(WALError) -> (SegmentStart, [ShardID: ShardBounds]) {
        var records = scan.records(of: batch)
        let start = try self.segmentStart(&records, scan)
        var hardStates: [ShardID: WALHardState] = [:]
        var shards: [ShardID: ShardBounds] = [:]
        var count = 1
        while let (head, position) = records.head() {
            let block = position / BlockFormat.blockBytes
            try self.check(head, records, scan, block)
            guard let kind = RecordKind(rawValue: head.kind) else {
                throw scan.corrupt(block, .unknownRecord(head.kind))
            }
            switch kind {
            case .hardState: hardStates[head.shard] = Self.hardState(head, &records)
            case .bounds: shards[head.shard] = Self.bounds(head, &records, version: start.version)
            case .note: shards[head.shard]?.note = records.bytes(Int(head.bodyBytes)) ?? []
            case .tombstone: shards[head.shard]?.tombstone = records.bytes(Int(head.bodyBytes)) ?? []
            case .entry, .restart, .release, .segmentStart, .removal, .repaired:
                throw scan.corrupt(block, .recordMalformed)
            }
            let isUnderstood =
                switch kind {
                case .hardState: hardStates[head.shard] != nil
                default: shards[head.shard] != nil
                }
            guard isUnderstood else { throw scan.corrupt(block, .recordMalformed) }
            count += 1
        }
        guard records.remaining == 0, count == Int(batch.head.recordCount),
            hardStates.keys.allSatisfy({ shards[$0] != nil })
        else { throw scan.corrupt(0, .batchMalformed) }
        for (shard, state) in hardStates { shards[shard]?.hardState = state }
        return (start, shards)
    }

    private static func bounds(_ head: RecordHead, _ records: inout StreamReader, version: UInt64) -> ShardBounds? {
        guard head.bodyBytes == (version == 1 ? 8 : 24), let first = records.word(), first > 0,
            first <= head.index.rawValue + 1
        else { return nil }
        var bounds = ShardBounds(firstIndex: LogIndex(first), lastIndex: head.index, lastTerm: head.term)
        guard version > 1 else { return bounds }
        guard let term = records.word(), let flags = records.word() else { return nil }
        bounds.baseTerm = Term(term)
        bounds.flags = flags
        // A damage of a kind that this version does not know is still one.
        guard bounds.flags == flags else { return nil }
        return bounds
    }

    private func segmentStart(_ records: inout StreamReader, _ scan: BatchScan) throws(WALError) -> SegmentStart {
        guard let (head, _) = records.head(), head.kind == RecordKind.segmentStart.rawValue,
            let version = records.word(), let blockCount = records.word()
        else { throw scan.corrupt(0, .recordMalformed) }
        guard SegmentStart.readableVersions.contains(version) else {
            throw .unknownFormat(segment: scan.number, version: version)
        }
        guard Int(head.bodyBytes) == SegmentStart.bodyBytes(version: version) else {
            throw scan.corrupt(0, .recordMalformed)
        }
        var start = SegmentStart(version: version, blockCount: blockCount, previousEnd: head.index.rawValue)
        start.begunAt = head.term.rawValue
        if version > 1 {
            guard let word = records.word() else { throw scan.corrupt(0, .recordMalformed) }
            let (blocks, footprint) = (Int(word >> 32), UInt32(truncatingIfNeeded: word))
            if blocks > 0 { start.previous = PreviousBatch(blocks: blocks, footprint: Footprint(word: footprint)) }
        }
        return start
    }
}
