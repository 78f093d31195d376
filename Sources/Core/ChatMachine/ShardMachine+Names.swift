import ChatModel
import ClusterModel

// Names are unique because one log decides them: reserve, create elsewhere, confirm; or release.

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
        if case .user(let user) = owner {
            // Somebody is called so: an account keeps its name for ever.
            guard !held.isConfirmed else { return .refused(.conflict) }
            self.giveBackReservation(of: user, &effects)
        }
        self.names.set(nil, for: key)
        self.record(.delete(kind: .name, key: key), &effects)
        return .done
    }

    mutating func set(_ record: NameRecord, for key: [UInt8], _ effects: inout ApplyEffects) {
        self.names.set(record, for: key)
        self.record(.put(kind: .name, key: key, value: record.encoded), &effects)
    }
}
