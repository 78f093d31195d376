import ChatModel
import ClusterModel

/// What became of a channel's messages after they were posted: sparse, for those that somebody touched.
struct ChannelContent: Sendable, Equatable {}

extension ShardMachine {
    /// What follows from all records and runs of messages together, once they have been restored. Twice is as once.
    mutating func finishMessageState() {}

    /// - Returns: false for a key that does not fit its kind, or whose channel is not there.
    mutating func restoreMessageState(
        _ kind: RecordKind, _ key: [UInt8], _ value: [UInt8]
    ) throws(WireError) -> Bool {
        // Nothing writes these yet.
        false
    }
}
