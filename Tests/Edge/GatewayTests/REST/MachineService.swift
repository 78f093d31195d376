import ChatMachine
import ChatModel
import ChatService
import ClusterModel
import Identity
import MemoryProjection
import Placement
import Synchronization

/// A whole cluster in memory: the real machine of every shard, rows in memory, one log without replicas.
/// Effects between shards are delivered before `perform` returns. Nothing is fed to anyone.
final class MachineService: ChatService, FeedSource {
    private struct State {
        var machines: [ShardID: ShardMachine] = [:]
        var rows: [ShardID: MemoryProjection] = [:]
        var now = Timestamp(milliseconds: 1_800_000_000_000)
        var failures: [ServiceError] = []
        /// How many commands are answered until the node that asks is cut off; nil: all of them.
        var untilCutOff: Int?
        var rebuilds = 0
        var index: (@Sendable (SearchRequest) -> QueryAnswer)?
    }

    let nodeID = NodeID(high: 1, low: 2)
    private let map = ShardMap()
    private let state = Mutex(State())

    init(registration: Registration = .open, secrets: ClusterSecrets = .generate()) {
        _ = self.performNow(.initialise(secrets, registration))
    }

    // MARK: Controls of tests

    var now: Timestamp { self.state.withLock { $0.now } }

    func advance(milliseconds: Int64) {
        self.state.withLock { $0.now = $0.now.advanced(byMilliseconds: milliseconds) }
    }

    /// The next commands fail so, in this order, and are not applied.
    func fail(_ failures: ServiceError...) { self.state.withLock { $0.failures += failures } }

    /// The command after the next `count` is carried out and nobody hears of it; what is asked after it is not.
    func cutOff(after count: Int) { self.state.withLock { $0.untilCutOff = count } }
    /// Whether the cut has come to pass.
    var isCutOff: Bool { self.state.withLock { $0.untilCutOff.map { $0 < 0 } ?? false } }
    func heal() { self.state.withLock { $0.untilCutOff = nil } }

    /// How many rows of each kind there are, but those of keys, clocks and marks: what requests have made is in them.
    var rowCounts: [String: Int] {
        let apart: [RecordKind] = [.requestKey, .clock, .inboxMark]
        return self.state.withLock { state in
            var counts: [String: Int] = [:]
            for rows in state.rows.values {
                for place in rows.records.keys where !apart.contains(where: { $0.rawValue == place.kind }) {
                    counts["record \(place.kind)", default: 0] += 1
                }
                for place in rows.items.keys where place.kind != ItemKind.keyedAnswer.rawValue {
                    counts["item \(place.kind)", default: 0] += 1
                }
                for events in rows.events.values { counts["events", default: 0] += events.count }
            }
            return counts
        }
    }

    /// A command that no request makes: what others do meanwhile.
    @discardableResult
    func apply(_ command: Command) -> CommandResult { self.performNow(command) }

    // MARK: The seam

    var feeds: any FeedSource { self }
    var readiness: Readiness { Readiness(isReady: true, reasons: []) }
    func shard(of channel: ChannelID) -> ShardID { self.shard(.channel(channel)) }

    var directory: DirectorySnapshot {
        self.state.withLock { state in
            let machine = state.machines[.directory]
            return DirectorySnapshot(
                secrets: machine?.secrets, registration: machine?.registration ?? .invite,
                revokedSessions: machine?.revokedSessions ?? [], registry: machine?.registry ?? .empty,
                accounts: machine.map { AccountTable($0) } ?? .empty, workspace: machine?.workspace ?? .initial)
        }
    }

    func clusterStatus() async -> ClusterStatus {
        let replica = ClusterStatus.ReplicaStatus(node: self.nodeID, isVoter: true, lag: 0)
        let shard = ClusterStatus.Shard(id: .directory, leader: self.nodeID, term: Term(1), replicas: [replica])
        let nodes = self.directory.registry.nodes.map { ClusterStatus.Node(record: $0, gossip: "dead") }
        return ClusterStatus(cluster: ClusterID(high: 3, low: 4), epoch: RingEpoch(1), nodes: nodes, shards: [shard])
    }

