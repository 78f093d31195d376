// Data's way, steps 4–10: all replicas of this node on one thread, turn by turn.

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
    private let links: any ReplicationLinks
    private let fatal: @Sendable (ReplicationFailure) -> Void
    /// SQLite's writer and readers.
    let writerPool: any WorkPool
    let readerPool: any WorkPool

    private var log: (any ReplicaLog)?
    var replicas: [ShardReplica?]
    /// Shards whose log was found on disk but whose replica id is not known yet.
    /// Shards whose replica is being read from the disk.
    var opening: Set<ShardID> = []
    var dormant: [ShardID: WALRecovery.RecoveredShard] = [:]
    var reconciling = Reconciling()

    // What this turn has gathered.
    private var dirty: [ShardReplica] = []
    private var appends: [WALAppend] = []
    private var control: [NodeID: [RaftBatch.ShardMessage]] = [:]
    private var bulk: [NodeID: [RaftBatch.ShardMessage]] = [:]
    private var feeds: [NodeID: [FeedItem]] = [:]
    private var isFlushScheduled = false
    /// From when the replicas stand where the disk left them: what arrives earlier is lost, as on a network.
    private var isRunning = false
    private var isStopped = false

    private var tokens: UInt64 = 0
    package private(set) var projectionBacklogRows = 0
    private var tasks: [RepeatedTask] = []
    private var tickCount: UInt64 = 0

    /// What the node above wants to hear; set before `start`, called on the loop.
    package var observer: (any ReplicationObserver)?
    /// Set before `start`, by tests.
    package var witness: (any ReplicationWitness)?
    package private(set) var statistics = ReplicationStatistics()
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
        self.node = identity.node
        self.cluster = identity.cluster
        self.shardMap = shardMap
        self.settings = settings
        self.links = links
        self.logger = logger
        self.fatal = fatal
        self.replicas = Array(repeating: nil, count: shardMap.shardCount + 1)
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

    // MARK: Turns

    func nextToken() -> UInt64 {
        self.tokens += 1
        return self.tokens
    }

    func markDirty(_ replica: ShardReplica) {
        self.dirty.append(replica)
        self.scheduleFlush()
    }

    func enqueue(_ message: RaftMessage, of shard: ShardID) {
        let item = RaftBatch.ShardMessage(shard: shard, message: message)
        if message.isControl {
            self.control[message.to.node, default: []].append(item)
        } else {
            self.bulk[message.to.node, default: []].append(item)
        }
        self.scheduleFlush()
    }

    func enqueue(_ append: WALAppend) {
        self.appends.append(append)
        self.scheduleFlush()
    }

    func enqueue(_ item: FeedItem, to node: NodeID) {
        self.feeds[node, default: []].append(item)
        self.scheduleFlush()
    }

    /// Ends the turn after everything that has already arrived on the loop.
    package func scheduleFlush() {
        guard !self.isFlushScheduled else { return }
        self.isFlushScheduled = true
        self.loop.execute { self.flush() }
    }

    private func flush() {
        self.loop.preconditionInEventLoop()
        self.isFlushScheduled = false
        guard !self.isStopped else { return }
        let dirty = self.dirty
        self.dirty.removeAll(keepingCapacity: true)
        for replica in dirty { replica.flush() }
        if !self.appends.isEmpty {
            self.log?.submit(self.appends)
            self.appends.removeAll(keepingCapacity: true)
        }
        self.sendAll(&self.control, isControl: true)
        self.sendAll(&self.bulk, isControl: false)
        if !self.feeds.isEmpty {
            let feeds = self.feeds
            self.feeds.removeAll(keepingCapacity: true)
            for (node, items) in feeds.sorted(by: { $0.key < $1.key }) {
                if node == self.node { self.observer?.feed(items) } else { self.links.deliver(items, to: node) }
            }
        }
        self.observer?.turnEnded()
    }

    /// A batch stays well below the transport's frame limit: appends are cut where their bytes add up.
    private func sendAll(_ lanes: inout [NodeID: [RaftBatch.ShardMessage]], isControl: Bool) {
        guard !lanes.isEmpty else { return }
        let batches = lanes
        lanes.removeAll(keepingCapacity: true)
        // In the order of the nodes: what leaves a turn follows from what came into it, and from nothing else.
        for (node, messages) in batches.sorted(by: { $0.key < $1.key }) {
            var part: [RaftBatch.ShardMessage] = []
            var bytes = 0
            for message in messages {
                let size = message.message.estimatedBytes
                if !part.isEmpty, bytes + size > RaftBatch.bytesMax {
                    self.links.send(RaftBatch(cluster: self.cluster, messages: part), to: node, isControl: isControl)
                    part.removeAll(keepingCapacity: true)
                    bytes = 0
                }
                part.append(message)
                bytes += size
            }
            self.links.send(RaftBatch(cluster: self.cluster, messages: part), to: node, isControl: isControl)
        }
    }

    // MARK: What arrives

    /// Any thread.
    package func received(_ batch: RaftBatch, from node: NodeID) {
        guard batch.cluster == self.cluster else { return }
        self.loop.execute {
            guard self.isRunning, !self.isStopped else { return }
            for item in batch.messages where item.message.from.node == node { self.received(item) }
        }
    }

    private func received(_ item: RaftBatch.ShardMessage) {
        guard item.message.to.node == self.node, self.shardMap.contains(item.shard) else { return }
        guard let replica = self.replica(of: item.shard, addressed: item.message.to.id) else { return }
        if replica.isDetached, item.message.isFromLeader { replica.isDetached = false }
        replica.step(.received(item.message))
    }

    /// The connection to this node broke and a new one was refused. Any thread.
    package func peerUnreachable(_ node: NodeID) {
        self.loop.execute {
            guard !self.isStopped else { return }
            for case let replica? in self.replicas { replica.step(.peerUnreachable(node)) }
        }
    }

    /// This node has started again. Any thread.
    package func peerRestarted(_ node: NodeID) {
        self.loop.execute {
            guard !self.isStopped else { return }
            for case let replica? in self.replicas {
                replica.step(.peerRestarted(node))
                replica.feeds.removeAll(of: node)
            }
        }
    }

    private func synced(_ done: [SyncedAppend]) {
        guard !self.isStopped else { return }
        for append in done {
            self.replicas[Int(append.shard.rawValue)]?.synced(PersistMark(append.ticket))
        }
    }

    private func tick() {
        self.tickCount += 1
        for case let replica? in self.replicas where !replica.isDetached { replica.step(.tick) }
        self.observer?.ticked()
    }

    // MARK: Start and stop

    /// Opens the disk, brings the replicas back, and begins to tick. Returns when every replica stands where
    /// its disk left it; elections follow by themselves. Called off the loop, once.
    package func start(founding: Bool) async throws(ReplicationFailure) {
        self.writerPool.start()
        self.readerPool.start()
        let opened = try self.openLog()
        let result: Result<Void, ReplicationFailure>
        do {
            result = try await self.loop.submit { self.resume(opened, founding: founding) }.get()
        } catch {
            preconditionFailure("the loop refuses work: \(error)")
        }
        try result.get()
    }

    package typealias OpenedLog = (log: any ReplicaLog, recovery: WALRecovery)

    /// The first half of `start`: reads the disk. Off the loop.
    package func openLog() throws(ReplicationFailure) -> OpenedLog {
        let loop = self.loop
        do throws(WALError) {
            var walSettings = WALSettings(shardCount: self.shardMap.shardCount + 1)
            walSettings.retainedKinds = [PayloadKind.configuration]
            return try self.platform.openLog(
                settings: walSettings, logger: self.logger,
                onSynced: { done in loop.execute { self.synced(done) } },
                onFatal: { error in self.stop(.log(error)) })
        } catch {
            throw .log(error)
        }
    }

    /// The second half of `start`, on the loop: brings the replicas back.
    package func resume(_ opened: OpenedLog, founding: Bool) -> Result<Void, ReplicationFailure> {
        self.loop.preconditionInEventLoop()
        self.log = opened.log
        let result = self.bringBack(opened.recovery, founding: founding)
        self.isRunning = true
        if case .success = result { self.loop.execute { self.beginTicking() } }
        return result
    }

    /// On the loop: nothing more comes of anything, as if the process were gone.
    package func abandon() {
        self.loop.preconditionInEventLoop()
        self.isStopped = true
        for task in self.tasks { task.cancel() }
        self.log = nil
    }

    private func beginTicking() {
        self.schedule(every: self.settings.tickMilliseconds) { $0.tick() }
        self.schedule(every: self.settings.reconcileMilliseconds) { $0.reconcile() }
        self.schedule(every: self.settings.projectionMilliseconds) { $0.projectAll() }
        self.scheduleFlush()
    }

    private func schedule(every milliseconds: Int64, _ work: @escaping @Sendable (ReplicationHost) -> Void) {
        let interval = TimeAmount.milliseconds(milliseconds)
        self.tasks.append(
            self.loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { [weak self] _ in
                guard let self, !self.isStopped else { return }
                work(self)
            })
    }

    /// Something that this process can not go on from. Any thread; the first one is reported.
    func stop(_ failure: ReplicationFailure) { self.fatal(failure) }

    /// Writes out the rows that are durable, closes the disk. After it the host does nothing any more.
    package func shutdown() async {
        let loop = self.loop
        let writes: [EventLoopFuture<Void>]? = try? await loop.submit {
            for task in self.tasks { task.cancel() }
            return self.replicas.compactMap { $0 }.map { replica in
                let promise = loop.makePromise(of: Void.self)
                replica.whenProjected(min(replica.appliedIndex, replica.syncedIndex)) { promise.succeed() }
                return promise.futureResult
            }
        }.get()
        for write in writes ?? [] { try? await write.get() }
        let log: (any ReplicaLog)? = try? await loop.submit {
            self.isStopped = true
            defer { self.log = nil }
            return self.log
        }.get()
        log?.close()
        await self.writerPool.shutdown()
        await self.readerPool.shutdown()
    }

    // MARK: Disk helpers for replicas

    /// While replicas are brought back.
    var currentLog: any ReplicaLog {
        guard let log = self.log else { preconditionFailure("the log is not open") }
        return log
    }

    func readLog(
        _ shard: ShardID, from: LogIndex, to: LogIndex, bytesMax: Int, _ complete: @escaping ([Entry]) -> Void
    ) {
        guard let log = self.log else { return complete([]) }
        let done = LoopBox(complete)
        self.readerPool.submit {
            let entries: [Entry]
            do {
                entries = try log.read(shard, from: from, to: to, bytesMax: bytesMax).map { try $0.entry() }
            } catch {
                self.logger.error(
                    "Reading the log failed",
                    metadata: ["shard": "\(shard)", "raft.index": "\(from)", "error": "\(error)"])
                entries = []
            }
            self.loop.execute { done.value(entries) }
        }
    }

    func writeProjection(
        rows: Int, _ work: @escaping @Sendable () throws -> Void, _ complete: @escaping () -> Void
    ) {
        let done = LoopBox(complete)
        self.writerPool.submit {
            do {
                try work()
            } catch {
                self.stop(.projection("\(error)"))
                return
            }
            self.loop.execute {
                self.projectionBacklogRows -= rows
                done.value()
                self.scheduleFlush()
            }
        }
    }

    func readProjection(
        _ work: @escaping @Sendable () throws -> QueryAnswer, _ complete: @escaping (ReadOutcome) -> Void
    ) {
        let done = LoopBox(complete)
        self.readerPool.submit {
            let outcome: ReadOutcome
            do {
                outcome = .answer(try work())
            } catch {
                self.logger.error("Reading a projection failed", metadata: ["error": "\(error)"])
                outcome = .unavailable
            }
            self.loop.execute { done.value(outcome) }
        }
    }

    /// Reads go on; writes wait until SQLite has caught up.
    var isProjectionBehind: Bool { self.projectionBacklogRows > self.settings.projectionBacklogRowsMax }

    private func projectAll() {
        for case let replica? in self.replicas where !replica.rowMarks.isEmpty { replica.project() }
    }

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

    func didApply(_ replica: ShardReplica, _ count: Int) { self.statistics.entriesApplied += UInt64(count) }
    func didQueueRows(_ count: Int) { self.projectionBacklogRows += count }

    func leftOut(_ replica: ShardReplica, at index: LogIndex) {
        guard !replica.isDetached else { return }
        replica.isDetached = true
        self.logger.info(
            "Replica was left out of its group", metadata: ["shard": "\(replica.shard)", "raft.index": "\(index)"])
        self.observer?.replicaDetached(replica.shard)
    }
    func outboxGrew(_ replica: ShardReplica) { self.observer?.outboxGrew(replica.shard) }
    func directoryMachineChanged() { self.observer?.directoryChanged() }
}

