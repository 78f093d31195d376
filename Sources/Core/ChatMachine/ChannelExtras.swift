import ChatModel
import ClusterModel

// What a channel holds beside its record, members and messages.

extension ShardMachine {
    /// What follows from all records and runs of channels together, once they have been restored. Twice is as once.
    mutating func finishChannelExtras() {
        for channel in self.channels.keys.sorted() {
            guard let index = self.channels.index(forKey: channel) else { continue }
            self.moveRetention(in: index, from: nil)
        }
    }

    /// - Returns: false for a key that does not fit its kind, or whose channel is not there.
    mutating func restoreChannelExtra(
        _ kind: RecordKind, _ key: [UInt8], _ value: [UInt8]
    ) throws(WireError) -> Bool {
        if kind == .workspaceCopy {
            guard key.isEmpty else { return false }
            self.workspaceCopy = try WorkspaceCopy(encoded: value)
            return true
        }
        guard key.count == 16, let channel: ChannelID = RecordKey.id(key),
            let index = self.channels.index(forKey: channel)
        else { return false }
        switch kind {
        case .channelExtra: self.channels.values[index].extra = try ChannelExtra(encoded: value)
        case .floor:
            var reader = ByteReader(value)
            let floor: UInt64 = try reader.readVariable()
            guard reader.isAtEnd, floor > 0, floor < UInt64(UInt32.max) else { return false }
            // The runs go on from here.
            self.channels.values[index].index = MessageIndex(floor: floor)
            self.channels.values[index].record.seq = floor
        default: return false
        }
        return true
    }

    /// The channel's record and what stands beside it, as they are now.
    mutating func recordChannel(
        _ index: Dictionary<ChannelID, ChannelEntry>.Index, _ effects: inout ApplyEffects
    ) {
        let entry = self.channels.values[index]
        let key = RecordKey.of(entry.record.id)
        self.record(.put(kind: .channel, key: key, value: entry.record.encoded), &effects)
        self.record(.put(kind: .channelExtra, key: key, value: entry.extra.encoded), &effects)
    }
}
