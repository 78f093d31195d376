import ChatModel
import ClusterModel

// What administrators set for all.

extension ShardMachine {
    /// What administrators have set, and what the founder chose where they have not.
    package var workspace: WorkspaceSettings {
        var settings = WorkspaceSettings.initial
        settings.registration = self.registration
        return settings
    }

    mutating func updateWorkspace(_ workspacePatch: WorkspacePatch, _ actor: Actor, _ effects: inout ApplyEffects)
        -> CommandResult
    { .refused(.forbidden) }

    func workspaceAnswer() -> MachineAnswer { .answer(.refused(.forbidden)) }
}
