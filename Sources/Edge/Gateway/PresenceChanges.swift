import ChatModel
import ChatService
import ClientProtocol
import ClusterModel

/// How people say how they want to be seen, and whom they may look at: over REST and over the socket alike.
struct PresenceChanges: Sendable {
    private let chat: any ChatService

    /// Ids that this node's copy of the directory does not know, which are looked for elsewhere at one time.
    private static let strangersMax = 32

    init(_ chat: any ChatService) { self.chat = chat }

    /// Do not disturb and offline stand in the log and outlive every device; the rest is only told. The leader of the
    /// person's shard knows of it when this returns.
    ///
    /// - Throws: `Problem` and `ServiceError`.
    func choose(_ choice: PresenceChoice, by actor: Actor, at now: Timestamp) async throws -> PresenceState {
        if let until = choice.until, until <= now {
            throw Problem([FieldError(field: "until", detail: "must lie ahead")])
        }
        switch choice.status {
        case .dnd, .offline:
            try await self.record(choice, of: actor.user)
            return await self.chat.presence.say(choice, by: actor.user).state
        case .online, .away:
            let spoken = await self.chat.presence.say(choice, by: actor.user)
            // Only a choice that there is has to be taken back from the log.
            guard spoken.hasChoice else { return spoken.state }
            try await self.record(PresenceChoice(status: .online, until: nil), of: actor.user)
            return await self.chat.presence.say(choice, by: actor.user).state
        }
    }

    private func record(_ choice: PresenceChoice, of user: UserID) async throws {
        let result = try await self.chat.perform(.choosePresence(user, choice))
        if case .refused(let refusal) = result { throw Problem(refusal) }
    }

    /// Those of `users` that there are and whom the viewer may see, each once, in their order. A guest sees whom it
    /// shares a channel with.
    ///
    /// - Throws: `ServiceError`.
    func visible(_ users: [UserID], to viewer: Actor) async throws -> [UserID] {
        var seen: Set<UserID> = []
        let known = try await self.known(users.filter { seen.insert($0).inserted })
        let shared = try await SharedPeople(self.chat).known(of: known, to: viewer)
        return known.filter { shared.contains($0) }
    }

    private func known(_ users: [UserID]) async throws -> [UserID] {
        let accounts = self.chat.directory.accounts
        let strangers = users.filter { accounts[$0] == nil }.prefix(Self.strangersMax)
        // Somebody who has just come may not have reached this node's copy yet.
        let met = try await self.gather(Array(strangers)) { user in
            guard case .user = try await self.chat.answer(.user(user), consistency: .linearizable) else { return [] }
            return [user]
        }
        return users.filter { accounts[$0] != nil || met.contains($0) }
    }

    private func gather<Item: Sendable>(
        _ items: [Item], _ ask: @escaping @Sendable (Item) async throws -> [UserID]
    ) async throws -> Set<UserID> {
        try await withThrowingTaskGroup(of: [UserID].self) { tasks in
            for item in items { tasks.addTask { try await ask(item) } }
            return try await tasks.reduce(into: Set<UserID>()) { $0.formUnion($1) }
        }
    }
}

extension Problem {
    /// What a client is told of an error that a change or a question threw.
    init(anyOf error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let error as ServiceError: self = Problem(error)
        default: self = Problem(.internal)
        }
    }
}
