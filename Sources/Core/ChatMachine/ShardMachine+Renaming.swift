import ChatModel
import ClusterModel

// A channel's name, which the directory keeps unique.

extension ShardMachine {
    /// `folded` is reserved in the directory; `epoch` is that of the name it replaces.
    mutating func renameChannel(
        _ channel: ChannelID, _ name: String, _ folded: String, _ epoch: UInt64, _ actor: Actor, _ key: IdempotencyKey?,
        _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    /// Decides a channel name that stayed reserved: held here, or never any more.
    mutating func settleChannelName(_ channel: ChannelID, _ folded: String, _ effects: inout ApplyEffects)
        -> CommandResult
    { .refused(.forbidden) }
}
