import ChatModel
import ClusterModel

// Emoji on messages.

extension ShardMachine {
    mutating func react(
        _ message: MessageID, _ emoji: String, _ actor: Actor, _ key: IdempotencyKey?, _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    mutating func unreact(
        _ message: MessageID, _ emoji: String, _ actor: Actor, _ key: IdempotencyKey?, _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    func reactionsAnswer(_ message: MessageID, _ viewer: Actor) -> MachineAnswer { .answer(.refused(.forbidden)) }
}
