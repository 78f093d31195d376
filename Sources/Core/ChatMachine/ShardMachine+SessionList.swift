import ChatModel
import ClusterModel

// The sessions of a person as its owner sees them.

extension ShardMachine {
    /// As `startSession`, with where it was begun.
    mutating func startSessionOn(
        _ session: SessionRecord, _ sessionDetail: SessionDetail, _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    /// All of the user's sessions but one.
    mutating func endSessions(_ user: UserID, _ keeping: SessionID?, _ effects: inout ApplyEffects) -> CommandResult {
        .refused(.forbidden)
    }

    func sessionsAnswer(_ user: UserID) -> MachineAnswer { .answer(.refused(.forbidden)) }
}
