import ChatModel
import ClusterModel

// The sessions of a person as its owner sees them.

extension ShardMachine {
    /// As `startSession`, with where it was begun.
    mutating func startSessionOn(
        _ session: SessionRecord, _ sessionDetail: SessionDetail, _ effects: inout ApplyEffects
    ) -> CommandResult {
        let result = self.start(session, &effects)
        guard case .session = result, let index = self.users.index(forKey: session.user) else { return result }
        // Where a repetition came from does not count.
        guard self.users.values[index].extras.details[session.id] == nil else { return result }
        self.users.values[index].extras.details[session.id] = sessionDetail
        let key = RecordKey.of(session.user, session.id)
        self.record(.put(kind: .sessionDetail, key: key, value: sessionDetail.encoded), &effects)
        return result
    }

    /// All of the user's sessions but one.
    mutating func endSessions(_ user: UserID, _ keeping: SessionID?, _ effects: inout ApplyEffects) -> CommandResult {
        guard let sessions = self.users[user]?.sessions else { return .refused(.notFound) }
        guard !sessions.contains(where: { $0.id != keeping }) || !self.isCongested else { return .refused(.congested) }
        self.endSessionsNow(user, keeping, &effects)
        return .done
    }

    /// As `endSessions`, however many effects wait.
    mutating func endSessionsNow(_ user: UserID, _ keeping: SessionID?, _ effects: inout ApplyEffects) {
        for session in self.users[user]?.sessions ?? [] where session.id != keeping {
            self.endNow(user, session.id, &effects)
        }
    }

    /// In the order of their ids; expired ones are gone.
    func sessionsAnswer(_ user: UserID) -> MachineAnswer {
        guard let entry = self.users[user] else { return .answer(.refused(.notFound)) }
        let live = entry.sessions.filter { $0.expiresAt > self.clock }
        return .answer(.sessions(live.map { SessionView(session: $0, detail: entry.extras.details[$0.id]) }))
    }
}
