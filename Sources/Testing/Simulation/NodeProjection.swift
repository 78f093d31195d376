import ChatMachine
import ChatModel
import ClusterModel
import Projections
import Replication

/// One shard's projection in memory: the same rows as the file of a real one, and what a power loss leaves of them.
///
/// It outlives the node's process, as a file does. SQLite is not what is tested here, and a hundred files a seed
/// would take the most of its time.
final class NodeProjection: ReplicaProjection, @unchecked Sendable {
    private struct Batch {
        let changes: [RowChange]
        let appliedIndex: LogIndex
        let stateHash: UInt64
    }
    private struct Place: Hashable, Comparable {
        let kind: UInt8
        let key: [UInt8]
        static func < (left: Place, right: Place) -> Bool {
            left.kind != right.kind ? left.kind < right.kind : left.key.lexicographicallyPrecedes(right.key)
        }
    }
    private struct Row {
        let event: DurableEvent
        let key: StoredKey?
    }

    private let shard: ShardID
    /// What was written, in order. The first `checkpointed` transactions survive a power loss.
    private var journal: [Batch] = []
    private var checkpointed = 0
    private var records: [Place: [UInt8]] = [:]
    private var events: [ChannelID: [Row]] = [:]
    private(set) var appliedIndex = LogIndex.zero
    private var stateHash: UInt64 = 0
    /// Where the journal begins: nothing, or a snapshot.
    private var base: [UInt8]?

    init(_ shard: ShardID) { self.shard = shard }

    /// A projection from the bytes of a snapshot, which are durable.
    init(_ shard: ShardID, snapshot bytes: [UInt8]) throws(WireError) {
        self.shard = shard
        self.base = bytes
        try self.begin(from: bytes)
    }

    /// The last transactions may be gone, each as a whole.
    func losePower(_ chance: inout Chance) {
        guard self.checkpointed < self.journal.count else { return }
        let kept = chance.number(self.checkpointed...self.journal.count)
        guard kept < self.journal.count else { return }
        let batches = self.journal[..<kept]
        self.journal = []
        self.records = [:]
        self.events = [:]
        self.appliedIndex = .zero
        self.stateHash = 0
        if let base = self.base {
            do throws(WireError) {
                try self.begin(from: base)
            } catch {
                preconditionFailure("a snapshot was read before: \(error)")
            }
        }
        for batch in batches { self.take(batch) }
    }

    func checkpoint() throws(ProjectionError) -> LogIndex {
        self.checkpointed = self.journal.count
        return self.appliedIndex
    }

    func close() throws(ProjectionError) {}

    private func take(_ batch: Batch) {
        for change in batch.changes {
            switch change {
            case .put(let kind, let key, let value): self.records[Place(kind: kind.rawValue, key: key)] = value
            case .delete(let kind, let key): self.records[Place(kind: kind.rawValue, key: key)] = nil
            case .event(let event, let key): self.events[event.channel, default: []].append(Row(event: event, key: key))
            }
        }
        self.journal.append(batch)
        self.appliedIndex = batch.appliedIndex
        self.stateHash = batch.stateHash
    }

    // MARK: Snapshots

    var mark: (appliedIndex: LogIndex, stateHash: UInt64) { (self.appliedIndex, self.stateHash) }

