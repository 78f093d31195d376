import ClusterModel

// What can be asked of a shard's log. A command is validated by the gateway for form, decided by apply.
// Kind numbers are for ever: changed semantics are a new number (reliability: rolling upgrade).

/// Where a command or query belongs. `ShardMap` turns it into a shard.
package enum ShardKey: Hashable, Sendable {
    case directory
    case user(UserID)
    case channel(ChannelID)
    /// Named outright: cross-shard effects and node-internal bookkeeping.
    case shard(ShardID)
}

/// What makes a repeated command recognisable: the same user and key within 24 h of log time.
package struct IdempotencyKey: Hashable, Sendable {
    package let user: UserID
    /// At most 128 bytes of UTF-8.
    package let key: String
    /// A hash of the request's meaning: the same key with another one is refused.
    package let fingerprint: UInt64

    package init(user: UserID, key: String, fingerprint: UInt64) {
        self.user = user
        self.key = key
        self.fingerprint = fingerprint
    }
}

package enum NameKind: UInt8, Sendable, Hashable {
    case user = 1
    case channel = 2
}

/// A name that the directory keeps unique. `name` is the folded form.
package struct UniqueName: Hashable, Sendable {
    package let kind: NameKind
    package let name: String

    package init(kind: NameKind, name: String) {
        self.kind = kind
        self.name = name
    }
}

package enum NameOwner: Hashable, Sendable {
    case user(UserID)
    case channel(ChannelID)
}

