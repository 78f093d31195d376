import ClusterModel

@testable import ChatModel

// The values of what a team does beyond posting, in an order of their own: they come behind the first ones, which the
// golden table was made with.

extension ValueGenerator {
    mutating func accountRecord() -> AccountRecord {
        AccountRecord(
            id: self.id(), username: self.text(), displayName: self.text(), avatar: self.optional(self.id()),
            role: self.pick(Role.allCases), deactivatedAt: self.optional(self.time()), version: self.number())
    }
    mutating func standing() -> Standing {
        Standing(
            role: self.pick(Role.allCases), deactivatedAt: self.optional(self.time()), version: self.number(),
            policy: self.pick(ContentPolicy.allCases))
    }
    mutating func inviteRecord() -> InviteRecord {
        InviteRecord(
            id: self.id(), role: self.pick(Role.allCases), usesMax: UInt32(self.number(200)),
            uses: UInt32(self.number(200)), expiresAt: self.time(), createdBy: self.id(), createdAt: self.time())
    }
    mutating func workspaceSettings() -> WorkspaceSettings {
        WorkspaceSettings(
            name: self.text(), registration: self.pick(Registration.allCases),
            allowedOrigins: [self.text(), self.text()], retentionDays: self.optional(UInt32(self.number(200))),
            contentPolicy: self.pick(ContentPolicy.allCases), broadcastRight: self.pick(BroadcastRight.allCases),
            editWindowSeconds: self.optional(UInt32(self.number(200))), publicURL: self.optional(self.text()))
    }
    mutating func workspacePatch() -> WorkspacePatch {
        WorkspacePatch(
            name: self.optional(self.text()), registration: self.optional(self.pick(Registration.allCases)),
            allowedOrigins: self.optional([self.text(), self.text()]),
            retentionDays: self.pick([.keep, .set(UInt32(self.number(200))), .clear]),
            contentPolicy: self.optional(self.pick(ContentPolicy.allCases)),
            broadcastRight: self.optional(self.pick(BroadcastRight.allCases)),
            editWindowSeconds: self.pick([.keep, .set(UInt32(self.number(200))), .clear]),
            publicURL: self.pick([.keep, .set(self.text()), .clear]))
    }
    mutating func workspaceCopy() -> WorkspaceCopy {
        WorkspaceCopy(
            retentionDays: self.optional(UInt32(self.number(200))), broadcastRight: self.pick(BroadcastRight.allCases),
            editWindowSeconds: self.optional(UInt32(self.number(200))), version: self.number())
    }
    mutating func emojiRecord() -> EmojiRecord {
        EmojiRecord(name: self.text(), alias: self.text(), createdBy: self.id(), createdAt: self.time())
    }
    mutating func flagResolution() -> FlagResolution {
        FlagResolution(action: self.pick(FlagAction.allCases), by: self.id(), at: self.time(), note: self.text())
    }
    mutating func flagRecord() -> FlagRecord {
        FlagRecord(
            id: self.id(), message: MessageID(channel: self.id(), seq: self.number()), author: self.id(),
            reporter: self.id(), reason: self.text(), excerpt: self.text(), at: self.time(),
            resolution: self.optional(self.flagResolution()))
    }
    mutating func auditDetail() -> AuditDetail {
        AuditDetail(name: self.text(), value: self.text())
    }
    mutating func auditNote() -> AuditNote {
        AuditNote(
            actor: self.optional(self.id()), action: self.text(), target: self.text(),
            details: [self.auditDetail(), self.auditDetail()], at: self.time())
    }
    mutating func auditEntry() -> AuditEntry {
        AuditEntry(number: self.number(), note: self.auditNote(), previous: self.digest(), digest: self.digest())
    }
    mutating func auditFilter() -> AuditFilter {
        AuditFilter(
            actor: self.optional(self.id()), action: self.optional(self.text()), target: self.optional(self.text()),
            since: self.optional(self.time()), until: self.optional(self.time()))
    }
    mutating func profilePatch() -> ProfilePatch {
        ProfilePatch(
            displayName: self.optional(self.text()), email: self.pick([.keep, .set(self.text()), .clear]),
            statusText: self.optional(self.text()), statusUntil: self.pick([.keep, .set(self.time()), .clear]),
            avatar: self.pick([.keep, .set(self.id()), .clear]))
    }
    mutating func profileExtra() -> ProfileExtra {
        ProfileExtra(statusText: self.text(), statusUntil: self.optional(self.time()), avatar: self.optional(self.id()))
    }
    mutating func channelOverride() -> ChannelOverride {
        ChannelOverride(channel: self.id(), level: self.optional(self.pick(NotifyLevel.allCases)), muted: self.chance())
    }
    mutating func quietHours() -> QuietHours {
        QuietHours(
            fromMinute: UInt16(self.number(200)), toMinute: UInt16(self.number(200)),
            offsetMinutes: Int16(self.number(1000)) - 500, days: UInt8(self.number(200)))
    }
    mutating func userSettings() -> UserSettings {
        UserSettings(
            level: self.pick(NotifyLevel.allCases), overrides: [self.channelOverride(), self.channelOverride()],
            quiet: self.optional(self.quietHours()), theme: self.text(), language: self.text())
    }
    mutating func sessionDetail() -> SessionDetail {
        SessionDetail(userAgent: self.text(), address: self.text())
    }
    mutating func sessionView() -> SessionView {
        SessionView(session: self.session(), detail: self.optional(self.sessionDetail()))
    }
    mutating func presenceChoice() -> PresenceChoice {
        PresenceChoice(status: self.pick(PresenceStatus.allCases), until: self.optional(self.time()))
    }
    mutating func storedAnswer() -> StoredAnswer {
        StoredAnswer(status: UInt16(self.number(200)), body: Array(self.text().utf8))
    }
    mutating func notificationRecord() -> NotificationRecord {
        NotificationRecord(
            number: self.number(), kind: self.pick(NotificationKind.allCases),
            message: self.optional(MessageID(channel: self.id(), seq: self.number())), actor: self.optional(self.id()),
            text: self.text(), at: self.time(), isQuiet: self.chance())
    }
    mutating func notificationView() -> NotificationView {
        NotificationView(record: self.notificationRecord(), isRead: self.chance())
    }
    mutating func draft() -> Draft {
        Draft(
            channel: self.id(), thread: self.optional(MessageID(channel: self.id(), seq: self.number())),
            text: self.text(), at: self.time())
    }
    mutating func scheduledMessage() -> ScheduledMessage {
        ScheduledMessage(
            id: self.id(), channel: self.id(), content: self.messageContent(), sendAt: self.time(),
            createdAt: self.time())
    }
    mutating func reminder() -> Reminder {
        Reminder(
            id: self.id(), message: self.optional(MessageID(channel: self.id(), seq: self.number())), text: self.text(),
            at: self.time())
    }
    mutating func broadcast() -> Broadcast { self.pick([.channel, .here([self.id(), self.id()])]) }
    mutating func mention() -> Mention {
        Mention(user: self.id(), name: self.text())
    }
    mutating func threadSummary() -> ThreadSummary {
        ThreadSummary(
            root: self.number(), replyCount: UInt32(self.number(200)), lastReplyAt: self.optional(self.time()),
            participants: [self.id(), self.id()])
    }
    mutating func messageContent() -> MessageContent {
        MessageContent(
            text: self.text(), clientID: self.optional(self.text()),
            thread: self.optional(MessageID(channel: self.id(), seq: self.number())),
            mentions: [self.mention(), self.mention()], broadcast: self.optional(self.broadcast()),
            files: [self.id(), self.id()], attachments: self.text(), root: self.optional(self.threadSummary()))
    }
    mutating func messageSnapshot() -> MessageSnapshot {
        MessageSnapshot(content: self.messageContent(), editedAt: self.optional(self.time()), version: self.number())
    }
    mutating func reactionGroup() -> ReactionGroup {
        ReactionGroup(emoji: self.text(), count: UInt32(self.number(200)), users: [self.id(), self.id()])
    }
    mutating func messageView() -> MessageView {
        MessageView(
            id: MessageID(channel: self.id(), seq: self.number()), author: self.id(), createdAt: self.time(),
            content: self.messageContent(), editedAt: self.optional(self.time()), deletedAt: self.optional(self.time()),
            version: self.number(), pinnedAt: self.optional(self.time()),
            reactions: [self.reactionGroup(), self.reactionGroup()], thread: self.optional(self.threadSummary()))
    }
    mutating func messageEdit() -> MessageEdit {
        MessageEdit(seq: self.number(), by: self.id(), at: self.time(), text: self.text())
    }
    mutating func threadState() -> ThreadState {
        ThreadState(isFollowing: self.chance(), readSeq: self.number(), unread: UInt32(self.number(200)))
    }
    mutating func channelPatch() -> ChannelPatch {
        ChannelPatch(
            topic: self.optional(self.text()), type: self.optional(self.pick(ChannelType.allCases)),
            broadcastRight: self.optional(self.pick(BroadcastRight.allCases)),
            retentionDays: self.pick([.keep, .set(UInt32(self.number(200))), .clear]))
    }
    mutating func readState() -> ReadState {
        ReadState(
            channel: self.id(), readSeq: self.number(), unread: UInt32(self.number(200)),
            mentions: UInt32(self.number(200)))
    }
    mutating func newChannel() -> NewChannel {
        NewChannel(
            id: self.id(), name: self.text(), folded: self.text(), type: self.pick(ChannelType.allCases),
            topic: self.text())
    }
    mutating func channelExtra() -> ChannelExtra {
        ChannelExtra(
            folded: self.text(), nameEpoch: self.number(),
            broadcastRight: self.optional(self.pick(BroadcastRight.allCases)),
            retentionDays: self.optional(UInt32(self.number(200))))
    }
    mutating func channelView() -> ChannelView {
        ChannelView(
            state: ChannelState(channel: self.channel(), member: self.optional(self.member())),
            extra: self.channelExtra(), counts: self.optional(self.readState()))
    }
    mutating func searchWords() -> SearchWords {
        self.pick([.word(self.text()), .prefix(self.text()), .phrase(self.text())])
    }
    mutating func searchTerm() -> SearchTerm {
        SearchTerm(words: self.searchWords(), isExcluded: self.chance())
    }
    mutating func searchPosition() -> SearchPosition {
        SearchPosition(rank: Int64(self.number()) - 1000, message: MessageID(channel: self.id(), seq: self.number()))
    }
    mutating func searchRequest() -> SearchRequest {
        SearchRequest(
            terms: [self.searchTerm(), self.searchTerm()], channels: [self.id(), self.id()],
            author: self.optional(self.id()), features: UInt8(self.number(200)), before: self.optional(self.time()),
            after: self.optional(self.time()), order: self.pick(SearchOrder.allCases),
            position: self.optional(self.searchPosition()), limit: UInt32(self.number(200)))
    }
    mutating func searchHit() -> SearchHit {
        SearchHit(message: self.messageView(), highlight: self.text(), score: Int64(self.number()) - 1000)
    }
}

