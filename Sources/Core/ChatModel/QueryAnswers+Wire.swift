import ClusterModel

// The binary form of what a shard answers to queries.

extension QueryAnswer: Wire {
    private enum Kind: UInt8, ByteCoded {
        case refused = 1
        case nameOwner = 2
        case listedChannels = 3
        case user = 4
        case session = 5
        case memberships = 6
        case channel = 7
        case channels = 8
        case members = 9
        case events = 10
        case accounts = 11
        case invites = 12
        case workspace = 13
        case emoji = 14
        case flags = 15
        case audit = 16
        case profile = 17
        case settings = 18
        case sessions = 19
        case notifications = 20
        case drafts = 21
        case scheduled = 22
        case reminders = 23
        case sidebar = 24
        case channelViews = 25
        case views = 26
        case edits = 27
        case reactions = 28
        case thread = 29
        case hits = 30
        case users = 31
        case keyedAnswer = 32
        static var wireName: StaticStringName { "QueryAnswer" }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .refused(let refusal):
            writer.write(Kind.refused)
            writer.write(refusal)
        case .nameOwner(let owner):
            writer.write(Kind.nameOwner)
            writer.write(owner)
        case .listedChannels(let listedChannels):
            writer.write(Kind.listedChannels)
            writer.write(listedChannels)
        case .user(let user):
            writer.write(Kind.user)
            writer.write(user)
        case .session(let session):
            writer.write(Kind.session)
            writer.write(session)
        case .memberships(let channels):
            writer.write(Kind.memberships)
            writer.write(channels)
        case .channel(let channelState):
            writer.write(Kind.channel)
            writer.write(channelState)
        case .channels(let channelStates):
            writer.write(Kind.channels)
            writer.write(channelStates)
        case .members(let memberRecords):
            writer.write(Kind.members)
            writer.write(memberRecords)
        case .events(let durableEvents, let head):
            writer.write(Kind.events)
            writer.write(durableEvents)
            writer.writeVariable(head)
        case .accounts(let accountRecords):
            writer.write(Kind.accounts)
            writer.write(accountRecords)
        case .invites(let inviteRecords):
            writer.write(Kind.invites)
            writer.write(inviteRecords)
        case .workspace(let workspace):
            writer.write(Kind.workspace)
            writer.write(workspace)
        case .emoji(let emojiRecords):
            writer.write(Kind.emoji)
            writer.write(emojiRecords)
        case .flags(let flagRecords):
            writer.write(Kind.flags)
            writer.write(flagRecords)
        case .audit(let auditEntrys, let before):
            writer.write(Kind.audit)
            writer.write(auditEntrys)
            writer.write(number: before)
        case .profile(let user, let profileExtra):
            writer.write(Kind.profile)
            writer.write(user)
            writer.write(profileExtra)
        case .settings(let user):
            writer.write(Kind.settings)
            writer.write(user)
        case .sessions(let sessionViews):
            writer.write(Kind.sessions)
            writer.write(sessionViews)
        case .notifications(let notificationViews, let unread):
            writer.write(Kind.notifications)
            writer.write(notificationViews)
            writer.write(unread)
        case .drafts(let drafts):
            writer.write(Kind.drafts)
            writer.write(drafts)
        case .scheduled(let scheduledMessages):
            writer.write(Kind.scheduled)
            writer.write(scheduledMessages)
        case .reminders(let reminders):
            writer.write(Kind.reminders)
            writer.write(reminders)
        case .sidebar(let channels, let user):
            writer.write(Kind.sidebar)
            writer.write(channels)
            writer.write(user)
        case .channelViews(let channelViews):
            writer.write(Kind.channelViews)
            writer.write(channelViews)
        case .views(let messageViews, let head):
            writer.write(Kind.views)
            writer.write(messageViews)
            writer.writeVariable(head)
        case .edits(let messageEdits):
            writer.write(Kind.edits)
            writer.write(messageEdits)
        case .reactions(let reactionGroups):
            writer.write(Kind.reactions)
            writer.write(reactionGroups)
        case .thread(let messageView, let messageViews, let threadState):
            writer.write(Kind.thread)
            writer.write(messageView)
            writer.write(messageViews)
            writer.write(threadState)
        case .hits(let searchHits, let isComplete):
            writer.write(Kind.hits)
            writer.write(searchHits)
            writer.write(isComplete)
        case .users(let users):
            writer.write(Kind.users)
            writer.write(users)
        case .keyedAnswer(let storedAnswer):
            writer.write(Kind.keyedAnswer)
            writer.write(storedAnswer)
        }
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.read(Kind.self) {
        case .refused: self = .refused(try reader.read())
        case .nameOwner: self = .nameOwner(try reader.readOptional())
        case .listedChannels: self = .listedChannels(try reader.readArray(bytesEach: 17))
        case .user: self = .user(try reader.read())
        case .session: self = .session(try reader.read())
        case .memberships: self = .memberships(try reader.readArray(bytesEach: 16))
        case .channel: self = .channel(try reader.read())
        case .channels: self = .channels(try reader.readArray(bytesEach: 47))
        case .members: self = .members(try reader.readArray(bytesEach: 27))
        case .events: self = .events(try reader.readArray(bytesEach: 44), head: try reader.readVariable())
        case .accounts: self = .accounts(try reader.readArray(bytesEach: 22))
        case .invites: self = .invites(try reader.readArray(bytesEach: 57))
        case .workspace: self = .workspace(try reader.read())
        case .emoji: self = .emoji(try reader.readArray(bytesEach: 26))
        case .flags: self = .flags(try reader.readArray(bytesEach: 76))
        case .audit: self = .audit(try reader.readArray(bytesEach: 77), before: try reader.readOptionalNumber())
        case .profile: self = .profile(try reader.read(), try reader.read())
        case .settings: self = .settings(try reader.read())
        case .sessions: self = .sessions(try reader.readArray(bytesEach: 2))
        case .notifications: self = .notifications(try reader.readArray(bytesEach: 15), unread: try reader.read())
        case .drafts: self = .drafts(try reader.readArray(bytesEach: 26))
        case .scheduled: self = .scheduled(try reader.readArray(bytesEach: 49))
        case .reminders: self = .reminders(try reader.readArray(bytesEach: 26))
        case .sidebar: self = .sidebar(try reader.readArray(bytesEach: 16), try reader.read())
        case .channelViews: self = .channelViews(try reader.readArray(bytesEach: 52))
        case .views: self = .views(try reader.readArray(bytesEach: 55), head: try reader.readVariable())
        case .edits: self = .edits(try reader.readArray(bytesEach: 26))
        case .reactions: self = .reactions(try reader.readArray(bytesEach: 6))
        case .thread: self = .thread(try reader.read(), try reader.readArray(bytesEach: 55), try reader.read())
        case .hits: self = .hits(try reader.readArray(bytesEach: 64), isComplete: try reader.read())
        case .users: self = .users(try reader.readArray(bytesEach: 16))
        case .keyedAnswer: self = .keyedAnswer(try reader.readOptional())
        }
    }
}
