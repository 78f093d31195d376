import ClusterModel

/// Rebuilds the log's state from its segments: all shards, and the place where writing goes on.
///
/// Pure but for reading through `LogDisk` and removing a newest segment whose very first write was cut off.
struct Recovery {
    /// Where the writer goes on.
    struct Resumption: Equatable {
        /// Of the log, or nil when it is new.
        var identity: UInt64?
        /// The newest segment in use; nil when there is none.
        var segment: SegmentNumber?
        /// Where its last sound batch ends.
        var endBlock = 0
        var blockCount = 0
        var chain: UInt32 = 0
        /// A torn tail stands behind `endBlock`, so go on in a new segment: nothing is overwritten in place, and no
        /// stale block can come back to life.
        var needsNewSegment = true
        /// All segments in use, ascending.
        var segments: [SegmentNumber] = []
        /// Segments of zeros that already stand ready behind them.
        var spares: [SegmentNumber] = []
    }

    private let disk: any LogDisk
    private let settings: WALSettings

    private(set) var table = ShardTable()
    private(set) var resumption = Resumption()
    private(set) var tornTail: String?
    private var retained = RetainedEntries()
    private var buffer = SegmentBuffer()

    /// Entry indexes and positions stay far from overflow; a larger one is damage.
    private static let indexMax = LogIndex(1 << 62)

    init(disk: any LogDisk, settings: WALSettings) {
        self.disk = disk
        self.settings = settings
    }

    mutating func run() throws(WALError) {
        var numbers = try onDisk { () throws(DiskFailure) in try self.disk.segmentNumbers() }.sorted()
        for (lower, higher) in zip(numbers, numbers.dropFirst()) where lower.next() != higher {
            throw .segmentMissing(lower.next())
        }
        try self.setSparesAside(&numbers)
        try self.dropTornStart(&numbers)
        try self.replay(numbers)
        try self.checkCompleteness()
        self.resumption.segments = numbers
    }

    /// What the host gets to see.
    var recovered: WALRecovery {
        var shards: [ShardID: WALRecovery.RecoveredShard] = [:]
        for (shard, log) in self.table.shards {
            shards[shard] = WALRecovery.RecoveredShard(
                hardState: log.hardState, firstIndex: log.firstIndex, lastIndex: log.lastIndex,
                lastTerm: log.lastTerm, termRuns: log.termRuns,
                configurationEntries: self.retained.entries(of: shard, from: log.firstIndex))
        }
        return WALRecovery(shards: shards, tornTail: self.tornTail)
    }

    // MARK: Finding the newest segment

    /// Takes the segments of zeros at the end away from `numbers`.
    private mutating func setSparesAside(_ numbers: inout [SegmentNumber]) throws(WALError) {
        var sizesMatch = true
        while let last = numbers.last {
            let blockCount = try self.load(last, settling: true)
            guard self.buffer.isZero else { break }
            // Segments appear under their names at full length, so this one was cut short.
            guard blockCount > 0 else { throw .corrupt(segment: last, byteOffset: 0, reason: .segmentLength) }
            sizesMatch = sizesMatch && blockCount == self.settings.segmentBlocks
            self.resumption.spares.insert(last, at: 0)
            numbers.removeLast()
        }
        if !sizesMatch { try self.removeSpares() }
    }

    /// From the end, so that a crash in between leaves no gap.
    private mutating func removeSpares() throws(WALError) {
        while let last = self.resumption.spares.last {
            try onDisk { () throws(DiskFailure) in try self.disk.removeSegment(last) }
            self.resumption.spares.removeLast()
        }
    }

    /// A newest segment whose first batch was cut off holds nothing that was acknowledged; it is removed.
    private mutating func dropTornStart(_ numbers: inout [SegmentNumber]) throws(WALError) {
        guard let last = numbers.last else { return }
        var scan = BatchScan(self.buffer.bytes, number: last, identity: nil, chain: nil)
        guard case .broken = try scan.step() else { return }
        // The scan stopped before it unwhitened anything.
        switch TailVerdict(self.buffer.bytes, from: 0, identity: nil, number: last) {
        case .corrupt(let block, let reason): throw scan.corrupt(block, reason)
        case .clean, .torn: break
        }
        self.tornTail = "the first write of segment \(last) was cut off"
        numbers.removeLast()
        try self.removeSpares()
        try onDisk { () throws(DiskFailure) in try self.disk.removeSegment(last) }
        guard let previous = numbers.last else { return }
        _ = try self.load(previous, settling: true)
    }

    // MARK: Replaying

