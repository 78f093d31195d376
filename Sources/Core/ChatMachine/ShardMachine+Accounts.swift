import ChatModel
import ClusterModel
import HashTreeCollections

// Accounts as the directory decides them: names, roles, who may sign in.

extension ShardMachine {
    /// All accounts, to share: taking them costs nothing, however many there are.
    package var accounts: TreeDictionary<UserID, AccountRecord> { self.directory.accounts }
    /// Whose account has a user name, by the bytes of the name.
    package var usernames: TreeDictionary<[UInt8], UserID> { self.directory.usernames }

    func account(_ user: UserID) -> AccountRecord? { self.directory.accounts[user] }

    /// nil when the actor may do what `role` may: by the account as it is here, whatever a token says.
    func refusal(of actor: Actor, below role: Role) -> Refusal? {
        guard let account = self.directory.accounts[actor.user], account.deactivatedAt == nil, account.role >= role
        else { return .forbidden }
        return nil
    }

    // MARK: Opening

    /// As `reserveName` for people: counts the invite's use and promises its role. Given back by `releaseName`.
    mutating func reserveAccount(
        _ name: UniqueName, _ user: UserID, _ displayName: String, _ invite: InviteID?, _ effects: inout ApplyEffects
    ) -> CommandResult {
        let key = RecordKey.of(name)
        if let held = self.names[key], held.owner == .user(user) { return .reserved(held.role ?? .member) }
        // One sign-up has one name: another one under its id would lose count of the invite.
        guard self.directory.reservations[user] == nil, self.directory.accounts[user] == nil else {
            return .refused(.alreadyExists)
        }
        // Whoever sets up the cluster needs no invitation; a failed attempt leaves the place free.
        var role = Role.admin
        var used: InviteRecord?
        if self.names.administrators > 0 {
            switch self.entry(with: invite) {
            case .failure(let refusal): return .refused(refusal)
            case .success(let invite):
                used = invite
                role = invite?.role ?? .member
            }
        }
        guard self.names[key] == nil, !self.names.hasLookalike(ofUser: name.name) else { return .refused(.nameTaken) }
        if var used {
            used.uses += 1
            self.put(used, &effects)
        }
        let reservation = DirectoryState.Reservation(displayName: displayName, invite: used?.id)
        self.directory.reservations[user] = reservation
        self.record(.put(kind: .reservation, key: RecordKey.of(user), value: reservation.encoded), &effects)
        let record = NameRecord(
            owner: .user(user), isConfirmed: false, isListed: false, at: self.clock, role: role)
        self.set(record, for: key, &effects)
        return .reserved(role)
    }

    /// Whether somebody with `invite` may sign up now, and the invite whose use that is.
    private func entry(with invite: InviteID?) -> Result<InviteRecord?, Refusal> {
        guard self.registration != .closed else { return .failure(.registrationClosed) }
        guard let invite else { return self.registrationRefusal.map { .failure($0) } ?? .success(nil) }
        guard let record = self.directory.invites[invite], record.uses < record.usesMax,
            record.expiresAt > self.clock
        else { return .failure(.inviteInvalid) }
        return .success(record)
    }

    /// The name is confirmed: from here on the account is the authority.
    mutating func openAccount(_ user: UserID, _ username: String, _ role: Role, _ effects: inout ApplyEffects) {
        let reservation = self.directory.reservations.removeValue(forKey: user)
        if reservation != nil { self.record(.delete(kind: .reservation, key: RecordKey.of(user)), &effects) }
        guard self.directory.accounts[user] == nil else { return }
        self.put(
            AccountRecord(
                id: user, username: username, displayName: reservation?.displayName ?? username, avatar: nil,
                role: role, deactivatedAt: nil, version: self.lastApplied.rawValue), &effects)
    }

    /// A sign-up came to nothing: its invite is good for another one.
    mutating func giveBackReservation(of user: UserID, _ effects: inout ApplyEffects) {
        guard let reservation = self.directory.reservations.removeValue(forKey: user) else { return }
        self.record(.delete(kind: .reservation, key: RecordKey.of(user)), &effects)
        guard let id = reservation.invite, var invite = self.directory.invites[id], invite.uses > 0 else { return }
        invite.uses -= 1
        self.put(invite, &effects)
    }

    private mutating func put(_ account: AccountRecord, listing: UInt64? = nil, _ effects: inout ApplyEffects) {
        self.directory.set(account, listing: listing)
        let value = account.encoded(listing: self.directory.listings[account.id] ?? 0)
        self.record(.put(kind: .account, key: RecordKey.of(account.id), value: value), &effects)
        effects.accountsChanged = true
    }

