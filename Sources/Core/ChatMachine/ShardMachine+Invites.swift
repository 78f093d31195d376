import ChatModel
import ClusterModel

// Who may sign up with which role.

extension ShardMachine {
    static let invitesMax = 1_000
    private static let inviteMillisecondsMax: Int64 = 366 * 24 * 3600 * 1000

    /// The same invite again is the same answer, also by a request that came a moment later: the id is its maker's.
    mutating func createInvite(_ invite: InviteRecord, _ actor: Actor, _ effects: inout ApplyEffects) -> CommandResult {
        if let refusal = self.refusal(of: actor, below: .admin) { return .refused(refusal) }
        if let known = self.directory.invites[invite.id] {
            return known.isRepeated(by: invite) ? .invite(known) : .refused(.alreadyExists)
        }
        guard invite.expiresAt > self.clock,
            invite.expiresAt <= self.clock.advanced(byMilliseconds: Self.inviteMillisecondsMax)
        else { return .refused(.invalid) }
        self.dropExpiredInvites(&effects)
        guard self.directory.invites.count < Self.invitesMax else { return .refused(.quota) }
        self.put(invite, &effects)
        let details = [
            ("role", invite.role.name), ("max_uses", "\(invite.usesMax)"),
            ("expires_at_ms", "\(invite.expiresAt.milliseconds)"),
        ]
        self.audit("invite.create", invite.id.description, details, by: actor.user, &effects)
        return .invite(invite)
    }

    /// One that is not there has been revoked, or has expired.
    mutating func revokeInvite(_ invite: InviteID, _ actor: Actor, _ effects: inout ApplyEffects) -> CommandResult {
        if let refusal = self.refusal(of: actor, below: .admin) { return .refused(refusal) }
        guard self.directory.invites[invite] != nil else { return .done }
        self.dropInvite(invite, &effects)
        self.audit("invite.revoke", invite.description, by: actor.user, &effects)
        return .done
    }

    /// Those that are still good for somebody, the newest first.
    func invitesAnswer(_ actor: Actor) -> MachineAnswer {
        if let refusal = self.refusal(of: actor, below: .admin) { return .answer(.refused(refusal)) }
        let live = self.directory.invites.values.filter { $0.expiresAt > self.clock && $0.uses < $0.usesMax }
        return .answer(.invites(live.sorted { ($1.createdAt, $1.id) < ($0.createdAt, $0.id) }))
    }

    mutating func put(_ invite: InviteRecord, _ effects: inout ApplyEffects) {
        self.directory.invites[invite.id] = invite
        self.record(.put(kind: .invite, key: RecordKey.of(invite.id), value: invite.encoded), &effects)
    }

    /// Those that are used up stay until they expire, while there is room: a sign-up may give its use back.
    private mutating func dropExpiredInvites(_ effects: inout ApplyEffects) {
        let now = self.clock
        for id in self.directory.invites.filter({ $0.value.expiresAt <= now }).keys.sorted() {
            self.dropInvite(id, &effects)
        }
        guard self.directory.invites.count >= Self.invitesMax else { return }
        for id in self.directory.invites.filter({ $0.value.uses >= $0.value.usesMax }).keys.sorted() {
            self.dropInvite(id, &effects)
        }
    }

    private mutating func dropInvite(_ id: InviteID, _ effects: inout ApplyEffects) {
        self.directory.invites[id] = nil
        self.record(.delete(kind: .invite, key: RecordKey.of(id)), &effects)
    }
}

extension InviteRecord {
    /// Whether the other one says the same, for as long, but for the moment at which it was made.
    fileprivate func isRepeated(by other: InviteRecord) -> Bool {
        self.id == other.id && self.role == other.role && self.usesMax == other.usesMax
            && self.createdBy == other.createdBy && self.lifeMilliseconds == other.lifeMilliseconds
    }

    private var lifeMilliseconds: Int64 {
        self.expiresAt.milliseconds.subtractingReportingOverflow(self.createdAt.milliseconds).partialValue
    }
}