    /// What a search of all shards finds from now on; there is no index here.
    func find(_ index: @escaping @Sendable (SearchRequest) -> QueryAnswer) { self.state.withLock { $0.index = index } }

    /// It is whole at once.
    func rebuildSearch() async -> SearchRebuild {
        self.state.withLock { $0.rebuilds += 1 }
        return SearchRebuild(told: [self.nodeID], missing: [])
    }
    var rebuilds: Int { self.state.withLock { $0.rebuilds } }

    func perform(_ command: Command, completion: @escaping @Sendable (Result<CommandResult, ServiceError>) -> Void) {
        let failure: ServiceError? = self.state.withLock { $0.failures.isEmpty ? nil : $0.failures.removeFirst() }
        if let failure { return completion(.failure(failure)) }
        let left: Int? = self.state.withLock { state in
            guard let left = state.untilCutOff else { return nil }
            state.untilCutOff = left - 1
            return left
        }
        guard let left, left <= 0 else { return completion(.success(self.performNow(command))) }
        if left == 0 { _ = self.performNow(command) }
        completion(.failure(.outcomeUnknown))
    }

    func answer(_ query: Query, consistency: Consistency) async throws(ServiceError) -> QueryAnswer {
        self.state.withLock { state in
            if case .search(.directory, let request, _) = query, let index = state.index { return index(request) }
            let shard = self.shard(query.key)
            switch (state.machines[shard] ?? ShardMachine(shard: shard, map: self.map)).answer(query) {
            case .answer(let answer): return answer
            case .needsHistory(let request):
                do throws(WireError) {
                    return try (state.rows[shard] ?? MemoryProjection()).answer(request)
                } catch {
                    preconditionFailure("rows that the machine wrote can not be read: \(error)")
                }
            }
        }
    }

    func subscribe(_ channel: ChannelID, after seq: UInt64) {}
    func unsubscribe(_ channel: ChannelID) {}
    func watch(_ user: UserID) {}
    func unwatch(_ user: UserID) {}
    func setSink(_ sink: any FeedSink) {}

    // MARK: The logs

    private func performNow(_ command: Command) -> CommandResult {
        self.state.withLock { state in
            let result = self.apply(command, self.shard(command.key), &state)
            self.deliverOutboxes(&state)
            return result
        }
    }

    private func apply(_ command: Command, _ shard: ShardID, _ state: inout State) -> CommandResult {
        var machine = state.machines[shard] ?? ShardMachine(shard: shard, map: self.map)
        var effects = ApplyEffects()
        let logged = LoggedCommand(at: state.now, command: command)
        let result = machine.apply(logged, at: machine.lastApplied.next(), into: &effects)
        state.machines[shard] = machine
        state.rows[shard, default: MemoryProjection()].take(effects.changes)
        return result
    }

    private func deliverOutboxes(_ state: inout State) {
        for shard in state.machines.keys.sorted() {
            for entry in state.machines[shard]?.outbox ?? [] {
                let target = self.shard(entry.target)
                _ = self.apply(.applyEffect(entry), target, &state)
                _ = self.apply(.outboxDelivered(target: target, through: entry.position), shard, &state)
            }
        }
    }

    private func shard(_ key: ShardKey) -> ShardID {
        switch key {
        case .directory: .directory
        case .user(let user): self.map.shard(ofKey: user.high, user.low)
        case .channel(let channel): self.map.shard(ofKey: channel.high, channel.low)
        case .shard(let shard): shard
        }
    }
}

extension AccountTable {
    fileprivate init(_ machine: ShardMachine) {
        self.init(machine.accounts, usernames: machine.usernames, version: machine.lastApplied.rawValue)
    }
}
