import ChatModel
import ClusterModel

// How long messages are kept. The channel's oldest event says when the next ones go: nothing about it is stored.

extension ShardMachine {
    /// No command takes more events out; what is left is due at once again.
    static let trimmedADecisionMax: UInt64 = 20_000
    static let dayMilliseconds: Int64 = 24 * 3600 * 1000

    /// The workspace's settings as the directory has them now; the newer version wins.
    mutating func workspaceChanged(_ copy: WorkspaceCopy, _ effects: inout ApplyEffects) -> CommandResult {
        guard copy.version > self.workspaceCopy?.version ?? 0 else { return .done }
        let before = self.workspaceCopy
        self.workspaceCopy = copy
        self.record(.put(kind: .workspaceCopy, key: [], value: copy.encoded), &effects)
        guard before?.retentionDays != copy.retentionDays else { return .done }
        for channel in self.channels.keys.sorted() {
            guard let index = self.channels.index(forKey: channel) else { continue }
            let due = self.channels.values[index].retentionDue(before?.retentionDays)
            self.moveRetention(in: index, from: due)
        }
        return .done
    }

    /// When the channel's oldest events go, by the settings of now.
    func retentionDue(in index: Dictionary<ChannelID, ChannelEntry>.Index) -> Timestamp? {
        self.channels.values[index].retentionDue(self.workspaceCopy?.retentionDays)
    }

    /// Sets the timer anew, after something that it follows from has changed.
    ///
    /// - Parameter before: what `retentionDue` said before that.
    mutating func moveRetention(
        in index: Dictionary<ChannelID, ChannelEntry>.Index, from before: Timestamp?
    ) {
        let after = self.retentionDue(in: index)
        guard before != after else { return }
        let key = RecordKey.of(self.channels.values[index].record.id)
        if let before { self.timers.remove(.retention, key, due: before) }
        if let after { self.timers.insert(.retention, key, due: after) }
    }

    /// The keys of trimmed events are in no row any more: all as old as they are forgotten with them.
    ///
    /// Usually they are already. Only a log whose time has just leapt remembers keys for longer than a day of it.
    private mutating func forgetKeys(through time: Timestamp, _ effects: inout ApplyEffects) {
        guard time > self.keysForgottenThrough else { return }
        self.keysForgottenThrough = time
        self.record(.put(kind: .clock, key: [], value: self.clockRecord), &effects)
        self.messageKeys.remove(through: time)
        self.removeExpiredCreations()
    }

    /// A channel whose oldest messages are to go. `key` is the timer's.
    ///
    /// - Returns: how many events have gone.
    mutating func retentionDue(_ key: [UInt8], _ effects: inout ApplyEffects) -> UInt64 {
        guard let channel: ChannelID = RecordKey.id(key), let index = self.channels.index(forKey: channel),
            let days = self.channels.values[index].extra.retentionDays ?? self.workspaceCopy?.retentionDays
        else { return 0 }
        let marks = self.channels.values[index].index
        let horizon = self.clock.advanced(byMilliseconds: -Int64(days) * Self.dayMilliseconds)
        // The last event too: where none is left, the floor is the head.
        let through = min(marks.firstSeq(since: horizon) - 1, marks.floor + Self.trimmedADecisionMax)
        if through > marks.floor {
            if let last = marks[through] { self.forgetKeys(through: last.at, &effects) }
            var writer = ByteWriter()
            writer.writeVariable(through)
            self.record(.put(kind: .floor, key: RecordKey.of(channel), value: writer.bytes), &effects)
            self.trimContent(through: through, in: index, &effects)
            self.channels.values[index].index.trim(through: through)
            self.record(.trim(channel, through: through), &effects)
        }
        self.moveRetention(in: index, from: nil)
        return through > marks.floor ? through - marks.floor : 0
    }
}

extension ChannelEntry {
    /// The midnight (UTC) after the oldest event's time is over; nil when messages are kept for ever, or there is no
    /// event.
    ///
    /// - Parameter workspaceDays: where the channel does not say otherwise.
    func retentionDue(_ workspaceDays: UInt32?) -> Timestamp? {
        guard let days = self.extra.retentionDays ?? workspaceDays, let oldest = self.index[self.index.floor + 1]
        else { return nil }
        let day = ShardMachine.dayMilliseconds
        let over = oldest.at.advanced(byMilliseconds: Int64(days) * day).milliseconds
        return Timestamp(milliseconds: over / day * day).advanced(byMilliseconds: day)
    }
}
