import ChatModel
import ClusterModel

// The chain of what people with power did.

extension ShardMachine {
    /// What no command decides: from gateways.
    mutating func recordAudit(_ auditNote: AuditNote, _ effects: inout ApplyEffects) -> CommandResult {
        .refused(.forbidden)
    }

    func auditAnswer(_ auditFilter: AuditFilter, _ before: UInt64?, _ limit: UInt32, _ actor: Actor) -> MachineAnswer {
        .answer(.refused(.forbidden))
    }
}
