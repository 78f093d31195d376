import ChatModel
import ClusterModel

// Messages that a channel keeps in sight.

extension ShardMachine {
    mutating func pin(
        _ message: MessageID, _ messageSnapshot: MessageSnapshot, _ actor: Actor, _ key: IdempotencyKey?,
        _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    mutating func unpin(
        _ message: MessageID, _ messageSnapshot: MessageSnapshot, _ actor: Actor, _ key: IdempotencyKey?,
        _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    func pinsAnswer(_ channel: ChannelID, _ viewer: Actor) -> MachineAnswer { .answer(.refused(.forbidden)) }
}
