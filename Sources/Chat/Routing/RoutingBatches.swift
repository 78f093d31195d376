// Data's way, step 4: commands on their way to another node's leader, and results on their way back.

import ChatModel
import ClusterModel
import Raft
import Replication

/// Commands of one node's clients for shards that another node leads; one batch per peer and turn.
package struct CommandBatch: Sendable {
    /// Where the results go.
    package let from: NodeID
    package let commands: [Item]

    package init(from: NodeID, commands: [Item]) {
        self.from = from
        self.commands = commands
    }

    package struct Item: Sendable {
        /// The sender's name for the command; comes back with its result.
        package let request: UInt64
        package let shard: ShardID
        package let form: Form

        package init(request: UInt64, shard: ShardID, command: Command) {
            self.init(request: request, shard: shard, form: .command(command))
        }
        init(request: UInt64, shard: ShardID, form: Form) {
            self.request = request
            self.shard = shard
            self.form = form
        }
    }
    package enum Form: Sendable {
        /// A reference, so that a post, which is far smaller, is moved as what it is.
        indirect case command(Command)
        /// Only of what has come from another node.
        case post(ReceivedPost)
    }
}

/// What became of forwarded commands; one batch per peer and turn.
package struct ResultBatch: Sendable {
    package let from: NodeID
    package let results: [Item]

    package struct Item: Sendable {
        package let request: UInt64
        package let outcome: ForwardedOutcome
    }
}

/// The outcome of a forwarded command. Only `.applied` means that anything happened.
package enum ForwardedOutcome: Sendable {
    indirect case applied(CommandResult)
    /// `.applied(.message)` of a plain message, without the message, which the asker still has: its place and time are
    /// all that is new. Of any other apply may have taken something away or added its thread.
    case posted(seq: UInt64, at: Timestamp)
    case notLeader(NodeID?)
    case overloaded
    case storageFull

    /// nil for what nobody here knows: whoever has asked finds out by the silence.
    init?(_ outcome: ProposeOutcome) {
        switch outcome {
        case .applied(.message(let event)) where event.isPlain: self = .posted(seq: event.seq, at: event.at)
        case .applied(let result): self = .applied(result)
        case .posted(let seq, let at): self = .posted(seq: seq, at: at)
        case .notLeader(let leader): self = .notLeader(leader)
        case .lost: return nil
        case .overloaded: self = .overloaded
        case .tooLarge: self = .applied(.refused(.invalid))
        case .storageFull: self = .storageFull
        }
    }
}

extension Command {
    /// The plain message that a leader says it has put at `seq`; nil when this command is no message.
    func message(at seq: UInt64, _ time: Timestamp) -> CommandResult? {
        guard case .postMessage(let channel, let content, let actor, _) = self else { return nil }
        return .message(
            DurableEvent(
                channel: channel, seq: seq, at: time, actor: actor.user, body: .messageCreated(content.plain)))
    }
}

extension DurableEvent {
    fileprivate var isPlain: Bool {
        guard case .messageCreated(let content) = self.body else { return false }
        return content.isPlain
    }
}

/// A read that another node's leader or replica is to serve.
package struct ReadRequest: Sendable {
    package let shard: ShardID
    package let query: Query
    package let isLocal: Bool
    /// The word of the asking node's replica, which may save the leader a round of heartbeats.
    package let voucher: ReadVoucher?
}

package enum ReadReply: Sendable {
    case answer(QueryAnswer)
    case notLeader(NodeID?)
    case unavailable
    /// As many searches wait there as may.
    case overloaded
}

/// Feed items for the connections of another node.
package struct FeedBatch: Sendable {
    package let from: NodeID
    package let items: [FeedItem]

    package init(from: NodeID, items: [FeedItem]) {
        self.from = from
        self.items = items
    }
}

/// A node's wish to hear a channel or a user, told to a node that has a replica of its shard.
package enum InterestChange: Sendable {
    case subscribe(ChannelID, after: UInt64)
    case unsubscribe(ChannelID)
    case watch(UserID)
    case unwatch(UserID)
    /// "A connection between us is new: tell me again what you want to hear."
    case renew
    /// The answer to a wish for what the receiver of the wish has no replica of: look elsewhere.
    case absentChannel(ChannelID)
    case absentUser(UserID)
}

/// All changes of one node's interest in one turn.
package struct InterestBatch: Sendable {
    package let from: NodeID
    package let changes: [InterestChange]

    package init(from: NodeID, changes: [InterestChange]) {
        self.from = from
        self.changes = changes
    }
}