/// What the node above the host hears. All calls come on the host's loop.
package protocol ReplicationObserver: AnyObject {
    func leaderChanged(_ shard: ShardID, leader: NodeID?)
    /// This node's replica of the shard serves no more: others must be asked.
    func replicaDetached(_ shard: ShardID)
    /// Items for this node's own connections, in the order of each channel.
    func feed(_ items: [FeedItem])
    func outboxGrew(_ shard: ShardID)
    func directoryChanged()
    func ticked()
    func turnEnded()
}

package struct ReplicationStatistics: Sendable {
    package var entriesApplied: UInt64 = 0
    package var electionsWon: UInt64 = 0
}

/// Why a node can not go on. Each ends the process with its name: a restart recovers or says what is wrong.
package enum ReplicationFailure: Error, CustomStringConvertible {
    case log(WALError)
    case projection(String)
    /// A committed entry that this version does not know: a newer node wrote it. Never skipped.
    case unknownCommand(shard: ShardID, index: LogIndex, WireError)
    /// The log holds a shard that the cluster does not have.
    case foreignShard(ShardID)

    package var description: String {
        switch self {
        case .log(let error): "write-ahead log: \(error)"
        case .projection(let reason): "projection: \(reason)"
        case .unknownCommand(let shard, let index, let error):
            "shard \(shard) holds a command at \(index) that this version does not know (\(error)); "
                + "run the version that wrote it"
        case .foreignShard(let shard): "the log holds shard \(shard), which this cluster does not have"
        }
    }
}

/// Carries a closure that belongs to the loop across another thread and back; it is called on the loop only.
struct LoopBox<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}

extension RaftBatch {
    /// Half of the transport's frame limit: one append may be as large as the core's `appendBytesMax`.
    static let bytesMax = 512 << 10
}

extension RaftMessage {
    /// Only who leads says these.
    var isFromLeader: Bool {
        switch self.body {
        case .append, .heartbeat, .commit: true
        case .preVote, .preVoteReply, .vote, .voteReply, .appendAccepted, .appendRejected, .heartbeatReply,
            .timeoutNow, .newerTerm, .removed:
            false
        }
    }

    /// About what the message occupies in a batch.
    var estimatedBytes: Int {
        guard case .append(_, _, let entries, _) = self.body else { return 96 }
        return entries.reduce(128) { $0 + $1.byteCount }
    }
}
