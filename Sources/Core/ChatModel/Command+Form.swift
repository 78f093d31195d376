import ClusterModel

// Whether a command's texts and lists have a size that any state could accept.

/// What apply lets through, in bytes of UTF-8. The gateway's own rules (letters, case) are narrower.
package enum FormLimits {
    package static let nameBytesMax = 256
    package static let displayNameBytesMax = 512
    package static let emailBytesMax = 320
    package static let topicBytesMax = 4096
    package static let passwordHashBytesMax = 512
    package static let idempotencyKeyBytesMax = 128
    package static let secretBytesMax = 128
    package static let nodeNameBytesMax = 253
    package static let clientAddressBytesMax = 300
    package static let nodesMax = 4096
    package static let emojiBytesMax = 64
    package static let reasonBytesMax = 1000
    package static let excerptBytesMax = 1000
    package static let noteBytesMax = 1000
    package static let statusTextBytesMax = 512
    package static let originBytesMax = 256
    package static let originsMax = 64
    package static let workspaceNameBytesMax = 256
    package static let urlBytesMax = 1024
    package static let auditTargetBytesMax = 256
    package static let auditDetailsMax = 32
    package static let auditValueBytesMax = 1024
    package static let inviteUsesMax: UInt32 = 10_000
    /// A hundred years: what is longer is a mistake.
    package static let retentionDaysMax: UInt32 = 36_500
    package static let editWindowSecondsMax: UInt32 = 10 * 366 * 86_400
    package static let userAgentBytesMax = 256
    package static let addressBytesMax = 256
    package static let storedBodyBytesMax = 8192
    package static let notificationsReadMax = 200
    package static let directPeopleMax = 9
    /// Theme and language of a person's settings.
    package static let tokenBytesMax = 64
    package static let effectsMax = 256
    /// Higher ones are refused, so that counting on from them never overflows.
    package static let generationMax = UInt64(UInt32.max)
}

extension Command {
    /// True when the sizes hold. Apply refuses what is not so as `.invalid`; a leader must check it before it
    /// proposes, since only a well-formed command is sure to be readable from the log again.
    package var isWellFormed: Bool {
        switch self {
        case .registerNode(let node):
            Self.fits(node.name, 0, FormLimits.nodeNameBytesMax)
                && Self.fits(node.clientAddress, 0, FormLimits.clientAddressBytesMax)
                && Self.fits(node.address.host, 1, FormLimits.nodeNameBytesMax)
        case .bootNode(_, _, let address, let clientAddress):
            Self.fits(clientAddress, 0, FormLimits.clientAddressBytesMax)
                && Self.fits(address.host, 1, FormLimits.nodeNameBytesMax)
        case .startNode(let start):
            Self.fits(start.clientAddress, 0, FormLimits.clientAddressBytesMax)
                && Self.fits(start.address.host, 1, FormLimits.nodeNameBytesMax)
        case .activateNodes(let nodes): nodes.count <= FormLimits.nodesMax
        case .initialise(let secrets, _):
            (1...FormLimits.secretBytesMax).contains(secrets.tokenSigningKey.count)
                && (1...FormLimits.secretBytesMax).contains(secrets.macKey.count)
                && Self.fits(secrets.tokenKeyID, 1, FormLimits.nameBytesMax)
        case .reserveName(let name, let owner, _), .confirmName(let name, let owner), .releaseName(let name, let owner):
            Self.fits(name.name, 1, FormLimits.nameBytesMax) && name.kind == owner.nameKind
        case .claimName(let name, _, _, _):
            Self.fits(name.name, 1, FormLimits.nameBytesMax) && name.kind == .channel
        case .createUser(let user):
            Self.fits(user.username, 1, FormLimits.nameBytesMax)
                && Self.fits(user.displayName, 0, FormLimits.displayNameBytesMax)
                && Self.fits(user.email ?? "", 0, FormLimits.emailBytesMax)
                && Self.fits(user.passwordHash, 0, FormLimits.passwordHashBytesMax)
        case .startSession(let session): session.generation <= FormLimits.generationMax
        case .createChannel(_, let name, let type, let topic, let actor, let key):
            Self.fits(name, 1, FormLimits.nameBytesMax) && Self.fits(topic, 0, FormLimits.topicBytesMax)
                && (type == .public || type == .private) && Self.fits(key, of: actor)
        case .postMessage(let channel, let content, let actor, let key):
            content.isWellFormed && (content.thread.map { $0.channel == channel } ?? true)
                // Apply alone says what the root is.
                && content.root == nil && Self.fits(key, of: actor)
        case .reserveAccount, .setStanding, .listAccount, .createInvite, .revokeInvite, .updateWorkspace, .putEmoji,
            .removeEmoji, .resolveFlag, .recordAudit:
            self.isWellFormedForDirectory
        case .updateProfile, .updateSettings, .startSessionOn, .endSessions, .claimKey, .completeKey, .putDraft,
            .removeDraft, .scheduleMessage, .cancelScheduled, .setReminder, .cancelReminder, .readNotifications,
            .choosePresence, .setStandingCopy:
            self.isWellFormedForUser
        case .editMessage, .deleteMessage, .react, .unreact, .pin, .unpin, .flagMessage, .updateChannel,
            .renameChannel, .settleChannelName, .archiveChannel, .unarchiveChannel, .openDirect, .setChannelRole,
            .readChannel, .followThread, .readThread, .createNamedChannel, .changeMember:
            self.isWellFormedForChannel
        case .applyEffects(let entries): (1...FormLimits.effectsMax).contains(entries.count)
        case .activateNode, .setNodeState, .drainNode, .removeNode, .buryNode, .setActiveVersion, .revokeSession,
            .abortUser, .rotateSession, .endSession, .setMembership, .abortChannel, .joinChannel, .leaveChannel,
            .addMember, .removeMember, .applyEffect, .outboxDelivered, .timersDue:
            true
        }
    }

