import ChatModel
import ChatService
import ClusterModel
import Identity
import Synchronization

/// A cluster of one in memory: enough of the product's rules for the edge to be tested against.
///
/// Events reach the sink at once and on the caller's thread, which is the hardest case for whoever listens.
final class FakeChatService: ChatService, FeedSource {
    struct Channel {
        var record: ChannelRecord
        var members: [UserID: MemberRecord] = [:]
        var events: [DurableEvent] = []
    }

    struct State {
        var users: [UserID: UserRecord] = [:]
        var channels: [ChannelID: Channel] = [:]
        var posted: [String: (fingerprint: UInt64, event: DurableEvent)] = [:]
        var subscribed: Set<ChannelID> = []
        var watched: Set<UserID> = []
        var sink: (any FeedSink)?
        var revoked: Set<SessionID> = []
        /// Events that the feed swallows from now on.
        var eventsToLose = 0
        /// Queries fail while true.
        var isUnavailable = false
        var generator = SeededGenerator(seed: 7)
        var time: Int64 = 1_700_000_000_000
    }

    let state = Mutex(State())
    let secrets = ClusterSecrets.generate()
    let nodeID = NodeID(high: 1, low: 2)
    let people = FakePresence()
    var presence: any PresenceSource { self.people }

    func shard(of channel: ChannelID) -> ShardID { ShardID(UInt16(channel.low % 4) + 1) }

    var directory: DirectorySnapshot {
        DirectorySnapshot(
            secrets: self.secrets, registration: .open, revokedSessions: self.state.withLock { $0.revoked },
            registry: .empty)
    }
    var readiness: Readiness { Readiness(isReady: true, reasons: []) }
    func rebuildSearch() async -> SearchRebuild { SearchRebuild(told: [], missing: []) }
    func clusterStatus() async -> ClusterStatus { ClusterStatus(cluster: nil, epoch: .zero, nodes: [], shards: []) }
    var feeds: any FeedSource { self }

    // MARK: Setting the scene

    func addUser(_ name: String) -> UserID {
        self.state.withLock { state in
            let id = UserID(now: Timestamp(milliseconds: state.time), using: &state.generator)
            state.users[id] = UserRecord(
                id: id, username: name, displayName: name, email: nil, role: .member, passwordHash: "secret-hash",
                createdAt: Timestamp(milliseconds: state.time))
            return id
        }
    }

    func addChannel(_ name: String, of members: [UserID], type: ChannelType = .public) -> ChannelID {
        let id = self.state.withLock { state in
            let id = ChannelID(now: Timestamp(milliseconds: state.time), using: &state.generator)
            state.channels[id] = Channel(
                record: ChannelRecord(
                    id: id, name: name, type: type, topic: "", createdBy: members[0],
                    createdAt: Timestamp(milliseconds: state.time), memberCount: 0, seq: 0))
            return id
        }
        for member in members { self.join(member, id) }
        return id
    }

    func join(_ user: UserID, _ channel: ChannelID) {
        let event = self.append(channel, by: user, .memberJoined(user, .member)) { channel, event in
            channel.members[user] = MemberRecord(
                user: user, role: .member, joinedAt: event.at, joinedSeq: event.seq, readSeq: 0)
        }
        self.notify(user, .channelJoined(channel, seq: event.seq))
    }

    func remove(_ user: UserID, from channel: ChannelID) {
        _ = self.append(channel, by: user, .memberLeft(user, .member)) { channel, _ in channel.members[user] = nil }
        self.notify(user, .channelLeft(channel))
    }

    func post(_ text: String, in channel: ChannelID, by user: UserID) {
        _ = self.append(channel, by: user, .messageCreated(MessageContent(text: text, clientID: nil, thread: nil)))
    }

    func revoke(_ session: SessionID, of user: UserID, quietly: Bool = false) {
        self.state.withLock { _ = $0.revoked.insert(session) }
        if !quietly { self.notify(user, .sessionRevoked(session)) }
    }

    // MARK: The seam