    private mutating func replay(_ numbers: [SegmentNumber]) throws(WALError) {
        // Each segment's first batch says where the one before it ends, so it is read before that one is replayed.
        var ends: [SegmentNumber: (block: Int, chain: UInt32)] = [:]
        for number in numbers.dropFirst() {
            ends[SegmentNumber(number.rawValue - 1)] = try self.previousEnd(accordingTo: number)
        }
        for (number, next) in zip(numbers, numbers.dropFirst().map(Optional.some) + [nil]) {
            let disk = self.disk
            // The disk reads the next segment while this one is checked.
            if let next { try onDisk { () throws(DiskFailure) in try disk.openSegment(next).readAhead() } }
            let blockCount = try self.load(number, settling: false)
            try self.replaySegment(number, blockCount: blockCount, end: ends[number])
        }
    }

    private mutating func previousEnd(accordingTo number: SegmentNumber) throws(WALError) -> (Int, UInt32) {
        let prefix = min(self.settings.batchBlocks * 2, BlockFormat.batchBlocksMax)
        _ = try self.load(number, settling: false, blocksMax: prefix)
        var scan = BatchScan(self.buffer.bytes, number: number, identity: self.resumption.identity, chain: nil)
        guard case .batch(let batch) = try scan.step() else {
            // Longer than this version writes first batches, or broken; a look at all of it tells.
            _ = try self.load(number, settling: false)
            scan = BatchScan(self.buffer.bytes, number: number, identity: self.resumption.identity, chain: nil)
            switch try scan.step() {
            case .batch(let batch): return try self.previousEnd(scan, batch)
            case .broken(let block, let state): throw scan.corrupt(block, CorruptionReason(state))
            }
        }
        return try self.previousEnd(scan, batch)
    }

    private func previousEnd(_ scan: BatchScan, _ batch: SoundBatch) throws(WALError) -> (Int, UInt32) {
        var records = scan.records(of: batch)
        let start = try self.segmentStart(&records, scan)
        guard let end = Int(exactly: start.previousEnd) else { throw scan.corrupt(0, .recordMalformed) }
        return (end, batch.head.previousChain)
    }

    private func segmentStart(_ records: inout StreamReader, _ scan: BatchScan) throws(WALError) -> SegmentStart {
        guard let (head, _) = records.head(), head.kind == RecordKind.segmentStart.rawValue,
            head.bodyBytes == UInt32(SegmentStart.bodyBytes), let version = records.word(),
            let blockCount = records.word()
        else { throw scan.corrupt(0, .recordMalformed) }
        guard version == SegmentStart.formatVersion else {
            throw .unknownFormat(segment: scan.number, version: version)
        }
        return SegmentStart(version: version, blockCount: blockCount, previousEnd: head.index.rawValue)
    }

    /// - Parameter end: where the segment ends according to its successor; nil for the newest.
    private mutating func replaySegment(
        _ number: SegmentNumber, blockCount: Int, end: (block: Int, chain: UInt32)?
    ) throws(WALError) {
        let isOldest = self.resumption.segment == nil
        var scan = BatchScan(
            self.buffer.bytes, number: number, identity: self.resumption.identity,
            chain: isOldest ? nil : self.resumption.chain)
        var needsNewSegment = false
        scanning: while end == nil || scan.next < end!.block {
            switch try scan.step() {
            case .batch(let batch):
                try self.replayBatch(batch, scan, isOldest: isOldest, blockCount: blockCount)
            case .broken(let block, let state):
                guard end == nil else {
                    guard block < blockCount else { throw scan.corrupt(block, .segmentLength) }
                    throw scan.corrupt(block, CorruptionReason(state))
                }
                needsNewSegment = try self.judgeTail(scan)
                break scanning
            }
        }
        if let end, scan.next != end.block || scan.chain != end.chain {
            throw scan.corrupt(end.block, .chainBroken)
        }
        self.resumption.identity = scan.identity
        self.resumption.segment = number
        self.resumption.endBlock = scan.next
        self.resumption.blockCount = blockCount
        self.resumption.chain = scan.chain ?? 0
        self.resumption.needsNewSegment = needsNewSegment
    }

    /// - Returns: whether a torn tail stands there.
    private mutating func judgeTail(_ scan: BatchScan) throws(WALError) -> Bool {
        switch TailVerdict(self.buffer.bytes, from: scan.next, identity: scan.identity, number: scan.number) {
        case .clean: return false
        case .torn(let blocks):
            self.tornTail =
                "a write of \(blocks) blocks at byte \(scan.next * BlockFormat.blockBytes) of segment \(scan.number) was cut off"
            return true
        case .corrupt(let block, let reason): throw scan.corrupt(block, reason)
        }
    }

