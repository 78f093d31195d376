import ChatModel
import ClusterModel

// Erasing what a deactivated person wrote.

extension ShardMachine {
    /// Begins to erase what `user` wrote in `channel`; a timer goes on with it.
    mutating func redactAuthor(
        _ channel: ChannelID, _ user: UserID, _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    /// The next step of erasing an author. `key` is the timer's.
    mutating func redactionDue(_ key: [UInt8], _ effects: inout ApplyEffects) {}
}
