import ChatModel
import ClusterModel
import Placement

// What one shard's log asks of another: written with its cause, sent in order until it is there, applied
// once by a high-water mark (reliability: cross-shard operations).

/// Numbers the effects of one entry. No part of the state: between entries nothing depends on it, and a machine that
/// comes from a snapshot, which is taken there, equals the one that it was taken of.
struct EntryOrdinals: Sendable, Equatable {
    private var next: UInt32 = 0

    mutating func take() -> UInt32 {
        defer { self.next += 1 }
        return self.next
    }

    static func == (left: EntryOrdinals, right: EntryOrdinals) -> Bool { true }
}

extension ShardMachine {
    /// An effect whose target is this very shard happens at once; others wait in the outbox.
    mutating func send(_ effect: ShardEffect, to target: ShardKey, _ effects: inout ApplyEffects) {
        guard self.map.owner(of: target) != self.shard else {
            // A refusal (a user that is not there) is an answer, and there is nobody to hear it.
            _ = self.perform(effect, &effects)
            return
        }
        let position = OutboxPosition(index: self.lastApplied, ordinal: self.ordinals.take())
        let entry = OutboxEntry(source: self.shard, position: position, target: target, effect: effect)
        self.outbox.append(entry)
        self.record(.put(kind: .outbox, key: RecordKey.of(position), value: entry.encoded), &effects)
        effects.outboxAdded = true
    }

    /// Below the mark it has been applied before.
    mutating func receive(_ entry: OutboxEntry, _ effects: inout ApplyEffects) -> CommandResult {
        guard entry.position > self.inboxMarks[entry.source] ?? .zero else { return .done }
        self.inboxMarks[entry.source] = entry.position
        let key = RecordKey.of(entry.source)
        self.record(.put(kind: .inboxMark, key: key, value: entry.position.encoded), &effects)
        return self.perform(entry.effect, &effects)
    }

    /// All that waited in one lane, in order, each as by itself. The result is that of the last.
    mutating func receive(_ entries: [OutboxEntry], _ effects: inout ApplyEffects) -> CommandResult {
        var result = CommandResult.done
        for entry in entries { result = self.receive(entry, &effects) }
        return result
    }

    private mutating func perform(_ effect: ShardEffect, _ effects: inout ApplyEffects) -> CommandResult {
        switch effect {
        case .setMembership(let user, let channel, let isMember, let version):
            self.setMembership(user, channel, isMember, version, &effects)
        case .revokeSession(let session, let user, let until):
            self.revoke(session, user, until, &effects)
        case .listAccount(let user, let displayName, let avatar, let version):
            self.listAccount(user, displayName, avatar, version, &effects)
        case .setStanding(let user, let standing): self.setStandingCopy(user, standing, &effects)
        case .confirmName(let name, let owner): self.confirm(name, owner, &effects)
        case .releaseName(let name, let owner): self.release(name, owner, &effects)
        case .keepName(let name, let channel, let isListed): self.keep(name, channel, isListed, &effects)
        case .leaveName(let name, let channel, let epoch): self.leave(name, channel, epoch, &effects)
        case .notify(let message, let kind, let actor, let at, let users):
            self.notify(message, kind, actor, at, users, &effects)
        case .audit(let note): self.recordAudit(note, &effects)
        case .fileFlag(let flag): self.fileFlag(flag, &effects)
        case .postScheduled(let message, let actor): self.postScheduled(message, actor, &effects)
        case .scheduledFailed(let user, let message, let refusal):
            self.scheduledFailed(user, message, refusal, &effects)
        case .setNameListed(let name, let owner, let isListed): self.setNameListed(name, owner, isListed, &effects)
        case .redactAuthor(let channel, let user): self.redactAuthor(channel, user, &effects)
        case .workspaceChanged(let copy): self.workspaceChanged(copy, &effects)
        }
    }

    /// What the command at `index` asks of other shards and they have not confirmed yet; in the order of the shards.
    ///
    /// Costs as many steps as there are entries from `index` on: ask about the last command.
    package func effectLanes(of index: LogIndex) -> [EffectLane] {
        var lanes: [EffectLane] = []
        for entry in self.outbox.reversed() {
            guard entry.position.index >= index else { break }
            let target = self.map.owner(of: entry.target)
            // The first that is met is the last in the log.
            guard entry.position.index == index, !lanes.contains(where: { $0.target == target }) else { continue }
            lanes.append(EffectLane(target: target, through: entry.position))
        }
        return lanes.sorted { $0.target < $1.target }
    }

    mutating func delivered(
        _ target: ShardID, _ through: OutboxPosition, _ effects: inout ApplyEffects
    ) -> CommandResult {
        let map = self.map
        func isDelivered(_ entry: OutboxEntry) -> Bool {
            entry.position <= through && map.owner(of: entry.target) == target
        }
        let done = self.outbox.filter(isDelivered)
        guard !done.isEmpty else { return .done }
        self.outbox.removeAll(where: isDelivered)
        for entry in done { self.record(.delete(kind: .outbox, key: RecordKey.of(entry.position)), &effects) }
        effects.outboxAcked = true
        return .done
    }
}

extension ShardMap {
    func owner(of key: ShardKey) -> ShardID {
        switch key {
        case .directory: .directory
        case .user(let user): self.shard(ofKey: user.high, user.low)
        case .channel(let channel): self.shard(ofKey: channel.high, channel.low)
        case .shard(let shard): shard
        }
    }
}
