import ChatModel
import ClusterModel

// A channel's name, which the directory keeps unique. Whoever renames claims the new name there first; here it is
// decided, and the directory is told to keep the new name and give the old one back. Why no order of all this loses
// a name: ShardMachine+Names.swift.

extension ShardMachine {
    /// `folded` is reserved in the directory; `epoch` is that of the name it replaces.
    ///
    /// - Returns: `.conflict` when the channel has got another name since: to be tried again from the start.
    mutating func renameChannel(
        _ channel: ChannelID, _ name: String, _ folded: String, _ epoch: UInt64, _ actor: Actor, _ key: IdempotencyKey?,
        _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard let index = self.visible(channel, to: actor) else { return .refused(.notFound) }
        let stored: StoredKey?
        switch self.repeated(key, as: .renameChannel, in: channel) {
        case .no(let key): stored = key
        case .yes: return self.view(of: index, for: actor)
        case .reused: return .refused(.idempotencyKeyReused)
        }
        let entry = self.channels.values[index]
        guard !entry.isForFew, entry.isModerated(by: actor) else { return .refused(.forbidden) }
        guard entry.record.archivedAt == nil else { return .refused(.channelArchived) }
        let old = entry.extra.folded
        let isOther = !folded.utf8.elementsEqual(old.utf8)
        guard epoch == entry.extra.nameEpoch else { return .refused(.conflict) }
        guard !entry.isFull else { return .refused(.quota) }
        guard isOther || !name.utf8.elementsEqual(entry.record.name.utf8) else {
            return self.view(of: index, for: actor)
        }
        guard !isOther || !self.isCongested else { return .refused(.congested) }
        self.channels.values[index].record.name = name
        self.channels.values[index].extra.folded = folded
        self.channels.values[index].extra.nameEpoch += 1
        self.emitChange(in: index, by: actor.user, key: stored, &effects) { .channelUpdated($0, $1) }
        if isOther {
            self.tellDirectory(keeping: folded, in: index, &effects)
            self.tellDirectory(leaving: old, channel, epoch: entry.extra.nameEpoch + 1, &effects)
        }
        // What was sent may have come back: the place may not be what it was.
        guard let index = self.visible(channel, to: actor) else { return .refused(.notFound) }
        return self.view(of: index, for: actor)
    }

    /// Decides a channel name that stayed reserved: held here (`.alreadyExists`), or never any more.
    ///
    /// A rename that is still under way meets another epoch, a creation an aborted channel. The directory is told by an
    /// effect, unless one that says the same is still on its way.
    mutating func settleChannelName(_ channel: ChannelID, _ folded: String, _ effects: inout ApplyEffects)
        -> CommandResult
    {
        guard let index = self.channels.index(forKey: channel) else {
            let result = self.abort(channel, &effects)
            if !self.isTelling(of: folded, channel, isKept: false) {
                self.tellDirectory(leaving: folded, channel, epoch: .max, &effects)
            }
            return result
        }
        guard !self.channels.values[index].extra.folded.utf8.elementsEqual(folded.utf8) else {
            if !self.isTelling(of: folded, channel, isKept: true) {
                self.tellDirectory(keeping: folded, in: index, &effects)
            }
            return .refused(.alreadyExists)
        }
        guard !self.isTelling(of: folded, channel, isKept: false) else { return .done }
        self.channels.values[index].extra.nameEpoch += 1
        self.recordChannel(index, &effects)
        let epoch = self.channels.values[index].extra.nameEpoch
        self.tellDirectory(leaving: folded, channel, epoch: epoch, &effects)
        return .done
    }

    /// The last that the directory is to hear of this name.
    private func isTelling(of folded: String, _ channel: ChannelID, isKept: Bool) -> Bool {
        let last = self.outbox.last { entry in
            switch entry.effect {
            case .keepName(let name, channel, _), .leaveName(let name, channel, _):
                name.name.utf8.elementsEqual(folded.utf8)
            default: false
            }
        }
        guard let last else { return false }
        if case .keepName = last.effect { return isKept }
        return !isKept
    }

    private mutating func tellDirectory(
        keeping folded: String, in index: Dictionary<ChannelID, ChannelEntry>.Index, _ effects: inout ApplyEffects
    ) {
        let record = self.channels.values[index].record
        let name = UniqueName(kind: .channel, name: folded)
        self.send(.keepName(name, record.id, isListed: record.type == .public), to: .directory, &effects)
    }

    private mutating func tellDirectory(
        leaving folded: String, _ channel: ChannelID, epoch: UInt64, _ effects: inout ApplyEffects
    ) {
        let name = UniqueName(kind: .channel, name: folded)
        self.send(.leaveName(name, channel, epoch: epoch), to: .directory, &effects)
    }
}
