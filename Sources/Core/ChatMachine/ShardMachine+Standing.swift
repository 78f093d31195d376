import ChatModel
import ClusterModel

// What the directory has decided about a person: role, and whether it may be here at all.

extension ShardMachine {
    /// The newer version wins. Who is deactivated loses its sessions and all that waits for it.
    mutating func setStandingCopy(_ user: UserID, _ standing: Standing, _ effects: inout ApplyEffects) -> CommandResult
    {
        guard let index = self.users.index(forKey: user) else { return .refused(.notFound) }
        guard standing.version > self.users.values[index].extras.standingVersion else { return .done }
        self.users.values[index].extras.standingVersion = standing.version
        self.putProfile(of: user, &effects)
        var record = self.users.values[index].record
        var profile = self.users.values[index].extras.profile
        let isLeaving = record.deactivatedAt == nil && standing.deactivatedAt != nil
        record.role = standing.role
        record.deactivatedAt = standing.deactivatedAt
        if isLeaving, standing.policy != .keep {
            record.displayName = ""
            record.email = nil
            profile = ProfileExtra(statusText: "", statusUntil: nil, avatar: nil)
        }
        self.set(record, profile, of: user, &effects)
        guard isLeaving else { return .done }
        self.endSessionsNow(user, nil, &effects)
        self.dropWaiting(of: user, &effects)
        if standing.policy == .redact { self.redactEverywhere(user, &effects) }
        return .done
    }

    /// Drafts, scheduled messages, reminders, and how it wanted to be seen.
    private mutating func dropWaiting(of user: UserID, _ effects: inout ApplyEffects) {
        guard let extras = self.users[user]?.extras else { return }
        for draft in extras.drafts { self.dropDraft(of: user, at: draft.place, &effects) }
        for message in extras.scheduled { _ = self.takeScheduled(user, message.id, &effects) }
        for reminder in extras.reminders { _ = self.takeReminder(user, reminder.id, &effects) }
        self.clearPresenceChoice(of: user, &effects)
    }

    /// Every channel it ever was in, since what it wrote stays when it leaves.
    private mutating func redactEverywhere(_ user: UserID, _ effects: inout ApplyEffects) {
        guard let memberships = self.users[user]?.memberships else { return }
        for membership in memberships {
            self.send(.redactAuthor(membership.channel, user), to: .channel(membership.channel), &effects)
        }
    }
}
