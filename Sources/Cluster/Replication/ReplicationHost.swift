// Data's way, steps 4–10: all replicas of this node on one thread, turn by turn.

import ChatMachine
import ChatModel
import ClusterModel
import Logging
import NIOCore
import Placement
import Projections
import Raft
import WriteAheadLog

/// All of a node's shard replicas, driven by one event loop.
///
/// Whatever arrives (messages, proposals, disk completions, ticks) is handed to the replicas at once;
/// what they want done is gathered and done when the turn ends: one write-ahead-log submission, one batch
/// per peer and lane, one list of feed items per node. So a loaded node batches by itself.
///
/// Split by idea: `+Turns` (what arrives and leaves), `+Lifecycle`, `+Recovery` (from the disk), `+Work` (what blocks),
/// `+Serving` (for the router), `+Reconciling`, `+Snapshots`, `+Retention` (checkpoints, and letting go of the log),
/// `+Disk` (the watchdog), `+Removal`, `+Damage`, `+Searching` (the index of texts).
///
/// Threading: everything but `init` and what says otherwise runs on `loop`. `@unchecked Sendable` is true
/// because all mutable state is touched on that loop only, which the entry points assert.
package final class ReplicationHost: @unchecked Sendable {
    package let loop: any EventLoop
    package let node: NodeID
    package let cluster: ClusterID
    package let shardMap: ShardMap
    let settings: ReplicationSettings
    let logger: Logger
    package let platform: any HostPlatform
    let links: any ReplicationLinks
    let fatal: @Sendable (ReplicationFailure) -> Void
    /// SQLite's writer and readers, and snapshots.
    let writerPool: any WorkPool
    let readerPool: any WorkPool
    let searchPool: any WorkPool
    let bulkPool: any WorkPool

    var log: (any ReplicaLog)?
    var replicas: [ShardReplica?]
    /// Shards whose replica is being read from the disk.
    var opening: Set<ShardID> = []
    /// Shards whose log was found on disk but whose replica id is not known yet.
    var dormant: [ShardID: WALRecovery.RecoveredShard] = [:]
    /// Shards that this node must not serve with what its disk has of them.
    var refused: [ShardID: RefusedShard] = [:]
    /// What is remembered of deleted replicas.
    var tombstones: [ShardID: ReplicaTombstone] = [:]
    /// Shards whose vote is lost together with the id that it was given under: the first message tells the id.
    var nameless: Set<ShardID> = []
    var reconciling = Reconciling()
    var snapshots: SnapshotTraffic
    var watchdog: DiskWatchdog
    var disk = DiskStanding()

    var turn = Turn()
    /// Memory for whichever shard applies.
    var commandsRead = ReadCommands()
    /// When the last turn began to hand on what it had gathered; kept up only while turns are spaced.
    var lastTurnEnded = NIODeadline.uptimeNanoseconds(0)
    var pressure = ProcessorPressure()
    var spacing = TurnSpacing()
    /// From when the replicas stand where the disk left them: what arrives earlier is lost, as on a network.
    var isRunning = false
    var isStopped = false
    var tasks: [RepeatedTask] = []
    var tickCount: UInt64 = 0
    private var tokens: UInt64 = 0

    /// What the node above wants to hear; set before `start`, called on the loop.
    package var observer: (any ReplicationObserver)?
    /// Set before `start`, by tests.
    package var witness: (any ReplicationWitness)?
    package internal(set) var statistics = ReplicationStatistics()
    package internal(set) var projectionBacklogRows = 0
    var indexPatience = IndexPatience()
    /// Parts of searches that wait for a thread, or have one.
    package internal(set) var searchesWaiting = 0
    package var logStatistics: WALStatistics? { self.log?.statistics }

    package init(
        loop: any EventLoop, identity: (cluster: ClusterID, node: NodeID), shardMap: ShardMap,
        platform: any HostPlatform, settings: ReplicationSettings, links: any ReplicationLinks, logger: Logger,
        fatal: @escaping @Sendable (ReplicationFailure) -> Void
    ) {
        self.loop = loop
        self.platform = platform
        self.writerPool = platform.writerPool
        self.readerPool = platform.readerPool
        self.searchPool = platform.searchPool
        self.bulkPool = platform.bulkPool
        self.node = identity.node
        self.cluster = identity.cluster
        self.shardMap = shardMap
        self.settings = settings
        self.links = links
        self.logger = logger
        self.fatal = fatal
        self.replicas = Array(repeating: nil, count: shardMap.shardCount + 1)
        self.snapshots = SnapshotTraffic(settings: settings.snapshots)
        self.watchdog = DiskWatchdog(settings: settings.watchdog)
    }

    /// A host over a data directory.
    package convenience init(
        loop: any EventLoop, identity: (cluster: ClusterID, node: NodeID), shardMap: ShardMap, dataDirectory: String,
        settings: ReplicationSettings, links: any ReplicationLinks, logger: Logger,
        fatal: @escaping @Sendable (ReplicationFailure) -> Void
    ) {
        self.init(
            loop: loop, identity: identity, shardMap: shardMap, platform: DiskPlatform(directory: dataDirectory),
            settings: settings, links: links, logger: logger, fatal: fatal)
    }

    func nextToken() -> UInt64 {
        self.tokens += 1
        return self.tokens
    }

    /// Milliseconds of the loop's clock: for intervals only.
    var milliseconds: UInt64 { self.loop.now.uptimeNanoseconds / 1_000_000 }

    // MARK: Hooks of the replicas

    func roleChanged(_ replica: ShardReplica, role: Raft.Role, term: Term, leader: Replica?) {
        self.logger.debug(
            "Role changed",
            metadata: [
                "shard": "\(replica.shard)", "raft.role": "\(role)", "raft.term": "\(term)",
                "raft.leader": "\(leader?.node.short ?? "none")",
            ])
        if role == .leader {
            self.statistics.electionsWon += 1
            self.witness?.becameLeader(of: replica.shard, in: term)
        } else {
            replica.answerAllAwaiting()
            self.stoppedLeading(replica)
        }
        self.observer?.leaderChanged(replica.shard, leader: leader?.node)
    }

    func configurationCommitted(_ replica: ShardReplica, _ configuration: Configuration) {
        self.logger.debug(
            "Group changed",
            metadata: [
                "shard": "\(replica.shard)", "raft.voters": "\(configuration.voters)",
                "raft.learners": "\(configuration.learners)", "ring.epoch": "\(configuration.epoch)",
            ])
    }

    func didApply(entries: Int, commands: Int) {
        self.statistics.entriesApplied += UInt64(entries)
        self.statistics.commandsApplied += UInt64(commands)
    }
    func didQueueRows(_ count: Int) { self.projectionBacklogRows += count }
    func didDropRows(_ count: Int) { self.projectionBacklogRows -= count }
    func outboxGrew(_ replica: ShardReplica) { self.observer?.outboxGrew(replica.shard) }
    /// Any of it may have changed: this state took another one's place.
    func directoryMachineChanged() {
        self.observer?.directoryChanged(accounts: true)
        self.wakeReconciling(after: 10)
    }
    func directoryApplied(_ effects: ApplyEffects) {
        let isPlaced = effects.registryChanged || effects.directoryChanged
        guard isPlaced || effects.accountsChanged else { return }
        self.observer?.directoryChanged(accounts: effects.accountsChanged)
        if isPlaced { self.wakeReconciling(after: 10) }
    }
}