/// What is large and seldom stands behind a reference: a message's command, of which there are thousands a second, is
/// copied from hand to hand.
package enum Command: Hashable, Sendable {
    // Directory: nodes.
    case registerNode(NodeRecord)
    /// A registered node has caught up with the directory and takes replicas from now on.
    case activateNode(NodeID)
    case setNodeState(NodeID, NodeState)
    /// A known node has started again.
    case bootNode(NodeID, boot: BootCounter, address: PeerAddress, clientAddress: String)
    // Directory: the life of nodes, as its leader and an operator drive it.
    /// A known node runs: says which process, and which versions it supports. A dead one joins again.
    case startNode(NodeStart)
    /// Joining nodes that have caught up with the directory: all of them in one epoch.
    case activateNodes([NodeID])
    /// An operator empties the node; when it holds nothing any more it is removed.
    case drainNode(NodeID)
    /// An operator, or the end of a drain: gone for ever.
    case removeNode(NodeID)
    /// Gossip has given it up for long enough. Refused by the brakes, which stand in the log.
    case buryNode(NodeID)
    /// Raises what leaders may propose; every member must support it.
    case setActiveVersion(FeatureVersion)
    // Directory: settings, names, revocations.
    /// The founder's first command: fixes what can not be changed later. A second one is refused.
    case initialise(ClusterSecrets, Registration)
    /// First of the three steps of creating a user or channel. The same owner again is granted again.
    case reserveName(UniqueName, NameOwner, listed: Bool)
    /// The owner exists. A channel's own shard says so by `ShardEffect.keepName`, in the order of its names.
    case confirmName(UniqueName, NameOwner)
    /// Gives back what is reserved only. Refused `.conflict` for a name that is confirmed.
    case releaseName(UniqueName, NameOwner)
    /// As `reserveName`, for a channel that shall be called so instead of by its name of `epoch`, 0 before it exists.
    case claimName(UniqueName, ChannelID, listed: Bool, epoch: UInt64)
    /// Effect of an ended session: no node accepts its access tokens any more. Kept until `until`.
    case revokeSession(SessionID, UserID, until: Timestamp)
    // Directory: accounts, invites, the workspace, emoji, flags, the audit log.
    /// As `reserveName` for people: counts the invite's use and promises its role. Given back by `releaseName`.
    indirect case reserveAccount(UniqueName, UserID, displayName: String, invite: InviteID?)
    /// An admin gives another role, deactivates or reactivates. nil: as it is.
    indirect case setStanding(UserID, role: Role?, isDeactivated: Bool?, policy: ContentPolicy?, by: Actor)
    /// What people see of an account in the directory; the newer version wins.
    indirect case listAccount(UserID, displayName: String, avatar: FileID?, version: UInt64)
    indirect case createInvite(InviteRecord, by: Actor)
    case revokeInvite(InviteID, by: Actor)
    indirect case updateWorkspace(WorkspacePatch, by: Actor)
    indirect case putEmoji(EmojiRecord, by: Actor)
    case removeEmoji(name: String, by: Actor)
    /// A moderator closes a flag; the first resolution stays.
    indirect case resolveFlag(FlagID, FlagAction, note: String, by: Actor)
    /// What no command decides: from gateways.
    indirect case recordAudit(AuditNote)

    // A user's shard.
    case createUser(UserRecord)
    /// Decides a name that stayed reserved: finds the user, or leaves a tombstone that a late `createUser` meets.
    case abortUser(UserID)
    case startSession(SessionRecord)
    /// Rotates the refresh token of this generation.
    case rotateSession(UserID, SessionID, generation: UInt64)
    case endSession(UserID, SessionID)
    /// The sidebar's copy of a membership. `version` is the channel's seq of the change; older ones are ignored.
    case setMembership(UserID, ChannelID, isMember: Bool, version: UInt64)
    // A user's shard: profile, settings, what waits for it.
    /// By the user itself or an admin.
    indirect case updateProfile(UserID, ProfilePatch, by: Actor)
    /// Replaces all of them.
    indirect case updateSettings(UserID, UserSettings)
    /// As `startSession`, with where it was begun.
    indirect case startSessionOn(SessionRecord, SessionDetail)
    /// All of the user's sessions but one.
    case endSessions(UserID, keeping: SessionID?)
    /// The first of a request with an idempotency key goes on; later ones get its answer.
    case claimKey(IdempotencyKey)
    /// Keeps the answer of a request whose key was claimed.
    indirect case completeKey(IdempotencyKey, StoredAnswer)
    /// An empty text removes.
    indirect case putDraft(UserID, Draft)
    case removeDraft(UserID, ChannelID, thread: MessageID?)
    indirect case scheduleMessage(UserID, ScheduledMessage, by: Actor)
    case cancelScheduled(UserID, ScheduledID)
    indirect case setReminder(UserID, Reminder)
    case cancelReminder(UserID, ReminderID)
    /// These numbers, and all up to and with `through`.
    case readNotifications(UserID, [UInt64], through: UInt64?)
    /// Do not disturb or offline until a time; online takes the choice back.
    case choosePresence(UserID, PresenceChoice)
    /// What the directory has decided about the user; the newer version wins.
    case setStandingCopy(UserID, Standing)

    // A channel's shard.
    case createChannel(ChannelID, name: String, type: ChannelType, topic: String, by: Actor, IdempotencyKey?)
    case abortChannel(ChannelID)
    case joinChannel(ChannelID, by: Actor)
    case leaveChannel(ChannelID, by: Actor)
    case addMember(ChannelID, UserID, by: Actor)
    case removeMember(ChannelID, UserID, by: Actor)
    case postMessage(ChannelID, MessageContent, by: Actor, IdempotencyKey?)
    // A channel's shard: what becomes of messages, of the channel and of its members.
    /// The author changes the text; the snapshot must be what the message is.
    indirect case editMessage(
        MessageID, text: String, mentions: [Mention], broadcast: Broadcast?, MessageSnapshot, by: Actor, IdempotencyKey?
    )
    /// Leaves a tombstone without text. `asModerator`: by the moderators' route, from outside the channel.
    case deleteMessage(MessageID, asModerator: Bool, by: Actor, IdempotencyKey?)
    case react(MessageID, emoji: String, by: Actor, IdempotencyKey?)
    case unreact(MessageID, emoji: String, by: Actor, IdempotencyKey?)
    indirect case pin(MessageID, MessageSnapshot, by: Actor, IdempotencyKey?)
    indirect case unpin(MessageID, MessageSnapshot, by: Actor, IdempotencyKey?)
    /// Reports a message to the moderators. The same reporter's second flag is the first one.
    indirect case flagMessage(MessageID, reason: String, excerpt: String, by: Actor)
    indirect case updateChannel(ChannelID, ChannelPatch, by: Actor, IdempotencyKey?)
    /// `folded` is reserved in the directory; `epoch` is that of the name it replaces.
    indirect case renameChannel(ChannelID, name: String, folded: String, epoch: UInt64, by: Actor, IdempotencyKey?)
    /// Decides a channel name that stayed reserved: held here, or never any more. The directory is told which.
    case settleChannelName(ChannelID, folded: String)
    case archiveChannel(ChannelID, by: Actor, IdempotencyKey?)
    case unarchiveChannel(ChannelID, by: Actor, IdempotencyKey?)
    /// The channel of these people, and of them only; its id follows from theirs.
    case openDirect(ChannelID, [UserID], by: Actor)
    case setChannelRole(ChannelID, UserID, ChannelRole, by: Actor, IdempotencyKey?)
    /// Moves the own read marker, never back.
    case readChannel(ChannelID, seq: UInt64, by: Actor)
    case followThread(MessageID, isFollowing: Bool, by: Actor)
    case readThread(MessageID, seq: UInt64, by: Actor)
    /// Brings a person in or lets it go, as the four commands of membership do, and is recognised by its key: a copy that
    /// arrives after something else has happened changes nothing.
    indirect case changeMember(ChannelID, UserID, isMember: Bool, by: Actor, IdempotencyKey)
    /// As `createChannel`, with the folded name.
    indirect case createNamedChannel(NewChannel, by: Actor, IdempotencyKey?)

    // Any shard.
    /// An effect that another shard's log decided, delivered at least once and applied once by its mark.
    case applyEffect(OutboxEntry)
    /// The effects of this shard towards `target` up to and with `through` have been applied there.
    case outboxDelivered(target: ShardID, through: OutboxPosition)
    /// Carries out what is due by the log's clock.
    case timersDue
    /// As `applyEffect`, for all that waits in one lane, in order; at most 256.
    case applyEffects([OutboxEntry])
}

