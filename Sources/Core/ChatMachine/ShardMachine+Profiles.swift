import ChatModel
import ClusterModel

// What a person shows of itself. The directory's list of people follows by an effect.

extension ShardMachine {
    /// By the user itself or an admin. A new status text without a time stays until it is replaced.
    mutating func updateProfile(
        _ user: UserID, _ profilePatch: ProfilePatch, _ actor: Actor, _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard let index = self.users.index(forKey: user) else { return .refused(.notFound) }
        guard actor.user == user || actor.role == .admin else { return .refused(.forbidden) }
        let entry = self.users.values[index]
        guard entry.record.deactivatedAt == nil || actor.user != user else { return .refused(.userDeactivated) }
        var record = entry.record
        var profile = entry.extras.profile
        record.displayName = profilePatch.displayName ?? record.displayName
        record.email = profilePatch.email.applied(to: record.email)
        profile.avatar = profilePatch.avatar.applied(to: profile.avatar)
        if let text = profilePatch.statusText {
            profile.statusText = text
            profile.statusUntil = nil
        }
        profile.statusUntil = profilePatch.statusUntil.applied(to: profile.statusUntil)
        if profile.statusText.isEmpty { profile.statusUntil = nil }
        let isListedSo =
            record.displayName.utf8.elementsEqual(entry.record.displayName.utf8)
            && profile.avatar == entry.extras.profile.avatar
        guard isListedSo || !self.isCongested else { return .refused(.congested) }
        self.set(record, profile, of: user, &effects)
        return self.profile(of: user).map { .profile($0.0, $0.1) } ?? .refused(.notFound)
    }

    /// A status text that is over. `key` is the timer's.
    mutating func statusEnded(_ key: [UInt8], _ effects: inout ApplyEffects) {
        guard let user: UserID = RecordKey.id(key), let entry = self.users[user] else { return }
        var profile = entry.extras.profile
        profile.statusText = ""
        profile.statusUntil = nil
        self.set(entry.record, profile, of: user, &effects)
    }

    func profileAnswer(_ user: UserID) -> MachineAnswer {
        .answer(self.profile(of: user).map { .profile($0.0, $0.1) } ?? .refused(.notFound))
    }

    /// The record without its hash, and what a profile holds beside it.
    func profile(of user: UserID) -> (UserRecord, ProfileExtra)? {
        guard let entry = self.users[user] else { return nil }
        var record = entry.record
        record.passwordHash = ""
        return (record, entry.extras.profile)
    }

    /// Keeps what has changed, and tells the directory and the person's own devices of it.
    mutating func set(
        _ record: UserRecord, _ profile: ProfileExtra, of user: UserID, _ effects: inout ApplyEffects
    ) {
        guard let index = self.users.index(forKey: user) else { return }
        let old = self.users.values[index]
        let isOther = (
            record: !record.hasBytes(of: old.record), profile: !profile.hasBytes(of: old.extras.profile)
        )
        guard isOther.record || isOther.profile else { return }
        let isListingChanged =
            !record.displayName.utf8.elementsEqual(old.record.displayName.utf8)
            || profile.avatar != old.extras.profile.avatar
        self.users.values[index].record = record
        self.users.values[index].extras.profile = profile
        if isListingChanged { self.users.values[index].extras.listingVersion = self.lastApplied.rawValue }
        if isOther.record {
            self.record(.put(kind: .user, key: RecordKey.of(user), value: record.encoded), &effects)
        }
        if isOther.profile || isListingChanged { self.putProfile(of: user, &effects) }
        if profile.statusUntil != old.extras.profile.statusUntil {
            if let until = old.extras.profile.statusUntil {
                self.timers.remove(.statusEnd, RecordKey.of(user), due: until)
            }
            self.setStatusTimer(of: user, at: profile.statusUntil)
        }
        if let (shown, profile) = self.profile(of: user) {
            effects.notices.append((user, .userUpdated(shown, profile)))
        }
        guard isListingChanged else { return }
        self.send(
            .listAccount(
                user, displayName: record.displayName, avatar: profile.avatar, version: self.lastApplied.rawValue),
            to: .directory, &effects)
    }

    mutating func putProfile(of user: UserID, _ effects: inout ApplyEffects) {
        guard let extras = self.users[user]?.extras else { return }
        self.record(.put(kind: .profileExtra, key: RecordKey.of(user), value: extras.profileRecord), &effects)
    }

    mutating func setStatusTimer(of user: UserID, at until: Timestamp?) {
        if let until { self.timers.insert(.statusEnd, RecordKey.of(user), due: until) }
    }
}
