import ClusterModel
import Logging
import Projections
import Replication
import WriteAheadLog

/// What a simulated node's disk keeps when its process is gone.
final class NodeStorage: @unchecked Sendable {
    let disk = NodeDisk()
    let shards: NodeShards

    init(forgetsKeys: Bool) { self.shards = NodeShards(forgetsKeys: forgetsKeys) }

    /// - Parameter isPower: false when only the process dies, and the page cache lives on.
    func crash(isPower: Bool, _ chance: inout Chance) {
        // A write to the log that was under way may be lost to a killed process too.
        self.disk.losePower(&chance)
        if isPower { self.shards.losePower(&chance) }
    }
}

/// A node's platform in virtual time: disk, threads and chance of one process.
final class NodePlatform: HostPlatform, @unchecked Sendable {
    let loop: VirtualLoop
    let storage: NodeStorage
    let swarm: NodeSwarm
    var random: Chance
    /// Nothing that was begun completes before this.
    var stalledUntil = VirtualTime.zero
    let writerPool: any WorkPool
    let readerPool: any WorkPool
    let searchPool: any WorkPool
    let bulkPool: any WorkPool
    private let pools: [NodePool]

    init(loop: VirtualLoop, storage: NodeStorage, swarm: NodeSwarm, chance: Chance) {
        self.loop = loop
        self.storage = storage
        self.swarm = swarm
        self.random = chance
        let writer = NodePool(isOrdered: true)
        let reader = NodePool(isOrdered: false)
        let search = NodePool(isOrdered: false)
        let bulk = NodePool(isOrdered: true)
        self.writerPool = writer
        self.readerPool = reader
        self.searchPool = search
        self.bulkPool = bulk
        self.pools = [writer, reader, search, bulk]
        for pool in self.pools { pool.platform = self }
    }

    /// How long the disk takes for something from now on.
    func delay(meanMicroseconds: Int) -> VirtualTime {
        let time = VirtualTime(microseconds: UInt64(self.random.number(0...meanMicroseconds * 2)))
        let now = self.loop.scheduler.now
        guard self.stalledUntil > now else { return time }
        return VirtualTime(microseconds: self.stalledUntil.microseconds - now.microseconds) + time
    }

    // MARK: HostPlatform

    func forEach(below count: Int, _ work: @Sendable (Int) -> Void) { for number in 0..<count { work(number) } }
    func processorWait() -> Duration? { nil }

    var shards: any ShardStore { self.storage.shards }

    func openLog(
        settings: WALSettings, logger: Logger, onSynced: @escaping @Sendable ([SyncedAppend]) -> Void,
        onFatal: @escaping @Sendable (WALError) -> Void
    ) throws(WALError) -> (log: any ReplicaLog, recovery: WALRecovery) {
        let driver = NodeDiskDriver(self.storage.disk, batchBytes: settings.batchBytes)
        let opened = try LogOpening.openInline(disk: self.storage.disk, driver: driver, settings: settings)
        let log = NodeLog(opened.engine, self, onSynced: onSynced, onFatal: onFatal)
        return (log, opened.recovery)
    }

    func openProjection(of shard: ShardID) throws(ProjectionError) -> any ReplicaProjection {
        self.storage.shards.openProjection(of: shard)
    }

    func chance() -> UInt64 { self.random.generator.next() }
}

/// A thread or two of a node: what is given to it runs a little later, off the loop.
private final class NodePool: WorkPool, @unchecked Sendable {
    unowned var platform: NodePlatform!
    private let isOrdered: Bool
    private var freeAt = VirtualTime.zero

    init(isOrdered: Bool) { self.isOrdered = isOrdered }

    func start() {}
    func submit(_ work: @escaping @Sendable () -> Void) {
        let scheduler = self.platform.loop.scheduler
        var end = scheduler.now + self.platform.delay(meanMicroseconds: self.platform.swarm.workMicroseconds)
        if self.isOrdered {
            end = max(end, self.freeAt)
            self.freeAt = end
        }
        let wait = VirtualTime(microseconds: end.microseconds - scheduler.now.microseconds)
        scheduler.schedule(after: wait, on: self.platform.loop, isOnLoop: false, work)
    }
    func shutdown() async {}
}