    func perform(_ command: Command, completion: @escaping @Sendable (Result<CommandResult, ServiceError>) -> Void) {
        guard case .postMessage(let channel, let content, let actor, let key) = command else {
            return completion(.success(.refused(.invalid)))
        }
        let isMember = self.state.withLock { $0.channels[channel]?.members[actor.user] != nil }
        guard isMember else { return completion(.success(.refused(.notFound))) }
        let name = key.map { "\(actor.user) \($0.key)" }
        if let name, let known = self.state.withLock({ $0.posted[name] }) {
            let isSame = known.fingerprint == key?.fingerprint
            return completion(.success(isSame ? .message(known.event) : .refused(.idempotencyKeyReused)))
        }
        let event = self.append(channel, by: actor.user, .messageCreated(content))
        if let name, let key { self.state.withLock { $0.posted[name] = (key.fingerprint, event) } }
        completion(.success(.message(event)))
    }

    func answer(_ query: Query, consistency: Consistency) async throws(ServiceError) -> QueryAnswer {
        if self.state.withLock({ $0.isUnavailable }) { throw .unavailable(retryAfterSeconds: 1) }
        return self.state.withLock { state in
            switch query {
            case .user(let id): return state.users[id].map { .user($0) } ?? .refused(.notFound)
            case .memberships(let user):
                return .memberships(state.channels.values.filter { $0.members[user] != nil }.map(\.record.id).sorted())
            case .channels(let ids, let viewer):
                return .channelViews(
                    ids.compactMap { id in
                        state.channels[id].map { channel in
                            ChannelView(
                                state: ChannelState(channel: channel.record, member: channel.members[viewer.user]),
                                extra: ChannelExtra(
                                    folded: channel.record.name, nameEpoch: 0, broadcastRight: nil, retentionDays: nil),
                                counts: nil)
                        }
                    })
            case .sidebar(let user):
                let channels = state.channels.values.filter { $0.members[user] != nil }.map(\.record.id).sorted()
                return .sidebar(channels, .initial)
            case .events(let id, let viewer, let after, let limit):
                guard let channel = state.channels[id], channel.members[viewer.user] != nil else {
                    return .refused(.notFound)
                }
                return Self.events(of: channel, after: after, limit: limit)
            case .feed(let id, let after, let limit):
                guard let channel = state.channels[id] else { return .refused(.notFound) }
                return Self.events(of: channel, after: after, limit: limit)
            default: return .refused(.notFound)
            }
        }
    }

    private static func events(of channel: Channel, after: UInt64, limit: UInt32) -> QueryAnswer {
        .events(Array(channel.events.filter { $0.seq > after }.prefix(Int(limit))), head: channel.record.seq)
    }

    private func append(
        _ channel: ChannelID, by user: UserID, _ body: EventBody,
        _ change: (inout Channel, DurableEvent) -> Void = { _, _ in }
    ) -> DurableEvent {
        let (event, sink) = self.state.withLock { state -> (DurableEvent, (any FeedSink)?) in
            state.time += 1
            var room = state.channels[channel]!
            room.record.seq += 1
            let event = DurableEvent(
                channel: channel, seq: room.record.seq, at: Timestamp(milliseconds: state.time), actor: user,
                body: body)
            room.events.append(event)
            change(&room, event)
            room.record.memberCount = UInt64(room.members.count)
            state.channels[channel] = room
            guard state.subscribed.contains(channel) else { return (event, nil) }
            guard state.eventsToLose == 0 else {
                state.eventsToLose -= 1
                return (event, nil)
            }
            return (event, state.sink)
        }
        sink?.receive([.event(event)])
        return event
    }

    func notify(_ user: UserID, _ notice: UserNotice) {
        let sink = self.state.withLock { $0.watched.contains(user) ? $0.sink : nil }
        sink?.receive([.notice(user, notice)])
    }

    // MARK: The feed

    func subscribe(_ channel: ChannelID, after seq: UInt64) {
        let (events, sink) = self.state.withLock { state in
            state.subscribed.insert(channel)
            return (state.channels[channel]?.events.filter { $0.seq > seq } ?? [], state.sink)
        }
        if !events.isEmpty { sink?.receive(events.map { .event($0) }) }
    }
    func unsubscribe(_ channel: ChannelID) { self.state.withLock { _ = $0.subscribed.remove(channel) } }
    func watch(_ user: UserID) { self.state.withLock { _ = $0.watched.insert(user) } }
    func unwatch(_ user: UserID) { self.state.withLock { _ = $0.watched.remove(user) } }
    func setSink(_ sink: any FeedSink) {
        self.state.withLock { $0.sink = sink }
        self.people.state.withLock { $0.sink = sink }
    }
}
