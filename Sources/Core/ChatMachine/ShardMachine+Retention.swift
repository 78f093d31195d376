import ChatModel
import ClusterModel

// How long messages are kept.

extension ShardMachine {
    /// The workspace's settings as the directory has them now; the newer version wins.
    mutating func workspaceChanged(_ copy: WorkspaceCopy, _ effects: inout ApplyEffects) -> CommandResult {
        .refused(.forbidden)
    }

    /// A channel whose oldest messages are to go. `key` is the timer's.
    mutating func retentionDue(_ key: [UInt8], _ effects: inout ApplyEffects) {}
}
