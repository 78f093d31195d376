import ClusterModel

/// Reads all segments of a log: what the shards have, what is damaged, and where writing goes on.
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
        /// The last sound batch.
        var lastBatch = PreviousBatch.unknown
        /// Something stands behind `endBlock`, or a shard's damage is still to be put down: go on in a new segment. So
        /// nothing is overwritten in place, and no stale block can come back to life.
        var needsNewSegment = true
        /// All segments in use, ascending.
        var segments: [SegmentNumber] = []
        /// Segments of zeros that already stand ready behind them.
        var spares: [SegmentNumber] = []
    }

    /// What is known of a segment's end.
    enum End {
        /// It is the newest: wherever its batches end.
        case open
        /// It was left at this block, says its successor.
        case sealed(block: Int, chain: UInt32, last: PreviousBatch)
        /// Its successor's first batch does not read back, or the successor is gone.
        case unknown
    }

    let disk: any LogDisk
    let settings: WALSettings

    private(set) var replay: LogReplay
    private(set) var resumption = Resumption()
    private(set) var tornTail: String?
    private(set) var corruptions: [WALCorruption] = []
    private var lostThrough: [ShardID: LogIndex] = [:]
    /// When segments were begun, by the clock of then; those that say so.
    private var begunAt: [SegmentNumber: UInt64] = [:]
    private var buffer = SegmentBuffer()
    /// Of the last batch that was read; nil after something that did not read back.
    private var chain: UInt32?

    init(disk: any LogDisk, settings: WALSettings) {
        self.disk = disk
        self.settings = settings
        self.replay = LogReplay(settings: settings)
    }

    mutating func run() throws(WALError) {
        var numbers = try onDisk { () throws(DiskFailure) in try self.disk.segmentNumbers() }.sorted()
        try self.setSparesAside(&numbers)
        try self.dropTornStart(&numbers)
        try self.replay(numbers)
        let (isDamageNew, lostThrough) = self.replay.finish()
        if isDamageNew { self.resumption.needsNewSegment = true }
        self.lostThrough = lostThrough
        self.resumption.segments = numbers
        if let newest = numbers.last, self.isOld(newest) { self.resumption.needsNewSegment = true }
    }

    /// Whether it should be left. Not where the next one would have to be made first: the disk may be full.
    private func isOld(_ number: SegmentNumber) -> Bool {
        guard let bound = self.settings.segmentMillisecondsMax, !self.resumption.spares.isEmpty,
            let begun = self.begunAt[number]
        else { return false }
        let now = self.disk.milliseconds
        return now > begun && now - begun >= bound
    }

    var table: ShardTable { self.replay.table }

    /// What the host gets to see.
    var recovered: WALRecovery {
        var shards: [ShardID: WALRecovery.RecoveredShard] = [:]
        for (shard, log) in self.table.shards {
            shards[shard] = WALRecovery.RecoveredShard(
                hardState: log.hardState, firstIndex: log.firstIndex, baseTerm: log.baseTerm, note: log.note,
                lastIndex: log.lastIndex, lastTerm: log.lastTerm, termRuns: log.termRuns,
                configurationEntries: self.replay.retainedEntries(of: shard, in: log),
                condition: log.damage.map(WALCondition.damaged) ?? .sound, lostThrough: self.lostThrough[shard],
                isRemoved: log.isRemoved, tombstone: log.tombstone, ages: self.ages(of: log))
        }
        return WALRecovery(shards: shards, tornTail: self.tornTail, corruptions: self.corruptions)
    }

    /// What is in a segment is at least as old as the beginning of the next one. After a leap of the clock that is wrong;
    /// a time that lies ahead says nothing.
    private func ages(of log: ShardLog) -> [WALAge] {
        let now = self.disk.milliseconds
        var ages: [WALAge] = []
        for number in self.resumption.segments {
            guard let sealed = self.begunAt[number.next()], sealed <= now,
                let last = log.lastIndex(through: number)
            else { continue }
            ages.append(WALAge(through: last, milliseconds: now - sealed))
        }
        return ages
    }

    // MARK: Finding the newest segment

    /// Takes the segments of zeros at the end away from `numbers`.
    private mutating func setSparesAside(_ numbers: inout [SegmentNumber]) throws(WALError) {
        var isUsable = true
        while let last = numbers.last {
            let blockCount = try self.load(last, settling: true)
            guard self.buffer.isZero else { break }
            // Segments appear under their names at full length, so this one was cut short.
            guard blockCount > 0 else { throw .corrupt(segment: last, byteOffset: 0, reason: .segmentLength) }
            isUsable = isUsable && blockCount == self.settings.segmentBlocks
            self.resumption.spares.insert(last, at: 0)
            numbers.removeLast()
        }
        // A segment may be missing between the newest one and these.
        if let last = numbers.last, let spare = self.resumption.spares.first {
            isUsable = isUsable && last.next() == spare
        }
        if !isUsable { try self.removeSpares() }
    }

    /// From the end, so that a crash in between leaves no gap.
    private mutating func removeSpares() throws(WALError) {
        while let last = self.resumption.spares.last {
            try onDisk { () throws(DiskFailure) in try self.disk.removeSegment(last) }
            self.resumption.spares.removeLast()
        }
    }

    /// A newest segment whose first batch was cut off holds nothing that was acknowledged; it is removed. When it may
    /// have been acknowledged it stays, unless it is all there is: then nothing is left to read.
    private mutating func dropTornStart(_ numbers: inout [SegmentNumber]) throws(WALError) {
        guard let last = numbers.last else { return }
        var scan = BatchScan(self.buffer.bytes, number: last, identity: nil, chain: nil)
        guard case .broken = scan.step() else { return }
        switch TailVerdict(self.buffer.bytes, from: 0, identity: nil, number: last) {
        case .corrupt(let block, let reason):
            guard numbers.count > 1 else { throw scan.corrupt(block, reason) }
            return
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
        var ends: [SegmentNumber: End] = [:]
        for number in numbers {
            let end = try self.previousEnd(accordingTo: number)
            if number != numbers.first { ends[SegmentNumber(number.rawValue - 1)] = end }
        }
        let batches = BatchReplay(settings: self.settings)
        for (place, number) in numbers.enumerated() {
            let next = place + 1 < numbers.count ? numbers[place + 1] : nil
            if place > 0, numbers[place - 1].next() != number {
                self.lose(SegmentNumber(number.rawValue - 1), 0..<0, .missing, .everything)
                self.chain = nil
            }
            let disk = self.disk
            // The disk reads the next segment while this one is checked.
            if let next { try onDisk { () throws(DiskFailure) in try disk.openSegment(next).readAhead() } }
            let blockCount = try self.load(number, settling: false)
            let end = next == nil ? .open : next == number.next() ? ends[number] ?? .unknown : .unknown
            try self.replaySegment(number, blockCount, end, isOldest: place == 0, batches)
        }
    }

    /// Reads a segment's first batch. The oldest that can be read says what the log's identity is.
    private mutating func previousEnd(accordingTo number: SegmentNumber) throws(WALError) -> End {
        let prefix = min(self.settings.batchBlocks * 2, BlockFormat.batchBlocksMax)
        _ = try self.load(number, settling: false, blocksMax: prefix)
        var scan = BatchScan(self.buffer.bytes, number: number, identity: self.resumption.identity, chain: nil)
        var step = scan.step()
        if case .broken = step {
            // Longer than this version writes first batches, or broken; a look at all of it tells.
            _ = try self.load(number, settling: false)
            scan = BatchScan(self.buffer.bytes, number: number, identity: self.resumption.identity, chain: nil)
            step = scan.step()
        }
        guard case .batch(let batch) = step else { return .unknown }
        let (start, _) = try BatchReplay(settings: self.settings).start(batch, scan)
        if start.begunAt > 0 { self.begunAt[number] = start.begunAt }
        guard let end = Int(exactly: start.previousEnd) else { throw scan.corrupt(0, .recordMalformed) }
        self.resumption.identity = scan.identity
        return .sealed(block: end, chain: batch.head.previousChain, last: start.previous)
    }

    private mutating func replaySegment(
        _ number: SegmentNumber, _ blockCount: Int, _ end: End, isOldest: Bool, _ batches: BatchReplay
    ) throws(WALError) {
        var scan = BatchScan(
            self.buffer.bytes, number: number, identity: self.resumption.identity, chain: isOldest ? nil : self.chain)
        var needsNewSegment = false
        var limit = blockCount
        var following: PreviousBatch?
        if case .sealed(let block, _, let last) = end {
            limit = min(block, blockCount)
            following = last
            if block > blockCount { self.lose(number, scan.bytes(blockCount..<block), .segmentLength, .everything) }
        }
        scanning: while scan.next < limit {
            switch scan.step() {
            case .batch(let batch):
                let blocks = batch.startBlock..<scan.next
                if batch.isUnchained { self.lose(number, scan.bytes(blocks), .chainBroken, .everything) }
                if batch.startBlock == 0 {
                    let (start, bounds) = try batches.start(batch, scan)
                    if start.version != SegmentStart.formatVersion { needsNewSegment = true }
                    if start.blockCount > UInt64(blockCount), case .open = end {
                        let missing = blockCount..<Int(clamping: start.blockCount)
                        self.lose(number, scan.bytes(missing), .segmentLength, .everything)
                        needsNewSegment = true
                    }
                    if isOldest { self.replay.begin(bounds) }
                    if !isOldest, let problem = self.replay.compare(bounds) { throw scan.corrupt(0, problem) }
                } else {
                    try batches.replay(batch, scan, into: &self.replay)
                }
                self.resumption.lastBatch = PreviousBatch(blocks: batch.blocks, footprint: batch.footprint)
            case .broken(_, let reason):
                var reason = reason
                if following == nil {
                    switch self.judgeTail(scan, end) {
                    case .clean: break scanning
                    case .torn:
                        needsNewSegment = true
                        break scanning
                    case .corrupt(_, let found): reason = found
                    }
                    needsNewSegment = true
                    limit = self.buffer.writtenBlocks
                }
                let lost = LostBatch(
                    self.buffer.bytes, from: scan.next, limit: limit, identity: scan.identity, number: number,
                    following: following)
                let chain = scan.chain
                self.pass(over: lost, reason, &scan, isOldest: isOldest)
                // What is void here must not be taken for the log's last batch by the next opening.
                if following == nil, scan.next >= limit {
                    self.resumption.endBlock = lost.blocks.lowerBound
                    self.chain = chain
                    self.finishSegment(number, blockCount, needsNewSegment: true)
                    return
                }
            }
        }
        if case .sealed(let block, let chain, _) = end {
            if scan.next != block && block <= blockCount || scan.chain != nil && scan.chain != chain {
                self.lose(number, scan.bytes(scan.next..<max(scan.next, block)), .chainBroken, .everything)
            }
            self.chain = chain
        } else {
            self.chain = scan.chain
        }
        self.resumption.identity = self.resumption.identity ?? scan.identity
        self.resumption.endBlock = scan.next
        self.finishSegment(number, blockCount, needsNewSegment: needsNewSegment)
    }

    private mutating func finishSegment(_ number: SegmentNumber, _ blockCount: Int, needsNewSegment: Bool) {
        self.resumption.segment = number
        self.resumption.blockCount = blockCount
        self.resumption.chain = self.chain ?? 0
        self.resumption.needsNewSegment = needsNewSegment
    }

    private mutating func judgeTail(_ scan: BatchScan, _ end: End) -> TailVerdict {
        var verdict = TailVerdict(self.buffer.bytes, from: scan.next, identity: scan.identity, number: scan.number)
        if self.settings.faults.contains(.truncatesSilently), case .corrupt = verdict { verdict = .torn(blocks: 1) }
        if case .torn(let blocks) = verdict, case .open = end {
            let byte = scan.next * BlockFormat.blockBytes
            self.tornTail = "a write of \(blocks) blocks at byte \(byte) of segment \(scan.number) was cut off"
        }
        return verdict
    }

    // MARK: Losses

    private mutating func pass(
        over lost: LostBatch, _ reason: CorruptionReason, _ scan: inout BatchScan, isOldest: Bool
    ) {
        var footprint = lost.footprint
        if lost.blocks.lowerBound == 0 {
            footprint = lost.footprintOfStart(
                self.buffer.bytes, chain: isOldest ? nil : self.chain, identity: scan.identity, number: scan.number,
                isAlone: reason == .possiblyAcknowledged)
        }
        self.lose(
            scan.number, scan.bytes(lost.blocks), reason, footprint, isStart: lost.blocks.lowerBound == 0)
        scan.resume(at: lost.blocks.upperBound)
    }

    private mutating func lose(
        _ number: SegmentNumber, _ bytes: Range<Int>, _ reason: CorruptionReason, _ footprint: Footprint,
        isStart: Bool = false
    ) {
        self.corruptions.append(WALCorruption(segment: number, bytes: bytes, reason: reason))
        self.replay.lose(footprint, isStart: isStart)
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
