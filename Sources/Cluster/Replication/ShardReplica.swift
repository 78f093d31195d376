// Data's way, steps 5–8: one shard's replica on this node: its Raft core, its machine, its projection.

import ChatMachine
import ChatModel
import ClusterModel
import DequeModule
import Failpoints
import Logging
import Projections
import Raft
import WriteAheadLog

/// The shell round one group's `RaftReplica` and `ShardMachine`.
///
/// Lives on the host's loop and nowhere else. It takes no decision of the protocol: it feeds inputs
/// and obeys effects, and remembers who waits for what.
final class ShardReplica {
    let shard: ShardID
    /// It holds this replica, and outlives every turn of it. Unchecked, since the check is a locked count that four
    /// places of each command would pay for.
    unowned(unsafe) let host: ReplicationHost
    var raft: RaftReplica
    var machine: ShardMachine
    var projection: any ReplicaProjection
    /// How the machine stands to what the core has handed out.
    var standing: Standing
    /// Up to here the core has handed out entries, applied or not.
    var deferredThrough: LogIndex
    /// Counts the states that this replica has had: what belongs to an older one is dropped when it comes back.
    var generation: UInt64 = 0
    var isReadingBack = false
    /// Committed configurations from the log's base on.
    var configurations: ConfigurationHistory
    var retention: LogRetention

    /// Every committed entry up to here has been given to the machine.
    var appliedIndex: LogIndex
    /// Every entry up to here is fsynced on this node's disk and not truncated since.
    var syncedIndex: LogIndex { self.raft.persistedIndex }
    /// A committed configuration has left this replica out: it is kept on disk, but neither campaigns nor serves,
    /// so that this node asks the shard's real holders, until a leader addresses it again.
    var isDetached = false
    /// Its tombstone is on its way to the disk; nothing reaches it any more.
    var isLeaving = false
    var removal: RemovalCase
    /// Of the members, while this replica leads: those that have lost their vote.
    var lostPeers: Set<ReplicaID> = []
    /// Replicas that ask whether they are members, by the read that proves this one's answer.
    var membershipQuestions: [UInt64: Replica] = [:]
    /// How often somebody was asked for a state.
    var stateAsked = 0
    /// The ticket of a tombstone: no mark of the core, which counts from 1.
    static let removalTicket = UInt64.max
    /// The projection's rows stand for the state at this index.
    var projectedIndex: LogIndex

    // Proposals: queued in this turn; then, those of one entry together, named by token until the core, in the same step
    // and in their order, accepts or refuses them; then by index.
    var queuedProposals: [QueuedProposal] = []
    var proposalsAtCore: Deque<(token: UInt64, proposals: [QueuedProposal])> = []
    var acceptedProposals: Deque<AcceptedProposals> = []
    /// All of these, one by one.
    var proposalsWaiting = 0

    /// Answers to what has been applied already.
    var effectWaiters = EffectWaiters()

    // Reads: queued in this turn; then by token until the core proves leadership; then until applied.
    var queuedReads: [PendingRead] = []
    var readsByToken: [UInt64: PendingRead] = [:]
    var readsAwaitingApply: [(index: LogIndex, read: PendingRead)] = []

    // Rows on their way to the projection.
    var pendingRows = QueuedRows()
    var rowMarks: Deque<RowMark> = []
    var isProjecting = false
    var isIndexing = false
    var projectionWaiters: [ProjectionWaiter] = []

    /// Of the settings, which are large.
    let appliesPostsInPlace: Bool
    let pendingProposalsMax: Int
    let batchBytesMax: Int

    var feeds = ShardFeeds()
    var applyEffects = ApplyEffects()
    private var effects: [RaftEffect] = []

    /// One object from here to its answer: a command is large, and to move it from queue to queue would count the
    /// references of all of its parts.
    final class QueuedProposal {
        /// nil for a post whose bytes are in its entry.
        private(set) var proposed: ProposedCommand?
        let complete: (ProposeOutcome) -> Void

        init(_ proposed: ProposedCommand, complete: @escaping (ProposeOutcome) -> Void) {
            self.proposed = proposed
            self.complete = complete
        }

