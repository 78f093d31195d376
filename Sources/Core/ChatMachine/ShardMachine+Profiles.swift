import ChatModel
import ClusterModel

// What a person shows of itself, and what the directory has decided about it.

extension ShardMachine {
    /// By the user itself or an admin.
    mutating func updateProfile(
        _ user: UserID, _ profilePatch: ProfilePatch, _ actor: Actor, _ effects: inout ApplyEffects
    ) -> CommandResult { .refused(.forbidden) }

    /// What the directory has decided about the user; the newer version wins.
    mutating func setStandingCopy(_ user: UserID, _ standing: Standing, _ effects: inout ApplyEffects) -> CommandResult
    { .refused(.forbidden) }

    /// A status text that is over. `key` is the timer's.
    mutating func statusEnded(_ key: [UInt8], _ effects: inout ApplyEffects) {}

    func profileAnswer(_ user: UserID) -> MachineAnswer { .answer(.refused(.forbidden)) }
}
