import ClusterModel

// What a router does for commands whoever sends them: it makes repeats recognisable, and waits for effects.

extension Command {
    /// This command with `key(of: its actor)`, when it emits an event, takes a key and has none; else itself.
    ///
    /// The creation of a channel is not among them: its id makes it recognisable.
    package func settingKey(_ key: (Actor) -> IdempotencyKey) -> Command {
        switch self {
        case .postMessage(let channel, let content, let actor, nil):
            .postMessage(channel, content, by: actor, key(actor))
        case .editMessage(let message, let text, let mentions, let broadcast, let snapshot, let actor, nil):
            .editMessage(
                message, text: text, mentions: mentions, broadcast: broadcast, snapshot, by: actor, key(actor))
        case .deleteMessage(let message, let asModerator, let actor, nil):
            .deleteMessage(message, asModerator: asModerator, by: actor, key(actor))
        case .react(let message, let emoji, let actor, nil): .react(message, emoji: emoji, by: actor, key(actor))
        case .unreact(let message, let emoji, let actor, nil): .unreact(message, emoji: emoji, by: actor, key(actor))
        case .pin(let message, let snapshot, let actor, nil): .pin(message, snapshot, by: actor, key(actor))
        case .unpin(let message, let snapshot, let actor, nil): .unpin(message, snapshot, by: actor, key(actor))
        case .updateChannel(let channel, let patch, let actor, nil):
            .updateChannel(channel, patch, by: actor, key(actor))
        case .renameChannel(let channel, let name, let folded, let epoch, let actor, nil):
            .renameChannel(channel, name: name, folded: folded, epoch: epoch, by: actor, key(actor))
        case .archiveChannel(let channel, let actor, nil): .archiveChannel(channel, by: actor, key(actor))
        case .unarchiveChannel(let channel, let actor, nil): .unarchiveChannel(channel, by: actor, key(actor))
        case .setChannelRole(let channel, let user, let role, let actor, nil):
            .setChannelRole(channel, user, role, by: actor, key(actor))
        case .joinChannel(let channel, let actor):
            .changeMember(channel, actor.user, isMember: true, by: actor, key(actor))
        case .leaveChannel(let channel, let actor):
            .changeMember(channel, actor.user, isMember: false, by: actor, key(actor))
        case .addMember(let channel, let user, let actor):
            .changeMember(channel, user, isMember: true, by: actor, key(actor))
        case .removeMember(let channel, let user, let actor):
            .changeMember(channel, user, isMember: false, by: actor, key(actor))
        default: self
        }
    }

    /// Whether the answer waits a moment for the command's effects on other shards, so that whoever is answered finds
    /// them there. Not for what other shards or the cluster itself ask for: nobody looks for those.
    package var awaitsEffects: Bool {
        switch self.kind.rawValue {
        case 1...15, 35, 37, 96...99: false
        default: true
        }
    }
}