        /// Its entry holds it from here on. A received post lets go of its bytes, which are those of a whole frame: one that
        /// waits for its commit must not hold a megabyte.
        func entered() {
            if case .post = self.proposed { self.proposed = nil }
        }
    }
    /// Of one entry, in the order of its commands.
    struct AcceptedProposals {
        let index: LogIndex
        let term: Term
        let proposals: [QueuedProposal]
    }
    struct PendingRead {
        let query: Query
        /// Of a search that takes more than one step.
        var search: SearchErrand?
        /// The word of the replica on the node that has passed it on.
        var voucher: ReadVoucher?
        let complete: ReadCompletion
    }
    /// The rows before `end` stand for the state at `index`. One for each run of entries that is applied.
    struct RowMark {
        let index: LogIndex
        let end: QueuedRows.Place
        let stateHash: UInt64
    }

    init(
        shard: ShardID, host: ReplicationHost, raft: RaftReplica, disk: ReplicaDisk
    ) {
        self.shard = shard
        self.host = host
        self.raft = raft
        self.machine = disk.machine
        self.projection = disk.projection
        self.appliedIndex = disk.appliedIndex
        self.projectedIndex = disk.appliedIndex
        self.deferredThrough = disk.appliedIndex
        self.standing = disk.isStateLost ? .awaitingState(above: disk.baseIndex) : .current
        self.configurations = disk.configurations
        self.retention = LogRetention(
            settings: host.settings.retention, appliedIndex: disk.appliedIndex, nodeBytes: host.disk.logBytes,
            milliseconds: host.milliseconds, ages: disk.ages)
        self.removal = RemovalCase(settings: host.settings.removal)
        self.appliesPostsInPlace = host.settings.appliesPostsInPlace
        self.pendingProposalsMax = host.settings.pendingProposalsMax
        self.batchBytesMax = host.settings.batchBytesMax
    }

    var isLeader: Bool { self.raft.role == .leader }
    var leaderNode: NodeID? { self.raft.leader?.node }

    /// Feeds one input and obeys what comes out, in order.
    func step(_ input: RaftInput) {
        // A completion may step again (a read that is served proposes); each call has a list of its own.
        var effects = self.effects
        self.effects = []
        effects.removeAll(keepingCapacity: true)
        self.raft.step(input, into: &effects)
        for effect in effects { self.perform(effect) }
        effects.removeAll(keepingCapacity: true)
        self.effects = effects
    }

    private func perform(_ effect: RaftEffect) {
        switch effect {
        case .persist(let mark, let hardState, let entries):
            self.persist(mark, hardState, entries)
        case .send(let message):
            self.host.enqueue(message, of: self)
        case .committed(let entries):
            self.committed(entries)
        case .accepted(let token, let index, let term):
            self.accepted(token, index, term)
        case .refused(let token, let refusal):
            self.refused(token, refusal)
        case .readReady(let token, let index):
            self.readReady(token, index)
        case .readFailed(let token, let leader):
            self.membershipQuestions[token] = nil
            self.readsByToken.removeValue(forKey: token)?.complete(.notLeader(leader?.node))
        case .roleChanged(let role, let term, let leader):
            self.host.roleChanged(self, role: role, term: term, leader: leader)
        case .configurationChanged(let configuration, let index, let committed):
            Failpoints.hit(committed ? .raftConfigurationCommit : .raftConfigurationAppend)
            guard committed else { break }
            self.configurations.committed(configuration, at: index)
            self.host.configurationCommitted(self, configuration)
        case .configurationRefused(let refusal):
            self.host.logger.debug(
                "Configuration change refused",
                metadata: ["shard": "\(self.shard)", "raft.refusal": "\(refusal)"])
        case .fetch(let follower, let from, let bytesMax):
            self.fetch(for: follower, from: from, bytesMax: bytesMax)
        case .removedFromGroup(let index):
            self.host.leftOut(self, at: index)
        case .sendSnapshot(let follower): self.host.sendSnapshot(of: self, to: follower)
        case .install(let mark, let point, let hardState): self.install(mark, point, hardState)
        case .snapshotIgnored: break  // Whoever has fed the snapshot removes its file.
        case .superseded(let incarnation): self.host.superseded(self, by: incarnation)
        case .repaired: self.host.repaired(self)
        }
    }

    // MARK: Disk

    private func persist(_ mark: PersistMark, _ hardState: HardState?, _ entries: [Entry]) {
        self.host.enqueue(
            WALAppend(
                shard: self.shard, ticket: mark.rawValue, hardState: hardState.map(WALHardState.init),
                entries: entries.map(WALEntry.init)))
    }

