import ChatModel
import ClusterModel

// A channel's name, which the directory keeps unique. Whoever renames reserves the new name there first; here it is
// decided, and the directory is told to keep the new name and give the old one back.

extension ShardMachine {
    /// `folded` is reserved in the directory; `epoch` is that of the name it replaces.
    ///
    /// - Returns: `.conflict` when the channel has got another name since, or the directory is still to give this one
    ///   back: to be tried again from the start.
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
        guard epoch == entry.extra.nameEpoch, !isOther || !self.isGivingBack(folded, of: channel) else {
            return .refused(.conflict)
        }
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
            let owner = NameOwner.channel(channel)
            self.send(.confirmName(UniqueName(kind: .channel, name: folded), owner), to: .directory, &effects)
            self.send(.releaseName(UniqueName(kind: .channel, name: old), owner), to: .directory, &effects)
            // Its type may have changed since the name was reserved.
            self.send(
                .setNameListed(
                    UniqueName(kind: .channel, name: folded), owner, isListed: entry.record.type == .public),
                to: .directory, &effects)
        }
        // What was sent may have come back: the place may not be what it was.
        guard let index = self.visible(channel, to: actor) else { return .refused(.notFound) }
        return self.view(of: index, for: actor)
    }

    /// The directory has not confirmed yet that it gave the channel's earlier name back.
    private func isGivingBack(_ folded: String, of channel: ChannelID) -> Bool {
        self.outbox.contains { entry in
            guard case .releaseName(let name, let owner) = entry.effect, owner == .channel(channel) else {
                return false
            }
            return name.name.utf8.elementsEqual(folded.utf8)
        }
    }

    /// Decides a channel name that stayed reserved: held here (`.alreadyExists`), or never any more.
    ///
    /// A rename that is still under way meets another epoch, a creation an aborted channel.
    mutating func settleChannelName(_ channel: ChannelID, _ folded: String, _ effects: inout ApplyEffects)
        -> CommandResult
    {
        guard let index = self.channels.index(forKey: channel) else { return self.abort(channel, &effects) }
        guard !self.channels.values[index].extra.folded.utf8.elementsEqual(folded.utf8) else {
            return .refused(.alreadyExists)
        }
        self.channels.values[index].extra.nameEpoch += 1
        self.recordChannel(index, &effects)
        return .done
    }
}
