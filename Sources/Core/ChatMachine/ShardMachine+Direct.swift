import ChatModel
import ClusterModel

// Channels that follow from who is in them.

extension ShardMachine {
    /// The channel of these people, and of them only; its id follows from theirs.
    mutating func openDirect(_ channel: ChannelID, _ users: [UserID], _ actor: Actor, _ effects: inout ApplyEffects)
        -> CommandResult
    { .refused(.forbidden) }

    func sharingAnswer(_ channels: [ChannelID], _ users: [UserID], _ viewer: Actor) -> MachineAnswer {
        .answer(.refused(.forbidden))
    }
}
