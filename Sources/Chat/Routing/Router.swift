// Data's way, steps 3 and 4: channel or user → shard → leader, on whichever node that is.

import ChatMachine
import ChatModel
import ChatService
import ClusterModel
import Logging
import NIOCore
import Placement
import Replication
import Synchronization

/// Finds the leader for every command and read, follows it when it changes, and gives each exactly one answer.
///
/// A command that a leader may or may not have taken is sent again: every command is recognised by what it
/// names (an idempotency key, an id, a generation, a mark), so the log takes it once. The client sees an
/// error only when no leader could be found in time.
///
/// Threading: `perform`, `answer` and the feed calls come from any thread; all state but the inbox and the
/// directory snapshot lives on the replication host's loop, which makes `@unchecked Sendable` true.
package final class Router: @unchecked Sendable {
    let host: ReplicationHost
    let loop: any EventLoop
    let shardMap: ShardMap
    let links: any RouterLinks
    let settings: RouterSettings
    let logger: Logger
    package let nodeID: NodeID

    private let inbox = Mutex<Inbox>(Inbox())
    let snapshot: Mutex<DirectorySnapshot>
    /// What `/ready` says; renewed at each tick of half a second.
    let health = Mutex(Readiness(isReady: false, reasons: ["starting"]))
    private let sinkBox = Mutex<(any FeedSink)?>(nil)

    // On the loop from here on.
    var pending: [UInt64: PendingCommand] = [:]
    /// Commands that know no leader, by shard, oldest first.
    var parked: [ShardID: [UInt64]] = [:]
    /// Where to try a shard whose leader this node's own replicas do not know.
    var hints: [ShardID: NodeID] = [:]
    var outgoingCommands: [NodeID: [CommandBatch.Item]] = [:]
    var outgoingResults: [NodeID: [ResultBatch.Item]] = [:]
    var interests = Interests()
    var outboxes = OutboxDispatcher()
    var reservations = ReservationWatch()
    var timers = TimerWatch()
    var presences: Presences
    /// What this node does for the others while it leads the directory.
    var stewarding: Stewarding?
    /// No command above it is proposed by this node.
    var activeVersion = FeatureVersion.first
    private var chance: SeededGenerator
    /// Begins somewhere else in each process: a result that is on its way to this node's last process must not
    /// be taken for the answer to a request of this one.
    private var requests: UInt64
    var isDirectoryStale = true
    var areAccountsStale = true
    var ticks: UInt64 = 0
    var connected: Set<NodeID> = []
    /// Set when the node begins to hand over; never unset.
    package var isDraining = false
    /// Called on the loop whenever this node's copy of the directory has changed; set before the start.
    package var onDirectory: ((DirectorySnapshot) -> Void)?

    struct Inbox {
        var commands: [(Command, Completion)] = []
        var isScheduled = false
    }
    package typealias Completion = @Sendable (Result<CommandResult, ServiceError>) -> Void

    struct PendingCommand {
        let shard: ShardID
        let command: Command
        let complete: Completion
        let deadline: NIODeadline
        var state: State
        /// An attempt was given up without an answer: it may still be on its way to a log.
        var isUncertain = false
        /// Whether something may have been applied, or will be: without an answer in time the outcome is unknown. An
        /// attempt that was answered with a no is none of them.
        var mayBeApplied: Bool { self.isUncertain || self.state != .parked }
        /// Counts routings, so that the answer to an earlier one is told from that to the last.
        var attempt: UInt32 = 0

        enum State: Equatable {
            case parked
            case proposed
            case forwarded(NodeID, since: NIODeadline)
        }
    }

    package init(
        host: ReplicationHost, links: any RouterLinks, settings: RouterSettings = RouterSettings(), logger: Logger
    ) {
        self.host = host
        self.loop = host.loop
        self.shardMap = host.shardMap
        self.nodeID = host.node
        self.links = links
        self.settings = settings
        self.logger = logger
        self.chance = SeededGenerator(seed: host.platform.chance())
        self.requests = self.chance.next() >> 2
        self.presences = Presences(shardMap: host.shardMap, settings: settings.presence)
        self.snapshot = Mutex(
            DirectorySnapshot(secrets: nil, registration: .closed, revokedSessions: [], registry: .empty))
    }

    // MARK: Any thread

    package func perform(_ command: Command, completion: @escaping Completion) {
        let isFirst = self.inbox.withLock { inbox in
            inbox.commands.append((command, completion))
            defer { inbox.isScheduled = true }
            return !inbox.isScheduled
        }
        if isFirst { self.loop.execute { self.drain() } }
    }

    package var directory: DirectorySnapshot { self.snapshot.withLock { $0 } }
    package func shard(of channel: ChannelID) -> ShardID { self.shardMap.shard(of: .channel(channel)) }
    package func setSink(_ sink: any FeedSink) { self.sinkBox.withLock { $0 = sink } }
    var sink: (any FeedSink)? { self.sinkBox.withLock { $0 } }

    /// At once where the caller is on the loop already, as the pinned actors are.
    var isOnLoop: Bool { self.loop.inEventLoop }
    func onLoop(_ work: @escaping @Sendable () -> Void) {
        if self.loop.inEventLoop { work() } else { self.loop.execute(work) }
    }

    // MARK: On the loop

    private func drain() {
        let commands = self.inbox.withLock { inbox in
            inbox.isScheduled = false
            let commands = inbox.commands
            inbox.commands = []
            return commands
        }
        let deadline = self.loop.now + self.settings.commandDeadline
        for (command, completion) in commands { self.begin(command, deadline, completion) }
    }

    /// On the loop: nothing that waits is ever answered, as if the process were gone.
    package func abandon() {
        self.pending = [:]
        self.parked = [:]
        self.inbox.withLock { $0.commands = [] }
    }

    /// On the loop: starts one command on its way.
    func begin(_ command: Command, _ deadline: NIODeadline, _ completion: @escaping Completion) {
        guard self.pending.count < self.settings.pendingMax else { return completion(.failure(.overloaded)) }
        guard self.mayPropose(command) else { return completion(.success(.refused(.unsupportedVersion))) }
        self.requests += 1
        let command = self.recognisable(command, by: self.requests)
        self.pending[self.requests] = PendingCommand(
            shard: self.shardMap.shard(of: command.key), command: command, complete: completion, deadline: deadline,
            state: .parked)
        self.route(self.requests)
    }

    /// Nothing enters a log that a node of the active version would stop at.
    func mayPropose(_ command: Command) -> Bool {
        self.settings.introducedIn(command) <= self.activeVersion
    }

    /// What emits an event and has no key of its client's gets one here, so that sending it again is safe.
    private func recognisable(_ command: Command, by request: UInt64) -> Command {
        command.settingKey { actor in
            let chance = self.chance.next()
            return IdempotencyKey(
                user: actor.user, key: "node:\(self.nodeID.short):\(request):\(chance)", fingerprint: chance)
        }
    }

    /// Sends a command to where the leader is believed to be, or parks it.
    func route(_ request: UInt64) {
        guard var entry = self.pending[request] else { return }
        if entry.state != .parked { entry.isUncertain = true }
        entry.attempt += 1
        let attempt = entry.attempt
        let shard = entry.shard
        if self.host.isLeader(of: shard) {
            entry.state = .proposed
            self.pending[request] = entry
            let logged = LoggedCommand(at: self.settings.now(), command: entry.command)
            self.host.propose(shard, logged) { outcome in self.answered(request, attempt, outcome) }
            return
        }
        guard let leader = self.leader(of: shard), leader != self.nodeID, self.links.isConnected(leader) else {
            entry.state = .parked
            self.pending[request] = entry
            self.parked[shard, default: []].append(request)
            return
        }
        entry.state = .forwarded(leader, since: self.loop.now)
        self.pending[request] = entry
        self.outgoingCommands[leader, default: []].append(
            CommandBatch.Item(request: request, shard: shard, command: entry.command))
        self.host.scheduleFlush()
    }

    /// The leader by the own replica's word; without a replica by the last answer, or any ideal holder.
    func leader(of shard: ShardID) -> NodeID? {
        if self.host.holdsReplica(of: shard), let leader = self.host.leader(of: shard) { return leader }
        return self.hint(for: shard)
    }

    /// The last hint, while the node that it names can be reached.
    func hint(for shard: ShardID) -> NodeID? {
        guard let hint = self.hints[shard], self.links.isConnected(hint) else { return nil }
        return hint
    }

    private func answered(_ request: UInt64, _ attempt: UInt32, _ outcome: ProposeOutcome) {
        guard let entry = self.pending[request], entry.attempt == attempt else { return }
        switch outcome {
        case .applied(let result): self.applied(request, entry, result)
        case .posted(let seq, let at): self.posted(request, entry, seq, at)
        case .notLeader(let leader): self.tryAgain(request, entry.shard, hint: leader)
        case .lost:
            self.pending[request]?.isUncertain = true
            self.tryAgain(request, entry.shard, hint: nil)
        case .overloaded: self.overloaded(request, entry)
        case .tooLarge: self.finish(request, .success(.refused(.invalid)))
        case .storageFull: self.storageFull(request, entry)
        }
    }

    private func posted(_ request: UInt64, _ entry: PendingCommand, _ seq: UInt64, _ at: Timestamp) {
        guard let result = entry.command.message(at: seq, at) else {
            return self.finish(request, .failure(.outcomeUnknown))
        }
        self.applied(request, entry, result)
    }

    private func applied(_ request: UInt64, _ entry: PendingCommand, _ result: CommandResult) {
        // A refusal speaks of one attempt. Another one that got no answer may have been applied before it (who left by it
        // is not told apart from who was never there), or be applied after it, once what it was refused for has changed.
        if case .refused = result, entry.isUncertain { return self.finish(request, .failure(.outcomeUnknown)) }
        self.finish(request, .success(result))
    }

    /// "Nothing was applied" is true of this attempt only: after an earlier one that was sent, keep asking.
    private func overloaded(_ request: UInt64, _ entry: PendingCommand) {
        guard entry.attempt > 1 else { return self.finish(request, .failure(.overloaded)) }
        self.park(request, entry.shard)
    }

    /// The same: a leader with room may be found meanwhile.
    private func storageFull(_ request: UInt64, _ entry: PendingCommand) {
        guard entry.attempt > 1 else { return self.finish(request, .failure(.storageFull)) }
        self.park(request, entry.shard)
    }

    private func park(_ request: UInt64, _ shard: ShardID) {
        self.pending[request]?.state = .parked
        self.parked[shard, default: []].append(request)
    }

    func finish(_ request: UInt64, _ result: Result<CommandResult, ServiceError>) {
        guard let entry = self.pending.removeValue(forKey: request) else { return }
        entry.complete(result)
    }

    /// The one asked does not lead. A new name is tried at once, anything else at the next tick.
    func tryAgain(_ request: UInt64, _ shard: ShardID, hint: NodeID?) {
        self.pending[request]?.state = .parked
        if !self.host.holdsReplica(of: shard) {
            let isNews = hint != nil && hint != self.hints[shard]
            self.hints[shard] = hint
            if isNews { return self.route(request) }
        }
        self.park(request, shard)
    }

    /// Routes what waits for a leader of this shard.
    func unpark(_ shard: ShardID) {
        guard let waiting = self.parked.removeValue(forKey: shard) else { return }
        for request in waiting.sorted() where self.pending[request]?.state == .parked { self.route(request) }
    }

    // MARK: Answers from and for other nodes

    /// Any thread: commands that another node's clients have for shards led here.
    package func received(_ batch: CommandBatch) {
        self.onLoop {
            let node = batch.from
            let now = self.settings.now()
            // By its parts: a copy of an item would count the references of its command, which is large.
            for place in batch.commands.indices {
                let (request, shard) = (batch.commands[place].request, batch.commands[place].shard)
                guard self.shardMap.contains(shard) else { continue }
                let proposed: ProposedCommand
                switch batch.commands[place].form {
                // Of the first version.
                case .post(let post): proposed = .post(post, at: now)
                case .command(let command):
                    guard self.mayPropose(command) else {
                        self.outgoingResults[node, default: []].append(
                            ResultBatch.Item(request: request, outcome: .applied(.refused(.unsupportedVersion))))
                        self.host.scheduleFlush()
                        continue
                    }
                    proposed = .command(LoggedCommand(at: now, command: command))
                }
                self.host.propose(shard, proposed) { outcome in
                    guard let outcome = ForwardedOutcome(outcome) else { return }
                    self.outgoingResults[node, default: []].append(
                        ResultBatch.Item(request: request, outcome: outcome))
                    self.host.scheduleFlush()
                }
            }
        }
    }

    /// Any thread: what became of commands that this node has forwarded.
    package func received(_ batch: ResultBatch) {
        self.onLoop {
            let node = batch.from
            for item in batch.results {
                guard let entry = self.pending[item.request], case .forwarded(node, _) = entry.state else { continue }
                switch item.outcome {
                case .applied(let result): self.applied(item.request, entry, result)
                case .posted(let seq, let time): self.posted(item.request, entry, seq, time)
                case .notLeader(let leader): self.tryAgain(item.request, entry.shard, hint: leader)
                case .overloaded: self.overloaded(item.request, entry)
                case .storageFull: self.storageFull(item.request, entry)
                }
            }
        }
    }

    /// Any thread: a peer's connections are up, or gone.
    package func peerChanged(_ node: NodeID, isConnected: Bool) {
        self.loop.execute {
            if isConnected {
                self.connected.insert(node)
                self.renewInterests(at: node)
                // It may have lost our connection without our noticing, and with it forgotten nothing; or the
                // other way round: both ask again for what they want to hear.
                self.tell(node, .renew)
                self.presenceConnected(to: node)
                for shard in self.parked.keys.sorted() where self.leader(of: shard) == node { self.unpark(shard) }
            } else {
                self.connected.remove(node)
                self.host.forgetListener(node)
                self.lost(node)
            }
        }
    }

    /// Whatever was on its way to `node` takes another way. Hints to it are worth nothing now.
    private func lost(_ node: NodeID) {
        self.hints = self.hints.filter { $0.value != node }
        self.interests.lost(node)
        for (request, entry) in self.pending.sorted(by: { $0.key < $1.key }) {
            guard case .forwarded(node, _) = entry.state else { continue }
            self.pending[request]?.isUncertain = true
            self.park(request, entry.shard)
        }
    }
}

extension ShardMap {
    package func shard(of key: ShardKey) -> ShardID {
        switch key {
        case .directory: .directory
        case .user(let user): self.shard(ofKey: user.high, user.low)
        case .channel(let channel): self.shard(ofKey: channel.high, channel.low)
        case .shard(let shard): shard
        }
    }
}
