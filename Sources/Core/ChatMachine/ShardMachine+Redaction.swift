import ChatModel
import ClusterModel

// Erasing what a deactivated person wrote.

/// How far the erasing of an author has come in a channel: the value of the record `.redaction`.
struct RedactionProgress: Hashable, Sendable, Wire {
    /// What it wrote through here is gone.
    var through: UInt64
    /// The channel's head when the erasing was ordered. Who comes back writes behind it, and that stays.
    var end: UInt64

    init(through: UInt64, end: UInt64) {
        self.through = through
        self.end = end
    }
    func encode(into writer: inout ByteWriter) {
        writer.writeVariable(self.through)
        writer.writeVariable(self.end)
    }
    init(from reader: inout ByteReader) throws(WireError) {
        self.init(through: try reader.readVariable(), end: try reader.readVariable())
    }
}

extension ShardMachine {
    /// Messages that one timer erases. A command fires two hundred timers, so that it erases a thousand at most.
    static let redactedATimerMax = 5
    /// Events that one timer looks at, whoever wrote them: eight hundred thousand a command at most, 8 bytes each.
    static let redactionExaminedMax: UInt64 = 4096

    /// Begins to erase what `user` has written in `channel` by now; a timer goes on with it. Ordered again, it goes on
    /// through what has been written since.
    mutating func redactAuthor(
        _ channel: ChannelID, _ user: UserID, _ effects: inout ApplyEffects
    ) -> CommandResult {
        guard let index = self.channels.index(forKey: channel) else { return .refused(.notFound) }
        var progress =
            self.channels.values[index].content.redactions[user] ?? RedactionProgress(through: 0, end: 0)
        let head = self.channels.values[index].record.seq
        guard progress.end < head else { return .done }
        progress.end = head
        self.put(progress, of: user, in: index, &effects)
        return .done
    }

    /// The next step of erasing an author. `key` is the timer's.
    mutating func redactionDue(_ key: [UInt8], _ effects: inout ApplyEffects) {
        guard let channel: ChannelID = RecordKey.id(key), let user: UserID = RecordKey.id(key, at: 16),
            let index = self.channels.index(forKey: channel),
            var progress = self.channels.values[index].content.redactions[user]
        else { return }
        let (seqs, reached) = self.channels.values[index].index.seqs(
            by: user, after: progress.through, through: progress.end, limit: Self.redactedATimerMax,
            examining: Self.redactionExaminedMax)
        for seq in seqs {
            guard !self.channels.values[index].isFull, let found = self.find(MessageID(channel: channel, seq: seq))
            else { break }
            _ = self.erase(found, by: user, nil, &effects)
        }
        progress.through = reached
        if progress.through < progress.end, !self.channels.values[index].isFull {
            self.put(progress, of: user, in: index, &effects)
        } else {
            self.channels.values[index].content.redactions[user] = nil
            self.record(.delete(kind: .redaction, key: RecordKey.of(channel, user)), &effects)
        }
    }

    private mutating func put(
        _ progress: RedactionProgress, of user: UserID, in index: ChannelPlace, _ effects: inout ApplyEffects
    ) {
        let key = RecordKey.of(self.channels.values[index].record.id, user)
        self.channels.values[index].content.redactions[user] = progress
        self.record(.put(kind: .redaction, key: key, value: progress.encoded), &effects)
        self.timers.insert(.redaction, key, due: .zero)
    }
}
