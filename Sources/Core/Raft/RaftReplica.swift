import ClusterModel
import DequeModule

/// One replica of one Raft group: a pure state machine without chat, network, disk or clock.
///
/// The host feeds inputs one at a time and performs the effects in order. Nothing that promises
/// durability leaves before the host reported it durable: votes, requests for votes and acknowledged
/// appends are held back here until `.persisted`, whatever the host does in between.
///
/// Split by family: `+Election` (who leads), `+Replication` (the log), `+Persistence` (what must wait
/// for the disk), `+Reading` (ReadIndex), `+Configuration` (who takes part, and handing over), `+Snapshot` (states
/// instead of old entries), `+Repair` (after a disk lost something), `+Incarnation` (after a quorum is lost).
///
/// - SeeAlso: Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm" (2014), and
///   Ongaro's thesis "Consensus: Bridging Theory and Practice" (2014).
package struct RaftReplica: Sendable {
    package internal(set) var id: ReplicaID
    package let node: NodeID
    let settings: RaftSettings
    var random: SeededGenerator
    /// The life of the group that this replica belongs to: that of its configuration, or, while its log is empty,
    /// that of whoever speaks to it.
    package internal(set) var incarnation: GroupIncarnation
    var isSuperseded = false
    /// Set while this disk may lack what it has acknowledged.
    var repair: Repair?

    // The paper's persistent state; `storage` knows how much of it the disk has.
    package internal(set) var term: Term
    var votedFor: ReplicaID?
    var log: RaftLog
    var storage: StorageMarks

    package internal(set) var commitIndex: LogIndex
    /// Up to here `.committed` has been handed out.
    var deliveredIndex: LogIndex

    package internal(set) var role = Role.follower
    package internal(set) var leader: Replica?
    var announced: Announcement
    var electionElapsed = 0
    var electionDeadline = 0
    var ballots: [Ballot] = []

    // What only a leader has; empty otherwise.
    var peers: [Progress] = []
    var heartbeatElapsed = 0
    /// The no-op that began this leader's term: until it is committed there are no reads and no changes.
    var termStart = LogIndex.zero
    var uncommittedBytes = 0
    var reads = PendingReads()
    var transfer: Transfer?
    /// Led the group out of a configuration that it is not part of; steps down at the end of this step.
    var isRetiring = false

    /// What was last told with `.roleChanged`.
    struct Announcement: Sendable, Equatable {
        var role: Role
        var term: Term
        var leader: Replica?
    }

    /// - Parameters:
    ///   - recovered: what the disk has, or `.empty` for a replica that was just added, or `.founding`.
    ///   - seed: of the random election timeouts; different for every replica and every start.
    package init(id: ReplicaID, node: NodeID, settings: RaftSettings, recovered: RecoveredLog, seed: UInt64) {
        precondition(recovered.hardState.commitIndex <= recovered.lastIndex, "committed beyond the log's end")
        precondition(settings.heartbeatTicks > 0 && settings.electionTicks.lowerBound > settings.heartbeatTicks)
        self.id = id
        self.node = node
        self.settings = settings
        self.random = SeededGenerator(seed: seed)
        self.log = RaftLog(recovered: recovered)
        self.term = max(recovered.hardState.term, self.log.lastTerm)
        self.votedFor = self.term == recovered.hardState.term ? recovered.hardState.votedFor : nil
        self.storage = StorageMarks(hardState: recovered.hardState, lastIndex: recovered.lastIndex)
        // A state that stands for the log up to its base is a committed one.
        self.commitIndex = max(recovered.hardState.commitIndex, recovered.baseIndex)
        self.deliveredIndex = self.commitIndex
        self.incarnation = self.log.configuration.incarnation
        if recovered.isDamaged { self.repair = Repair(number: self.random.next()) }
        self.announced = Announcement(role: .follower, term: self.term, leader: nil)
        self.beginWaitingAfterStart()
    }

    package mutating func step(_ input: RaftInput, into effects: inout [RaftEffect]) {
        switch input {
        case .tick: self.tick(&effects)
        case .received(let message): self.receive(message, &effects)
        case .propose(let proposals): self.propose(proposals, &effects)
        case .persisted(let mark): self.persisted(mark, &effects)
        case .read(let token, let voucher): self.read(token, voucher, &effects)
        case .changeConfiguration(let change): self.change(change, &effects)
        case .transferLeadership(let target): self.transferLeadership(to: target, &effects)
        case .peerUnreachable(let node): self.peerUnreachable(node, &effects)
        case .peerRestarted(let node): self.peerRestarted(node)
        case .fetched(let id, let entries): self.fetched(entries, for: id, &effects)
        case .compacted(let index): self.compact(through: index)
        case .snapshotReady(let point, _): self.snapshotReady(point, &effects)
        case .snapshotDelivered(let id, let through): self.snapshotEnded(id, through: through)
        case .snapshotFailed(let id): self.snapshotEnded(id, through: nil)
        case .forceQuorum(let incarnation): self.forceQuorum(incarnation, &effects)
        }
        self.settle(&effects)
    }

    private mutating func tick(_ effects: inout [RaftEffect]) {
        if self.role == .leader {
            self.tickAsLeader(&effects)
        } else {
            self.tickAsFollower(&effects)
        }
    }

    private mutating func receive(_ message: RaftMessage, _ effects: inout [RaftEffect]) {
        guard message.to.node == self.node, message.term.rawValue <= Entry.ordinalMax,
            self.agreeOnIncarnation(with: message, &effects), message.to.id == self.id, message.from.id != self.id
        else { return }
        guard self.agreeOnTerm(with: message, &effects) else { return }
        let from = message.from
        switch message.body {
        case .preVote(let lastIndex, let lastTerm):
            self.answerPreVote(from, asked: message.term, lastIndex, lastTerm, &effects)
        case .preVoteReply(let verdict, let asked):
            self.countPreVote(from, verdict, asked: asked, &effects)
        case .vote(let lastIndex, let lastTerm, _):
            self.answerVote(from, lastIndex, lastTerm, &effects)
        case .voteReply(let verdict):
            self.countVote(from, verdict, &effects)
        case .append(let previousIndex, let previousTerm, let entries, let commit):
            self.receiveAppend(from, previousIndex, previousTerm, entries, commit: commit, &effects)
        case .appendAccepted(let match):
            self.appendAccepted(from, match, &effects)
        case .appendRejected(let previousIndex, let hintIndex, let hintTerm):
            self.appendRejected(from, previousIndex, hintIndex, hintTerm)
        case .heartbeat(let commit, let readContext):
            self.receiveHeartbeat(from, commit: commit, readContext, &effects)
        case .heartbeatReply(let readContext, let isDamaged):
            self.heartbeatAnswered(from, readContext, isDamaged: isDamaged, &effects)
        case .commit(let commit):
            self.receiveCommit(from, commit, &effects)
        case .timeoutNow:
            self.campaignAtOnce(&effects)
        case .newerTerm:
            break  // The term itself was the news.
        case .removed(let index):
            self.receiveRemoved(index, &effects)
        case .repairQuery(let number):
            self.answerRepairQuery(from, number, &effects)
        case .repairTarget(let number, let lastIndex):
            self.receiveRepairTarget(from, number, lastIndex, &effects)
        }
    }

    /// The end of every step: one write for all that changed, at most one round of appends, and what is
    /// committed by now.
    private mutating func settle(_ effects: inout [RaftEffect]) {
        if self.role == .leader { self.replicate(&effects) }
        if self.isRetiring { self.retire(&effects) }
        self.announceRole(&effects)
        self.persistChanges(&effects)
        self.deliverCommitted(&effects)
        self.finishRepair(&effects)
    }

    var replica: Replica { Replica(id: self.id, node: self.node) }

    /// Mutating, so that it is handed this replica itself: most callers change it, and would copy all of it for one that
    /// does not.
    mutating func send(_ body: RaftMessage.Body, to: Replica, _ effects: inout [RaftEffect]) {
        effects.append(.send(self.message(body, to: to)))
    }
    func message(_ body: RaftMessage.Body, to: Replica) -> RaftMessage {
        RaftMessage(from: self.replica, to: to, term: self.term, incarnation: self.incarnation, body: body)
    }
}

