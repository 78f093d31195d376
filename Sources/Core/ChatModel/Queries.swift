import ClusterModel

// What can be asked of a shard, and what it answers.

/// A channel and its viewer's place in it.
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
    case account(UserID)
    /// Sorted by user name, after `after`; the prefix is of the user name or of a word of the display name.
    case accounts(prefix: String, after: String, limit: UInt32, includesDeactivated: Bool)
    case invites(by: Actor)
    case workspace
    case emoji(after: String, limit: UInt32)
    case flags(isOpen: Bool, after: FlagID?, limit: UInt32, by: Actor)
    /// Newest first.
    case audit(AuditFilter, before: UInt64?, limit: UInt32, by: Actor)
    // A user's shard.
    case user(UserID)
    /// As `user`, with the password hash: for the node that signs a user in.
    case credentials(UserID)
    case session(UserID, SessionID)
    /// Ids of the channels the user is in, by its sidebar's copy.
    case memberships(UserID)
    /// Without the password hash.
    case profile(UserID)
    case settings(UserID)
    case sessions(UserID)
    /// Newest first.
    case notifications(UserID, kind: NotificationKind?, unreadOnly: Bool, before: UInt64?, limit: UInt32)
    case drafts(UserID)
    case scheduled(UserID)
    case reminders(UserID)
    /// Ids of the channels the user is in, and its settings, at one moment.
    case sidebar(UserID)
    /// Of a request whose key is complete.
    case keyedAnswer(IdempotencyKey)
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
    case member(ChannelID, UserID, viewer: Actor)
    /// The texts that a message had, oldest first.
    case edits(MessageID, viewer: Actor)
    /// All of them, with all users.
    case reactions(MessageID, viewer: Actor)
    case pins(ChannelID, viewer: Actor)
    /// The root and its replies after `after`, oldest first.
    case thread(MessageID, viewer: Actor, after: UInt64, limit: UInt32)
    /// Which of these people are in one of these channels (all of one shard) together with the viewer.
    case sharing([ChannelID], [UserID], viewer: Actor)
    // Any shard with channels.
    case search(ShardID, SearchRequest, viewer: Actor)
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
    /// Sorted by user name, after `after`; the prefix is of the user name or of a word of the display name.
    case accounts([AccountRecord])
    case invites([InviteRecord])
    case workspace(WorkspaceSettings)
    case emoji([EmojiRecord])
    case flags([FlagRecord])
    /// `before` goes on, nil at the end.
    case audit([AuditEntry], before: UInt64?)
    /// Without the password hash.
    case profile(UserRecord, ProfileExtra)
    case settings(UserSettings)
    case sessions([SessionView])
    case notifications([NotificationView], unread: UInt32)
    case drafts([Draft])
    case scheduled([ScheduledMessage])
    case reminders([Reminder])
    /// Ids of the channels the user is in, and its settings, at one moment.
    case sidebar([ChannelID], UserSettings)
    case channelViews([ChannelView])
    /// Messages as they are now, oldest first.
    case views([MessageView], head: UInt64)
    /// The texts that a message had, oldest first.
    case edits([MessageEdit])
    /// All of them, with all users.
    case reactions([ReactionGroup])
    /// The root and its replies after `after`, oldest first.
    case thread(MessageView, [MessageView], ThreadState)
    /// `isComplete` is false when the index has not caught up.
    case hits([SearchHit], isComplete: Bool)
    case users([UserID])
    /// Of a request whose key is complete.
    case keyedAnswer(StoredAnswer?)
}

extension Query {
    package var key: ShardKey {
        switch self {
        case .nameOwner, .listedChannels, .account, .accounts, .invites, .workspace, .emoji, .flags, .audit: .directory
        case .user(let user), .credentials(let user), .session(let user, _), .memberships(let user), .profile(let user),
            .settings(let user), .sessions(let user), .notifications(let user, _, _, _, _), .drafts(let user),
            .scheduled(let user), .reminders(let user), .sidebar(let user):
            .user(user)
        case .keyedAnswer(let key): .user(key.user)
        case .channel(let channel, _), .members(let channel, _, _, _), .history(let channel, _, _, _),
            .events(let channel, _, _, _), .feed(let channel, _, _), .member(let channel, _, _), .pins(let channel, _):
            .channel(channel)
        case .message(let message, _), .edits(let message, _), .reactions(let message, _),
            .thread(let message, _, _, _):
            .channel(message.channel)
        case .channels(let channels, _), .sharing(let channels, _, _):
            // All of one shard, by contract; an empty list has no place and is answered by the caller.
            channels.first.map { .channel($0) } ?? .directory
        case .search(let shard, _, _): .shard(shard)
        }
    }
}
