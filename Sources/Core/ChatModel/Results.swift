import ClusterModel

// What a shard answers: results of commands, refusals, answers to queries.

/// Why apply or a query said no. One table for all: the client's code and status follow from it.
/// `docs/errors.md` lists them; the gateway maps them to RFC 9457 problems.
package enum Refusal: UInt16, Error, Sendable, Hashable, CaseIterable {
    /// Not there or not visible to who asks: the two are not told apart.
    case notFound = 1
    case forbidden = 2
    case nameTaken = 3
    case inviteRequired = 4
    case registrationClosed = 5
    case channelArchived = 6
    case idempotencyKeyReused = 7
    case sessionEnded = 8
    case alreadyExists = 9
    case invalid = 10
    case quota = 11
    case userDeactivated = 12
    /// An id that carried a tombstone, an aborted creation.
    case aborted = 13
    /// The last owner can not leave a private channel that others are in.
    case lastOwner = 14
    /// The state of the cluster forbids it now: the last active node, or the brakes on giving nodes up.
    case conflict = 15
    /// A node's boot counter fell, or another process has it: a data directory that was rolled back or copied.
    case staleBoot = 16
    /// A node that does not support the cluster's active version, or a version that not every node supports.
    case unsupportedVersion = 17
}

/// What a command led to. Deterministic: all replicas compute the same.
package enum CommandResult: Hashable, Sendable {
    case done
    case refused(Refusal)
    /// A user name is reserved; the role that the account will have.
    case reserved(Role)
    case user(UserRecord)
    case session(SessionRecord)
    case channel(ChannelRecord)
    /// Membership changed (or already was so): the channel and the seq of the event.
    case membership(ChannelRecord, seq: UInt64)
    /// The message that stands in the log, whether this command or an earlier one with its key put it there.
    case message(DurableEvent)
}

/// A page of something, and the key to continue after.
package struct ChannelState: Hashable, Sendable {
    package let channel: ChannelRecord
    /// The viewer's membership, nil when it is not in it.
    package let member: MemberRecord?

    package init(channel: ChannelRecord, member: MemberRecord?) {
        self.channel = channel
        self.member = member
    }
}

package enum HistoryPosition: Hashable, Sendable {
    case newest
    case before(UInt64)
    case after(UInt64)
    case around(UInt64)
}

/// What can be asked of a shard's state. Every query about a channel names its viewer and is decided
/// on the same state as the commands: no permission is cached anywhere else.
package enum Query: Hashable, Sendable {
    // Directory.
    case nameOwner(UniqueName)
    /// Names of listed (public) channels in their order, after `after`.
    case listedChannels(prefix: String, after: String, limit: UInt32)
    // A user's shard.
    case user(UserID)
    /// As `user`, with the password hash: for the node that signs a user in.
    case credentials(UserID)
    case session(UserID, SessionID)
    /// Ids of the channels the user is in, by its sidebar's copy.
    case memberships(UserID)
    // A channel's shard.
    case channel(ChannelID, viewer: Actor)
    /// Several channels of one shard at once; those that the viewer may not see are left out.
    case channels([ChannelID], viewer: Actor)
    case members(ChannelID, viewer: Actor, after: UserID?, limit: UInt32)
    /// Messages only, oldest first.
    case history(ChannelID, viewer: Actor, HistoryPosition, limit: UInt32)
    case message(MessageID, viewer: Actor)
    /// All durable events with seq > after, oldest first.
    case events(ChannelID, viewer: Actor, after: UInt64, limit: UInt32)
    /// As `events`, for a node's own feed: it delivers to members only.
    case feed(ChannelID, after: UInt64, limit: UInt32)
}

package struct ListedChannel: Hashable, Sendable {
    package let name: String
    package let id: ChannelID

    package init(name: String, id: ChannelID) {
        self.name = name
        self.id = id
    }
}

package enum QueryAnswer: Hashable, Sendable {
    case refused(Refusal)
    case nameOwner(NameOwner?)
    case listedChannels([ListedChannel])
    case user(UserRecord)
    case session(SessionRecord)
    case memberships([ChannelID])
    case channel(ChannelState)
    case channels([ChannelState])
    case members([MemberRecord])
    /// Messages and events, oldest first, and the channel's head at that moment.
    case events([DurableEvent], head: UInt64)
}

extension Query {
    package var key: ShardKey {
        switch self {
        case .nameOwner, .listedChannels: .directory
        case .user(let user), .credentials(let user), .session(let user, _), .memberships(let user): .user(user)
        case .channel(let channel, _), .members(let channel, _, _, _), .history(let channel, _, _, _),
            .events(let channel, _, _, _), .feed(let channel, _, _):
            .channel(channel)
        case .message(let message, _): .channel(message.channel)
        case .channels(let channels, _):
            // All of one shard, by contract; an empty list has no place and is answered by the caller.
            channels.first.map { .channel($0) } ?? .directory
        }
    }
}
