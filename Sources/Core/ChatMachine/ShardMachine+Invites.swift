import ChatModel
import ClusterModel

// Who may sign up with which role.

extension ShardMachine {
    mutating func createInvite(_ invite: InviteRecord, _ actor: Actor, _ effects: inout ApplyEffects) -> CommandResult {
        .refused(.forbidden)
    }

    mutating func revokeInvite(_ invite: InviteID, _ actor: Actor, _ effects: inout ApplyEffects) -> CommandResult {
        .refused(.forbidden)
    }

    func invitesAnswer(_ actor: Actor) -> MachineAnswer { .answer(.refused(.forbidden)) }
}