extension ValueGenerator {
    mutating func laterCommand(_ kind: CommandKind) -> Command? {
        switch kind {
        case .postRichMessage:
            return .postMessage(
                self.id(), self.messageContent(), by: self.actor(), self.optional(self.key()))
        case .reserveAccount:
            return .reserveAccount(self.name(), self.id(), displayName: self.text(), invite: self.optional(self.id()))
        case .setStanding:
            return .setStanding(
                self.id(), role: self.optional(self.pick(Role.allCases)), isDeactivated: self.optional(self.chance()),
                policy: self.optional(self.pick(ContentPolicy.allCases)), by: self.actor())
        case .listAccount:
            return .listAccount(
                self.id(), displayName: self.text(), avatar: self.optional(self.id()), version: self.number())
        case .createInvite: return .createInvite(self.inviteRecord(), by: self.actor())
        case .revokeInvite: return .revokeInvite(self.id(), by: self.actor())
        case .updateWorkspace: return .updateWorkspace(self.workspacePatch(), by: self.actor())
        case .putEmoji: return .putEmoji(self.emojiRecord(), by: self.actor())
        case .removeEmoji: return .removeEmoji(name: self.text(), by: self.actor())
        case .resolveFlag:
            return .resolveFlag(self.id(), self.pick(FlagAction.allCases), note: self.text(), by: self.actor())
        case .recordAudit: return .recordAudit(self.auditNote())
        case .updateProfile: return .updateProfile(self.id(), self.profilePatch(), by: self.actor())
        case .updateSettings: return .updateSettings(self.id(), self.userSettings())
        case .startSessionOn: return .startSessionOn(self.session(), self.sessionDetail())
        case .endSessions: return .endSessions(self.id(), keeping: self.optional(self.id()))
        case .claimKey: return .claimKey(self.key())
        case .completeKey: return .completeKey(self.key(), self.storedAnswer())
        case .putDraft: return .putDraft(self.id(), self.draft())
        case .removeDraft:
            return .removeDraft(
                self.id(), self.id(), thread: self.optional(MessageID(channel: self.id(), seq: self.number())))
        case .scheduleMessage: return .scheduleMessage(self.id(), self.scheduledMessage(), by: self.actor())
        case .cancelScheduled: return .cancelScheduled(self.id(), self.id())
        case .setReminder: return .setReminder(self.id(), self.reminder())
        case .cancelReminder: return .cancelReminder(self.id(), self.id())
        case .readNotifications:
            return .readNotifications(self.id(), [self.number(), self.number()], through: self.optional(self.number()))
        case .choosePresence: return .choosePresence(self.id(), self.presenceChoice())
        case .setStandingCopy: return .setStandingCopy(self.id(), self.standing())
        case .editMessage:
            return .editMessage(
                MessageID(channel: self.id(), seq: self.number()), text: self.text(),
                mentions: [self.mention(), self.mention()], broadcast: self.optional(self.broadcast()),
                self.messageSnapshot(), by: self.actor(), self.optional(self.key()))
        case .deleteMessage:
            return .deleteMessage(
                MessageID(channel: self.id(), seq: self.number()), asModerator: self.chance(), by: self.actor(),
                self.optional(self.key()))
        case .react:
            return .react(
                MessageID(channel: self.id(), seq: self.number()), emoji: self.text(), by: self.actor(),
                self.optional(self.key()))
        case .unreact:
            return .unreact(
                MessageID(channel: self.id(), seq: self.number()), emoji: self.text(), by: self.actor(),
                self.optional(self.key()))
        case .pin:
            return .pin(
                MessageID(channel: self.id(), seq: self.number()), self.messageSnapshot(), by: self.actor(),
                self.optional(self.key()))
        case .unpin:
            return .unpin(
                MessageID(channel: self.id(), seq: self.number()), self.messageSnapshot(), by: self.actor(),
                self.optional(self.key()))
        case .flagMessage:
            return .flagMessage(
                MessageID(channel: self.id(), seq: self.number()), reason: self.text(), excerpt: self.text(),
                by: self.actor())
        case .updateChannel:
            return .updateChannel(self.id(), self.channelPatch(), by: self.actor(), self.optional(self.key()))
        case .renameChannel:
            return .renameChannel(
                self.id(), name: self.text(), folded: self.text(), epoch: self.number(), by: self.actor(),
                self.optional(self.key()))
        case .settleChannelName: return .settleChannelName(self.id(), folded: self.text())
        case .archiveChannel: return .archiveChannel(self.id(), by: self.actor(), self.optional(self.key()))
        case .unarchiveChannel: return .unarchiveChannel(self.id(), by: self.actor(), self.optional(self.key()))
        case .openDirect: return .openDirect(self.id(), [self.id(), self.id()], by: self.actor())
        case .setChannelRole:
            return .setChannelRole(
                self.id(), self.id(), self.pick(ChannelRole.allCases), by: self.actor(), self.optional(self.key()))
        case .readChannel: return .readChannel(self.id(), seq: self.number(), by: self.actor())
        case .followThread:
            return .followThread(
                MessageID(channel: self.id(), seq: self.number()), isFollowing: self.chance(), by: self.actor())
        case .readThread:
            return .readThread(MessageID(channel: self.id(), seq: self.number()), seq: self.number(), by: self.actor())
        case .createNamedChannel:
            return .createNamedChannel(self.newChannel(), by: self.actor(), self.optional(self.key()))
        case .timersDue: return .timersDue
        case .applyEffects: return .applyEffects([self.entry(), self.entry()])
        default: return nil
        }
    }

