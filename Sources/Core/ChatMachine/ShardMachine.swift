// Data's way, step 8: the committed command meets the state and is decided.

import ChatModel
import ClusterModel
import Placement

/// The state machine of one shard of any kind: directory, users and channels, by key.
///
/// Deterministic and total: the same log gives the same state, results and hash on every replica, and no
/// command can trap it. It reads no clock and iterates over nothing unordered. Who may do what is decided
/// here and nowhere else, on the state at the command's place in the log.
///
/// All state can be built again from the rows in `ApplyEffects.changes`; see `ShardMachine+Restoring.swift`.
package struct ShardMachine: Sendable, Equatable {
    package let shard: ShardID
    let map: ShardMap

    /// The index of the last command; entries without a command do not count.
    package internal(set) var lastApplied = LogIndex.zero
    /// The log's time: that of the last command, never falling.
    package internal(set) var clock = Timestamp.zero
    /// A digest of every change so far: equal on replicas that have applied the same commands.
    package internal(set) var stateHash: UInt64 = 0

    // Directory.
    package internal(set) var registry = NodeRegistry.empty
    /// nil until the founder's first command.
    package internal(set) var secrets: ClusterSecrets?
    package internal(set) var registration = Registration.invite
    var names = NameTable()
    var revocations = Revocations()
    var directory = DirectoryState()

    // Users.
    var users: [UserID: UserEntry] = [:]
    var abortedUsers: Set<UserID> = []

    // Channels.
    var channels: [ChannelID: ChannelEntry] = [:]
    var abortedChannels: Set<ChannelID> = []
    var messageKeys = MessageKeys()
    var creationKeys = CreationKeys()
    /// Keys of events at or before this time are forgotten; nothing before the shard's first command.
    package internal(set) var keysForgottenThrough = Timestamp(milliseconds: .min)

    /// What is due at a time, of users and channels.
    var timers = TimerTable()
    /// What the directory has told of the workspace's settings; nil before the first time.
    var workspaceCopy: WorkspaceCopy?

    // Between shards.
    /// Effects that other shards have not confirmed yet, in the order of the log.
    package internal(set) var outbox: [OutboxEntry] = []
    var inboxMarks: [ShardID: OutboxPosition] = [:]
    var ordinals = EntryOrdinals()
    /// A bug to plant (M26), so that the simulator can show that it would see it: the order of a dictionary counts.
    package var followsDictionaryOrder = false

    package init(shard: ShardID, map: ShardMap = ShardMap()) {
        self.shard = shard
        self.map = map
    }

    /// Decides one committed command. `effects` is added to, not cleared.
    ///
    /// - Parameter index: of the entry that holds it; several commands may have one.
    /// - Precondition: indices never fall; gaps are entries without a command.
    package mutating func apply(
        _ logged: LoggedCommand, at index: LogIndex, into effects: inout ApplyEffects
    ) -> CommandResult {
        self.enter(index)
        if self.followsDictionaryOrder, let first = self.channels.first {
            self.stateHash = StableHash.combined(self.stateHash, first.key.low)
        }
        self.advanceClock(to: logged.at, &effects)
        guard logged.command.isWellFormed else { return .refused(.invalid) }
        return self.decide(logged.command, &effects)
    }

    /// A command of the entry at `index` is next: of a new one, or one more of the same, whose effects are counted on.
    mutating func enter(_ index: LogIndex) {
        precondition(index >= self.lastApplied, "shard \(self.shard): entry \(index) after \(self.lastApplied)")
        guard index > self.lastApplied else { return }
        self.lastApplied = index
        self.ordinals = EntryOrdinals()
    }

    private mutating func decide(_ command: Command, _ effects: inout ApplyEffects) -> CommandResult {
        switch command {
        case .registerNode(let node): self.register(node, &effects)
        case .activateNode(let node): self.activate(node, &effects)
        case .setNodeState(let node, let state): self.set(node, state, &effects)
        case .bootNode(let node, let boot, let address, let clientAddress):
            self.boot(node, boot, address, clientAddress, &effects)
        case .startNode(let start): self.start(start, &effects)
        case .activateNodes(let nodes): self.activate(nodes, &effects)
        case .drainNode(let node): self.drain(node, &effects)
        case .removeNode(let node): self.remove(node, &effects)
        case .buryNode(let node): self.bury(node, &effects)
        case .setActiveVersion(let version): self.setActiveVersion(version, &effects)
        case .initialise(let secrets, let registration): self.initialise(secrets, registration, &effects)
        case .reserveName(let name, let owner, let listed): self.reserve(name, owner, listed, &effects)
        case .confirmName(let name, let owner): self.confirm(name, owner, &effects)
        case .releaseName(let name, let owner): self.release(name, owner, &effects)
        case .claimName(let name, let channel, let listed, let epoch):
            self.claim(name, channel, listed, epoch, &effects)
        case .revokeSession(let session, let user, let until): self.revoke(session, user, until, &effects)
        case .createUser(let user): self.create(user, &effects)
        case .abortUser(let user): self.abort(user, &effects)
        case .startSession(let session): self.start(session, &effects)
        case .rotateSession(let user, let session, let generation):
            self.rotate(user, session, generation, &effects)
        case .endSession(let user, let session): self.end(user, session, &effects)
        case .setMembership(let user, let channel, let isMember, let version):
            self.setMembership(user, channel, isMember, version, &effects)
        case .createChannel(let channel, let name, let type, let topic, let actor, let key):
            self.create(channel, name, type, topic, actor, key, &effects)
        case .abortChannel(let channel): self.abort(channel, &effects)
        case .joinChannel(let channel, let actor): self.join(channel, actor, &effects)
        case .leaveChannel(let channel, let actor): self.leave(channel, actor, &effects)
        case .addMember(let channel, let user, let actor): self.add(user, to: channel, actor, &effects)
        case .removeMember(let channel, let user, let actor): self.remove(user, from: channel, actor, &effects)
        case .postMessage(let channel, let content, let actor, let key):
            self.post(content, to: channel, actor, key, &effects)
        case .applyEffect(let entry): self.receive(entry, &effects)
        case .reserveAccount, .setStanding, .listAccount, .createInvite, .revokeInvite, .updateWorkspace, .putEmoji,
            .removeEmoji, .resolveFlag, .recordAudit:
            self.decideForDirectory(command, &effects)
        case .updateProfile, .updateSettings, .startSessionOn, .endSessions, .claimKey, .completeKey, .putDraft,
            .removeDraft, .scheduleMessage, .cancelScheduled, .setReminder, .cancelReminder, .readNotifications,
            .choosePresence, .setStandingCopy:
            self.decideForUser(command, &effects)
        case .editMessage, .deleteMessage, .react, .unreact, .pin, .unpin, .flagMessage, .updateChannel, .renameChannel,
            .settleChannelName, .archiveChannel, .unarchiveChannel, .openDirect, .setChannelRole, .readChannel,
            .followThread, .readThread, .createNamedChannel, .changeMember:
            self.decideForChannel(command, &effects)
        case .outboxDelivered(let target, let through): self.delivered(target, through, &effects)
        case .applyEffects(let entries): self.receive(entries, &effects)
        case .timersDue: self.timersDue(&effects)
        }
    }

    /// At most this much at once: a leader whose clock is wrong can not end everybody's sessions.
    static let clockStepMillisecondsMax: Int64 = 24 * 3600 * 1000

    /// Far from the end of the range, so that no life added to it saturates.
    static let clockMax = Timestamp(milliseconds: .max / 2)

    /// The time is the leader's, within [last, last + 1 day]; only the shard's first command sets it freely.
    mutating func advanceClock(to time: Timestamp, _ effects: inout ApplyEffects) {
        let latest = self.clock.advanced(byMilliseconds: Self.clockStepMillisecondsMax)
        let wanted = self.clock == .zero ? max(time, .zero) : min(max(time, self.clock), latest)
        let now = min(wanted, Self.clockMax)
        guard now != self.clock else { return }
        self.keysForgottenThrough = MessageKeys.forgottenThrough(
            after: self.keysForgottenThrough, from: self.clock, to: now)
        self.clock = now
        self.record(.put(kind: .clock, key: [], value: self.clockRecord), &effects)
        self.messageKeys.remove(through: self.keysForgottenThrough)
        self.removeExpiredCreations()
        self.removeExpiredRevocations(&effects)
    }

    /// Every change of state passes here: that is what makes the hash a hash of the state.
    mutating func record(_ change: RowChange, _ effects: inout ApplyEffects) {
        self.stateHash = change.hash(after: self.stateHash)
        effects.changes.append(change)
    }
}
