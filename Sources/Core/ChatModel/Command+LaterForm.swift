import ClusterModel

// Whether the commands of what a team does beyond posting have a size that any state could accept.

extension MessageContent {
    /// Without what only apply sets, and without the channel, which the content does not name.
    package var isWellFormed: Bool {
        Command.fits(self.text, 1, Self.textBytesMax) && Command.fits(self.clientID ?? "", 0, Self.clientIDBytesMax)
            && Mention.areWellFormed(self.mentions) && self.broadcast.isWellFormed
            && self.files.count <= Self.filesMax && Command.fits(self.attachments, 0, Self.attachmentsBytesMax)
    }
}

extension Mention {
    static func areWellFormed(_ mentions: [Mention]) -> Bool {
        mentions.count <= MessageContent.mentionsMax
            && mentions.allSatisfy { Command.fits($0.name, 1, FormLimits.nameBytesMax) }
    }
}

extension Broadcast? {
    var isWellFormed: Bool {
        switch self {
        case .here(let users): users.count <= MessageContent.onlineMax
        case .channel, nil: true
        }
    }
}

extension MessageSnapshot {
    var isWellFormed: Bool { self.content.isWellFormed }
}

extension UserSettings {
    var isWellFormed: Bool {
        self.overrides.count <= Self.overridesMax
            && zip(self.overrides, self.overrides.dropFirst()).allSatisfy { $0.channel < $1.channel }
            && (self.quiet?.isWellFormed ?? true) && Command.fits(self.theme, 0, FormLimits.tokenBytesMax)
            && Command.fits(self.language, 0, FormLimits.tokenBytesMax)
    }
}

extension QuietHours {
    /// From UTC-12 to UTC+14; seven days.
    var isWellFormed: Bool {
        self.fromMinute < 1440 && self.toMinute < 1440 && (-720...840).contains(self.offsetMinutes) && self.days < 128
    }
}

extension AuditNote {
    package var isWellFormed: Bool {
        Command.fits(self.action, 1, FormLimits.nameBytesMax)
            && Command.fits(self.target, 0, FormLimits.auditTargetBytesMax)
            && self.details.count <= FormLimits.auditDetailsMax
            && self.details.allSatisfy {
                Command.fits($0.name, 1, FormLimits.nameBytesMax)
                    && Command.fits($0.value, 0, FormLimits.auditValueBytesMax)
            }
    }
}

extension WorkspacePatch {
    var isWellFormed: Bool {
        (self.name.map { Command.fits($0, 1, FormLimits.workspaceNameBytesMax) } ?? true)
            && (self.allowedOrigins.map { origins in
                origins.count <= FormLimits.originsMax
                    && origins.allSatisfy { Command.fits($0, 1, FormLimits.originBytesMax) }
            } ?? true)
            && self.retentionDays.satisfies { (1...FormLimits.retentionDaysMax).contains($0) }
            && self.editWindowSeconds.satisfies { $0 <= FormLimits.editWindowSecondsMax }
            && self.publicURL.satisfies { Command.fits($0, 1, FormLimits.urlBytesMax) }
    }
}

extension Change {
    /// True when no value is set, or one that `rule` accepts.
    func satisfies(_ rule: (Value) -> Bool) -> Bool {
        if case .set(let value) = self { rule(value) } else { true }
    }
}

extension Command {
    var isWellFormedForDirectory: Bool {
        switch self {
        case .reserveAccount(let name, _, let displayName, _):
            Self.fits(name.name, 1, FormLimits.nameBytesMax) && name.kind == .user
                && Self.fits(displayName, 0, FormLimits.displayNameBytesMax)
        case .listAccount(_, let displayName, _, _): Self.fits(displayName, 0, FormLimits.displayNameBytesMax)
        case .createInvite(let invite, let actor):
            (1...FormLimits.inviteUsesMax).contains(invite.usesMax) && invite.uses == 0
                && invite.createdBy == actor.user
        case .updateWorkspace(let patch, _): patch.isWellFormed
        case .putEmoji(let emoji, let actor):
            Self.fits(emoji.name, 1, FormLimits.emojiBytesMax) && Self.fits(emoji.alias, 1, FormLimits.emojiBytesMax)
                && emoji.createdBy == actor.user
        case .removeEmoji(let name, _): Self.fits(name, 1, FormLimits.emojiBytesMax)
        case .resolveFlag(_, _, let note, _): Self.fits(note, 0, FormLimits.noteBytesMax)
        case .recordAudit(let note): note.isWellFormed
        default: true
        }
    }

