import ClusterModel

/// The writing half of the log: turns appends into batches, batches into writes, and writes into acknowledgements.
///
/// One batch is in flight at most; the next fills the other buffer meanwhile. No clock, no thread and no lock of its
/// own: the log's thread drives it, tests drive it step by step. After any error it must not be used again.
///
///     accept ─► fill ─► begin ─► (accept, fill) ─► finish ─► acknowledgements
///                │ segment full
///                └────► roll
package final class LogEngine {
    /// What `finish` learned to be durable.
    private enum Change {
        case entry(ShardID, LogIndex, Term, RecordPosition)
        case hardState(ShardID, WALHardState)
        case restart(ShardID, WALLogStart)
        case release(ShardID, LogIndex)
    }

    private struct Batch {
        var encoder: BatchEncoder
        let buffer: Int
        var startBlock = 0
        var changes: [Change] = []
        var synced: [SyncedAppend] = []
        /// What it takes off the queue, in `Work.queuedBytes`.
        var queuedBytes = 0
    }

    /// What the host asks for, in order.
    package enum Work: Sendable {
        case append(WALAppend)
        case release(ShardID, below: LogIndex, note: [UInt8])
        case repaired(ShardID)

        /// What it counts for while it waits: about what it will take in the log.
        var queuedBytes: Int {
            switch self {
            case .append(let append):
                append.entries.reduce(2 * RecordHead.bytes) { $0 + RecordHead.bytes + $1.payload.count }
            case .release(_, _, let note): RecordHead.bytes + note.count
            case .repaired: RecordHead.bytes
            }
        }
    }

    let state: LogIndexState
    let identity: UInt64
    private let settings: WALSettings
    private let driver: any BlockDriver
    private let supply: any SegmentSupply

    private var segment: SegmentNumber?
    private var segmentBlocks: Int
    private var chain: UInt32
    /// All segments in use, ascending.
    private var segments: [SegmentNumber]

    private var filling: Batch
    private var inFlight: (batch: Batch, blocks: Int)?
    private var idleBuffer: Batch?
    /// The next record did not fit into what the segment has left.
    private var isRollDue = false
    /// The last batch carried records and nothing durable vouches for it yet.
    private var isMarkerDue = false

    private var backlog: [Work] = []
    private var backlogNext = 0
    /// Within `backlog[backlogNext]`: whether its head parts are encoded, and how many of its entries.
    private var headEncoded = false
    private var entriesEncoded = 0
    /// The last index of each shard as encoded, which is ahead of what is durable.
    private var lastEncoded: [LogIndex] = []

    package private(set) var statistics = WALStatistics()
    /// What the last `finish` took off the queue, in `Work.queuedBytes`.
    private(set) var finishedBytes = 0

    init(
        recovery: Recovery, newIdentity: UInt64, settings: WALSettings, disk: any LogDisk, driver: any BlockDriver,
        supply: any SegmentSupply
    ) {
        let resumption = recovery.resumption
        precondition(driver.buffers.count == 2, "a driver has two buffers")
        self.state = LogIndexState(recovery.table, disk: disk)
        self.identity = resumption.identity ?? newIdentity
        self.settings = settings
        self.driver = driver
        self.supply = supply
        self.segment = resumption.segment
        self.segmentBlocks = resumption.blockCount
        self.chain = resumption.chain
        self.segments = resumption.segments
        self.filling = Batch(encoder: BatchEncoder(driver.buffers[0]), buffer: 0)
        self.idleBuffer = Batch(encoder: BatchEncoder(driver.buffers[1]), buffer: 1)
        self.filling.startBlock = resumption.endBlock
        self.isRollDue = resumption.needsNewSegment
        self.statistics.driver = driver.name
        for (shard, log) in recovery.table.shards { self.setLastEncoded(shard, log.lastIndex) }
    }

    /// Before the first `accept`: directs the driver to the newest segment, or begins a new one.
    package func start() throws(WALError) {
        if self.isRollDue || self.segment == nil {
            try self.roll()
        } else if let segment = self.segment {
            try onDisk { () throws(DiskFailure) in try self.driver.use(segment) }
            self.beginFilling(at: self.filling.startBlock)
            // What recovery found behind the last known watermark is durable now; say so before building on it.
            self.isMarkerDue = true
        }
        self.statistics.segments = self.segments.count
    }

    /// Takes over work, in order. Every append keeps to the bounds that `WriteAheadLog.submit` checks.
    package func accept(_ work: consuming [Work]) {
        if self.backlog.isEmpty {
            self.backlog = work
        } else {
            self.backlog.append(contentsOf: work)
        }
    }

    package var hasBatch: Bool { !self.filling.encoder.isEmpty }
    package var hasWork: Bool { self.hasBatch || !self.backlog.isEmpty || self.isRollDue }
    package var wantsMarker: Bool { self.isMarkerDue }

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

    /// Commits what there is: one step for callers that have nothing to do meanwhile.
    package func commit() throws(WALError) -> [SyncedAppend] {
        if self.isRollDue && !self.hasBatch {
            try self.roll()
            self.fill()
        }
        guard self.hasBatch else { return [] }
        try self.begin()
        return try self.finish()
    }

    /// Hands the batch to the disk.
    package func begin() throws(WALError) { try self.begin(.records) }

    /// Waits for the disk, then makes the batch visible to readers.
    /// - Returns: what is durable now, in the order in which it was submitted.
    package func finish() throws(WALError) -> [SyncedAppend] {
        guard let (written, blocks) = self.inFlight else { preconditionFailure("no batch in flight") }
        var batch = written
        try onDisk { () throws(DiskFailure) in try self.driver.finish() }
        self.inFlight = nil
        self.statistics.syncs += 1
        self.statistics.bytes += UInt64(blocks * BlockFormat.blockBytes)
        self.statistics.records += UInt64(batch.encoder.recordCount)
        self.publish(batch.changes)
        let synced = batch.synced
        self.finishedBytes = batch.queuedBytes
        batch.queuedBytes = 0
        batch.changes.removeAll(keepingCapacity: true)
        batch.synced = []
        self.idleBuffer = batch
        return synced
    }

    /// Writes a batch whose only content is the watermark that vouches for the batch before it.
    package func mark() throws(WALError) {
        precondition(self.inFlight == nil && !self.hasBatch, "a marker while there is work")
        guard self.isMarkerDue else { return }
        if self.filling.startBlock < self.segmentBlocks {
            try self.begin(.marker)
            _ = try self.finish()
        } else {
            try self.roll()
        }
        self.isMarkerDue = false
    }

    // MARK: Encoding

    /// - Returns: false when the rest of the piece of work at hand does not fit into this batch.
    private func encodeNext() -> Bool {
        switch self.backlog[self.backlogNext] {
        case .append(let append): return self.encode(append)
        case .repaired: return true
        case .release(let shard, let index, _):
            guard self.filling.encoder.fits(bodyBytes: 0) else { return false }
            self.filling.encoder.append(RecordHead(.release, shard: shard, index: index), words: [])
            self.filling.changes.append(.release(shard, index))
            self.filling.queuedBytes += RecordHead.bytes
            return true
        }
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
        // An append without records still owes its ticket, so at least one record goes with every batch.
        let isBare = append.hardState == nil && append.restart == nil && append.entries.isEmpty
        guard self.filling.encoder.fits(bodyBytes: RecordHead.bytes + 8) else { return false }
        if let hardState = append.hardState {
            self.encode(hardState, of: append.shard, into: &self.filling.encoder)
            self.filling.changes.append(.hardState(append.shard, hardState))
        }
        if let restart = append.restart {
            let head = RecordHead(.restart, shard: append.shard, index: restart.index, term: restart.term)
            self.filling.encoder.append(head, words: [])
            self.filling.changes.append(.restart(append.shard, restart))
            self.setLastEncoded(append.shard, restart.index)
        }
        self.filling.queuedBytes += 2 * RecordHead.bytes
        if isBare {
            let head = RecordHead(.release, shard: append.shard, index: .zero)
            self.filling.encoder.append(head, words: [])
        }
        return true
    }

    private func encode(_ entry: WALEntry, of shard: ShardID) -> Bool {
        guard self.filling.encoder.fits(bodyBytes: entry.payload.count) else { return false }
        let last = self.lastEncoded(shard)
        precondition(
            entry.index > .zero && entry.index <= last.next(),
            "shard \(shard): entry \(entry.index) after \(last) leaves a gap")
        let head = RecordHead(
            .entry, entryKind: entry.kind, shard: shard, bodyBytes: entry.payload.count, index: entry.index,
            term: entry.term)
        let offset = entry.payload.withUnsafeBytes { self.filling.encoder.append(head, body: $0) }
        guard let segment = self.segment else { preconditionFailure("no segment before start") }
        let position = RecordPosition(
            segment: segment, byteOffset: self.filling.startBlock * BlockFormat.blockBytes + offset)
        self.filling.changes.append(.entry(shard, entry.index, entry.term, position))
        self.filling.queuedBytes += RecordHead.bytes + entry.payload.count
        self.setLastEncoded(shard, entry.index)
        return true
    }

    private func encode(_ state: WALHardState, of shard: ShardID, into encoder: inout BatchEncoder) {
        let vote = state.votedFor.map { [$0.rawValue] } ?? []
        let head = RecordHead(
            .hardState, shard: shard, bodyBytes: vote.count * 8, index: state.commitIndex, term: state.term)
        encoder.append(head, words: vote)
    }

    private func lastEncoded(_ shard: ShardID) -> LogIndex {
        let slot = Int(shard.rawValue)
        return slot < self.lastEncoded.count ? self.lastEncoded[slot] : .zero
    }

    private func setLastEncoded(_ shard: ShardID, _ index: LogIndex) {
        let slot = Int(shard.rawValue)
        if slot >= self.lastEncoded.count {
            self.lastEncoded.append(contentsOf: repeatElement(.zero, count: slot + 1 - self.lastEncoded.count))
        }
        self.lastEncoded[slot] = index
    }

    // MARK: Writing

    private func begin(_ kind: BatchKind) throws(WALError) {
        precondition(self.inFlight == nil, "a second batch in flight")
        guard let segment = self.segment, var next = self.idleBuffer else { preconditionFailure("not started") }
        var batch = self.filling
        let start = batch.startBlock
        let sealed = batch.encoder.seal(
            kind, identity: self.identity, segment: segment, startBlock: start, previousChain: self.chain)
        precondition(start + sealed.blocks <= self.segmentBlocks, "a batch beyond the end of segment \(segment)")
        try onDisk { () throws(DiskFailure) in
            try self.driver.begin(buffer: batch.buffer, blocks: sealed.blocks, atBlock: start)
        }
        self.chain = sealed.chain
        self.isMarkerDue = kind == .records
        self.inFlight = (batch, sealed.blocks)
        self.idleBuffer = nil
        next.startBlock = start + sealed.blocks
        self.filling = next
        self.beginFilling(at: next.startBlock)
    }

    private func beginFilling(at block: Int) {
        self.filling.startBlock = block
        self.filling.encoder.begin(blocksMax: min(self.settings.batchBlocks, self.segmentBlocks - block))
    }

    /// Goes on in the next segment, whose first batch says what all shards must not forget.
    package func roll() throws(WALError) {
        precondition(self.inFlight == nil && !self.hasBatch, "a new segment while a batch is open")
        let number = self.segment?.next() ?? self.firstNumber
        let previousEnd = self.segment == nil ? 0 : self.filling.startBlock
        try onDisk { () throws(DiskFailure) in
            try self.supply.take(number)
            try self.driver.use(number)
        }
        self.segment = number
        self.segmentBlocks = try self.state.file(number).blockCount
        self.beginFilling(at: 0)
        self.encodeSegmentStart(previousEnd: previousEnd)
        try self.begin(.segmentStart)
        _ = try self.finish()
        self.segments.append(number)
        self.isRollDue = false
        self.isMarkerDue = false
        self.retireSegments()
    }

    private var firstNumber: SegmentNumber { SegmentNumber(1) }

    private func encodeSegmentStart(previousEnd: Int) {
        let start = RecordHead(
            .segmentStart, shard: .directory, bodyBytes: SegmentStart.bodyBytes,
            index: LogIndex(UInt64(previousEnd)))
        self.filling.encoder.append(start, words: [SegmentStart.formatVersion, UInt64(self.segmentBlocks)])
        for (shard, log) in self.state.withTable({ $0.shards }) {
            if let hardState = log.hardState { self.encode(hardState, of: shard, into: &self.filling.encoder) }
            let bounds = RecordHead(.bounds, shard: shard, bodyBytes: 8, index: log.lastIndex, term: log.lastTerm)
            self.filling.encoder.append(bounds, words: [log.firstIndex.rawValue])
        }
    }

    // MARK: After the write

    private func publish(_ changes: [Change]) {
        guard !changes.isEmpty else { return }
        var released = false
        self.state.withTable { table in
            for change in changes {
                switch change {
                case .entry(let shard, let index, let term, let position):
                    let isJoined = table.update(shard) { $0.append(index, term, at: position) }
                    precondition(isJoined, "shard \(shard): entry \(index) does not join the log")
                case .hardState(let shard, let state):
                    table.update(shard) { $0.hardState = state }
                case .restart(let shard, let start):
                    table.update(shard) { $0.restart(start.index, start.term) }
                    released = true
                case .release(let shard, let index):
                    table.update(shard) { $0.release(below: index) }
                    released = true
                }
            }
        }
        if released { self.retireSegments() }
    }

    /// Gives back the oldest segments that hold no entry that is needed. Their hard states stand in every later one.
    private func retireSegments() {
        guard let current = self.segment else { return }
        let lowest = min(self.state.withTable { $0.lowestNeededSegment } ?? current, current)
        while let oldest = self.segments.first, oldest < lowest {
            self.segments.removeFirst()
            self.state.forget(oldest)
            self.supply.retire(oldest)
        }
        self.statistics.segments = self.segments.count
    }
}