/// What a process says when it has started with a node's data directory.
package struct NodeStart: Hashable, Sendable {
    package let node: NodeID
    package let boot: BootCounter
    /// Random in each process.
    package let nonce: UInt64
    package let address: PeerAddress
    package let clientAddress: String
    package let versions: FeatureRange

    package init(
        node: NodeID, boot: BootCounter, nonce: UInt64, address: PeerAddress, clientAddress: String,
        versions: FeatureRange
    ) {
        self.node = node
        self.boot = boot
        self.nonce = nonce
        self.address = address
        self.clientAddress = clientAddress
        self.versions = versions
    }
}

/// A command as it stands in the log: the leader's clock beside it. Apply clamps `at` to be monotone.
package struct LoggedCommand: Hashable, Sendable {
    package let at: Timestamp
    package let command: Command

    package init(at: Timestamp, command: Command) {
        self.at = at
        self.command = command
    }
}

/// Where an effect stands in its source shard: the log index of its command and its place within it.
package struct OutboxPosition: Hashable, Sendable, Comparable {
    package let index: LogIndex
    package let ordinal: UInt32

    package init(index: LogIndex, ordinal: UInt32) {
        self.index = index
        self.ordinal = ordinal
    }
    package static let zero = OutboxPosition(index: .zero, ordinal: 0)
    package static func < (left: OutboxPosition, right: OutboxPosition) -> Bool {
        (left.index, left.ordinal) < (right.index, right.ordinal)
    }
}

/// What one shard's log asks of another.
package enum ShardEffect: Hashable, Sendable {
    case setMembership(UserID, ChannelID, isMember: Bool, version: UInt64)
    case revokeSession(SessionID, UserID, until: Timestamp)
    /// What people see of an account in the directory; the newer version wins.
    indirect case listAccount(UserID, displayName: String, avatar: FileID?, version: UInt64)
    /// What the directory has decided about the user; the newer version wins.
    indirect case setStanding(UserID, Standing)
    /// No longer sent; `keepName` and `leaveName` took their place.
    indirect case confirmName(UniqueName, NameOwner)
    indirect case releaseName(UniqueName, NameOwner)
    /// The channel is called so.
    indirect case keepName(UniqueName, ChannelID, isListed: Bool)
    /// The channel, whose name is of `epoch` now, is not called so, and no claim of an earlier epoch can make it.
    indirect case leaveName(UniqueName, ChannelID, epoch: UInt64)
    /// For the inboxes of these people, who are all of the target shard.
    indirect case notify(MessageID, NotificationKind, actor: UserID, at: Timestamp, [UserID])
    indirect case audit(AuditNote)
    indirect case fileFlag(FlagRecord)
    indirect case postScheduled(ScheduledMessage, by: Actor)
    indirect case scheduledFailed(UserID, ScheduledMessage, Refusal)
    indirect case setNameListed(UniqueName, NameOwner, isListed: Bool)
    case redactAuthor(ChannelID, UserID)
    indirect case workspaceChanged(WorkspaceCopy)
}

