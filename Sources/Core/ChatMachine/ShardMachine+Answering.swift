import ChatModel
import ClusterModel

// Reads. Who may see what is decided on the same state as the commands; history itself is on disk.

package enum MachineAnswer: Hashable, Sendable {
    case answer(QueryAnswer)
    /// The viewer may; the projection, once it stands at `lastApplied` or later, has the rest.
    case needsHistory(HistoryRequest)
}

extension ShardMachine {
    /// No page is longer, whatever was asked.
    package static let pageMax = 1000

    package func answer(_ query: Query) -> MachineAnswer {
        switch query {
        case .nameOwner(let name):
            let held = self.names[RecordKey.of(name)]
            return .answer(.nameOwner(held.flatMap { $0.isConfirmed ? $0.owner : nil }))
        case .listedChannels(let prefix, let after, let limit):
            return .answer(
                .listedChannels(self.names.listed(prefix: prefix, after: after, limit: Self.page(limit))))
        case .user(let user):
            guard var record = self.users[user]?.record else { return .answer(.refused(.notFound)) }
            record.passwordHash = ""
            return .answer(.user(record))
        case .credentials(let user):
            return .answer(self.users[user].map { .user($0.record) } ?? .refused(.notFound))
        case .session(let user, let session):
            return .answer(self.session(user, session).map { .session($0) } ?? .refused(.sessionEnded))
        case .memberships(let user):
            guard let entry = self.users[user] else { return .answer(.refused(.notFound)) }
            return .answer(.memberships(entry.memberships.filter(\.isMember).map(\.channel)))
        case .channel(let channel, let viewer):
            return .answer(self.view(of: channel, for: viewer).map { .channelViews([$0]) } ?? .refused(.notFound))
        case .channels(let channels, let viewer):
            return .answer(.channelViews(channels.compactMap { self.view(of: $0, for: viewer) }))
        case .members(let channel, let viewer, let after, let limit):
            return .answer(self.members(of: channel, for: viewer, after: after, limit: Self.page(limit)))
        case .history(let channel, let viewer, let position, let limit):
            return self.history(channel, viewer) {
                .messages(channel, position, limit: Self.page(limit), head: $0)
            }
        case .message(let message, let viewer):
            return self.message(message, viewer)
        case .events(let channel, let viewer, let after, let limit):
            guard self.channels[channel]?.isVisible(to: viewer) == true else { return .answer(.refused(.notFound)) }
            return self.events(of: channel, after: after, limit: limit)
        case .feed(let channel, let after, let limit):
            return self.events(of: channel, after: after, limit: limit)
        case .account(let user): return self.accountAnswer(user)
        case .accounts(let prefix, let after, let limit, let includesDeactivated):
            return self.accountsAnswer(prefix, after, limit, includesDeactivated)
        case .invites(let actor): return self.invitesAnswer(actor)
        case .workspace: return self.workspaceAnswer()
        case .emoji(let after, let limit): return self.emojiAnswer(after, limit)
        case .flags(let isOpen, let after, let limit, let actor): return self.flagsAnswer(isOpen, after, limit, actor)
        case .audit(let auditFilter, let before, let limit, let actor):
            return self.auditAnswer(auditFilter, before, limit, actor)
        case .profile(let user): return self.profileAnswer(user)
        case .settings(let user): return self.settingsAnswer(user)
        case .sessions(let user): return self.sessionsAnswer(user)
        case .notifications(let user, let kind, let unreadOnly, let before, let limit):
            return self.notificationsAnswer(user, kind, unreadOnly, before, limit)
        case .drafts(let user): return self.draftsAnswer(user)
        case .scheduled(let user): return self.scheduledAnswer(user)
        case .reminders(let user): return self.remindersAnswer(user)
        case .sidebar(let user): return self.sidebarAnswer(user)
        case .keyedAnswer(let key): return self.keyedAnswerAnswer(key)
        case .member(let channel, let user, let viewer):
            guard let entry = self.channels[channel], entry.isVisible(to: viewer), let member = entry.member(user)
            else {
                return .answer(.refused(.notFound))
            }
            return .answer(.members([member]))
        case .edits(let message, let viewer): return self.editsAnswer(message, viewer)
        case .reactions(let message, let viewer): return self.reactionsAnswer(message, viewer)
        case .pins(let channel, let viewer): return self.pinsAnswer(channel, viewer)
        case .thread(let message, let viewer, let after, let limit):
            return self.threadAnswer(message, viewer, after, limit)
        case .sharing(let channels, let users, let viewer): return self.sharingAnswer(channels, users, viewer)
        case .search(let shard, let searchRequest, let viewer): return self.searchAnswer(shard, searchRequest, viewer)
        }
    }

    static func page(_ limit: UInt32) -> Int { min(max(Int(limit), 1), Self.pageMax) }

    private func session(_ user: UserID, _ session: SessionID) -> SessionRecord? {
        guard let sessions = self.users[user]?.sessions else { return nil }
        let (place, isPresent) = sessions.place(of: session, by: \.id)
        guard isPresent, sessions[place].expiresAt > self.clock else { return nil }
        return sessions[place]
    }

    private func view(of channel: ChannelID, for viewer: Actor) -> ChannelView? {
        guard let entry = self.channels[channel], entry.isVisible(to: viewer) else { return nil }
        return entry.view(for: viewer.user)
    }

    private func members(of channel: ChannelID, for viewer: Actor, after: UserID?, limit: Int) -> QueryAnswer {
        guard let entry = self.channels[channel], entry.isVisible(to: viewer) else { return .refused(.notFound) }
        var start = 0
        if let after {
            let (place, isPresent) = entry.members.place(of: after, by: \.user)
            start = isPresent ? place + 1 : place
        }
        return .members(Array(entry.members[start...].prefix(limit)))
    }

    private func history(
        _ channel: ChannelID, _ viewer: Actor, _ request: (UInt64) -> HistoryRequest
    ) -> MachineAnswer {
        guard let entry = self.channels[channel], entry.isVisible(to: viewer) else {
            return .answer(.refused(.notFound))
        }
        return .needsHistory(request(entry.record.seq))
    }

    private func message(_ message: MessageID, _ viewer: Actor) -> MachineAnswer {
        guard let entry = self.channels[message.channel], entry.isVisible(to: viewer),
            message.seq > entry.index.floor,
            message.seq <= entry.record.seq
        else { return .answer(.refused(.notFound)) }
        return .needsHistory(.message(message.channel, seq: message.seq, head: entry.record.seq))
    }

    private func events(of channel: ChannelID, after: UInt64, limit: UInt32) -> MachineAnswer {
        guard let head = self.head(of: channel) else { return .answer(.refused(.notFound)) }
        guard after < head else { return .answer(.events([], head: head)) }
        return .needsHistory(.events(channel, after: after, limit: Self.page(limit), head: head))
    }
}