    /// The version from which on a log may hold this command: an older program would stop at it.
    package var introducedIn: FeatureVersion {
        switch self.kind {
        case .registerNode, .activateNode, .setNodeState, .bootNode, .initialise, .reserveName, .confirmName,
            .releaseName, .revokeSession, .startNode, .activateNodes, .drainNode, .removeNode, .buryNode,
            .setActiveVersion, .reserveAccount, .setStanding, .listAccount, .createInvite, .revokeInvite,
            .updateWorkspace, .putEmoji, .removeEmoji, .resolveFlag, .recordAudit, .claimName, .createUser, .abortUser,
            .startSession, .rotateSession, .endSession, .setMembership, .updateProfile, .updateSettings,
            .startSessionOn, .endSessions, .claimKey, .completeKey, .putDraft, .removeDraft, .scheduleMessage,
            .cancelScheduled, .setReminder, .cancelReminder, .readNotifications, .choosePresence, .setStandingCopy,
            .createChannel, .abortChannel, .joinChannel, .leaveChannel, .addMember, .removeMember, .postMessage,
            .postRichMessage, .editMessage, .deleteMessage, .react, .unreact, .pin, .unpin, .flagMessage,
            .updateChannel, .renameChannel, .settleChannelName, .archiveChannel, .unarchiveChannel, .openDirect,
            .setChannelRole, .readChannel, .followThread, .readThread, .createNamedChannel, .changeMember, .applyEffect,
            .outboxDelivered, .timersDue, .applyEffects:
            .first
        }
    }

    static func fits(_ text: String, _ least: Int, _ most: Int) -> Bool {
        let count = text.utf8.count
        return count >= least && count <= most
    }

    /// An idempotency key belongs to who asks: nobody's key can answer for another.
    static func fits(_ key: IdempotencyKey?, of actor: Actor) -> Bool {
        guard let key else { return true }
        return key.user == actor.user && Self.fits(key.key, 1, FormLimits.idempotencyKeyBytesMax)
    }
}

extension NameOwner {
    package var nameKind: NameKind {
        switch self {
        case .user: .user
        case .channel: .channel
        }
    }
}