    mutating func laterQuery(_ kind: QueryKind) -> Query? {
        switch kind {
        case .account: return .account(self.id())
        case .accounts:
            return .accounts(
                prefix: self.text(), after: self.text(), limit: UInt32(self.number(200)),
                includesDeactivated: self.chance())
        case .invites: return .invites(by: self.actor())
        case .workspace: return .workspace
        case .emoji: return .emoji(after: self.text(), limit: UInt32(self.number(200)))
        case .flags:
            return .flags(
                isOpen: self.chance(), after: self.optional(self.id()), limit: UInt32(self.number(200)),
                by: self.actor())
        case .audit:
            return .audit(
                self.auditFilter(), before: self.optional(self.number()), limit: UInt32(self.number(200)),
                by: self.actor())
        case .profile: return .profile(self.id())
        case .settings: return .settings(self.id())
        case .sessions: return .sessions(self.id())
        case .notifications:
            return .notifications(
                self.id(), kind: self.optional(self.pick(NotificationKind.allCases)), unreadOnly: self.chance(),
                before: self.optional(self.number()), limit: UInt32(self.number(200)))
        case .drafts: return .drafts(self.id())
        case .scheduled: return .scheduled(self.id())
        case .reminders: return .reminders(self.id())
        case .sidebar: return .sidebar(self.id())
        case .keyedAnswer: return .keyedAnswer(self.key())
        case .member: return .member(self.id(), self.id(), viewer: self.actor())
        case .edits: return .edits(MessageID(channel: self.id(), seq: self.number()), viewer: self.actor())
        case .reactions: return .reactions(MessageID(channel: self.id(), seq: self.number()), viewer: self.actor())
        case .pins: return .pins(self.id(), viewer: self.actor())
        case .thread:
            return .thread(
                MessageID(channel: self.id(), seq: self.number()), viewer: self.actor(), after: self.number(),
                limit: UInt32(self.number(200)))
        case .sharing: return .sharing([self.id(), self.id()], [self.id(), self.id()], viewer: self.actor())
        case .search: return .search(ShardID(UInt16(self.number(300))), self.searchRequest(), viewer: self.actor())
        default: return nil
        }
    }