    /// - Parameter withoutKeys: planted (M16): what a machine is restored from lacks the idempotency keys.
    func snapshot(withoutKeys: Bool) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(self.shard)
        writer.write(self.appliedIndex)
        writer.write(self.stateHash)
        writer.writeVariable(UInt64(self.records.count))
        for (place, value) in self.records.sorted(by: { $0.key < $1.key }) {
            writer.write(place.kind)
            writer.write(place.key)
            writer.write(value)
        }
        let rows = self.events.sorted { $0.key < $1.key }.flatMap(\.value)
        writer.writeVariable(UInt64(rows.count))
        for row in rows {
            writer.write(row.event)
            let key = withoutKeys ? nil : row.key
            writer.write(key != nil)
            guard let key else { continue }
            writer.write(key.high)
            writer.write(key.low)
            writer.write(key.fingerprint)
        }
        return writer.bytes
    }

    private func begin(from bytes: [UInt8]) throws(WireError) {
        var reader = ByteReader(bytes)
        guard try reader.read(ShardID.self) == self.shard else { throw .invalid("shard") }
        self.appliedIndex = try reader.read()
        self.stateHash = try reader.read()
        for _ in 0..<(try reader.readCount(bytesEach: 3)) {
            let kind = try reader.read(UInt8.self)
            let key = try reader.readBytes(max: 1 << 20)
            self.records[Place(kind: kind, key: key)] = try reader.readBytes(max: 1 << 20)
        }
        for _ in 0..<(try reader.readCount(bytesEach: 8)) {
            let event: DurableEvent = try reader.read()
            var key: StoredKey?
            if try reader.read(Bool.self) {
                key = StoredKey(high: try reader.read(), low: try reader.read(), fingerprint: try reader.read())
            }
            self.events[event.channel, default: []].append(Row(event: event, key: key))
        }
    }

    // MARK: ReplicaProjection

    func write(
        _ rows: QueuedRows, after: LogIndex?, appliedIndex: LogIndex, stateHash: UInt64
    ) throws(ProjectionError) {
        guard appliedIndex > self.appliedIndex, after ?? self.appliedIndex == self.appliedIndex else {
            throw .notContiguous(appliedIndex: self.appliedIndex, batch: after ?? appliedIndex)
        }
        do throws(WireError) {
            self.take(Batch(changes: try rows.changes(), appliedIndex: appliedIndex, stateHash: stateHash))
        } catch {
            preconditionFailure("rows that were queued as bytes do not read back: \(error)")
        }
    }

    func load(into machine: inout ShardMachine) throws(ProjectionError) {
        do throws(RestoreError) {
            var loaded = machine
            for (place, value) in self.records.sorted(by: { $0.key < $1.key }) {
                guard let kind = RecordKind(rawValue: place.kind) else { throw .unknownKind(place.kind) }
                try loaded.restore(.record(kind, key: place.key, value: value))
            }
            var keys: [(key: StoredKey, event: DurableEvent)] = []
            for (channel, rows) in self.events.sorted(by: { $0.key < $1.key }) {
                guard let head = rows.last else { continue }
                try loaded.restore(.head(channel, seq: head.event.seq))
                for row in rows where row.event.at > loaded.keysForgottenThrough {
                    if let key = row.key { keys.append((key, row.event)) }
                }
            }
            keys.sort { ($0.event.at, $0.event.channel, $0.event.seq) < ($1.event.at, $1.event.channel, $1.event.seq) }
            for (key, event) in keys {
                try loaded.restore(.key(key, event.channel, seq: event.seq, at: event.at))
            }
            loaded.finishRestoring(appliedIndex: self.appliedIndex, stateHash: self.stateHash)
            machine = loaded
        } catch {
            throw .unrestorable(path: "shard \(self.shard.rawValue)", error)
        }
    }

    func answer(_ request: HistoryRequest) throws(ProjectionError) -> QueryAnswer {
        switch request {
        case .messages(let channel, let position, let limit, let head):
            return .events(self.history(channel, position, limit, head), head: head)
        case .message(let channel, let seq, let head):
            guard let event = self.rows(channel, after: seq - 1, through: seq).first, event.isMessage else {
                return .refused(.notFound)
            }
            return .events([event], head: head)
        case .events(let channel, let after, let limit, let head):
            return .events(Array(self.rows(channel, after: after, through: head).prefix(limit)), head: head)
        }
    }

    private func rows(_ channel: ChannelID, after: UInt64, through head: UInt64) -> [DurableEvent] {
        let rows = self.events[channel] ?? []
        let end = Int(clamping: min(head, UInt64(rows.count)))
        let start = min(Int(clamping: after), end)
        return rows[start..<end].map(\.event)
    }

    private func history(
        _ channel: ChannelID, _ position: HistoryPosition, _ limit: Int, _ head: UInt64
    ) -> [DurableEvent] {
        let messages = self.rows(channel, after: 0, through: head).filter(\.isMessage)
        switch position {
        case .newest: return messages.suffix(limit)
        case .before(let seq): return messages.filter { $0.seq < seq }.suffix(limit)
        case .after(let seq): return Array(messages.filter { $0.seq > seq }.prefix(limit))
        case .around(let seq):
            let older = messages.filter { $0.seq < seq }
            let newer = messages.filter { $0.seq >= seq }
            let newerCount = min(newer.count, max(limit - limit / 2, limit - older.count))
            return Array(older.suffix(limit - newerCount)) + Array(newer.prefix(newerCount))
        }
    }
}

extension DurableEvent {
    var isMessage: Bool {
        if case .messageCreated = self.body { true } else { false }
    }
}
