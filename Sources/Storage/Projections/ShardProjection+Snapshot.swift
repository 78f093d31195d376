import ClusterModel
import Failpoints
import Foundation
import GRDB

// A copy of the file for a replica that the log no longer reaches.

extension ShardProjection {
    /// Copies what has been written, as of one moment, into one plain file.
    ///
    /// Reads through a connection of its own: the writer goes on meanwhile, and only its checkpoints wait. The copy
    /// needs no companion files and is fsynced when this returns. Blocks for about a millisecond a megabyte.
    package func snapshot(to path: String) throws(ProjectionError) -> SnapshotFile {
        Failpoints.hit(.snapshotMakeBefore)
        do {
            for suffix in ["", "-wal", "-shm", "-journal"] { try FileWork.remove(path + suffix) }
            let (index, hash) = try self.copy(to: path)
            try FileWork.sync(path)
            let file = SnapshotFile(
                appliedIndex: index, stateHash: hash, bytes: try FileWork.length(path),
                digest: try FileWork.digest(path), schemaVersion: SnapshotFile.schemaVersionMax)
            Failpoints.hit(.snapshotMakeAfter)
            return file
        } catch {
            throw ProjectionError(error, path: path)
        }
    }

    private func copy(to path: String) throws -> (LogIndex, UInt64) {
        guard !self.isClosed else { throw ProjectionError.closed(path: self.path) }
        let source = try DatabaseQueue(path: self.path, configuration: Self.configuration(isReader: true))
        var configuration = Configuration()
        configuration.journalMode = .default
        configuration.prepareDatabase { db in
            // The whole file is synced at the end.
            try db.execute(sql: "PRAGMA synchronous = OFF")
        }
        let target = try DatabaseQueue(path: path, configuration: configuration)
        try source.backup(to: target)
        try source.close()
        // The copy says of itself that it has a log of its own, as its origin has; it has none.
        try target.writeWithoutTransaction { db in
            _ = try String.fetchOne(db, sql: "PRAGMA journal_mode = DELETE")
        }
        let (_, index, hash) = try target.read { db in try Self.readMark(db, path) }
        try target.close()
        return (index, hash)
    }

    /// Looks through a received copy: whole, sound, and the state that was promised.
    package static func verify(
        snapshot path: String, of shard: ShardID, as file: SnapshotFile
    ) throws(ProjectionError) {
        guard try FileWork.length(path) == file.bytes else {
            throw .corrupt(path: path, detail: "\(try FileWork.length(path)) of \(file.bytes) bytes")
        }
        guard try FileWork.digest(path) == file.digest else { throw .corrupt(path: path, detail: "another digest") }
        do {
            let queue = try DatabaseQueue(path: path, configuration: Self.configuration(isReader: true))
            let version = try queue.read { try Int.fetchOne($0, sql: "PRAGMA user_version") ?? 0 }
            guard version == Int(file.schemaVersion), version <= Schema.version else {
                throw ProjectionError.unknownSchema(path: path, version: version)
            }
            let verdict = try queue.read { try String.fetchOne($0, sql: "PRAGMA quick_check(1)") }
            guard verdict == "ok" else { throw ProjectionError.corrupt(path: path, detail: verdict ?? "no verdict") }
            let (owner, index, hash) = try queue.read { db in try Self.readMark(db, path) }
            try queue.close()
            guard owner == shard else { throw ProjectionError.wrongShard(path: path, found: owner.rawValue) }
            guard index == file.appliedIndex, hash == file.stateHash else {
                throw ProjectionError.corrupt(path: path, detail: "stands at \(index), not at \(file.appliedIndex)")
            }
        } catch {
            throw ProjectionError(error, path: path)
        }
    }

    /// Where a file stands that nobody has open.
    package static func appliedIndex(ofFileAt path: String) throws(ProjectionError) -> LogIndex {
        do {
            let queue = try DatabaseQueue(path: path, configuration: Self.configuration(isReader: true))
            defer { try? queue.close() }  // Nothing was written through it.
            return try queue.read { db in try Self.readMark(db, path) }.1
        } catch {
            throw ProjectionError(error, path: path)
        }
    }

    static func readMark(_ db: Database, _ path: String) throws -> (ShardID, LogIndex, UInt64) {
        guard let row = try Row.fetchOne(db, sql: "SELECT shard, applied_index, state_hash FROM mark") else {
            throw ProjectionError.corrupt(path: path, detail: "no mark")
        }
        let (owner, index, hash): (Int64, Int64, Int64) = (row[0], row[1], row[2])
        guard let shard = UInt16(exactly: owner) else {
            throw ProjectionError.corrupt(path: path, detail: "a mark of shard \(owner)")
        }
        return (ShardID(shard), LogIndex(UInt64(bitPattern: index)), UInt64(bitPattern: hash))
    }
}
