import ChatMachine
import ChatModel
import ClusterModel

/// One shard's projection in memory: the same rows as the file of a real one, without a disk.
///
/// What the tests of the machine restore it from, and what the simulator's nodes keep instead of files.
package struct MemoryProjection: Sendable {
    /// A row's place in the tables `record` and `item`.
    package struct Place: Hashable, Comparable, Sendable {
        package let kind: UInt8
        package let key: [UInt8]

        package init(kind: UInt8, key: [UInt8]) {
            self.kind = kind
            self.key = key
        }
        package static func < (left: Place, right: Place) -> Bool {
            left.kind != right.kind ? left.kind < right.kind : left.key.lexicographicallyPrecedes(right.key)
        }
    }
    /// An event with the key of the command that caused it.
    package struct Row: Hashable, Sendable {
        package var event: DurableEvent
        package let key: StoredKey?

        package init(event: DurableEvent, key: StoredKey?) {
            self.event = event
            self.key = key
        }
    }

    package var records: [Place: [UInt8]] = [:]
    package var items: [Place: [UInt8]] = [:]
    /// Ascending and without a gap; the first is the one above the channel's floor.
    package var events: [ChannelID: [Row]] = [:]

    package init() {}

    package mutating func take(_ changes: [RowChange]) {
        for change in changes {
            switch change {
            case .put(let kind, let key, let value): self.records[Place(kind: kind.rawValue, key: key)] = value
            case .delete(let kind, let key): self.records[Place(kind: kind.rawValue, key: key)] = nil
            case .event(let event, let key): self.append(Row(event: event, key: key))
            case .keep(let kind, let key, let value): self.items[Place(kind: kind.rawValue, key: key)] = value
            case .drop(let kind, let key): self.items[Place(kind: kind.rawValue, key: key)] = nil
            case .erase(let channel, let seqs): self.erase(channel, seqs)
            case .trim(let channel, let through): self.trim(channel, through: through)
            }
        }
    }

    package mutating func append(_ row: Row) { self.events[row.event.channel, default: []].append(row) }

    private mutating func erase(_ channel: ChannelID, _ seqs: [UInt64]) {
        for seq in seqs {
            guard let place = self.place(of: seq, in: channel) else { continue }
            self.events[channel]?[place].event.erase()
        }
        guard let message = seqs.first else { return }
        self.items = self.items.filter { place, _ in
            !(ItemKind.ofMessages.contains(place.kind) && place.key.names(channel, message...message))
        }
    }

    private mutating func trim(_ channel: ChannelID, through: UInt64) {
        self.events[channel]?.removeAll { $0.event.seq <= through }
        self.items = self.items.filter { place, _ in
            !(ItemKind.ofMessages.contains(place.kind) && place.key.names(channel, 0...through))
        }
        self.records = self.records.filter { place, _ in
            !(RecordKind.ofMessages.contains(place.kind) && place.key.names(channel, 0...through))
        }
    }

    /// Where an event stands in its channel's rows.
    private func place(of seq: UInt64, in channel: ChannelID) -> Int? {
        guard let rows = self.events[channel], let first = rows.first?.event.seq, seq >= first else { return nil }
        let place = Int(clamping: seq - first)
        return place < rows.count ? place : nil
    }

    /// Makes the machine that these rows are of.
    package func restore(
        into machine: inout ShardMachine, appliedIndex: LogIndex, stateHash: UInt64
    ) throws(RestoreError) {
        for (place, value) in self.records.sorted(by: { $0.key < $1.key }) {
            guard let kind = RecordKind(rawValue: place.kind) else { throw .unknownKind(place.kind) }
            try machine.restore(.record(kind, key: place.key, value: value))
        }
        var keys: [(key: StoredKey, event: DurableEvent)] = []
        for (channel, rows) in self.events.sorted(by: { $0.key < $1.key }) {
            guard let first = rows.first else { continue }
            try machine.restore(.run(channel, first: first.event.seq, rows.map { MessageIndex.Mark($0.event) }))
            for row in rows where row.event.at > machine.keysForgottenThrough {
                if let key = row.key { keys.append((key, row.event)) }
            }
        }
        keys.sort { ($0.event.at, $0.event.channel, $0.event.seq) < ($1.event.at, $1.event.channel, $1.event.seq) }
        for (key, event) in keys {
            try machine.restore(.key(key, event.channel, seq: event.seq, at: event.at))
        }
        machine.finishRestoring(appliedIndex: appliedIndex, stateHash: stateHash)
    }
}

extension ItemKind {
    /// Whose keys begin with a channel and a seq.
    fileprivate static let ofMessages: Set<UInt8> = [Self.messageText.rawValue, Self.edit.rawValue]
}

extension RecordKind {
    /// Whose keys begin with a channel and a seq.
    fileprivate static let ofMessages: Set<UInt8> = [
        Self.messageState.rawValue, Self.reaction.rawValue, Self.thread.rawValue, Self.follow.rawValue,
    ]
}

extension [UInt8] {
    /// True for a key that begins with this channel and one of these seqs, most significant byte first.
    fileprivate func names(_ channel: ChannelID, _ seqs: ClosedRange<UInt64>) -> Bool {
        guard self.count >= 24 else { return false }
        func word(_ start: Int) -> UInt64 { self[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        return word(0) == channel.high && word(8) == channel.low && seqs.contains(word(16))
    }
}