    // MARK: Standing

    /// An admin gives another role, deactivates or reactivates. nil: as it is.
    mutating func setStanding(
        _ user: UserID, _ role: Role?, _ isDeactivated: Bool?, _ policy: ContentPolicy?, _ actor: Actor,
        _ effects: inout ApplyEffects
    ) -> CommandResult {
        if let refusal = self.refusal(of: actor, below: .admin) {
            // Who has just given up its own role may ask again after an answer that was lost.
            if actor.user == user, let own = self.directory.accounts[user], own.role == role ?? own.role,
                (own.deactivatedAt != nil) == isDeactivated ?? (own.deactivatedAt != nil)
            {
                return .account(own)
            }
            return .refused(refusal)
        }
        guard let known = self.directory.accounts[user] else { return .refused(.notFound) }
        var account = known
        account.role = role ?? known.role
        if let isDeactivated, isDeactivated != (known.deactivatedAt != nil) {
            account.deactivatedAt = isDeactivated ? self.clock : nil
        }
        guard account != known else { return .account(known) }
        // Nobody could ever give the role to anybody again.
        if known.isActiveAdministrator, !account.isActiveAdministrator, self.directory.activeAdministrators == 1 {
            return .refused(.conflict)
        }
        guard !self.isCongested else { return .refused(.congested) }
        account.version = self.lastApplied.rawValue
        self.put(account, &effects)
        self.setPromisedRole(account, &effects)
        let policy = policy ?? self.workspace.contentPolicy
        self.auditStanding(from: known, to: account, policy, actor, &effects)
        let standing = Standing(
            role: account.role, deactivatedAt: account.deactivatedAt, version: account.version, policy: policy)
        self.send(.setStanding(user, standing), to: .user(user), &effects)
        return .account(account)
    }

    /// The name's record counts administrators too, for the first account of all.
    private mutating func setPromisedRole(_ account: AccountRecord, _ effects: inout ApplyEffects) {
        let key = RecordKey.of(UniqueName(kind: .user, name: account.username))
        guard var held = self.names[key], held.owner == .user(account.id), held.role != account.role else { return }
        held.role = account.role
        self.set(held, for: key, &effects)
    }

    private mutating func auditStanding(
        from old: AccountRecord, to new: AccountRecord, _ policy: ContentPolicy, _ actor: Actor,
        _ effects: inout ApplyEffects
    ) {
        let target = new.id.description
        if old.role != new.role {
            self.audit(
                "user.role", target, [("from", old.role.name), ("to", new.role.name)], by: actor.user, &effects)
        }
        switch (old.deactivatedAt, new.deactivatedAt) {
        case (nil, .some): self.audit("user.deactivate", target, [("policy", policy.name)], by: actor.user, &effects)
        case (.some, nil): self.audit("user.reactivate", target, by: actor.user, &effects)
        case (nil, nil), (.some, .some): break
        }
    }

    // MARK: Listing

    /// What people see of an account in the directory; the newer version wins.
    mutating func listAccount(
        _ user: UserID, _ displayName: String, _ avatar: FileID?, _ version: UInt64, _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard var account = self.directory.accounts[user] else { return .refused(.notFound) }
        guard version > self.directory.listings[user] ?? 0 else { return .done }
        account.displayName = displayName
        account.avatar = avatar
        self.put(account, listing: version, &effects)
        return .done
    }

    /// The directory lists (or no longer lists) a channel's name.
    mutating func setNameListed(
        _ name: UniqueName, _ owner: NameOwner, _ isListed: Bool, _ effects: inout ApplyEffects
    ) -> CommandResult {
        let key = RecordKey.of(name)
        guard var held = self.names[key], held.owner == owner else { return .refused(.notFound) }
        guard held.isListed != isListed else { return .done }
        held.isListed = isListed
        self.set(held, for: key, &effects)
        return .done
    }

    // MARK: Answers

    func accountAnswer(_ user: UserID) -> MachineAnswer {
        .answer(self.directory.accounts[user].map { .accounts([$0]) } ?? .refused(.notFound))
    }

    func accountsAnswer(_ prefix: String, _ after: String, _ limit: UInt32, _ includesDeactivated: Bool)
        -> MachineAnswer
    {
        guard prefix.utf8.count <= FormLimits.displayNameBytesMax else { return .answer(.refused(.invalid)) }
        let found = self.directory.finder.find(
            prefix: prefix, after: after, limit: Self.page(limit), account: { self.directory.accounts[$0] },
            isWanted: { includesDeactivated || $0.deactivatedAt == nil })
        return .answer(.accounts(found))
    }
}
