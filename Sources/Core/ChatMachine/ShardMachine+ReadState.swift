import ChatModel
import ClusterModel

// How far members have read.

extension ShardMachine {
    /// Moves the own read marker, never back.
    mutating func readChannel(_ channel: ChannelID, _ seq: UInt64, _ actor: Actor, _ effects: inout ApplyEffects)
        -> CommandResult
    { .refused(.forbidden) }
}
