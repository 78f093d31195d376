import ChatMachine
import ChatModel
import ClusterModel
import Logging
import Projections
import Replication
import WriteAheadLog

/// A node's platform of which a test replaces a part: everything else is the real one's.
protocol ForwardingPlatform: HostPlatform {
    var base: DiskPlatform { get }
}

extension ForwardingPlatform {
    var writerPool: any WorkPool { self.base.writerPool }
    var readerPool: any WorkPool { self.base.readerPool }
    var searchPool: any WorkPool { self.base.searchPool }
    var bulkPool: any WorkPool { self.base.bulkPool }
    var shards: any ShardStore { self.base.shards }

    func openLog(
        settings: WALSettings, logger: Logger, onSynced: @escaping @Sendable ([SyncedAppend]) -> Void,
        onFatal: @escaping @Sendable (WALError) -> Void
    ) throws(WALError) -> (log: any ReplicaLog, recovery: WALRecovery) {
        try self.base.openLog(settings: settings, logger: logger, onSynced: onSynced, onFatal: onFatal)
    }

    func openProjection(of shard: ShardID) throws(ProjectionError) -> any ReplicaProjection {
        try self.base.openProjection(of: shard)
    }

    func forEach(below count: Int, _ work: @Sendable (Int) -> Void) { self.base.forEach(below: count, work) }
    func processorWait() -> Duration? { self.base.processorWait() }

    func chance() -> UInt64 { self.base.chance() }
}

/// Says nothing of processors: a test that waits for an index is not to wait longer where many tests run.
struct CalmPlatform: ForwardingPlatform {
    let base: DiskPlatform

    func processorWait() -> Duration? { nil }
}

/// A projection of which a test replaces a part.
protocol ForwardingProjection: ReplicaProjection {
    var base: any ReplicaProjection { get }
}

extension ForwardingProjection {
    var appliedIndex: LogIndex { self.base.appliedIndex }
    func load(into machine: inout ShardMachine) throws(ProjectionError) { try self.base.load(into: &machine) }
    func write(
        _ rows: QueuedRows, after: LogIndex?, appliedIndex: LogIndex, stateHash: UInt64
    ) throws(ProjectionError) {
        try self.base.write(rows, after: after, appliedIndex: appliedIndex, stateHash: stateHash)
    }
    func answer(_ request: HistoryRequest) throws(ProjectionError) -> QueryAnswer { try self.base.answer(request) }
    func positions(of search: ShardSearch) throws(ProjectionError) -> (positions: [SearchPosition], isComplete: Bool) {
        try self.base.positions(of: search)
    }
    func tidy() throws(ProjectionError) { try self.base.tidy() }
    func checkpoint() throws(ProjectionError) -> LogIndex { try self.base.checkpoint() }
    func holdsErased() throws(ProjectionError) -> Bool { try self.base.holdsErased() }
    func close() throws(ProjectionError) { try self.base.close() }
    var wantsIndexing: Bool { self.base.wantsIndexing }
    func index() throws(ProjectionError) -> Bool { try self.base.index() }
    var indexLag: IndexLag { self.base.indexLag }
    func rebuildIndex() throws(ProjectionError) { try self.base.rebuildIndex() }
}
