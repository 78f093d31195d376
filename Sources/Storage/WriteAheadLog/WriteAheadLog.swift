import ClusterModel
import Failpoints
import Logging
import Synchronization

/// The node's log on disk, shared by all shards: one write and one sync for everything that waits.
///
/// Data's way, step 6. A thread of its own commits in groups: while one batch is on its way to the disk the next one
/// fills. Any error while writing is final: `onFatal` is called once, nothing is acknowledged any more, and the host
/// ends the process.
///
/// - SeeAlso: docs/wal.md for the format and the rules of recovery.
package final class WriteAheadLog: Sendable {
    private let queue: SubmissionQueue
    private let reader: EntryReader
    private let settings: WALSettings
    private let spares: SpareSegments
    private let disk: any LogDisk
    private let thread: Mutex<OSThread?>

    /// Opens the log in `directory`, creating both if need be, and reads what it holds: 0.6 s of CPU a GB out of the
    /// page cache (measured), and what the disk takes.
    ///
    /// - Parameters:
    ///   - onSynced: called on the log's thread, in the order of submission, with what became durable.
    ///   - onFatal: called on the log's thread, once, when the log can not go on. The host must end the process.
    /// - Throws: anything but `.released`, `.beyondEnd` and `.queueOverflow`. `.corrupt` means that nothing can be made
    ///   of the log. Damage that can be told apart is in the recovery, shard by shard.
    package static func open(
        directory: String, settings: WALSettings, logger: Logger,
        onSynced: @escaping @Sendable ([SyncedAppend]) -> Void, onFatal: @escaping @Sendable (WALError) -> Void
    ) throws(WALError) -> (log: WriteAheadLog, recovery: WALRecovery) {
        try settings.validate()
        let disk = try FileDisk(directory: directory)
        let plain = try DriverChoice.make(
            settings.driver, disk: disk, batchBytes: settings.batchBytes, probePath: directory + "/probe",
            logger: logger)
        #if DEBUG || ROOST_CHAOS
            let driver = ChaosDisk.wrap(plain, disk)
        #else
            let driver = plain
        #endif
        return try self.open(
            disk: disk, driver: driver, settings: settings, logger: logger, onSynced: onSynced, onFatal: onFatal)
    }

    /// The same over any disk.
    package static func open(
        disk: any LogDisk, driver: sending any BlockDriver, settings: WALSettings, logger: Logger,
        onSynced: @escaping @Sendable ([SyncedAppend]) -> Void, onFatal: @escaping @Sendable (WALError) -> Void
    ) throws(WALError) -> (log: WriteAheadLog, recovery: WALRecovery) {
        try settings.validate()
        let opened = try LogOpening.open(disk: disk, driver: driver, settings: settings) {
            (resumption) throws(DiskFailure) in
            try SpareSegments(
                disk: disk, settings: settings, next: resumption.segment?.next() ?? SegmentNumber(1),
                ready: resumption.spares)
        }
        do throws(WALError) {
            let log = try WriteAheadLog(
                opened.engine, disk: disk, spares: opened.supply, settings: settings, onSynced: onSynced,
                onFatal: onFatal)
            logger.info(
                "Log opened",
                metadata: [
                    "wal.driver": "\(log.statistics.driver)", "wal.segments": "\(log.statistics.segments)",
                    "wal.shards": "\(opened.recovery.shards.count)",
                ])
            for corruption in opened.recovery.corruptions {
                logger.error("The log does not read back", metadata: ["wal.corruption": "\(corruption)"])
            }
            if let torn = opened.recovery.tornTail {
                logger.notice("An unacknowledged write was cut off by the last stop", metadata: ["wal.torn": "\(torn)"])
            }
            return (log, opened.recovery)
        } catch {
            opened.supply.stop()
            throw error
        }
    }

    private init(
        _ engine: LogEngine, disk: any LogDisk, spares: SpareSegments, settings: WALSettings,
        onSynced: @escaping @Sendable ([SyncedAppend]) -> Void, onFatal: @escaping @Sendable (WALError) -> Void
    ) throws(WALError) {
        let queue = SubmissionQueue(engine.statistics, queuedBytesMax: settings.queuedBytesMax)
        self.queue = queue
        self.reader = EntryReader(state: engine.state, identity: engine.identity)
        self.settings = settings
        self.spares = spares
        self.disk = disk
        let committer = Committer(
            engine: engine, queue: queue, settings: settings, onSynced: onSynced, onFatal: onFatal)
        let thread = try onDisk { () throws(DiskFailure) in
            try OSThread(named: "wal") { committer.run() }
        }
        self.thread = Mutex(thread)
    }

    deinit { self.close() }

    /// Hands appends over. Never waits for the disk. Nothing is acknowledged after `close` or a fatal error.
    ///
    /// From one thread at a time; order is kept. One call per turn of the host is best.
    package func submit(_ appends: [WALAppend]) {
        guard !appends.isEmpty else { return }
        for append in appends {
            self.check(append.shard, note: append.restart?.note ?? [])
            let tombstone = append.removal?.count ?? 0
            precondition(
                tombstone <= WALSettings.tombstoneBytesMax,
                "a tombstone of \(tombstone) bytes, at most \(WALSettings.tombstoneBytesMax)")
            for entry in append.entries {
                precondition(
                    entry.payload.count <= self.settings.payloadBytesMax,
                    "an entry of \(entry.payload.count) bytes, at most \(self.settings.payloadBytesMax) fit")
            }
        }
        Failpoints.hit(.walSubmitBefore)
        self.queue.submit(appends.map(LogWork.append))
        Failpoints.hit(.walSubmitAfter)
    }

    /// Says that a shard no longer needs its entries below `index`: they are durable elsewhere. Segments that no shard
    /// needs any more are recycled. An index beyond the log releases all of it, one below what was released does
    /// nothing.
    ///
    /// - Parameter note: the host's words about the index below the first that is kept, given back by recovery with it;
    ///   at most `WALSettings.noteBytesMax`.
    package func release(_ shard: ShardID, below index: LogIndex, note: [UInt8]) {
        self.check(shard, note: note)
        self.queue.submit([.release(shard, below: index, note: note)])
    }

    /// Says that a damaged shard has caught up with its group, with all that was submitted before: it is sound from
    /// now on. Of no effect on a sound one.
    package func repaired(_ shard: ShardID) {
        self.check(shard, note: [])
        self.queue.submit([.repaired(shard)])
    }

    /// Says that the segment of now is to be left: what it holds is given back once nothing in it is needed, however
    /// little is written afterwards. Of no effect on a segment without entries, or while no other stands ready.
    package func rollOver() { self.queue.submit([.rollOver]) }

    private func check(_ shard: ShardID, note: [UInt8]) {
        precondition(
            Int(shard.rawValue) < self.settings.shardCountMax, "shard \(shard) of \(self.settings.shardCountMax)")
        precondition(
            note.count <= self.settings.noteBytesMax,
            "a note of \(note.count) bytes, at most \(self.settings.noteBytesMax)")
    }

    /// Reads durable entries `from..<to`, as many from the beginning as fit in `bytesMax` of payload, at least one.
    ///
    /// Any thread; waits for the disk. Checks every block again.
    /// - Throws: `.released` or `.beyondEnd` for what is not in the log, `.disk` and `.corrupt` for what can not be read
    ///   back: fetch it from a peer.
    package func read(
        _ shard: ShardID, from first: LogIndex, to end: LogIndex, bytesMax: Int
    ) throws(WALError) -> [WALEntry] {
        try self.reader.read(shard, from: first, to: end, bytesMax: bytesMax)
    }

    /// Any thread.
    package var statistics: WALStatistics {
        var statistics = self.queue.statistics
        statistics.spareFailure = self.spares.failure.map(WALError.disk)
        return statistics
    }

    /// Commits what was submitted, then ends both threads. Not from `onSynced` or `onFatal`. Calling it again is harmless.
    package func close() {
        self.queue.close()
        let thread = self.thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        guard let thread else { return }
        thread.join()
        self.spares.stop()
        self.disk.unlock()
    }
}
