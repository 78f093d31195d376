import ChatModel
import ClusterModel

// New texts for old messages.

extension ShardMachine {
    /// The author changes the text; the snapshot must be what the message is.
    mutating func editMessage(
        _ message: MessageID, _ text: String, _ mentions: [Mention], _ broadcast: Broadcast?,
        _ messageSnapshot: MessageSnapshot, _ actor: Actor, _ key: IdempotencyKey?, _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    func editsAnswer(_ message: MessageID, _ viewer: Actor) -> MachineAnswer { .answer(.refused(.forbidden)) }
}
