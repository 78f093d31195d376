// What a host stands on: its log, its projections, threads for what blocks, and chance.

import ChatMachine
import ChatModel
import ClusterModel
import Dispatch
import Foundation
import Logging
import NIOPosix
import Projections
import WriteAheadLog

/// The world below a `ReplicationHost`. `DiskPlatform` is a node's own; the simulator has one in virtual time.
package protocol HostPlatform: Sendable {
    /// Runs one piece of work at a time, in the order in which they were given.
    var writerPool: any WorkPool { get }
    /// Runs work in any order.
    var readerPool: any WorkPool { get }
    /// Runs searches in any order: one may take a thousand times as long as a page of history.
    var searchPool: any WorkPool { get }
    /// For snapshots: one piece of work at a time, in the order in which they were given.
    var bulkPool: any WorkPool { get }
    var shards: any ShardStore { get }

    /// Opens the node's log, once a process. Blocks.
    /// - Parameters: as of `WriteAheadLog.open`.
    func openLog(
        settings: WALSettings, logger: Logger, onSynced: @escaping @Sendable ([SyncedAppend]) -> Void,
        onFatal: @escaping @Sendable (WALError) -> Void
    ) throws(WALError) -> (log: any ReplicaLog, recovery: WALRecovery)

    /// Opens or makes one shard's projection. Blocks.
    func openProjection(of shard: ShardID) throws(ProjectionError) -> any ReplicaProjection

    /// Runs `work` for each number below `count`, in any order, several at once where that is quicker. Blocks until all of
    /// it is done.
    func forEach(below count: Int, _ work: @Sendable (Int) -> Void)

    /// How long the calling thread was ready to run since it began, and did not for want of a processor; nil where that is
    /// not known.
    func processorWait() -> Duration?

    /// A new number at each call, and others in each process.
    func chance() -> UInt64
}

/// Threads for what blocks.
package protocol WorkPool: Sendable {
    func start()
    /// Any thread; returns at once.
    func submit(_ work: @escaping @Sendable () -> Void)
    /// Returns when what was submitted is done.
    func shutdown() async
}

/// The log as a host uses it; see `WriteAheadLog` for the rules.
package protocol ReplicaLog: AnyObject, Sendable {
    func submit(_ appends: [WALAppend])
    func release(_ shard: ShardID, below index: LogIndex, note: [UInt8])
    func repaired(_ shard: ShardID)
    func rollOver()
    func read(
        _ shard: ShardID, from first: LogIndex, to end: LogIndex, bytesMax: Int
    ) throws(WALError) -> [WALEntry]
    var statistics: WALStatistics { get }
    func close()
}

/// One shard's projection as a host uses it; see `ShardProjection` for the rules. Every call may block.
package protocol ReplicaProjection: AnyObject, Sendable {
    var appliedIndex: LogIndex { get }
    func load(into machine: inout ShardMachine) throws(ProjectionError)
    func write(
        _ rows: QueuedRows, after: LogIndex?, appliedIndex: LogIndex, stateHash: UInt64
    ) throws(ProjectionError)
    func answer(_ request: HistoryRequest) throws(ProjectionError) -> QueryAnswer
    /// Where the first hits stand; not complete when the index is too far behind.
    func positions(of search: ShardSearch) throws(ProjectionError) -> (positions: [SearchPosition], isComplete: Bool)
    /// - Returns: up to where the state would survive a power loss.
    func tidy() throws(ProjectionError)
    func checkpoint() throws(ProjectionError) -> LogIndex
    /// Whether something is left for `tidy` and `checkpoint` to forget.
    func holdsErased() throws(ProjectionError) -> Bool
    func close() throws(ProjectionError)
    /// Whether `index` has something to do.
    var wantsIndexing: Bool { get }
    /// A step of bringing the index of texts up to what has been written; it may be left for later at any time.
    ///
    /// - Returns: whether there is more to do.
    func index() throws(ProjectionError) -> Bool
    /// How far the index is behind what has been written. Does not block.
    var indexLag: IndexLag { get }
    /// Forgets the index; `index` makes it anew, and until then a search says that it is not complete.
    func rebuildIndex() throws(ProjectionError)
}

extension WriteAheadLog: ReplicaLog {}
extension ShardProjection: ReplicaProjection {}

/// A node's data directory and real threads.
package struct DiskPlatform: HostPlatform {
    private let directory: String
    // Bounded by what is in flight: one write a shard, reads by the router.
    package let writerPool: any WorkPool = ThreadWorkPool(threads: 1)
    package let readerPool: any WorkPool = ThreadWorkPool(threads: 2)
    package let searchPool: any WorkPool = ThreadWorkPool(threads: 2)
    package let bulkPool: any WorkPool = ThreadWorkPool(threads: 1)
    private let folder: ShardFolder

    package init(directory: String) {
        self.directory = directory
        self.folder = ShardFolder(directory: directory + "/shards")
    }

    package var shards: any ShardStore { DiskShardStore(folder: self.folder) }

    package func openLog(
        settings: WALSettings, logger: Logger, onSynced: @escaping @Sendable ([SyncedAppend]) -> Void,
        onFatal: @escaping @Sendable (WALError) -> Void
    ) throws(WALError) -> (log: any ReplicaLog, recovery: WALRecovery) {
        try WriteAheadLog.open(
            directory: self.directory + "/wal", settings: settings, logger: logger, onSynced: onSynced,
            onFatal: onFatal)
    }

    package func openProjection(of shard: ShardID) throws(ProjectionError) -> any ReplicaProjection {
        try self.folder.create()
        return try ShardProjection.open(path: self.folder.projection(of: shard), shard: shard)
    }

    package func forEach(below count: Int, _ work: @Sendable (Int) -> Void) {
        DispatchQueue.concurrentPerform(iterations: count, execute: work)
    }

    package func processorWait() -> Duration? {
        // Nanoseconds on a processor, nanoseconds ready without one, turns (Linux, Documentation/scheduler/sched-stats).
        guard let text = try? String(contentsOfFile: "/proc/thread-self/schedstat", encoding: .utf8) else { return nil }
        let words = text.split(separator: " ")
        return words.count == 3 ? Int64(words[1]).map { .nanoseconds($0) } : nil
    }

    package func chance() -> UInt64 { UInt64.random(in: .min ... .max) }
}

/// A work pool of real threads.
private struct ThreadWorkPool: WorkPool {
    private let pool: NIOThreadPool

    init(threads: Int) { self.pool = NIOThreadPool(numberOfThreads: threads) }

    func start() { self.pool.start() }
    func submit(_ work: @escaping @Sendable () -> Void) { self.pool.submit { _ in work() } }
    func shutdown() async {
        // It fails only where it was never started, and then there is nothing to wait for.
        try? await self.pool.shutdownGracefully()
    }
}
