import ChatMachine
import ChatModel
import ClusterModel
import MemoryProjection
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
    private typealias Place = MemoryProjection.Place
    private typealias Row = MemoryProjection.Row

    private let shard: ShardID
    /// What was written, in order. The first `checkpointed` transactions survive a power loss.
    private var journal: [Batch] = []
    private var checkpointed = 0
    private var rows = MemoryProjection()
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
        self.rows = MemoryProjection()
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

    // Texts are found by a file's index only.
    var wantsIndexing: Bool { false }
    func index() throws(ProjectionError) -> Bool { false }
    func tidy() throws(ProjectionError) {}
    func holdsErased() throws(ProjectionError) -> Bool { false }
    var indexLag: IndexLag { IndexLag() }
    func rebuildIndex() throws(ProjectionError) {}

    private func take(_ batch: Batch) {
        self.rows.take(batch.changes)
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
        for table in [self.rows.records, self.rows.items] {
            writer.writeVariable(UInt64(table.count))
            for (place, value) in table.sorted(by: { $0.key < $1.key }) {
                writer.write(place.kind)
                writer.write(place.key)
                writer.write(value)
            }
        }
        let rows = self.rows.events.sorted { $0.key < $1.key }.flatMap(\.value)
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
        self.rows.records = try Self.table(&reader)
        self.rows.items = try Self.table(&reader)
        for _ in 0..<(try reader.readCount(bytesEach: 8)) {
            let event: DurableEvent = try reader.read()
            var key: StoredKey?
            if try reader.read(Bool.self) {
                key = StoredKey(high: try reader.read(), low: try reader.read(), fingerprint: try reader.read())
            }
            self.rows.append(Row(event: event, key: key))
        }
    }

    private static func table(_ reader: inout ByteReader) throws(WireError) -> [Place: [UInt8]] {
        var table: [Place: [UInt8]] = [:]
        for _ in 0..<(try reader.readCount(bytesEach: 3)) {
            let kind = try reader.read(UInt8.self)
            let key = try reader.readBytes(max: 1 << 20)
            table[Place(kind: kind, key: key)] = try reader.readBytes(max: 1 << 20)
        }
        return table
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
            try self.rows.restore(into: &loaded, appliedIndex: self.appliedIndex, stateHash: self.stateHash)
            machine = loaded
        } catch {
            throw .unrestorable(path: "shard \(self.shard.rawValue)", error)
        }
    }

    /// There is no index in memory.
    func positions(of search: ShardSearch) throws(ProjectionError) -> (positions: [SearchPosition], isComplete: Bool) {
        ([], false)
    }

    func answer(_ request: HistoryRequest) throws(ProjectionError) -> QueryAnswer {
        do throws(WireError) {
            return try self.rows.answer(request)
        } catch {
            throw .corrupt(path: "shard \(self.shard.rawValue)", detail: "\(error)")
        }
    }
}
