import ChatModel
import ClusterModel

// What was reported to the moderators. Open flags are state; those that were resolved are rows.

extension ShardMachine {
    static let flagsMax = 10_000

    /// A moderator closes a flag. One that is not open is not found here: it was resolved, which is in its row, or it
    /// never was.
    mutating func resolveFlag(
        _ flag: FlagID, _ flagAction: FlagAction, _ note: String, _ actor: Actor, _ effects: inout ApplyEffects
    ) -> CommandResult {
        if let refusal = self.refusal(of: actor, below: .moderator) { return .refused(refusal) }
        let (place, isPresent) = self.directory.flags.place(of: flag, by: \.id)
        guard isPresent else { return .refused(.notFound) }
        let resolution = FlagResolution(action: flagAction, by: actor.user, at: self.clock, note: note)
        let resolved = self.close(at: place, resolution, &effects)
        let details = [("action", flagAction.name), ("message", resolved.message.description), ("note", note)]
        self.audit("flag.resolve", flag.description, details, by: actor.user, &effects)
        return .flag(resolved)
    }

    /// A flag arrives from the shard of its channel. While it is open the same one again changes nothing.
    mutating func fileFlag(_ flag: FlagRecord, _ effects: inout ApplyEffects) -> CommandResult {
        guard !self.directory.flags.place(of: flag.id, by: \.id).isPresent else { return .done }
        if self.directory.flags.count >= Self.flagsMax { self.closeOldestFlag(&effects) }
        var flag = flag
        flag.resolution = nil
        self.directory.flags.insert(flag, at: self.directory.flags.place(of: flag.id, by: \.id).index)
        self.record(.put(kind: .flag, key: RecordKey.of(flag.id), value: flag.encoded), &effects)
        return .done
    }

    /// Nobody has looked at it while thousands came after it.
    private mutating func closeOldestFlag(_ effects: inout ApplyEffects) {
        let flags = self.directory.flags
        guard
            let place = flags.indices.min(by: { (flags[$0].at, flags[$0].id) < (flags[$1].at, flags[$1].id) })
        else { return }
        let note = "closed unseen: too many are open"
        let resolution = FlagResolution(action: .dismissed, by: UserID.nobody, at: self.clock, note: note)
        let closed = self.close(at: place, resolution, &effects)
        let details = [("action", FlagAction.dismissed.name), ("note", note)]
        self.audit("flag.resolve", closed.id.description, details, by: nil, &effects)
    }

    private mutating func close(
        at place: Int, _ resolution: FlagResolution, _ effects: inout ApplyEffects
    ) -> FlagRecord {
        var flag = self.directory.flags.remove(at: place)
        flag.resolution = resolution
        let key = RecordKey.of(flag.id)
        self.record(.delete(kind: .flag, key: key), &effects)
        self.record(.keep(.resolvedFlag, key: key, value: flag.encoded), &effects)
        return flag
    }

    /// In the order of their ids.
    func flagsAnswer(_ isOpen: Bool, _ after: FlagID?, _ limit: UInt32, _ actor: Actor) -> MachineAnswer {
        if let refusal = self.refusal(of: actor, below: .moderator) { return .answer(.refused(refusal)) }
        let limit = Self.page(limit)
        guard isOpen else {
            // The first key behind that of `after`; no key of an id is as long as the end.
            let from = after.map { RecordKey.of($0) + [0] } ?? []
            let to = [UInt8](repeating: .max, count: 17)
            let page = ItemPage(kind: .resolvedFlag, from: from, to: to, limit: limit, isDescending: false)
            return .needsHistory(.items(page, as: .flags))
        }
        var start = 0
        if let after {
            let (place, isPresent) = self.directory.flags.place(of: after, by: \.id)
            start = isPresent ? place + 1 : place
        }
        return .answer(.flags(Array(self.directory.flags[start...].prefix(limit))))
    }
}

extension UserID {
    /// Who resolves what nobody did.
    package static let nobody = UserID(high: 0, low: 0)
}
