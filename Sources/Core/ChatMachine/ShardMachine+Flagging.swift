import ChatModel
import ClusterModel

// Reports from a channel to the moderators.

extension ShardMachine {
    /// Reports a message to the moderators. The same reporter's second flag is the first one.
    mutating func flagMessage(
        _ message: MessageID, _ reason: String, _ excerpt: String, _ actor: Actor, _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }
}
