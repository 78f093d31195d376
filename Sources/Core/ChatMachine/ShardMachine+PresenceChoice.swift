import ChatModel
import ClusterModel

// How a person wants to be seen.

extension ShardMachine {
    /// Do not disturb or offline until a time; online takes the choice back. Away is what devices find out.
    mutating func choosePresence(_ user: UserID, _ presenceChoice: PresenceChoice, _ effects: inout ApplyEffects)
        -> CommandResult
    {
        guard let index = self.users.index(forKey: user) else { return .refused(.notFound) }
        guard presenceChoice.until.map({ $0 > self.clock && presenceChoice.status == .dnd }) ?? true else {
            return .refused(.invalid)
        }
        switch presenceChoice.status {
        case .away: return .refused(.invalid)
        case .online: self.clearPresenceChoice(of: user, &effects)
        case .dnd, .offline:
            guard self.users.values[index].record.deactivatedAt == nil else { return .refused(.userDeactivated) }
            guard presenceChoice != self.users.values[index].extras.presenceChoice else { return .done }
            self.clearPresenceChoice(of: user, &effects)
            self.users.values[index].extras.presenceChoice = presenceChoice
            let key = RecordKey.of(user)
            self.record(.put(kind: .presenceChoice, key: key, value: presenceChoice.encoded), &effects)
            if let until = presenceChoice.until { self.timers.insert(.presenceEnd, key, due: until) }
        }
        return .done
    }

    /// A choice that is over. `key` is the timer's.
    mutating func presenceChoiceEnded(_ key: [UInt8], _ effects: inout ApplyEffects) {
        guard let user: UserID = RecordKey.id(key) else { return }
        self.clearPresenceChoice(of: user, &effects)
    }

    mutating func clearPresenceChoice(of user: UserID, _ effects: inout ApplyEffects) {
        guard let index = self.users.index(forKey: user),
            let choice = self.users.values[index].extras.presenceChoice
        else { return }
        self.users.values[index].extras.presenceChoice = nil
        let key = RecordKey.of(user)
        self.record(.delete(kind: .presenceChoice, key: key), &effects)
        if let until = choice.until { self.timers.remove(.presenceEnd, key, due: until) }
    }

    /// How the user wants to be seen now; nil when it leaves that to its devices.
    package func presenceChoice(of user: UserID) -> PresenceChoice? {
        self.users[user]?.extras.presenceChoice.flatMap { choice in
            choice.until.map { $0 > self.clock } ?? true ? choice : nil
        }
    }
}
