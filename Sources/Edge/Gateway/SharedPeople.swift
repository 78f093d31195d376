import ChatModel
import ChatService
import ClusterModel

/// Whom a guest may know of: itself, and those with whom it is in a channel now. Of everybody else it learns nothing, not
/// even that they are there.
struct SharedPeople: Sendable {
    private let chat: any ChatService

    init(_ chat: any ChatService) { self.chat = chat }

    /// Those of `users`, at most 1,000, whom the viewer may know of.
    ///
    /// - Throws: `ServiceError`. What cannot be found out is not shown.
    func known(of users: [UserID], to viewer: Actor) async throws -> Set<UserID> {
        guard viewer.role == .guest else { return Set(users) }
        let others = users.filter { $0 != viewer.user }
        let own: Set<UserID> = others.count == users.count ? [] : [viewer.user]
        guard !others.isEmpty else { return own }
        // At the leaders, whatever the request allows: who has just left a channel is out of sight at once.
        guard
            case .memberships(let channels) = try await self.chat.answer(
                .memberships(viewer.user), consistency: .linearizable)
        else { return own }
        let groups = Dictionary(grouping: channels) { self.chat.shard(of: $0) }
        return try await withThrowingTaskGroup(of: [UserID].self) { tasks in
            for channels in groups.values {
                tasks.addTask {
                    let query = Query.sharing(channels, others, viewer: viewer)
                    guard case .users(let users) = try await self.chat.answer(query, consistency: .linearizable) else {
                        return []
                    }
                    return users
                }
            }
            return try await tasks.reduce(into: own) { $0.formUnion($1) }
        }
    }
}
