import ChatModel
import ClusterModel

// Replies to a message, and who follows them.

extension ShardMachine {
    mutating func followThread(_ message: MessageID, _ isFollowing: Bool, _ actor: Actor, _ effects: inout ApplyEffects)
        -> CommandResult
    { .refused(.forbidden) }

    mutating func readThread(_ message: MessageID, _ seq: UInt64, _ actor: Actor, _ effects: inout ApplyEffects)
        -> CommandResult
    { .refused(.forbidden) }

    func threadAnswer(_ message: MessageID, _ viewer: Actor, _ after: UInt64, _ limit: UInt32) -> MachineAnswer {
        .answer(.refused(.forbidden))
    }
}
