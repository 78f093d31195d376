import ChatModel
import ClusterModel

// Signed-in devices. A refresh token names its session and generation under a MAC, so an old one is known
// to be authentic without being remembered: whoever shows it stole it, or was stolen from.

extension ShardMachine {
    static let sessionsMax = 100
    /// How long the token before the last still gets the same successor: two requests may cross.
    static let rotationGraceMilliseconds: Int64 = 10_000
    private static let lifeMillisecondsMax: Int64 = 400 * 24 * 3600 * 1000

    mutating func start(_ session: SessionRecord, _ effects: inout ApplyEffects) -> CommandResult {
        guard let index = self.users.index(forKey: session.user) else { return .refused(.notFound) }
        guard self.users.values[index].record.deactivatedAt == nil else { return .refused(.userDeactivated) }
        let (place, isPresent) = self.users.values[index].sessions.place(of: session.id, by: \.id)
        if isPresent {
            let known = self.users.values[index].sessions[place]
            return known == session ? .session(known) : .refused(.alreadyExists)
        }
        guard session.expiresAt > self.clock else { return .refused(.sessionEnded) }
        // Another one may have to end for it.
        guard !self.isCongested || self.users.values[index].sessions.count < Self.sessionsMax else {
            return .refused(.congested)
        }
        self.users.values[index].sessions.insert(session, at: place)
        self.put(session, &effects)
        self.endSuperfluous(of: session.user, keeping: session.id, &effects)
        return .session(session)
    }

    /// Expired sessions go without a word; beyond the bound the oldest is ended like any other.
    private mutating func endSuperfluous(
        of user: UserID, keeping newest: SessionID, _ effects: inout ApplyEffects
    ) {
        guard let sessions = self.users[user]?.sessions else { return }
        for session in sessions where session.expiresAt <= self.clock && session.id != newest {
            self.drop(user, session.id, &effects)
        }
        while let sessions = self.users[user]?.sessions, sessions.count > Self.sessionsMax {
            let others = sessions.filter { $0.id != newest }
            guard let oldest = others.min(by: { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }) else { return }
            self.endNow(user, oldest.id, &effects)
        }
    }

    mutating func rotate(
        _ user: UserID, _ session: SessionID, _ generation: UInt64, _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard let index = self.users.index(forKey: user) else { return .refused(.sessionEnded) }
        let (place, isPresent) = self.users.values[index].sessions.place(of: session, by: \.id)
        guard isPresent else { return .refused(.sessionEnded) }
        var known = self.users.values[index].sessions[place]
        guard known.expiresAt > self.clock else { return .refused(.sessionEnded) }
        guard self.users.values[index].record.deactivatedAt == nil else {
            guard !self.isCongested else { return .refused(.congested) }
            self.endNow(user, session, &effects)
            return .refused(.userDeactivated)
        }
        // From no past of this session: the log that issued it is not this one.
        guard generation <= known.generation else { return .refused(.sessionEnded) }
        if generation == known.generation, generation < FormLimits.generationMax {
            let life = known.expiresAt.milliseconds.subtractingReportingOverflow(known.rotatedAt.milliseconds)
            let kept =
                life.overflow ? Self.lifeMillisecondsMax : min(max(life.partialValue, 0), Self.lifeMillisecondsMax)
            known.generation += 1
            known.rotatedAt = self.clock
            // Each rotation gives the life that the session began with; it never gets shorter.
            known.expiresAt = max(known.expiresAt, self.clock.advanced(byMilliseconds: kept))
            self.users.values[index].sessions[place] = known
            self.put(known, &effects)
            return .session(known)
        }
        let graceEnd = known.rotatedAt.advanced(byMilliseconds: Self.rotationGraceMilliseconds)
        if generation + 1 == known.generation, self.clock <= graceEnd { return .session(known) }
        // Nobody gets a token either way; whoever shows this one again ends the session then.
        guard !self.isCongested else { return .refused(.congested) }
        self.endNow(user, session, &effects)
        return .refused(.sessionEnded)
    }

    /// Ends a session: its sockets close, and no node accepts its access tokens any more. One that is not
    /// there has ended already.
    mutating func end(_ user: UserID, _ session: SessionID, _ effects: inout ApplyEffects) -> CommandResult {
        guard self.users[user]?.sessions.place(of: session, by: \.id).isPresent ?? false else { return .done }
        guard !self.isCongested else { return .refused(.congested) }
        self.endNow(user, session, &effects)
        return .done
    }

    /// As `end`, however many effects wait: where that was asked before, or another shard has decided it.
    mutating func endNow(_ user: UserID, _ session: SessionID, _ effects: inout ApplyEffects) {
        guard self.drop(user, session, &effects) else { return }
        let until = self.clock.advanced(byMilliseconds: Self.revocationMilliseconds)
        self.send(.revokeSession(session, user, until: until), to: .directory, &effects)
        effects.notices.append((user, .sessionRevoked(session)))
    }

    @discardableResult
    private mutating func drop(_ user: UserID, _ session: SessionID, _ effects: inout ApplyEffects) -> Bool {
        guard let index = self.users.index(forKey: user) else { return false }
        let (place, isPresent) = self.users.values[index].sessions.place(of: session, by: \.id)
        guard isPresent else { return false }
        self.users.values[index].sessions.remove(at: place)
        self.record(.delete(kind: .session, key: RecordKey.of(user, session)), &effects)
        if self.users.values[index].extras.details.removeValue(forKey: session) != nil {
            self.record(.delete(kind: .sessionDetail, key: RecordKey.of(user, session)), &effects)
        }
        return true
    }

    private mutating func put(_ session: SessionRecord, _ effects: inout ApplyEffects) {
        let key = RecordKey.of(session.user, session.id)
        self.record(.put(kind: .session, key: key, value: session.encoded), &effects)
    }
}
