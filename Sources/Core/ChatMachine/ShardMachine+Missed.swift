import ChatModel
import ClusterModel

extension ShardMachine {
    /// What a user's connections would have been told between an older state of the same shard and this one, when the
    /// entries between them were never applied here: a snapshot took their place.
    package func notices(for user: UserID, since older: ShardMachine) -> [UserNotice] {
        let (before, now) = (older.users[user], self.users[user])
        var notices: [UserNotice] = []
        let channels = Set((before?.memberships ?? []).filter(\.isMember).map(\.channel))
        for membership in now?.memberships ?? [] where membership.isMember != channels.contains(membership.channel) {
            notices.append(
                membership.isMember
                    ? .channelJoined(membership.channel, seq: membership.version) : .channelLeft(membership.channel))
        }
        for session in before?.sessions ?? [] where !(now?.sessions.contains { $0.id == session.id } ?? false) {
            notices.append(.sessionRevoked(session.id))
        }
        return notices
    }
}
