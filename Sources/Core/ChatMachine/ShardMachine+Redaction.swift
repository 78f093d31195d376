import ChatModel
import ClusterModel

// Erasing what a deactivated person wrote.

extension ShardMachine {
    /// Messages that one timer erases. A command fires two hundred timers, so that it erases a thousand at most.
    static let redactedATimerMax = 5

    /// Begins to erase what `user` wrote in `channel`; a timer goes on with it.
    mutating func redactAuthor(
        _ channel: ChannelID, _ user: UserID, _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard let index = self.channels.index(forKey: channel) else { return .refused(.notFound) }
        guard self.channels.values[index].content.redactions[user] == nil else { return .done }
        self.putRedaction(of: user, through: 0, in: index, &effects)
        return .done
    }

    /// The next step of erasing an author. `key` is the timer's.
    mutating func redactionDue(_ key: [UInt8], _ effects: inout ApplyEffects) {
        guard let channel: ChannelID = RecordKey.id(key), let user: UserID = RecordKey.id(key, at: 16),
            let index = self.channels.index(forKey: channel),
            let through = self.channels.values[index].content.redactions[user]
        else { return }
        let seqs = self.channels.values[index].index.seqs(by: user, after: through, limit: Self.redactedATimerMax)
        for seq in seqs {
            guard !self.channels.values[index].isFull, let found = self.find(MessageID(channel: channel, seq: seq))
            else { break }
            _ = self.erase(found, by: user, nil, &effects)
        }
        if let last = seqs.last, seqs.count == Self.redactedATimerMax, !self.channels.values[index].isFull {
            self.putRedaction(of: user, through: last, in: index, &effects)
        } else {
            self.channels.values[index].content.redactions[user] = nil
            self.record(.delete(kind: .redaction, key: RecordKey.of(channel, user)), &effects)
        }
    }

    private mutating func putRedaction(
        of user: UserID, through seq: UInt64, in index: ChannelPlace, _ effects: inout ApplyEffects
    ) {
        let key = RecordKey.of(self.channels.values[index].record.id, user)
        var value = ByteWriter()
        value.writeVariable(seq)
        self.channels.values[index].content.redactions[user] = seq
        self.record(.put(kind: .redaction, key: key, value: value.bytes), &effects)
        self.timers.insert(.redaction, key, due: .zero)
    }
}
