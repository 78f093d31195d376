import ChatModel
import ClusterModel

// The notifications of a person.

extension ShardMachine {
    /// These numbers, and all up to and with `through`.
    mutating func readNotifications(
        _ user: UserID, _ numbers: [UInt64], _ through: UInt64?, _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    /// Something happened that these people, all of this shard, want to know of.
    mutating func notify(
        _ message: MessageID, _ kind: NotificationKind, _ actor: UserID, _ at: Timestamp, _ users: [UserID],
        _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    func notificationsAnswer(
        _ user: UserID, _ kind: NotificationKind?, _ unreadOnly: Bool, _ before: UInt64?, _ limit: UInt32
    ) -> MachineAnswer { .answer(.refused(.forbidden)) }
}
