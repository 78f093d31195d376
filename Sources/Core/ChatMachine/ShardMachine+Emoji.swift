import ChatModel
import ClusterModel

// Names for emoji.

extension ShardMachine {
    mutating func putEmoji(_ emoji: EmojiRecord, _ actor: Actor, _ effects: inout ApplyEffects) -> CommandResult {
        .refused(.forbidden)
    }

    mutating func removeEmoji(_ name: String, _ actor: Actor, _ effects: inout ApplyEffects) -> CommandResult {
        .refused(.forbidden)
    }

    func emojiAnswer(_ after: String, _ limit: UInt32) -> MachineAnswer { .answer(.refused(.forbidden)) }
}
