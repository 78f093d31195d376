import ChatModel
import ClusterModel

// What is taken back.

extension ShardMachine {
    /// Leaves a tombstone without text. `asModerator`: by the moderators' route, from outside the channel.
    mutating func deleteMessage(
        _ message: MessageID, _ asModerator: Bool, _ actor: Actor, _ key: IdempotencyKey?, _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }
}
