import ChatModel
import ClusterModel

// What administrators set for all.

extension ShardMachine {
    mutating func updateWorkspace(_ workspacePatch: WorkspacePatch, _ actor: Actor, _ effects: inout ApplyEffects)
        -> CommandResult
    { .refused(.forbidden) }

    func workspaceAnswer() -> MachineAnswer { .answer(.refused(.forbidden)) }
}