// What the host and tests may look at.
extension RaftReplica {
    package var lastIndex: LogIndex { self.log.lastIndex }
    package var lastTerm: Term { self.log.lastTerm }
    /// The configuration in force: the latest in the log, committed or not.
    package var configuration: Configuration { self.log.configuration }
    package var committedConfiguration: Configuration {
        self.log.latestConfiguration(upTo: self.commitIndex)?.configuration ?? .empty
    }
    /// A change is uncommitted, or committed but joint still.
    package var isConfigurationChangePending: Bool {
        self.log.configurationIndex > self.commitIndex || self.configuration.isJoint
    }
    /// Leads, and has committed an entry of its term: reads and configuration changes are possible.
    package var hasStartedTerm: Bool { self.role == .leader && self.commitIndex >= self.termStart }
    package var isTransferring: Bool { self.transfer != nil }
    /// Whether this disk may lack what it has acknowledged; until `.repaired`.
    package var isDamaged: Bool { self.repair != nil }
    /// Just before the first entry that the log still holds.
    package var baseIndex: LogIndex { self.log.baseIndex }
    /// - Returns: nil before the base and after the end of the log.
    package func term(at index: LogIndex) -> Term? { self.log.term(at: index) }
    /// The latest committed configuration at or before `index`, which must not lie before the base.
    package func configurationAt(_ index: LogIndex) -> Configuration {
        self.log.latestConfiguration(upTo: min(index, self.commitIndex))?.configuration ?? .empty
    }
    /// Durable here, as far as the host has reported.
    package var persistedIndex: LogIndex { self.storage.persistedIndex }
    /// The first index whose entry is in memory.
    package var windowStart: LogIndex { self.log.windowStart }
    package var bytesInMemory: Int { self.log.bytesInMemory }

    /// - Returns: nil unless this replica leads and `id` is another member.
    package func progress(of id: ReplicaID) -> ReplicaProgress? {
        guard self.role == .leader, let peer = self.peers.first(where: { $0.replica.id == id }) else { return nil }
        return ReplicaProgress(
            match: peer.match, ticksSinceHeard: peer.ticksSinceHeard,
            isActive: peer.ticksSinceHeard <= self.settings.checkQuorumTicks, isWhole: peer.isWhole,
            lag: self.lastIndex.count(since: min(peer.match, self.lastIndex)))
    }
}
