import ChatModel
import ClusterModel

// A person's own settings, and its sidebar.

extension ShardMachine {
    /// Replaces all of them.
    mutating func updateSettings(_ user: UserID, _ userSettings: UserSettings, _ effects: inout ApplyEffects)
        -> CommandResult
    { .refused(.forbidden) }

    func settingsAnswer(_ user: UserID) -> MachineAnswer { .answer(.refused(.forbidden)) }

    func sidebarAnswer(_ user: UserID) -> MachineAnswer { .answer(.refused(.forbidden)) }
}
