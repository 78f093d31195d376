import ClusterModel

// What a shard answers to commands: results and refusals.

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
    /// Unknown, expired or used up: nobody is told which.
    case inviteInvalid = 18
    /// The workspace lets messages be edited for some time only.
    case editWindowOver = 19
    /// The search index is too far behind the log.
    case tooFarBehind = 20
    /// Too many effects wait for other shards.
    case congested = 21
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
    indirect case account(AccountRecord)
    indirect case invite(InviteRecord)
    indirect case workspace(WorkspaceSettings)
    indirect case flag(FlagRecord)
    /// Without the password hash.
    indirect case profile(UserRecord, ProfileExtra)
    indirect case settings(UserSettings)
    /// The key was claimed before. Not complete: the request is under way or was cut off.
    case keyed(isComplete: Bool)
    indirect case scheduled(ScheduledMessage)
    indirect case reminder(Reminder)
    case notificationsRead(unread: UInt32)
    indirect case view(MessageView)
    /// All of them, with all users.
    case reactions([ReactionGroup])
    indirect case opened(ChannelRecord, isNew: Bool)
    indirect case read(ReadState)
    /// The root and its replies after `after`, oldest first.
    indirect case thread(ThreadSummary, ThreadState)
    case flagged(FlagID)
    case emoji(EmojiRecord)
    indirect case channelView(ChannelView)
}
