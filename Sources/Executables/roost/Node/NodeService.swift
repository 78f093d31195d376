import ChatModel
import ChatService
import ClusterModel
import Descriptors
import Routing
import Synchronization

/// What the edge talks to from the first moment on: the listener is up before the node has a cluster, so
/// that `/health` and `/ready` can say what it waits for.
final class NodeService: ChatService, FeedSource {
    private struct State {
        var router: Router?
        var sink: (any FeedSink)?
        var waiting: [String] = ["starting"]
    }
    private let state = Mutex(State())
    private let descriptors: DescriptorReserve

    init(descriptors: DescriptorReserve) { self.descriptors = descriptors }

    private var router: Router? { self.state.withLock { $0.router } }

    /// From now on everything goes to the router.
    func becameMember(_ router: Router) {
        let sink = self.state.withLock { state in
            state.router = router
            return state.sink
        }
        if let sink { router.setSink(sink) }
    }

    func isWaiting(for reasons: [String]) { self.state.withLock { $0.waiting = reasons } }

    // MARK: ChatService

    /// All zero while the node has no identity.
    var nodeID: NodeID { self.router?.nodeID ?? NodeID(high: 0, low: 0) }

    func perform(_ command: Command, completion: @escaping @Sendable (Result<CommandResult, ServiceError>) -> Void) {
        guard let router = self.router else { return completion(.failure(.unavailable(retryAfterSeconds: 1))) }
        router.perform(command, completion: completion)
    }

    func answer(_ query: Query, consistency: Consistency) async throws(ServiceError) -> QueryAnswer {
        guard let router = self.router else { throw .unavailable(retryAfterSeconds: 1) }
        return try await router.answer(query, consistency: consistency)
    }

    func shard(of channel: ChannelID) -> ShardID { self.router?.shard(of: channel) ?? .directory }

    var directory: DirectorySnapshot {
        self.router?.directory
            ?? DirectorySnapshot(secrets: nil, registration: .closed, revokedSessions: [], registry: .empty)
    }

    var readiness: Readiness {
        let found = self.state.withLock { state in
            state.router?.readiness ?? Readiness(isReady: false, reasons: state.waiting)
        }
        let count = self.descriptors.count()
        var condition = found.condition
        condition.descriptors = NodeCondition.Descriptors(
            open: count.open, limit: count.limit, refused: self.descriptors.refusedCount)
        return Readiness(isReady: found.isReady, reasons: found.reasons, condition: condition)
    }

    func clusterStatus() async -> ClusterStatus {
        guard let router = self.router else {
            return ClusterStatus(cluster: nil, epoch: .zero, nodes: [], shards: [])
        }
        return await router.clusterStatus()
    }

    func rebuildSearch() async -> SearchRebuild {
        await self.router?.rebuildSearch() ?? SearchRebuild(told: [], missing: [])
    }

    var feeds: any FeedSource { self }
    var presence: any PresenceSource { self }

    // MARK: FeedSource

    func subscribe(_ channel: ChannelID, after seq: UInt64) { self.router?.subscribe(channel, after: seq) }
    func unsubscribe(_ channel: ChannelID) { self.router?.unsubscribe(channel) }
    func watch(_ user: UserID) { self.router?.watch(user) }
    func unwatch(_ user: UserID) { self.router?.unwatch(user) }

    func setSink(_ sink: any FeedSink) {
        let router = self.state.withLock { state in
            state.sink = sink
            return state.router
        }
        router?.setSink(sink)
    }
}

/// The hub is made before there is a router: what it asks goes to whatever stands behind at that time.
extension NodeService: PresenceSource {
    private var people: any PresenceSource { self.router ?? AbsentPresence() }

    func devicesChanged(of user: UserID, lane: Int, _ status: PresenceStatus?) {
        self.people.devicesChanged(of: user, lane: lane, status)
    }
    func say(_ choice: PresenceChoice, by user: UserID) async -> PresenceSpoken {
        await self.people.say(choice, by: user)
    }
    func states(of users: [UserID]) async -> [PresenceState] { await self.people.states(of: users) }
    func watchPresence(of user: UserID) { self.people.watchPresence(of: user) }
    func unwatchPresence(of user: UserID) { self.people.unwatchPresence(of: user) }
    func tell(_ note: TypingNote) { self.people.tell(note) }
    var isAvailable: Bool { self.people.isAvailable }
}
