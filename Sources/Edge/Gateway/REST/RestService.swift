import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import Identity
import Logging
import Telemetry

/// How the REST side of a node behaves.
package struct RestSettings: Sendable {
    /// Off lifts all limits, those on signing in too.
    package var rateLimits = true
    /// Whether `/metrics` is answered here; false where it has a listener of its own.
    package var servesMetrics = true

    package init(rateLimits: Bool = true, servesMetrics: Bool = true) {
        self.rateLimits = rateLimits
        self.servesMetrics = servesMetrics
    }
}

/// What the routes share: the cluster behind the seam, and who may ask how often. Thread-safe.
final class RestService: Sendable {
    let chat: any ChatService
    let authenticator: Authenticator
    let passwords: PasswordHasher
    let settings: RestSettings
    let metrics: Metrics
    let now: @Sendable () -> Timestamp
    let signIns = SignInLimiter()
    let registrations = RateLimiter<ConnectionLedger.Key>(.registrations)
    let requests: RateLimiter<UserID>
    let searches = RateLimiter<UserID>(.searches)

    init(
        chat: any ChatService, authenticator: Authenticator, passwords: PasswordHasher, settings: RestSettings,
        metrics: Metrics, requests: RateLimiter<UserID>, now: @escaping @Sendable () -> Timestamp
    ) {
        self.chat = chat
        self.authenticator = authenticator
        self.passwords = passwords
        self.settings = settings
        self.metrics = metrics
        self.requests = requests
        self.now = now
    }

    // MARK: Asking the cluster

    /// The answer, or the refusal as the problem that it is.
    func answer(_ query: Query, _ consistency: Consistency = .linearizable) async throws -> QueryAnswer {
        let answer = try await self.chat.answer(query, consistency: consistency)
        if case .refused(let refusal) = answer { throw Problem(refusal) }
        return answer
    }

    func perform(_ command: Command) async throws -> CommandResult {
        let result = try await self.chat.perform(command)
        if case .refused(let refusal) = result { throw Problem(refusal) }
        return result
    }

    /// For commands that may be repeated: does so when nothing is known of an attempt, and at once when one was declined at
    /// once. Where a shard was waited for in vain, waiting again would only keep the client from its answer.
    func performRepeatedly(_ command: Command) async throws -> CommandResult {
        let began = ContinuousClock.now
        var isUncertain = false
        for pause in [Duration.milliseconds(50), .milliseconds(200)] {
            do {
                return try await self.perform(command)
            } catch let error as ServiceError {
                if case .outcomeUnknown = error { isUncertain = true }
                guard isUncertain || ContinuousClock.now - began < .seconds(1) else { throw error }
                try await Task.sleep(for: pause)
            }
        }
        do {
            return try await self.perform(command)
        } catch is ServiceError where isUncertain {
            // That this attempt was not applied says nothing of the one before.
            throw ServiceError.outcomeUnknown
        }
    }

    /// For what happens without it too, only later.
    func hasten(_ command: Command, _ logger: Logger) async {
        do throws(ServiceError) {
            _ = try await self.chat.perform(command)
        } catch {
            logger.debug("left to the directory's leader", metadata: ["error": "\(error)"])
        }
    }

    func user(_ id: UserID, _ consistency: Consistency = .linearizable) async throws -> UserRecord {
        guard case .user(let user) = try await self.answer(.user(id), consistency) else { throw Problem(.internal) }
        return user
    }

    /// The channel as `viewer` sees it.
    func channel(
        _ channel: ChannelID, viewer: Actor, _ consistency: Consistency = .linearizable
    ) async throws -> ChannelView {
        let answer = try await self.answer(.channel(channel, viewer: viewer), consistency)
        guard case .channelViews(let views) = answer, let view = views.first else { throw Problem(.internal) }
        return view
    }

    /// The states of `channels` that `viewer` may see, in the order of `channels`: one query for each shard.
    func channels(
        _ channels: [ChannelID], viewer: Actor, _ consistency: Consistency
    ) async throws -> [ChannelView] {
        let groups = Dictionary(grouping: channels) { self.chat.shard(of: $0) }
        var found: [ChannelID: ChannelView] = [:]
        try await withThrowingTaskGroup(of: QueryAnswer.self) { tasks in
            for group in groups.values {
                tasks.addTask { try await self.answer(.channels(group, viewer: viewer), consistency) }
            }
            for try await answer in tasks {
                guard case .channelViews(let states) = answer else { throw Problem(.internal) }
                for state in states { found[state.channel.id] = state }
            }
        }
        return channels.compactMap { found[$0] }
    }

    // MARK: Secrets

    func secrets() throws(Problem) -> ClusterSecrets {
        guard let secrets = self.chat.directory.secrets else { throw Problem(.notReady) }
        return secrets
    }

    func newID<ID: PrefixedID>() -> ID {
        var generator = SystemRandomNumberGenerator()
        return ID(now: self.now(), using: &generator)
    }
}
