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
    case confirmName(UniqueName, NameOwner)
    case releaseName(UniqueName, NameOwner)
    /// Effect of an ended session: no node accepts its access tokens any more. Kept until `until`.
    case revokeSession(SessionID, UserID, until: Timestamp)

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

    // A channel's shard.
    case createChannel(ChannelID, name: String, type: ChannelType, topic: String, by: Actor, IdempotencyKey?)
    case abortChannel(ChannelID)
    case joinChannel(ChannelID, by: Actor)
    case leaveChannel(ChannelID, by: Actor)
    case addMember(ChannelID, UserID, by: Actor)
    case removeMember(ChannelID, UserID, by: Actor)
    case postMessage(ChannelID, MessageContent, by: Actor, IdempotencyKey?)

    // Any shard.
    /// An effect that another shard's log decided, delivered at least once and applied once by its mark.
    case applyEffect(OutboxEntry)
    /// The effects of this shard towards `target` up to and with `through` have been applied there.
    case outboxDelivered(target: ShardID, through: OutboxPosition)
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

extension Command {
    package var key: ShardKey {
        switch self {
        case .registerNode, .activateNode, .setNodeState, .bootNode, .startNode, .activateNodes, .drainNode,
            .removeNode, .buryNode, .setActiveVersion, .initialise, .reserveName, .confirmName, .releaseName,
            .revokeSession:
            .directory
        case .createUser(let user): .user(user.id)
        case .startSession(let session): .user(session.user)
        case .abortUser(let user), .rotateSession(let user, _, _), .endSession(let user, _),
            .setMembership(let user, _, _, _):
            .user(user)
        case .createChannel(let channel, _, _, _, _, _), .abortChannel(let channel), .joinChannel(let channel, _),
            .leaveChannel(let channel, _), .addMember(let channel, _, _), .removeMember(let channel, _, _),
            .postMessage(let channel, _, _, _):
            .channel(channel)
        case .applyEffect(let entry): entry.target
        case .outboxDelivered: preconditionFailure("outboxDelivered is proposed by the shard's own leader only")
        }
    }
}