/// An effect on its way, kept in the source shard until the target has applied it.
package struct OutboxEntry: Hashable, Sendable {
    package let source: ShardID
    package let position: OutboxPosition
    /// Where it belongs: the key, since the shard follows from it.
    package let target: ShardKey
    package let effect: ShardEffect

    package init(source: ShardID, position: OutboxPosition, target: ShardKey, effect: ShardEffect) {
        self.source = source
        self.position = position
        self.target = target
        self.effect = effect
    }
}

/// What one command asks of one other shard: its effects there have positions up to and with `through`.
package struct EffectLane: Hashable, Sendable {
    package let target: ShardID
    package let through: OutboxPosition

    package init(target: ShardID, through: OutboxPosition) {
        self.target = target
        self.through = through
    }
}

extension Command {
    /// Where the command belongs.
    package var key: ShardKey {
        switch self {
        case .registerNode, .activateNode, .setNodeState, .bootNode, .initialise, .reserveName, .confirmName,
            .releaseName, .revokeSession, .startNode, .activateNodes, .drainNode, .removeNode, .buryNode,
            .setActiveVersion, .reserveAccount, .setStanding, .listAccount, .createInvite, .revokeInvite,
            .updateWorkspace, .putEmoji, .removeEmoji, .resolveFlag, .recordAudit, .claimName:
            .directory
        case .createUser(let record):
            .user(record.id)
        case .abortUser(let user), .rotateSession(let user, _, _), .endSession(let user, _),
            .setMembership(let user, _, _, _), .updateProfile(let user, _, _), .updateSettings(let user, _),
            .endSessions(let user, _), .putDraft(let user, _), .removeDraft(let user, _, _),
            .scheduleMessage(let user, _, _), .cancelScheduled(let user, _), .setReminder(let user, _),
            .cancelReminder(let user, _), .readNotifications(let user, _, _), .choosePresence(let user, _),
            .setStandingCopy(let user, _):
            .user(user)
        case .startSession(let session), .startSessionOn(let session, _): .user(session.user)
        case .claimKey(let key), .completeKey(let key, _): .user(key.user)
        case .createChannel(let channel, _, _, _, _, _), .abortChannel(let channel), .joinChannel(let channel, _),
            .leaveChannel(let channel, _), .addMember(let channel, _, _), .removeMember(let channel, _, _),
            .postMessage(let channel, _, _, _), .updateChannel(let channel, _, _, _),
            .renameChannel(let channel, _, _, _, _, _), .settleChannelName(let channel, _),
            .archiveChannel(let channel, _, _), .unarchiveChannel(let channel, _, _), .openDirect(let channel, _, _),
            .setChannelRole(let channel, _, _, _, _), .readChannel(let channel, _, _),
            .changeMember(let channel, _, _, _, _):
            .channel(channel)
        case .editMessage(let message, _, _, _, _, _, _), .deleteMessage(let message, _, _, _),
            .react(let message, _, _, _), .unreact(let message, _, _, _), .pin(let message, _, _, _),
            .unpin(let message, _, _, _), .flagMessage(let message, _, _, _), .followThread(let message, _, _),
            .readThread(let message, _, _):
            .channel(message.channel)
        case .createNamedChannel(let channel, _, _): .channel(channel.id)
        case .applyEffect(let entry): entry.target
        // All of one lane, by contract; an empty list is not well-formed.
        case .applyEffects(let entries): entries.first?.target ?? .directory
        case .outboxDelivered, .timersDue: preconditionFailure("proposed by the shard's own leader only")
        }
    }
}
