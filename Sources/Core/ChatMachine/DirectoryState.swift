import ChatModel
import ClusterModel

/// What the directory keeps beside nodes, names and revocations: accounts, invites, settings, emoji, open flags.
struct DirectoryState: Sendable, Equatable {}

extension ShardMachine {
    /// What follows from all records of the directory together, once they have been restored. Twice is as once.
    mutating func finishDirectory() {}

    /// - Returns: false for a key that does not fit its kind.
    mutating func restoreDirectory(
        _ kind: RecordKind, _ key: [UInt8], _ value: [UInt8]
    ) throws(WireError) -> Bool {
        // Nothing writes these yet.
        false
    }
}