    var isWellFormedForUser: Bool {
        switch self {
        case .updateProfile(_, let patch, _):
            (patch.displayName.map { Self.fits($0, 0, FormLimits.displayNameBytesMax) } ?? true)
                && patch.email.satisfies { Self.fits($0, 1, FormLimits.emailBytesMax) }
                && (patch.statusText.map { Self.fits($0, 0, FormLimits.statusTextBytesMax) } ?? true)
        case .updateSettings(_, let settings): settings.isWellFormed
        case .startSessionOn(let session, let detail):
            session.generation <= FormLimits.generationMax
                && Self.fits(detail.userAgent, 0, FormLimits.userAgentBytesMax)
                && Self.fits(detail.address, 0, FormLimits.addressBytesMax)
        case .claimKey(let key): Self.fits(key.key, 1, FormLimits.idempotencyKeyBytesMax)
        case .completeKey(let key, let answer):
            Self.fits(key.key, 1, FormLimits.idempotencyKeyBytesMax)
                && answer.body.count <= FormLimits.storedBodyBytesMax
        case .putDraft(_, let draft):
            Self.fits(draft.text, 0, MessageContent.textBytesMax)
                && (draft.thread.map { $0.channel == draft.channel } ?? true)
        case .removeDraft(_, let channel, let thread): thread.map { $0.channel == channel } ?? true
        case .scheduleMessage(let user, let message, let actor):
            user == actor.user && message.content.isWellFormed && message.content.root == nil
                && (message.content.thread.map { $0.channel == message.channel } ?? true)
        case .setReminder(_, let reminder): Self.fits(reminder.text, 0, FormLimits.reasonBytesMax)
        case .readNotifications(_, let numbers, _): numbers.count <= FormLimits.notificationsReadMax
        default: true
        }
    }

    var isWellFormedForChannel: Bool {
        switch self {
        case .editMessage(_, let text, let mentions, let broadcast, let snapshot, let actor, let key):
            Self.fits(text, 1, MessageContent.textBytesMax) && Mention.areWellFormed(mentions)
                && broadcast.isWellFormed && snapshot.isWellFormed && Self.fits(key, of: actor)
        case .deleteMessage(_, _, let actor, let key), .archiveChannel(_, let actor, let key),
            .unarchiveChannel(_, let actor, let key), .setChannelRole(_, _, _, let actor, let key):
            Self.fits(key, of: actor)
        case .react(_, let emoji, let actor, let key), .unreact(_, let emoji, let actor, let key):
            Self.fits(emoji, 1, FormLimits.emojiBytesMax) && Self.fits(key, of: actor)
        case .pin(_, let snapshot, let actor, let key), .unpin(_, let snapshot, let actor, let key):
            snapshot.isWellFormed && Self.fits(key, of: actor)
        case .flagMessage(_, let reason, let excerpt, _):
            Self.fits(reason, 1, FormLimits.reasonBytesMax) && Self.fits(excerpt, 0, FormLimits.excerptBytesMax)
        case .updateChannel(_, let patch, let actor, let key):
            (patch.topic.map { Self.fits($0, 0, FormLimits.topicBytesMax) } ?? true)
                && (patch.type.map { $0 == .public || $0 == .private } ?? true)
                && patch.retentionDays.satisfies { (1...FormLimits.retentionDaysMax).contains($0) }
                && Self.fits(key, of: actor)
        case .renameChannel(_, let name, let folded, _, let actor, let key):
            Self.fits(name, 1, FormLimits.nameBytesMax) && Self.fits(folded, 1, FormLimits.nameBytesMax)
                && Self.fits(key, of: actor)
        case .changeMember(_, _, _, let actor, let key): Self.fits(key, of: actor)
        case .settleChannelName(_, let folded): Self.fits(folded, 1, FormLimits.nameBytesMax)
        case .openDirect(_, let people, _): (1...FormLimits.directPeopleMax).contains(people.count)
        case .createNamedChannel(let channel, let actor, let key):
            Self.fits(channel.name, 1, FormLimits.nameBytesMax) && Self.fits(channel.folded, 1, FormLimits.nameBytesMax)
                && Self.fits(channel.topic, 0, FormLimits.topicBytesMax)
                && (channel.type == .public || channel.type == .private) && Self.fits(key, of: actor)
        default: true
        }
    }
}