    /// The log is on disk up to `mark`.
    func synced(_ mark: PersistMark) {
        // The founding record has no mark of the core.
        guard mark > .zero else { return }
        self.step(.persisted(mark))
        switch self.standing {
        case .installing(let point, let after?) where mark >= after:
            self.standing = .installing(point, after: nil)
            self.host.switchState(of: self, to: point)
        case .catchingUp: self.readBack()
        case .current, .awaitingState, .installing: break
        }
        if !self.projectionWaiters.isEmpty { self.project() }
    }

    private func fetch(for follower: ReplicaID, from: LogIndex, bytesMax: Int) {
        // The log reads back what is durable; what is not yet is still in the core's memory.
        let last = self.raft.persistedIndex
        self.host.readLog(self.shard, from: from, to: last.next(), bytesMax: bytesMax) { [weak self] entries in
            self?.step(.fetched(for: follower, entries))
            self?.host.scheduleFlush()
        }
    }

    // MARK: Reads

    func read(_ query: Query, search: SearchErrand?, voucher: ReadVoucher?, _ complete: ReadCompletion) {
        guard self.isLeader else { return complete(.notLeader(self.leaderNode)) }
        self.queuedReads.append(PendingRead(query: query, search: search, voucher: voucher, complete: complete))
        self.host.markDirty(self)
    }

    /// Hands what was queued in this turn to the core: one batch of proposals, one round of reads.
    func flush() {
        if !self.queuedProposals.isEmpty { self.proposeQueued() }
        let reads = self.queuedReads
        self.queuedReads.removeAll(keepingCapacity: true)
        for read in reads {
            let token = self.host.nextToken()
            self.readsByToken[token] = read
            self.step(.read(token: token, voucher: read.voucher))
            if read.voucher != nil, self.readsByToken[token] == nil { self.host.statistics.readsVouched += 1 }
        }
    }

    /// Nothing that waits here is answered by this replica any more.
    func failEverything() {
        let queued = self.queuedProposals
        self.queuedProposals = []
        let sent = self.proposalsAtCore.flatMap(\.proposals)
        self.proposalsAtCore = []
        let accepted = self.acceptedProposals.flatMap(\.proposals)
        self.acceptedProposals = []
        self.proposalsWaiting = 0
        let reads =
            self.queuedReads + self.readsByToken.sorted { $0.key < $1.key }.map(\.value)
            + self.readsAwaitingApply.map(\.read)
        self.queuedReads = []
        self.readsByToken = [:]
        self.readsAwaitingApply = []
        self.membershipQuestions = [:]
        let waiters = self.projectionWaiters
        self.projectionWaiters = []
        self.feeds = ShardFeeds()
        self.answerAllAwaiting()
        for proposal in queued { proposal.complete(.notLeader(nil)) }
        for proposal in sent + accepted { proposal.complete(.lost) }
        for read in reads { read.complete(.notLeader(nil)) }
        for waiter in waiters { waiter.giveUp() }
    }
}

extension WALEntry {
    init(_ entry: Entry) {
        switch entry.payload {
        case .noop:
            self.init(index: entry.index, term: entry.term, kind: PayloadKind.noop, payload: [])
        case .command(let bytes):
            self.init(index: entry.index, term: entry.term, kind: PayloadKind.command, payload: bytes)
        case .configuration(let configuration):
            self.init(
                index: entry.index, term: entry.term, kind: PayloadKind.configuration, payload: configuration.encoded)
        }
    }

    /// - Throws: when the entry was written by a version that knows more kinds than this one.
    func entry() throws(WireError) -> Entry {
        switch self.kind {
        case PayloadKind.noop: Entry(index: self.index, term: self.term, payload: .noop)
        case PayloadKind.command: Entry(index: self.index, term: self.term, payload: .command(self.payload))
        case PayloadKind.configuration:
            Entry(
                index: self.index, term: self.term,
                payload: .configuration(try Configuration(encoded: self.payload)))
        default: throw .unknownKind(UInt64(self.kind), of: "log entry")
        }
    }
}

/// How a log entry's payload is told in the write-ahead log. For ever.
enum PayloadKind {
    static let noop: UInt8 = 0
    static let command: UInt8 = 1
    static let configuration: UInt8 = 2
}
