import ChatModel
import ClusterModel

// A person's own settings, and its sidebar.

extension ShardMachine {
    /// Replaces all of them.
    mutating func updateSettings(_ user: UserID, _ userSettings: UserSettings, _ effects: inout ApplyEffects)
        -> CommandResult
    {
        guard let index = self.users.index(forKey: user) else { return .refused(.notFound) }
        if let old = self.users.values[index].extras.settings, userSettings.hasBytes(of: old) {
            return .settings(userSettings)
        }
        self.users.values[index].extras.settings = userSettings
        self.record(.put(kind: .userSettings, key: RecordKey.of(user), value: userSettings.encoded), &effects)
        effects.notices.append((user, .settingsUpdated))
        return .settings(userSettings)
    }

    func settingsAnswer(_ user: UserID) -> MachineAnswer {
        guard let extras = self.users[user]?.extras else { return .answer(.refused(.notFound)) }
        return .answer(.settings(extras.settings ?? .initial))
    }

    func sidebarAnswer(_ user: UserID) -> MachineAnswer {
        guard let entry = self.users[user] else { return .answer(.refused(.notFound)) }
        let channels = entry.memberships.filter(\.isMember).map(\.channel)
        return .answer(.sidebar(channels, entry.extras.settings ?? .initial))
    }
}

extension UserSettings {
    func override(of channel: ChannelID) -> ChannelOverride? {
        let (place, isPresent) = self.overrides.place(of: channel, by: \.channel)
        return isPresent ? self.overrides[place] : nil
    }

    /// What of a channel's messages leads to a notification: the channel's own level, else nothing of a muted one.
    func level(in channel: ChannelID) -> NotifyLevel {
        guard let override = self.override(of: channel) else { return self.level }
        return override.level ?? (override.muted ? .none : self.level)
    }
}
