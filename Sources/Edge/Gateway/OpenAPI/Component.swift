import ChatModel

/// What the contract describes once and names everywhere. A reference is a case, so none can lead nowhere.
enum Component: String, Sendable, Hashable, CaseIterable {
    case problem = "Problem"

    case grant = "Grant"
    case introspection = "Introspection"
    case session = "Session"

    case user = "User"
    case presence = "Presence"

    case settings = "Settings"
    case notification = "Notification"
    case draft = "Draft"
    case scheduledMessage = "ScheduledMessage"
    case reminder = "Reminder"

    case channel = "Channel"
    case sidebarChannel = "SidebarChannel"
    case member = "Member"
    case readState = "ReadState"

    case message = "Message"
    case parsedText = "ParsedText"
    case entity = "Entity"
    case reaction = "Reaction"
    case edit = "Edit"
    case thread = "Thread"
    case threadState = "ThreadState"
    case searchHit = "SearchHit"

    case invite = "Invite"
    case workspaceSettings = "WorkspaceSettings"
    case auditEntry = "AuditEntry"
    case flag = "Flag"
    case emoji = "Emoji"

    case clusterStatus = "ClusterStatus"
    case clusterNode = "ClusterNode"
    case clusterShard = "ClusterShard"
    case readiness = "Readiness"
    case keySet = "KeySet"

    /// The name of a page of these.
    var listName: String { self.rawValue + "List" }

    var schema: Schema {
        switch self {
        case .problem: Self.problemSchema
        case .grant: Self.grantSchema
        case .introspection: Self.introspectionSchema
        case .session: Self.sessionSchema
        case .user: Self.userSchema
        case .presence: Self.presenceSchema
        case .settings: Self.settingsSchema
        case .notification: Self.notificationSchema
        case .draft: Self.draftSchema
        case .scheduledMessage: Self.scheduledMessageSchema
        case .reminder: Self.reminderSchema
        case .channel: .object(Self.channelFields)
        case .sidebarChannel: .object(Self.channelFields + Self.readFields + [.init("muted", .bool)])
        case .member: Self.memberSchema
        case .readState: .object([.init("channel_id", .id(ChannelID.self))] + Self.readFields)
        case .message: Self.messageSchema
        case .parsedText: Self.parsedTextSchema
        case .entity: Self.entitySchema
        case .reaction: Self.reactionSchema
        case .edit: Self.editSchema
        case .thread: Self.threadSchema
        case .threadState: .object(Self.threadStateFields)
        case .searchHit: Self.searchHitSchema
        case .invite: Self.inviteSchema
        case .workspaceSettings: Self.workspaceSettingsSchema
        case .auditEntry: Self.auditEntrySchema
        case .flag: Self.flagSchema
        case .emoji: Self.emojiSchema
        case .clusterStatus: Self.clusterStatusSchema
        case .clusterNode: Self.clusterNodeSchema
        case .clusterShard: Self.clusterShardSchema
        case .readiness: Self.readinessSchema
        case .keySet: Self.keySetSchema
        }
    }

    /// The fields of a page.
    static func listFields(_ item: Schema) -> [Schema.Field] {
        [
            .init("items", .array(item)),
            .init("next_cursor", .nullable(.described(.text, "Null on the last page."))),
        ]
    }
}