/// What the node above the host hears. All calls come on the host's loop.
package protocol ReplicationObserver: AnyObject {
    func leaderChanged(_ shard: ShardID, leader: NodeID?)
    /// This node's replica of the shard serves no more: others must be asked.
    func replicaDetached(_ shard: ShardID)
    /// Items for this node's own connections, in the order of each channel.
    func feed(_ items: [FeedItem])
    func outboxGrew(_ shard: ShardID)
    /// - Parameter accounts: whether accounts or the workspace's settings are among it.
    func directoryChanged(accounts: Bool)
    func ticked()
    func turnEnded()
}

/// Counted since the start.
package struct ReplicationStatistics: Sendable {
    package var entriesApplied: UInt64 = 0
    /// An entry may hold several.
    package var commandsApplied: UInt64 = 0
    package var electionsWon: UInt64 = 0
    /// Reads passed on by another node that its word has spared a round of heartbeats.
    package var readsVouched: UInt64 = 0
    package var checkpoints: UInt64 = 0
    /// Times that a shard's log let go of entries.
    package var releases: UInt64 = 0
    package var snapshotsMade: UInt64 = 0
    package var snapshotsSent: UInt64 = 0
    package var snapshotBytesSent: UInt64 = 0
    package var snapshotsInstalled: UInt64 = 0
    package var snapshotBytesReceived: UInt64 = 0
    /// Projections that were damaged, deleted and built again from the log or from another replica.
    package var projectionsRebuilt: UInt64 = 0
    package var replicasRepaired: UInt64 = 0
    package var replicasRemoved: UInt64 = 0
    /// Times that this node stepped back from its leaderships because of its disk.
    package var diskSetbacks: UInt64 = 0
}

/// Why a node can not go on. Each ends the process with its name: a restart recovers or says what is wrong.
package enum ReplicationFailure: Error, CustomStringConvertible {
    case log(WALError)
    case projection(String)
    /// A committed entry that this version does not know: a newer node wrote it. Never skipped.
    case unknownCommand(shard: ShardID, index: LogIndex, WireError)
    /// The log holds a shard that the cluster does not have.
    case foreignShard(ShardID)
    /// The disk has completed nothing for so long that this process only stands in the way.
    case diskStalled(Duration)

    package var description: String {
        switch self {
        case .log(let error): "write-ahead log: \(error)"
        case .projection(let reason): "projection: \(reason)"
        case .unknownCommand(let shard, let index, let error):
            "shard \(shard) holds a command at \(index) that this version does not know (\(error)); "
                + "run the version that wrote it"
        case .foreignShard(let shard): "the log holds shard \(shard), which this cluster does not have"
        case .diskStalled(let waited): "the disk has completed no write of the log for \(waited)"
        }
    }
}

/// Carries a closure that belongs to the loop across another thread and back; it is called on the loop only.
struct LoopBox<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
