// Data's way, step 11: rows reach SQLite in batches, behind the acknowledgement.

import CSearchTokenizer
import ChatMachine
import ChatModel
import ClusterModel
import Failpoints
import Foundation
import GRDB
import Synchronization

/// One shard's file: its events for reading and its records for starting again.
///
/// Everything in it follows from the log and can be deleted. One writer connection, one for reads and one for searches,
/// which may take a thousand times as long; the last two are opened when they are first needed. Calls block on the disk
/// and are made from a pool, never from an event loop.
package final class ShardProjection: Sendable {
    package let shard: ShardID
    package let path: String
    private let writer: DatabaseQueue
    private let readerSlot = Mutex<DatabaseQueue?>(nil)
    private let searcherSlot = Mutex<DatabaseQueue?>(nil)
    private let state: Mutex<State>

    private struct State {
        var isClosed = false
        var appliedIndex: LogIndex
        var stateHash: UInt64
        var durableIndex: LogIndex
        /// Committed numbers only.
        var channelNumbers: [ChannelID: Int64]
        /// The index may lag behind what has been written, or hold what has been trimmed.
        var wantsIndexing: Bool
        var indexLag = IndexLag()
    }

    /// How long a connection waits for another one's lock.
    static let busyMilliseconds = 5_000

    private init(shard: ShardID, path: String, writer: DatabaseQueue, state: sending State) {
        self.shard = shard
        self.path = path
        self.writer = writer
        self.state = Mutex(state)
    }

    /// Opens or makes the file. How much of it would survive a power loss is known after a checkpoint.
    package static func open(path: String, shard: ShardID) throws(ProjectionError) -> ShardProjection {
        do {
            let writer = try DatabaseQueue(path: path, configuration: Self.configuration(isReader: false))
            let version = try writer.read { try Int.fetchOne($0, sql: "PRAGMA user_version") ?? 0 }
            guard version <= Schema.version else { throw ProjectionError.unknownSchema(path: path, version: version) }
            if version < Schema.version {
                try Schema.migrator.migrate(writer)
                // An older file is written anew once, so that it can give pages back from then on.
                let givesBack = try writer.read { try Int.fetchOne($0, sql: "PRAGMA auto_vacuum") == 2 }
                if !givesBack { try writer.vacuum() }
            }
            let state = try writer.write { db in try Self.readState(db, shard, path) }
            return ShardProjection(shard: shard, path: path, writer: writer, state: state)
        } catch {
            throw ProjectionError(error, path: path)
        }
    }

    static func configuration(isReader: Bool) -> Configuration {
        _ = Self.memoryIsNotCounted
        var configuration = Configuration()
        configuration.readonly = isReader
        if !isReader { configuration.journalMode = .wal }
        configuration.busyMode = .timeout(Double(Self.busyMilliseconds) / 1_000)
        configuration.prepareDatabase { db in
            // A power loss may cost the last transactions, never the file: the log has them.
            // A step of the index writes some hundred pages: with less room it writes some of them twice.
            try db.execute(sql: "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -\(isReader ? 256 : 2_048)")
            if !isReader {
                // 8 MiB: a page that changes often goes to the file once.
                try db.execute(sql: "PRAGMA wal_autocheckpoint = 2000")
                // What was erased is not to be found in free pages either; pages that are free can be given back.
                // A file that has tables already has made its choice: see `open`.
                try db.execute(sql: "PRAGMA secure_delete = ON; PRAGMA auto_vacuum = INCREMENTAL")
            }
            try SearchIndex.register(on: db)
        }
        return configuration
    }

    /// Else every allocation of SQLite's takes a lock that all shards share. Too late where SQLite was used before, which
    /// costs time and nothing else.
    private static let memoryIsNotCounted = search_memory_uncounted()

    private static func readState(_ db: Database, _ shard: ShardID, _ path: String) throws -> State {
        try db.execute(
            sql: "INSERT OR IGNORE INTO mark (id, shard, applied_index, state_hash) VALUES (1, ?, 0, 0)",
            arguments: [Int64(shard.rawValue)])
        let (owner, applied, hash) = try Self.readMark(db, path)
        guard owner == shard else { throw ProjectionError.wrongShard(path: path, found: owner.rawValue) }
        var numbers: [ChannelID: Int64] = [:]
        let rows = try Row.fetchCursor(db, sql: "SELECT id, number FROM channel")
        while let row = try rows.next() { numbers[try ChannelID(encoded: Self.bytes(row, 0))] = row[1] }
        let unseen = try SearchTodo.rows(db)
        return State(
            appliedIndex: applied, stateHash: hash, durableIndex: .zero, channelNumbers: numbers,
            wantsIndexing: try SearchTodo.next(db) != nil,
            indexLag: IndexLag(rows: unseen, since: unseen > 0 ? .now : nil))
    }

    /// The log index that the file stands at.
    package var appliedIndex: LogIndex { self.state.withLock { $0.appliedIndex } }
    /// The machine's hash at that index.
    package var stateHash: UInt64 { self.state.withLock { $0.stateHash } }

    /// Writes what entries up to `appliedIndex` have changed: all of it or nothing. One caller at a time.
    ///
    /// - Parameter after: Where the batch begins, if the caller can say: it must be where the file ends.
    package func write(
        _ rows: QueuedRows, after: LogIndex? = nil, appliedIndex: LogIndex, stateHash: UInt64
    ) throws(ProjectionError) {
        Failpoints.hit(.projectionWriteBefore)
        do {
            guard !self.isClosed else { throw ProjectionError.closed(path: self.path) }
            let (current, numbers) = self.state.withLock { ($0.appliedIndex, $0.channelNumbers) }
            guard appliedIndex > current, after ?? current == current else {
                throw ProjectionError.notContiguous(appliedIndex: current, batch: after ?? appliedIndex)
            }
            let numbersAfter = try self.writer.write { db in
                var batch = RowBatch(channelNumbers: numbers)
                try batch.write(rows, to: db)
                if batch.wantsIndexing { self.noteIndexing(rows: batch.rowsToIndex) }
                try db.cachedStatement(sql: "UPDATE mark SET applied_index = ?, state_hash = ? WHERE id = 1")
                    .execute(arguments: [Int64(bitPattern: appliedIndex.rawValue), Int64(bitPattern: stateHash)])
                return batch.hasNewChannels ? batch.channelNumbers : nil
            }
            self.state.withLock {
                $0.appliedIndex = appliedIndex
                $0.stateHash = stateHash
                if let numbersAfter { $0.channelNumbers = numbersAfter }
            }
            Failpoints.hit(.projectionWriteAfter)
        } catch {
            throw ProjectionError(error, path: self.path)
        }
    }

    /// The same for a few changes.
    package func write(
        _ changes: [RowChange], after: LogIndex? = nil, appliedIndex: LogIndex, stateHash: UInt64
    ) throws(ProjectionError) {
        try self.write(QueuedRows(changes), after: after, appliedIndex: appliedIndex, stateHash: stateHash)
    }

    /// Makes what has been written survive a power loss. Never waits for a reader. What `tidy` made the file forget before
    /// it is in none of its parts behind it, unless somebody reads from the log just then.
    ///
    /// - Returns: the index up to which the shard's log may be cut. A read that is under way can hold it back.
    package func checkpoint() throws(ProjectionError) -> LogIndex {
        do {
            Failpoints.hit(.projectionCheckpointBefore)
            let applied = self.appliedIndex
            let isComplete = try self.writer.writeWithoutTransaction { db in
                guard let row = try Row.fetchOne(db, sql: "PRAGMA wal_checkpoint(PASSIVE)") else { return false }
                let (isBusy, frames, moved): (Int64, Int64, Int64) = (row[0], row[1], row[2])
                return isBusy == 0 && frames == moved
            }
            if isComplete { try self.emptyLogOfErased() }
            // The file itself has to be found again.
            if self.state.withLock({ $0.durableIndex }) == .zero { try FileWork.syncFolder(of: self.path) }
            Failpoints.hit(.projectionCheckpointAfter)
            return self.state.withLock {
                if isComplete { $0.durableIndex = max($0.durableIndex, applied) }
                return $0.durableIndex
            }
        } catch {
            throw ProjectionError(error, path: self.path)
        }
    }

    /// Looks through the whole file: slow, for a node that did not stop cleanly.
    package func verify() throws(ProjectionError) {
        let verdict = try self.read { db in try String.fetchOne(db, sql: "PRAGMA quick_check(1)") }
        guard verdict == "ok" else { throw .corrupt(path: self.path, detail: verdict ?? "no verdict") }
    }

    /// Gives the file up: from now on every call fails with `.closed`. Reads that are under way end first.
    package func close() throws(ProjectionError) {
        self.state.withLock { $0.isClosed = true }
        do {
            try Self.close(self.readerSlot)
            try Self.close(self.searcherSlot)
            try self.writer.close()
        } catch {
            throw ProjectionError(error, path: self.path)
        }
    }

    private static func close(_ slot: borrowing Mutex<DatabaseQueue?>) throws {
        try slot.withLock { queue in
            defer { queue = nil }
            try queue?.close()
        }
    }

    var isClosed: Bool { self.state.withLock { $0.isClosed } }

    func number(of channel: ChannelID) -> Int64? { self.state.withLock { $0.channelNumbers[channel] } }
    var channelNumbers: [ChannelID: Int64] { self.state.withLock { $0.channelNumbers } }

    /// Whether there is something for `index` to do.
    package var wantsIndexing: Bool { self.state.withLock { $0.wantsIndexing } }
    /// How far the index is behind what has been written.
    package var indexLag: IndexLag { self.state.withLock { $0.indexLag } }

    // Only on the writer, which says who came last.

    /// So many messages more are to be looked at. Within the transaction: too much said does no harm.
    func noteIndexing(rows: Int) {
        self.state.withLock { state in
            state.wantsIndexing = true
            state.indexLag.rows += rows
            if state.indexLag.since == nil, rows > 0 { state.indexLag.since = .now }
        }
    }
    /// So many messages have been looked at. When the transaction is committed, and others can see it.
    ///
    /// - Parameters:
    ///   - isBehind: whether messages are left.
    ///   - isMore: whether anything is.
    func noteIndexed(rows: Int, isBehind: Bool, isMore: Bool) {
        self.state.withLock { state in
            state.wantsIndexing = isMore
            // What is noted twice is looked at once: the count is put right when nothing is left.
            state.indexLag =
                isBehind ? IndexLag(rows: max(1, state.indexLag.rows - rows), since: state.indexLag.since) : IndexLag()
        }
    }

    /// Runs on the writer connection, in one transaction.
    func change<Value>(_ body: (Database) throws -> Value) throws(ProjectionError) -> Value {
        do {
            guard !self.isClosed else { throw ProjectionError.closed(path: self.path) }
            return try self.writer.write(body)
        } catch {
            throw ProjectionError(error, path: self.path)
        }
    }

    /// Runs on the reader connection, in one snapshot.
    func read<Value>(_ body: (Database) throws -> Value) throws(ProjectionError) -> Value {
        try self.read(on: self.readerSlot, body)
    }

    /// Runs on the connection of searches, in one snapshot: pages of history are read meanwhile.
    func readForSearch<Value>(_ body: (Database) throws -> Value) throws(ProjectionError) -> Value {
        try self.read(on: self.searcherSlot, body)
    }

    private func read<Value>(
        on slot: borrowing Mutex<DatabaseQueue?>, _ body: (Database) throws -> Value
    ) throws(ProjectionError) -> Value {
        do {
            let reader = try slot.withLock { queue in
                if let reader = queue { return reader }
                // The path may be another file's by now.
                guard !self.isClosed else { throw ProjectionError.closed(path: self.path) }
                let reader = try DatabaseQueue(path: self.path, configuration: Self.configuration(isReader: true))
                queue = reader
                return reader
            }
            return try reader.read(body)
        } catch {
            throw ProjectionError(error, path: self.path)
        }
    }

    /// Runs on the writer connection outside of any transaction, for what SQLite does not do within one.
    func maintain<Value>(_ body: (Database) throws -> Value) throws(ProjectionError) -> Value {
        do {
            guard !self.isClosed else { throw ProjectionError.closed(path: self.path) }
            return try self.writer.writeWithoutTransaction(body)
        } catch {
            throw ProjectionError(error, path: self.path)
        }
    }

    /// Behind the projection's back, for tests of what a damaged file does.
    func execute(_ sql: String) throws { try self.writer.write { try $0.execute(sql: sql) } }

    static func bytes(_ row: Row, _ column: Int) throws -> [UInt8] {
        try row.withUnsafeData(atIndex: column) { $0.map { [UInt8]($0) } ?? [] }
    }
}
