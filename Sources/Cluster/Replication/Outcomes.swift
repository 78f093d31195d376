import ChatModel
import ClusterModel

/// What became of a proposed command.
package enum ProposeOutcome: Sendable {
    /// It stands in the log, and this is what it led to.
    indirect case applied(CommandResult)
    /// `.applied(.message)` of a plain message that came in its bytes, without the message.
    case posted(seq: UInt64, at: Timestamp)
    /// Nothing was applied and nothing will be: ask this node, if one is known.
    case notLeader(NodeID?)
    /// The replica that had it is gone, or has it no more. Others may have it in their logs.
    case lost
    /// Nothing was applied: the queue is full, or leadership is moving.
    case overloaded
    /// Too large for the log. Nothing was applied.
    case tooLarge
    /// The node's disk is full, and no other node leads the shard yet. Nothing was applied.
    case storageFull
}

/// What became of a read.
package enum ReadOutcome: Sendable {
    case answer(QueryAnswer)
    /// Where the first hits of a search stand, which asked for no more; false when the index has not caught up.
    case positions([SearchPosition], isComplete: Bool)
    case notLeader(NodeID?)
    /// As many searches wait for their threads as may: nothing was looked for.
    case overloaded
    /// The replica's projection failed; another replica may answer.
    case unavailable
}

/// Who hears what became of a read, and where. Once.
package enum ReadCompletion {
    case onLoop((ReadOutcome) -> Void)
    /// Wherever the outcome is known first: a reader's thread for what was read from the disk, else the loop. For who has no
    /// business on the loop: each change of threads is some tens of microseconds of somebody's waiting.
    case anywhere(@Sendable (ReadOutcome) -> Void)

    func callAsFunction(_ outcome: ReadOutcome) {
        switch self {
        case .onLoop(let complete): complete(outcome)
        case .anywhere(let complete): complete(outcome)
        }
    }
}