    /// The kinds that the golden table began with.
    static func isEarly(_ kind: CommandKind) -> Bool {
        switch kind.rawValue {
        case ...15, 32...37, 64...70, 96, 97: true
        default: false
        }
    }
    static func isEarly(_ kind: QueryKind) -> Bool {
        switch kind.rawValue {
        case 1, 2, 32...35, 64...70: true
        default: false
        }
    }

    /// One value of every later case, behind all others.
    mutating func laterSamples() -> [Sample] {
        var samples: [Sample] = []
        for kind in CommandKind.allCases {
            if let command = self.laterCommand(kind) { samples.append(Sample("\(kind)", command)) }
        }
        for kind in QueryKind.allCases {
            if let query = self.laterQuery(kind) { samples.append(Sample("\(kind)", query)) }
        }
        for refusal in Refusal.allCases where refusal.rawValue > 17 { samples.append(Sample("\(refusal)", refusal)) }
        for value in ContentPolicy.allCases { samples.append(Sample(value.name, value)) }
        for value in BroadcastRight.allCases { samples.append(Sample(value.name, value)) }
        for value in FlagAction.allCases { samples.append(Sample(value.name, value)) }
        for value in NotifyLevel.allCases { samples.append(Sample(value.name, value)) }
        for value in PresenceStatus.allCases { samples.append(Sample(value.name, value)) }
        for value in NotificationKind.allCases { samples.append(Sample(value.name, value)) }
        for value in SearchOrder.allCases { samples.append(Sample(value.name, value)) }
        samples += [
            Sample("any", self.accountRecord()),
            Sample("any", self.standing()),
            Sample("any", self.inviteRecord()),
            Sample("any", self.workspaceSettings()),
            Sample("any", self.workspacePatch()),
            Sample("any", self.workspaceCopy()),
            Sample("any", self.emojiRecord()),
            Sample("any", self.flagResolution()),
            Sample("any", self.flagRecord()),
            Sample("any", self.auditDetail()),
            Sample("any", self.auditNote()),
            Sample("any", self.auditEntry()),
            Sample("any", self.auditFilter()),
            Sample("any", self.profilePatch()),
            Sample("any", self.profileExtra()),
            Sample("any", self.channelOverride()),
            Sample("any", self.quietHours()),
            Sample("any", self.userSettings()),
            Sample("any", self.sessionDetail()),
            Sample("any", self.sessionView()),
            Sample("any", self.presenceChoice()),
            Sample("any", self.storedAnswer()),
            Sample("any", self.notificationRecord()),
            Sample("any", self.notificationView()),
            Sample("any", self.draft()),
            Sample("any", self.scheduledMessage()),
            Sample("any", self.reminder()),
            Sample("channel", Broadcast.channel),
            Sample("here", Broadcast.here([self.id(), self.id()])),
            Sample("any", self.mention()),
            Sample("any", self.threadSummary()),
            Sample("any", self.messageContent()),
            Sample("any", self.messageSnapshot()),
            Sample("any", self.reactionGroup()),
            Sample("any", self.messageView()),
            Sample("any", self.messageEdit()),
            Sample("any", self.threadState()),
            Sample("any", self.channelPatch()),
            Sample("any", self.readState()),
            Sample("any", self.newChannel()),
            Sample("any", self.channelExtra()),
            Sample("any", self.channelView()),
            Sample("word", SearchWords.word(self.text())),
            Sample("prefix", SearchWords.prefix(self.text())),
            Sample("phrase", SearchWords.phrase(self.text())),
            Sample("any", self.searchTerm()),
            Sample("any", self.searchPosition()),
            Sample("any", self.searchRequest()),
            Sample("any", self.searchHit()),
            Sample("any", self.digest()),
        ]
        samples += [
            Sample("richMessageCreated", EventBody.messageCreated(self.messageContent())),
            Sample("messageEdited", EventBody.messageEdited(self.messageView())),
            Sample("messageDeleted", EventBody.messageDeleted(self.messageView())),
            Sample("reactionAdded", EventBody.reactionAdded(seq: self.number(), emoji: self.text(), self.id())),
            Sample("reactionRemoved", EventBody.reactionRemoved(seq: self.number(), emoji: self.text(), self.id())),
            Sample("messagePinned", EventBody.messagePinned(self.messageView())),
            Sample("messageUnpinned", EventBody.messageUnpinned(self.messageView())),
            Sample("channelUpdated", EventBody.channelUpdated(self.channel(), self.channelExtra())),
            Sample("channelArchived", EventBody.channelArchived(self.channel(), self.channelExtra())),
            Sample("channelUnarchived", EventBody.channelUnarchived(self.channel(), self.channelExtra())),
            Sample("memberUpdated", EventBody.memberUpdated(self.id(), self.pick(ChannelRole.allCases))),
        ]
        samples += [
            Sample("notificationCreated", UserNotice.notificationCreated(self.notificationRecord())),
            Sample("settingsUpdated", UserNotice.settingsUpdated),
            Sample("draftUpdated", UserNotice.draftUpdated(self.id())),
            Sample("userUpdated", UserNotice.userUpdated(self.user(), self.profileExtra())),
            Sample("readUpdated", UserNotice.readUpdated(self.readState())),
            Sample(
                "threadReadUpdated",
                UserNotice.threadReadUpdated(
                    MessageID(channel: self.id(), seq: self.number()), seq: self.number(),
                    unread: UInt32(self.number(200)))),
        ]
        samples += [
            Sample(
                "listAccount",
                ShardEffect.listAccount(
                    self.id(), displayName: self.text(), avatar: self.optional(self.id()), version: self.number())),
            Sample("setStanding", ShardEffect.setStanding(self.id(), self.standing())),
            Sample("confirmName", ShardEffect.confirmName(self.name(), self.owner())),
            Sample("releaseName", ShardEffect.releaseName(self.name(), self.owner())),
            Sample(
                "notify",
                ShardEffect.notify(
                    MessageID(channel: self.id(), seq: self.number()), self.pick(NotificationKind.allCases),
                    actor: self.id(), at: self.time(), [self.id(), self.id()])),
            Sample("audit", ShardEffect.audit(self.auditNote())),
            Sample("fileFlag", ShardEffect.fileFlag(self.flagRecord())),
            Sample("postScheduled", ShardEffect.postScheduled(self.scheduledMessage(), by: self.actor())),
            Sample(
                "scheduledFailed",
                ShardEffect.scheduledFailed(
                    self.id(),
                    ScheduledMessage(
                        id: self.id(), channel: ChannelID(high: 5, low: 6),
                        content: MessageContent(text: "später", clientID: nil, thread: nil),
                        sendAt: Timestamp(milliseconds: 1), createdAt: Timestamp(milliseconds: 2)),
                    self.pick([.quota, .congested]))),
            Sample("setNameListed", ShardEffect.setNameListed(self.name(), self.owner(), isListed: self.chance())),
            Sample("redactAuthor", ShardEffect.redactAuthor(self.id(), self.id())),
            Sample("workspaceChanged", ShardEffect.workspaceChanged(self.workspaceCopy())),
        ]
        samples += [
            Sample("account", CommandResult.account(self.accountRecord())),
            Sample("invite", CommandResult.invite(self.inviteRecord())),
            Sample("workspace", CommandResult.workspace(self.workspaceSettings())),
            Sample("flag", CommandResult.flag(self.flagRecord())),
            Sample("profile", CommandResult.profile(self.user(), self.profileExtra())),
            Sample("settings", CommandResult.settings(self.userSettings())),
            Sample("keyed", CommandResult.keyed(isComplete: self.chance())),
            Sample("scheduled", CommandResult.scheduled(self.scheduledMessage())),
            Sample("reminder", CommandResult.reminder(self.reminder())),
            Sample("notificationsRead", CommandResult.notificationsRead(unread: UInt32(self.number(200)))),
            Sample("view", CommandResult.view(self.messageView())),
            Sample("reactions", CommandResult.reactions([self.reactionGroup(), self.reactionGroup()])),
            Sample("opened", CommandResult.opened(self.channel(), isNew: self.chance())),
            Sample("read", CommandResult.read(self.readState())),
            Sample("thread", CommandResult.thread(self.threadSummary(), self.threadState())),
            Sample("flagged", CommandResult.flagged(self.id())),
            Sample("emoji", CommandResult.emoji(self.emojiRecord())),
            Sample("channelView", CommandResult.channelView(self.channelView())),
        ]
        samples += [
            Sample("accounts", QueryAnswer.accounts([self.accountRecord(), self.accountRecord()])),
            Sample("invites", QueryAnswer.invites([self.inviteRecord(), self.inviteRecord()])),
            Sample("workspace", QueryAnswer.workspace(self.workspaceSettings())),
            Sample("emoji", QueryAnswer.emoji([self.emojiRecord(), self.emojiRecord()])),
            Sample("flags", QueryAnswer.flags([self.flagRecord(), self.flagRecord()])),
            Sample(
                "audit",
                QueryAnswer.audit([self.auditEntry(), self.auditEntry()], before: self.optional(self.number()))),
            Sample("profile", QueryAnswer.profile(self.user(), self.profileExtra())),
            Sample("settings", QueryAnswer.settings(self.userSettings())),
            Sample("sessions", QueryAnswer.sessions([self.sessionView(), self.sessionView()])),
            Sample(
                "notifications",
                QueryAnswer.notifications(
                    [self.notificationView(), self.notificationView()], unread: UInt32(self.number(200)))),
            Sample("drafts", QueryAnswer.drafts([self.draft(), self.draft()])),
            Sample("scheduled", QueryAnswer.scheduled([self.scheduledMessage(), self.scheduledMessage()])),
            Sample("reminders", QueryAnswer.reminders([self.reminder(), self.reminder()])),
            Sample("sidebar", QueryAnswer.sidebar([self.id(), self.id()], self.userSettings())),
            Sample("channelViews", QueryAnswer.channelViews([self.channelView(), self.channelView()])),
            Sample("views", QueryAnswer.views([self.messageView(), self.messageView()], head: self.number())),
            Sample("edits", QueryAnswer.edits([self.messageEdit(), self.messageEdit()])),
            Sample("reactions", QueryAnswer.reactions([self.reactionGroup(), self.reactionGroup()])),
            Sample(
                "thread",
                QueryAnswer.thread(self.messageView(), [self.messageView(), self.messageView()], self.threadState())),
            Sample("hits", QueryAnswer.hits([self.searchHit(), self.searchHit()], isComplete: self.chance())),
            Sample("users", QueryAnswer.users([self.id(), self.id()])),
            Sample("keyedAnswer", QueryAnswer.keyedAnswer(self.optional(self.storedAnswer()))),
        ]
        samples += [
            Sample("claimName", self.command(.claimName)),
            Sample("keepName", ShardEffect.keepName(self.name(), self.id(), isListed: self.chance())),
            Sample("leaveName", ShardEffect.leaveName(self.name(), self.id(), epoch: self.number())),
            Sample("changeMember", self.command(.changeMember)),
        ]
        return samples
    }

    mutating func digest() -> Digest {
        Digest(words: (self.generator.next(), self.generator.next(), self.number(), self.generator.next()))
    }
}