/// The real log engine over the simulated disk, one batch on its way at a time.
private final class NodeLog: ReplicaLog, @unchecked Sendable {
    private let engine: LogEngine
    private let platform: NodePlatform
    private let onSynced: @Sendable ([SyncedAppend]) -> Void
    private let onFatal: @Sendable (WALError) -> Void
    private var isBusy = false
    private var hasFailed = false
    /// When the oldest piece of work that may not be durable yet was given; nil when all is.
    private var oldestWaiting: VirtualTime?
    private var marker: VirtualScheduler.Handle?

    init(
        _ engine: LogEngine, _ platform: NodePlatform, onSynced: @escaping @Sendable ([SyncedAppend]) -> Void,
        onFatal: @escaping @Sendable (WALError) -> Void
    ) {
        self.engine = engine
        self.platform = platform
        self.onSynced = onSynced
        self.onFatal = onFatal
    }

    var statistics: WALStatistics {
        var statistics = self.engine.statistics
        if let since = self.oldestWaiting {
            let waited = self.platform.loop.scheduler.now.microseconds - since.microseconds
            statistics.oldestUnsynced = .microseconds(Int64(waited))
        }
        return statistics
    }
    func close() {}

    func submit(_ appends: [WALAppend]) { self.take(appends.map { .append($0) }) }
    func release(_ shard: ShardID, below index: LogIndex, note: [UInt8]) {
        self.take([.release(shard, below: index, note: note)])
    }
    func repaired(_ shard: ShardID) { self.take([.repaired(shard)]) }
    func rollOver() { self.take([.rollOver]) }

    private func take(_ work: [LogWork]) {
        self.oldestWaiting = self.oldestWaiting ?? self.platform.loop.scheduler.now
        self.engine.accept(work)
        self.begin()
    }

    func read(
        _ shard: ShardID, from first: LogIndex, to end: LogIndex, bytesMax: Int
    ) throws(WALError) -> [WALEntry] {
        try self.engine.read(shard, from: first, to: end, bytesMax: bytesMax)
    }

    private func begin() {
        guard !self.isBusy, !self.hasFailed else { return }
        do throws(WALError) {
            self.engine.fill()
            while self.engine.hasWork, !self.engine.hasBatch {
                try self.engine.roll()
                self.engine.fill()
            }
            guard self.engine.hasBatch else {
                self.oldestWaiting = nil
                return self.markLater()
            }
            self.isBusy = true
            self.marker?.isCancelled = true
            try self.engine.begin()
        } catch {
            return self.fail(error)
        }
        let delay = self.platform.delay(meanMicroseconds: self.platform.swarm.syncMicroseconds)
        self.platform.loop.scheduler.schedule(after: delay, on: self.platform.loop, isOnLoop: false) {
            self.finish()
        }
    }

    private func finish() {
        self.isBusy = false
        do throws(WALError) {
            let synced = try self.engine.finish()
            self.oldestWaiting = self.platform.loop.scheduler.now
            if !synced.isEmpty { self.onSynced(synced) }
        } catch {
            return self.fail(error)
        }
        self.begin()
    }

    private func markLater() {
        guard self.engine.wantsMarker else { return }
        self.marker?.isCancelled = true
        self.marker = self.platform.loop.scheduler.schedule(
            after: .milliseconds(50), on: self.platform.loop, isOnLoop: false
        ) {
            guard !self.isBusy, !self.hasFailed, !self.engine.hasWork else { return }
            do throws(WALError) {
                try self.engine.mark()
            } catch {
                self.fail(error)
            }
        }
    }

    private func fail(_ error: WALError) {
        self.hasFailed = true
        self.onFatal(error)
    }
}
