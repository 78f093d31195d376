import ChatModel
import ClusterModel

// Texts that wait for their author.

extension ShardMachine {
    /// An empty text removes.
    mutating func putDraft(_ user: UserID, _ draft: Draft, _ effects: inout ApplyEffects) -> CommandResult {
        .refused(.forbidden)
    }

    mutating func removeDraft(_ user: UserID, _ channel: ChannelID, _ thread: MessageID?, _ effects: inout ApplyEffects)
        -> CommandResult
    { .refused(.forbidden) }

    func draftsAnswer(_ user: UserID) -> MachineAnswer { .answer(.refused(.forbidden)) }
}
