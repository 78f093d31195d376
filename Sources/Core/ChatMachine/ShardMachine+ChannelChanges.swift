import ChatModel
import ClusterModel

// What changes about a channel.

extension ShardMachine {
    mutating func updateChannel(
        _ channel: ChannelID, _ channelPatch: ChannelPatch, _ actor: Actor, _ key: IdempotencyKey?,
        _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    mutating func archiveChannel(
        _ channel: ChannelID, _ actor: Actor, _ key: IdempotencyKey?, _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    mutating func unarchiveChannel(
        _ channel: ChannelID, _ actor: Actor, _ key: IdempotencyKey?, _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    mutating func setChannelRole(
        _ channel: ChannelID, _ user: UserID, _ channelRole: ChannelRole, _ actor: Actor, _ key: IdempotencyKey?,
        _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    /// As `createChannel`, with the folded name.
    mutating func createNamedChannel(
        _ newChannel: NewChannel, _ actor: Actor, _ key: IdempotencyKey?, _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }
}
