import ChatModel
import ClusterModel

// What a channel holds beside its record, members and messages.

extension ShardMachine {
    /// What follows from all records and runs of channels together, once they have been restored. Twice is as once.
    mutating func finishChannelExtras() {}

    /// - Returns: false for a key that does not fit its kind, or whose channel is not there.
    mutating func restoreChannelExtra(
        _ kind: RecordKind, _ key: [UInt8], _ value: [UInt8]
    ) throws(WireError) -> Bool {
        // Nothing writes these yet.
        false
    }
}
