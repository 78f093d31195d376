import ChatModel
import ClusterModel

// What was reported to the moderators.

extension ShardMachine {
    /// A moderator closes a flag; the first resolution stays.
    mutating func resolveFlag(
        _ flag: FlagID, _ flagAction: FlagAction, _ note: String, _ actor: Actor, _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    /// A flag arrives from the shard of its channel.
    mutating func fileFlag(_ flag: FlagRecord, _ effects: inout ApplyEffects) -> CommandResult {
        .refused(.forbidden)
    }

    func flagsAnswer(_ isOpen: Bool, _ after: FlagID?, _ limit: UInt32, _ actor: Actor) -> MachineAnswer {
        .answer(.refused(.forbidden))
    }
}
