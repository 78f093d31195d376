import ClusterModel

// The numbers of commands in the log. They are for ever: changed semantics are a new number, and an unknown one stops
// a node instead of being skipped. docs/schema.md lists them with their layouts.

/// The number of a command in the log.
package enum CommandKind: UInt8, Sendable, Hashable, CaseIterable, ByteCoded {
    // Directory.
    case registerNode = 1
    case activateNode = 2
    case setNodeState = 3
    case bootNode = 4
    case initialise = 5
    case reserveName = 6
    case confirmName = 7
    case releaseName = 8
    case revokeSession = 9
    case startNode = 10
    case activateNodes = 11
    case drainNode = 12
    case removeNode = 13
    case buryNode = 14
    case setActiveVersion = 15
    case reserveAccount = 16
    case setStanding = 17
    case listAccount = 18
    case createInvite = 19
    case revokeInvite = 20
    case updateWorkspace = 21
    case putEmoji = 22
    case removeEmoji = 23
    case resolveFlag = 24
    case recordAudit = 25
    case claimName = 26
    // A user's shard.
    case createUser = 32
    case abortUser = 33
    case startSession = 34
    case rotateSession = 35
    case endSession = 36
    case setMembership = 37
    case updateProfile = 38
    case updateSettings = 39
    case startSessionOn = 40
    case endSessions = 41
    case claimKey = 43
    case completeKey = 44
    case putDraft = 45
    case removeDraft = 46
    case scheduleMessage = 47
    case cancelScheduled = 48
    case setReminder = 49
    case cancelReminder = 50
    case readNotifications = 51
    case choosePresence = 52
    case setStandingCopy = 53
    // A channel's shard.
    case createChannel = 64
    case abortChannel = 65
    case joinChannel = 66
    case leaveChannel = 67
    case addMember = 68
    case removeMember = 69
    case postMessage = 70
    /// `Command.postMessage` whose content is not plain.
    case postRichMessage = 71
    case editMessage = 72
    case deleteMessage = 73
    case react = 74
    case unreact = 75
    case pin = 76
    case unpin = 77
    case flagMessage = 78
    case updateChannel = 79
    case renameChannel = 80
    case settleChannelName = 81
    case archiveChannel = 82
    case unarchiveChannel = 83
    case openDirect = 84
    case setChannelRole = 85
    case readChannel = 86
    case followThread = 87
    case readThread = 88
    case createNamedChannel = 90
    case changeMember = 91
    // Any shard.
    case applyEffect = 96
    case outboxDelivered = 97
    case timersDue = 98
    case applyEffects = 99
    package static var wireName: StaticStringName { "Command" }

    /// Whose commands share a switch: the numbers of each kind of shard stand together.
    enum Section {
        case directory
        case user
        case channel
        case any
    }
    var section: Section {
        switch self.rawValue {
        case ..<32: .directory
        case ..<64: .user
        case ..<96: .channel
        default: .any
        }
    }
}

extension Command {
    package var kind: CommandKind {
        switch self {
        case .registerNode: .registerNode
        case .activateNode: .activateNode
        case .setNodeState: .setNodeState
        case .bootNode: .bootNode
        case .initialise: .initialise
        case .reserveName: .reserveName
        case .confirmName: .confirmName
        case .releaseName: .releaseName
        case .revokeSession: .revokeSession
        case .startNode: .startNode
        case .activateNodes: .activateNodes
        case .drainNode: .drainNode
        case .removeNode: .removeNode
        case .buryNode: .buryNode
        case .setActiveVersion: .setActiveVersion
        case .reserveAccount: .reserveAccount
        case .setStanding: .setStanding
        case .listAccount: .listAccount
        case .createInvite: .createInvite
        case .revokeInvite: .revokeInvite
        case .updateWorkspace: .updateWorkspace
        case .putEmoji: .putEmoji
        case .removeEmoji: .removeEmoji
        case .resolveFlag: .resolveFlag
        case .recordAudit: .recordAudit
        case .claimName: .claimName
        case .createUser: .createUser
        case .abortUser: .abortUser
        case .startSession: .startSession
        case .rotateSession: .rotateSession
        case .endSession: .endSession
        case .setMembership: .setMembership
        case .updateProfile: .updateProfile
        case .updateSettings: .updateSettings
        case .startSessionOn: .startSessionOn
        case .endSessions: .endSessions
        case .claimKey: .claimKey
        case .completeKey: .completeKey
        case .putDraft: .putDraft
        case .removeDraft: .removeDraft
        case .scheduleMessage: .scheduleMessage
        case .cancelScheduled: .cancelScheduled
        case .setReminder: .setReminder
        case .cancelReminder: .cancelReminder
        case .readNotifications: .readNotifications
        case .choosePresence: .choosePresence
        case .setStandingCopy: .setStandingCopy
        case .createChannel: .createChannel
        case .abortChannel: .abortChannel
        case .joinChannel: .joinChannel
        case .leaveChannel: .leaveChannel
        case .addMember: .addMember
        case .removeMember: .removeMember
        case .postMessage(_, let content, _, _): content.isPlain ? .postMessage : .postRichMessage
        case .editMessage: .editMessage
        case .deleteMessage: .deleteMessage
        case .react: .react
        case .unreact: .unreact
        case .pin: .pin
        case .unpin: .unpin
        case .flagMessage: .flagMessage
        case .updateChannel: .updateChannel
        case .renameChannel: .renameChannel
        case .settleChannelName: .settleChannelName
        case .archiveChannel: .archiveChannel
        case .unarchiveChannel: .unarchiveChannel
        case .openDirect: .openDirect
        case .setChannelRole: .setChannelRole
        case .readChannel: .readChannel
        case .followThread: .followThread
        case .changeMember: .changeMember
        case .readThread: .readThread
        case .createNamedChannel: .createNamedChannel
        case .applyEffect: .applyEffect
        case .outboxDelivered: .outboxDelivered
        case .timersDue: .timersDue
        case .applyEffects: .applyEffects
        }
    }
}
