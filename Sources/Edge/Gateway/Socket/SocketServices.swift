import ChatModel
import ChatService
import ClusterModel
import Fanout
import Identity
import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What all sockets of a node share. Thread-safe.
struct SocketServices: Sendable {
    /// Frames of one user on one event loop.
    static let framePolicy = RatePolicy(name: "frames", capacity: 600, windowMilliseconds: 10_000)
    /// Refused frames of one user before 4029.
    static let patiencePolicy = RatePolicy(name: "patience", capacity: 300, windowMilliseconds: 30_000)

    let settings: SocketSettings
    let rateLimits: Bool
    let service: any ChatService
    let authenticator: Authenticator
    let hub: FanoutHub
    let sessions: SessionTable
    let logger: Logger
    /// Work that waits for shards; the server awaits its end.
    let jobs: AsyncStream<@Sendable () async -> Void>.Continuation

    /// Both clocks now.
    static func now() -> SocketTime {
        var uptime = timespec()
        var wall = timespec()
        clock_gettime(CLOCK_MONOTONIC, &uptime)
        clock_gettime(CLOCK_REALTIME, &wall)
        return SocketTime(
            uptime: Int64(uptime.tv_sec) * 1_000 + Int64(uptime.tv_nsec) / 1_000_000,
            wall: Timestamp(milliseconds: Int64(wall.tv_sec) * 1_000 + Int64(wall.tv_nsec) / 1_000_000))
    }

    func run(_ job: @escaping @Sendable () async -> Void) {
        self.jobs.yield(job)
    }

    /// The answer of a channel query in the viewer's own words, for several channels of any shards.
    ///
    /// - Returns: only the channels that the viewer is a member of, in the order of `channels`.
    func states(of channels: [ChannelID], viewer: Actor) async throws(ServiceError) -> [ChannelView] {
        var shards: [ShardID: [ChannelID]] = [:]
        for channel in channels { shards[self.service.shard(of: channel), default: []].append(channel) }
        let service = self.service
        let groups = shards.values.flatMap { Self.slices(of: $0, max: 200) }
        let answers = await withTaskGroup(of: Result<[ChannelView], ServiceError>.self) { tasks in
            for group in groups {
                tasks.addTask {
                    do throws(ServiceError) {
                        let query = Query.channels(group, viewer: viewer)
                        guard
                            case .channelViews(let states) = try await service.answer(query, consistency: .linearizable)
                        else { return .success([]) }
                        return .success(states)
                    } catch {
                        return .failure(error)
                    }
                }
            }
            return await tasks.reduce(into: []) { $0.append($1) }
        }
        var found: [ChannelID: ChannelView] = [:]
        for answer in answers {
            for state in try answer.get() where state.member != nil { found[state.channel.id] = state }
        }
        return channels.compactMap { found.removeValue(forKey: $0) }
    }

    private static func slices(of channels: [ChannelID], max count: Int) -> [[ChannelID]] {
        stride(from: 0, to: channels.count, by: count).map {
            Array(channels[$0..<min($0 + count, channels.count)])
        }
    }

    /// What `ready` says: the user, and the channels with where they stand. nil when there is no such user.
    func sidebar(of actor: Actor) async throws(ServiceError) -> Sidebar? {
        guard case .user(let user) = try await self.service.answer(.user(actor.user), consistency: .linearizable)
        else { return nil }
        let query = Query.sidebar(actor.user)
        guard
            case .sidebar(let channels, let settings) = try await self.service.answer(
                query, consistency: .linearizable)
        else { return Sidebar(user: user, channels: [], muted: []) }
        let muted = settings.overrides.lazy.filter(\.muted).map(\.channel)
        return Sidebar(
            user: user, channels: try await self.states(of: channels, viewer: actor), muted: Set(muted))
    }

    struct Sidebar: Sendable {
        let user: UserRecord
        let channels: [ChannelView]
        let muted: Set<ChannelID>
    }
}
