import ChatModel
import ClusterModel

// Names are unique because one log decides them: reserve, create elsewhere, confirm; or release.
//
// A channel can change its name, so that "confirm" and "release" of one name can follow each other. Its own shard sends
// both, as effects of one lane, so they arrive in the order in which they were decided. What gateways send may come at
// any time, and again: they only claim a name, and say which epoch of the channel's name they want to replace. The
// channel's shard counts epochs up and takes a rename of the current one only. So when it leaves a name with epoch e,
// claims below e are dead for ever, and one of e or above may still be used: the name stays reserved for it.

extension ShardMachine {
    /// Does the directory hold anything beyond what its founder wrote: a name, or a second node?
    package var holdsOnlyBootstrapEntries: Bool { self.names.isEmpty && self.registry.nodes.count <= 1 }

    /// Names that stayed reserved since before `time`, oldest first: their creation was cut off half way,
    /// and somebody has to find out how far it came.
    package func stalePendingNames(olderThan time: Timestamp) -> [(UniqueName, NameOwner)] {
        self.names.reserved(before: time)
    }

    /// The first come. The same owner is granted its name again, with the role it was promised.
    mutating func reserve(
        _ name: UniqueName, _ owner: NameOwner, _ isListed: Bool, _ effects: inout ApplyEffects
    ) -> CommandResult {
        let key = RecordKey.of(name)
        if let held = self.names[key], held.owner == owner {
            return held.role.map { .reserved($0) } ?? .done
        }
        var role: Role?
        if name.kind == .user {
            // Whoever sets up the cluster needs no invitation; a failed attempt leaves the place free.
            let isFirst = self.names.administrators == 0
            if !isFirst, let refusal = self.registrationRefusal { return .refused(refusal) }
            role = isFirst ? .admin : .member
        }
        guard self.names[key] == nil else { return .refused(.nameTaken) }
        let record = NameRecord(owner: owner, isConfirmed: false, isListed: isListed, at: self.clock, role: role)
        self.set(record, for: key, &effects)
        return role.map { .reserved($0) } ?? .done
    }

    var registrationRefusal: Refusal? {
        switch self.registration {
        case .open: nil
        case .invite: .inviteRequired
        case .closed: .registrationClosed
        }
    }

    mutating func confirm(
        _ name: UniqueName, _ owner: NameOwner, _ effects: inout ApplyEffects
    ) -> CommandResult {
        let key = RecordKey.of(name)
        guard var held = self.names[key], held.owner == owner else { return .refused(.notFound) }
        guard !held.isConfirmed else { return .done }
        held.isConfirmed = true
        self.set(held, for: key, &effects)
        if case .user(let user) = owner { self.openAccount(user, name.name, held.role ?? .member, &effects) }
        return .done
    }

    mutating func release(
        _ name: UniqueName, _ owner: NameOwner, _ effects: inout ApplyEffects
    ) -> CommandResult {
        let key = RecordKey.of(name)
        guard let held = self.names[key] else { return .done }
        guard held.owner == owner else { return .refused(.notFound) }
        // Somebody is called so: an account for ever, a channel until its own shard says otherwise.
        guard !held.isConfirmed else { return .refused(.conflict) }
        if case .user(let user) = owner { self.giveBackReservation(of: user, &effects) }
        self.names.set(nil, for: key)
        self.record(.delete(kind: .name, key: key), &effects)
        return .done
    }

    // MARK: Names of channels

    /// The first come. The same channel again keeps what it has, with the later claim.
    mutating func claim(
        _ name: UniqueName, _ channel: ChannelID, _ isListed: Bool, _ epoch: UInt64, _ effects: inout ApplyEffects
    ) -> CommandResult {
        let key = RecordKey.of(name)
        var record =
            self.names[key]
            ?? NameRecord(owner: .channel(channel), isConfirmed: false, isListed: isListed, at: self.clock, role: nil)
        guard record.owner == .channel(channel) else { return .refused(.nameTaken) }
        record.claim = max(record.claim, epoch)
        self.setIfChanged(record, for: key, &effects)
        return .done
    }

    /// The channel is called so: its shard says it.
    ///
    /// A claim came before, and stands; a channel that was made without one gets the name too when it is free.
    mutating func keep(
        _ name: UniqueName, _ channel: ChannelID, _ isListed: Bool, _ effects: inout ApplyEffects
    ) -> CommandResult {
        let key = RecordKey.of(name)
        var record =
            self.names[key]
            ?? NameRecord(owner: .channel(channel), isConfirmed: true, isListed: isListed, at: self.clock, role: nil)
        guard record.owner == .channel(channel) else { return .refused(.nameTaken) }
        record.isConfirmed = true
        record.isListed = isListed
        self.setIfChanged(record, for: key, &effects)
        return .done
    }

    /// The channel is not called so, and its name is of `epoch` now.
    mutating func leave(
        _ name: UniqueName, _ channel: ChannelID, _ epoch: UInt64, _ effects: inout ApplyEffects
    ) -> CommandResult {
        let key = RecordKey.of(name)
        guard var held = self.names[key] else { return .done }
        guard held.owner == .channel(channel) else { return .refused(.notFound) }
        guard held.claim < epoch else {
            guard held.isConfirmed else { return .done }
            // Somebody has begun to give the name to the channel again.
            held.isConfirmed = false
            held.at = self.clock
            self.set(held, for: key, &effects)
            return .done
        }
        self.names.set(nil, for: key)
        self.record(.delete(kind: .name, key: key), &effects)
        return .done
    }

    private mutating func setIfChanged(_ record: NameRecord, for key: [UInt8], _ effects: inout ApplyEffects) {
        guard self.names[key] != record else { return }
        self.set(record, for: key, &effects)
    }

    mutating func set(_ record: NameRecord, for key: [UInt8], _ effects: inout ApplyEffects) {
        self.names.set(record, for: key)
        self.record(.put(kind: .name, key: key, value: record.encoded), &effects)
    }
}
