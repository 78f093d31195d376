import ChatModel
import ClusterModel

// Which rule decides a command of what a team does beyond posting: one function each, in the file of its subject.

extension ShardMachine {
    /// Commands of the directory only; `decide` has picked them.
    mutating func decideForDirectory(_ command: Command, _ effects: inout ApplyEffects) -> CommandResult {
        switch command {
        case .reserveAccount(let name, let user, let displayName, let invite):
            self.reserveAccount(name, user, displayName, invite, &effects)
        case .setStanding(let user, let role, let isDeactivated, let policy, let actor):
            self.setStanding(user, role, isDeactivated, policy, actor, &effects)
        case .listAccount(let user, let displayName, let avatar, let version):
            self.listAccount(user, displayName, avatar, version, &effects)
        case .createInvite(let invite, let actor):
            self.createInvite(invite, actor, &effects)
        case .revokeInvite(let invite, let actor):
            self.revokeInvite(invite, actor, &effects)
        case .updateWorkspace(let workspacePatch, let actor):
            self.updateWorkspace(workspacePatch, actor, &effects)
        case .putEmoji(let emoji, let actor):
            self.putEmoji(emoji, actor, &effects)
        case .removeEmoji(let name, let actor):
            self.removeEmoji(name, actor, &effects)
        case .resolveFlag(let flag, let flagAction, let note, let actor):
            self.resolveFlag(flag, flagAction, note, actor, &effects)
        case .recordAudit(let auditNote):
            self.recordAudit(auditNote, &effects)
        default: .refused(.invalid)
        }
    }

    /// Commands of a user's shard only; `decide` has picked them.
    mutating func decideForUser(_ command: Command, _ effects: inout ApplyEffects) -> CommandResult {
        switch command {
        case .updateProfile(let user, let profilePatch, let actor):
            self.updateProfile(user, profilePatch, actor, &effects)
        case .updateSettings(let user, let userSettings):
            self.updateSettings(user, userSettings, &effects)
        case .startSessionOn(let session, let sessionDetail):
            self.startSessionOn(session, sessionDetail, &effects)
        case .endSessions(let user, let keeping):
            self.endSessions(user, keeping, &effects)
        case .claimKey(let key):
            self.claimKey(key, &effects)
        case .completeKey(let key, let storedAnswer):
            self.completeKey(key, storedAnswer, &effects)
        case .putDraft(let user, let draft):
            self.putDraft(user, draft, &effects)
        case .removeDraft(let user, let channel, let thread):
            self.removeDraft(user, channel, thread, &effects)
        case .scheduleMessage(let user, let scheduled, let actor):
            self.scheduleMessage(user, scheduled, actor, &effects)
        case .cancelScheduled(let user, let scheduled):
            self.cancelScheduled(user, scheduled, &effects)
        case .setReminder(let user, let reminder):
            self.setReminder(user, reminder, &effects)
        case .cancelReminder(let user, let reminder):
            self.cancelReminder(user, reminder, &effects)
        case .readNotifications(let user, let numbers, let through):
            self.readNotifications(user, numbers, through, &effects)
        case .choosePresence(let user, let presenceChoice):
            self.choosePresence(user, presenceChoice, &effects)
        case .setStandingCopy(let user, let standing):
            self.setStandingCopy(user, standing, &effects)
        default: .refused(.invalid)
        }
    }

    /// Commands of a channel's shard only; `decide` has picked them.
    mutating func decideForChannel(_ command: Command, _ effects: inout ApplyEffects) -> CommandResult {
        switch command {
        case .editMessage(let message, let text, let mentions, let broadcast, let messageSnapshot, let actor, let key):
            self.editMessage(message, text, mentions, broadcast, messageSnapshot, actor, key, &effects)
        case .deleteMessage(let message, let asModerator, let actor, let key):
            self.deleteMessage(message, asModerator, actor, key, &effects)
        case .react(let message, let emoji, let actor, let key):
            self.react(message, emoji, actor, key, &effects)
        case .unreact(let message, let emoji, let actor, let key):
            self.unreact(message, emoji, actor, key, &effects)
        case .pin(let message, let messageSnapshot, let actor, let key):
            self.pin(message, messageSnapshot, actor, key, &effects)
        case .unpin(let message, let messageSnapshot, let actor, let key):
            self.unpin(message, messageSnapshot, actor, key, &effects)
        case .flagMessage(let message, let reason, let excerpt, let actor):
            self.flagMessage(message, reason, excerpt, actor, &effects)
        case .updateChannel(let channel, let channelPatch, let actor, let key):
            self.updateChannel(channel, channelPatch, actor, key, &effects)
        case .renameChannel(let channel, let name, let folded, let epoch, let actor, let key):
            self.renameChannel(channel, name, folded, epoch, actor, key, &effects)
        case .settleChannelName(let channel, let folded):
            self.settleChannelName(channel, folded, &effects)
        case .archiveChannel(let channel, let actor, let key):
            self.archiveChannel(channel, actor, key, &effects)
        case .unarchiveChannel(let channel, let actor, let key):
            self.unarchiveChannel(channel, actor, key, &effects)
        case .openDirect(let channel, let users, let actor):
            self.openDirect(channel, users, actor, &effects)
        case .setChannelRole(let channel, let user, let channelRole, let actor, let key):
            self.setChannelRole(channel, user, channelRole, actor, key, &effects)
        case .changeMember(let channel, let user, let isMember, let actor, let key):
            self.changeMember(channel, user, isMember, actor, key, &effects)
        case .readChannel(let channel, let seq, let actor):
            self.readChannel(channel, seq, actor, &effects)
        case .followThread(let message, let isFollowing, let actor):
            self.followThread(message, isFollowing, actor, &effects)
        case .readThread(let message, let seq, let actor):
            self.readThread(message, seq, actor, &effects)
        case .createNamedChannel(let newChannel, let actor, let key):
            self.createNamedChannel(newChannel, actor, key, &effects)
        default: .refused(.invalid)
        }
    }
}
