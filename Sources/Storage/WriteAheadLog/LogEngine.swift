import ClusterModel
import Failpoints

/// The writing half of the log: turns appends into batches, batches into writes, and writes into acknowledgements.
///
/// One batch is in flight at most; the next fills the other buffer meanwhile. No clock, no thread and no lock of its
/// own: the log's thread drives it, tests drive it step by step. After any error it must not be used again.
///
///     accept ─► fill ─► begin ─► (accept, fill) ─► finish ─► acknowledgements
///                │ segment full
///                └────► roll
///
/// Filling is in `LogEngine+Encoding`, going from segment to segment in `LogEngine+Segments`.
package final class LogEngine {
    struct Batch {
        var encoder: BatchEncoder
        let buffer: Int
        var startBlock = 0
        var changes: [LogChange] = []
        var synced: [SyncedAppend] = []
        /// What it takes off the queue, in `LogWork.queuedBytes`.
        var queuedBytes = 0
    }

    let state: LogIndexState
    let identity: UInt64
    let settings: WALSettings
    let driver: any BlockDriver
    let supply: any SegmentSupply

    var segment: SegmentNumber?
    var segmentBlocks: Int
    private var chain: UInt32
    /// The batch before the one that is filled.
    private(set) var previous: PreviousBatch
    /// All segments in use, ascending.
    var segments: [SegmentNumber]

    var filling: Batch
    private(set) var inFlight: (batch: Batch, blocks: Int)?
    private var idleBuffer: Batch?
    /// The next record did not fit into what the segment has left.
    var isRollDue = false
    /// The segment may hold entries, whether they are needed or not.
    var holdsEntries = false
    /// The last batch carried records and nothing durable vouches for it yet.
    var isMarkerDue = false

    var backlog: [LogWork] = []
    var backlogNext = 0
    /// Within `backlog[backlogNext]`: whether its head parts are encoded, and how many of its entries.
    var headEncoded = false
    var entriesEncoded = 0
    var encoded: EncodedMarks

    package internal(set) var statistics = WALStatistics()
    /// What the last `finish` took off the queue, in `LogWork.queuedBytes`.
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
        self.previous = resumption.lastBatch
        self.segments = resumption.segments
        self.filling = Batch(encoder: BatchEncoder(driver.buffers[0]), buffer: 0)
        self.idleBuffer = Batch(encoder: BatchEncoder(driver.buffers[1]), buffer: 1)
        self.encoded = EncodedMarks(recovery.table)
        self.filling.startBlock = resumption.endBlock
        self.isRollDue = resumption.needsNewSegment
        self.holdsEntries = resumption.segment != nil
        self.statistics.driver = driver.name
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
        // The stop may have come before they were given back.
        self.retireSegments()
    }

    /// Takes over work, in order. Every append keeps to the bounds that `WriteAheadLog.submit` checks.
    package func accept(_ work: consuming [LogWork]) {
        if self.backlog.isEmpty {
            self.backlog = work
        } else {
            self.backlog.append(contentsOf: work)
        }
    }

    package var hasBatch: Bool { !self.filling.encoder.isEmpty }
    package var hasWork: Bool { self.hasBatch || !self.backlog.isEmpty || self.isRollDue }
    package var wantsMarker: Bool { self.isMarkerDue }

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

    func begin(_ kind: BatchKind) throws(WALError) {
        precondition(self.inFlight == nil, "a second batch in flight")
        guard let segment = self.segment, var next = self.idleBuffer else { preconditionFailure("not started") }
        var batch = self.filling
        let start = batch.startBlock
        let footprint = batch.encoder.footprint
        let sealed = batch.encoder.seal(
            kind, identity: self.identity, segment: segment, startBlock: start, previousChain: self.chain,
            // The one before a segment's first is in another segment, and has its place in a record.
            previous: kind == .segmentStart ? .unknown : self.previous)
        precondition(start + sealed.blocks <= self.segmentBlocks, "a batch beyond the end of segment \(segment)")
        Failpoints.hit(.walWriteBefore)
        try onDisk { () throws(DiskFailure) in
            try self.driver.begin(buffer: batch.buffer, blocks: sealed.blocks, atBlock: start)
        }
        Failpoints.hit(.walWriteAfter)
        self.chain = sealed.chain
        self.previous = PreviousBatch(blocks: sealed.blocks, footprint: footprint)
        self.isMarkerDue = kind == .records
        self.inFlight = (batch, sealed.blocks)
        self.idleBuffer = nil
        next.startBlock = start + sealed.blocks
        self.filling = next
        self.beginFilling(at: next.startBlock)
    }

    func beginFilling(at block: Int) {
        self.filling.startBlock = block
        self.filling.encoder.begin(blocksMax: min(self.settings.batchBlocks, self.segmentBlocks - block))
    }

    /// Waits for the disk, then makes the batch visible to readers.
    /// - Returns: what is durable now, in the order in which it was submitted.
    package func finish() throws(WALError) -> [SyncedAppend] {
        guard let (written, blocks) = self.inFlight else { preconditionFailure("no batch in flight") }
        var batch = written
        Failpoints.hit(.walSyncBefore)
        try self.finishDriver()
        Failpoints.hit(.walSyncAfter)
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

    private func finishDriver() throws(WALError) {
        do throws(DiskFailure) {
            try self.driver.finish()
        } catch {
            guard self.settings.faults.contains(.retriesSync) else { throw .disk(error) }
            try onDisk { () throws(DiskFailure) in try self.driver.finish() }
        }
    }

    /// Writes a batch whose only content is the watermark that vouches for the batch before it.
    package func mark() throws(WALError) {
        precondition(self.inFlight == nil && !self.hasBatch, "a marker while there is work")
        guard self.isMarkerDue else { return }
        Failpoints.hit(.walMarker)
        if self.filling.startBlock < self.segmentBlocks {
            try self.begin(.marker)
            _ = try self.finish()
        } else {
            try self.roll()
        }
        self.isMarkerDue = false
    }

    private func publish(_ changes: [LogChange]) {
        guard !changes.isEmpty else { return }
        self.state.withTable { table in
            for change in changes { change.apply(to: &table) }
        }
        if changes.contains(where: \.frees) { self.retireSegments() }
    }
}
