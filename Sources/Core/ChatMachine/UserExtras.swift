import ChatModel
import ClusterModel

/// What a user's shard keeps of a person beside its record, sessions and memberships.
struct UserExtras: Sendable, Equatable {}

extension ShardMachine {
    /// What follows from all records of users together, once they have been restored. Twice is as once.
    mutating func finishUserExtras() {}

    /// - Returns: false for a key that does not fit its kind, or whose user is not there.
    mutating func restoreUserExtra(
        _ kind: RecordKind, _ key: [UInt8], _ value: [UInt8]
    ) throws(WireError) -> Bool {
        // Nothing writes these yet.
        false
    }
}