    private mutating func replayBatch(
        _ batch: SoundBatch, _ scan: BatchScan, isOldest: Bool, blockCount: Int
    ) throws(WALError) {
        var records = scan.records(of: batch)
        var count = 0
        if batch.startBlock == 0 {
            let start = try self.segmentStart(&records, scan)
            guard start.blockCount == UInt64(blockCount) else { throw scan.corrupt(0, .segmentLength) }
            count += 1
        }
        while let (head, position) = records.head() {
            let block = position / BlockFormat.blockBytes
            guard records.remaining >= Int(head.bodyBytes), head.index <= Self.indexMax else {
                throw scan.corrupt(block, .recordMalformed)
            }
            let problem =
                batch.startBlock == 0
                ? self.replayStart(head, &records, isOldest: isOldest)
                : self.replay(head, RecordPosition(segment: scan.number, byteOffset: position), &records)
            if let problem { throw scan.corrupt(block, problem) }
            count += 1
        }
        guard records.remaining == 0, count == Int(batch.head.recordCount) else {
            throw scan.corrupt(batch.startBlock, .batchMalformed)
        }
    }

    /// A record of an ordinary batch.
    private mutating func replay(
        _ head: RecordHead, _ position: RecordPosition, _ records: inout StreamReader
    ) -> CorruptionReason? {
        guard let kind = RecordKind(rawValue: head.kind) else { return .unknownRecord(head.kind) }
        switch kind {
        case .entry:
            guard self.table.update(head.shard, { $0.append(head.index, head.term, at: position) }) else {
                return .indexGap
            }
            self.retained.truncate(head.shard, from: head.index)
            guard self.settings.retainedKinds.contains(head.entryKind) else {
                return records.skip(Int(head.bodyBytes)) ? nil : .recordMalformed
            }
            guard let payload = records.bytes(Int(head.bodyBytes)) else { return .recordMalformed }
            let entry = WALEntry(index: head.index, term: head.term, kind: head.entryKind, payload: payload)
            self.retained.append(entry, of: head.shard)
        case .hardState:
            guard let state = Self.hardState(head, &records) else { return .recordMalformed }
            self.table.update(head.shard) { $0.hardState = state }
        case .restart:
            guard head.bodyBytes == 0 else { return .recordMalformed }
            self.table.update(head.shard) { $0.restart(head.index, head.term) }
            self.retained.truncate(head.shard, from: .zero)
        case .release:
            guard head.bodyBytes == 0 else { return .recordMalformed }
            self.table.update(head.shard) { $0.release(below: head.index) }
        case .bounds, .segmentStart:
            return .recordMalformed
        }
        return nil
    }

    /// A record of a segment's first batch: taken from the oldest segment, compared in the others.
    private mutating func replayStart(
        _ head: RecordHead, _ records: inout StreamReader, isOldest: Bool
    ) -> CorruptionReason? {
        guard let kind = RecordKind(rawValue: head.kind) else { return .unknownRecord(head.kind) }
        let known = self.table[head.shard]
        switch kind {
        case .hardState:
            guard let state = Self.hardState(head, &records) else { return .recordMalformed }
            if isOldest {
                self.table.update(head.shard) { $0.hardState = state }
            } else if known?.hardState != state {
                return .headerDisagrees
            }
        case .bounds:
            guard head.bodyBytes == 8, let first = records.word(), first > 0, first <= head.index.rawValue + 1 else {
                return .recordMalformed
            }
            if isOldest {
                let log = ShardLog(
                    firstIndex: LogIndex(first), lastIndex: head.index, lastTerm: head.term,
                    hardState: known?.hardState)
                self.table.update(head.shard) { $0 = log }
            } else if known?.lastIndex != head.index || known?.lastTerm != head.term {
                return .headerDisagrees
            }
        case .entry, .restart, .release, .segmentStart:
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

    /// Every entry that was never released must be there: segments may be missing at the old end.
    private func checkCompleteness() throws(WALError) {
        for (shard, log) in self.table.shards where log.lowestHeld > log.firstIndex {
            throw .entriesMissing(shard, from: log.firstIndex)
        }
    }

    // MARK: Reading

    /// Reads a segment into `buffer`.
    /// - Returns: its length in blocks.
    private mutating func load(
        _ number: SegmentNumber, settling: Bool, blocksMax: Int = .max
    ) throws(WALError) -> Int {
        let disk = self.disk
        let file = try onDisk { () throws(DiskFailure) in try disk.openSegment(number) }
        if settling { try onDisk { () throws(DiskFailure) in try file.settle() } }
        let count = file.blockCount
        self.buffer.resize(blocks: min(count, blocksMax))
        let bytes = self.buffer.bytes
        try onDisk { () throws(DiskFailure) in
            let chunk = 1 << 20
            for start in stride(from: 0, to: bytes.count, by: chunk) {
                let slice = UnsafeMutableRawBufferPointer(rebasing: bytes[start..<min(start + chunk, bytes.count)])
                try file.read(block: start / BlockFormat.blockBytes, into: slice)
            }
        }
        return count
    }
}

/// Runs a disk operation and names its failure as one of the log.
func onDisk<Result>(_ body: () throws(DiskFailure) -> Result) throws(WALError) -> Result {
    do throws(DiskFailure) { return try body() } catch { throw .disk(error) }
}
