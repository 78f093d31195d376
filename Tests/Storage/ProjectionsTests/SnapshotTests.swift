import ChatModel
import ClusterModel
import Foundation
import Testing

@testable import Projections

@Suite struct SnapshotTests {
    private func sent(_ folder: Folder) throws -> (shard: Shard, out: ShardFolder, file: SnapshotFile) {
        let shard = try Shard.withHistory(folder.file)
        let out = ShardFolder(directory: folder.path)
        return (shard, out, try out.makeOutgoing(shard.projection))
    }

    /// As a transfer does it, in uneven pieces.
    private func transfer(_ out: ShardFolder, _ into: ShardFolder, _ file: SnapshotFile) throws {
        try into.create()
        try into.beginIncoming(ShardID(1))
        var offset: UInt64 = 0
        while offset < file.bytes {
            let bytes = try out.readOutgoing(ShardID(1), at: offset, count: 5_000)
            try into.writeIncoming(ShardID(1), bytes, at: offset)
            offset += UInt64(bytes.count)
        }
        #expect(offset == file.bytes)
    }

    @Test func `a copy that has travelled holds the same state`() throws {
        let (folder, other) = (try Folder(), try Folder())
        let (shard, out, file) = try self.sent(folder)
        let into = ShardFolder(directory: other.path + "/shards")
        try self.transfer(out, into, file)
        try into.sealIncoming(ShardID(1), as: file)
        #expect(try into.sealedIndex(of: ShardID(1)) == shard.index)
        try into.switchToSealed(ShardID(1))
        #expect(try into.sealedIndex(of: ShardID(1)) == nil)
        let again = try Shard(into.projection(of: ShardID(1)))
        #expect(again.machine == shard.machine)
        #expect(again.projection.stateHash == shard.projection.stateHash)
        #expect(try again.projection.history(general, .newest, limit: 100).count == 30)
    }

    @Test func `a copy is of one moment, and the writer goes on`() throws {
        let folder = try Folder()
        var (shard, out, file) = try self.sent(folder)
        let before = file.appliedIndex
        shard.post("after")
        try shard.write()
        #expect(try ShardProjection.appliedIndex(ofFileAt: out.outgoing(of: ShardID(1))) == before)
        #expect(shard.projection.appliedIndex == before.next())
        #expect(try out.makeOutgoing(shard.projection).appliedIndex == before.next())
    }

    @Test func `a copy that is not what was promised is refused`() throws {
        let (folder, other) = (try Folder(), try Folder())
        let (_, out, file) = try self.sent(folder)
        let into = ShardFolder(directory: other.path)
        func expectRefused(_ promised: SnapshotFile, _ change: () throws -> Void) throws {
            try self.transfer(out, into, file)
            try change()
            #expect(throws: ProjectionError.self) { try into.sealIncoming(ShardID(1), as: promised) }
            #expect(try into.sealedIndex(of: ShardID(1)) == nil)
        }
        try expectRefused(file) { try into.writeIncoming(ShardID(1), [1, 2, 3], at: 9_000) }
        try expectRefused(file) { try into.writeIncoming(ShardID(1), [0], at: file.bytes) }
        let wrong = SnapshotFile(
            appliedIndex: file.appliedIndex.next(), stateHash: file.stateHash, bytes: file.bytes, digest: file.digest,
            schemaVersion: file.schemaVersion)
        try expectRefused(wrong) {}
        let hash = SnapshotFile(
            appliedIndex: file.appliedIndex, stateHash: file.stateHash ^ 1, bytes: file.bytes, digest: file.digest,
            schemaVersion: file.schemaVersion)
        try expectRefused(hash) {}
        let newer = SnapshotFile(
            appliedIndex: file.appliedIndex, stateHash: file.stateHash, bytes: file.bytes, digest: file.digest,
            schemaVersion: file.schemaVersion + 1)
        try expectRefused(newer) {}
    }

    @Test func `a copy of another shard is refused`() throws {
        let (folder, other) = (try Folder(), try Folder())
        let (_, out, file) = try self.sent(folder)
        let into = ShardFolder(directory: other.path)
        try self.transfer(out, into, file)
        try FileManager.default.moveItem(
            atPath: into.incoming(of: ShardID(1)), toPath: into.incoming(of: ShardID(2)))
        #expect(throws: ProjectionError.wrongShard(path: into.incoming(of: ShardID(2)), found: 1)) {
            try into.sealIncoming(ShardID(2), as: file)
        }
    }

    @Test func `a closed projection says so, and never opens what has its name now`() throws {
        let folder = try Folder()
        let shard = try Shard.withHistory(folder.file)
        try shard.projection.close()
        let closed = ProjectionError.closed(path: folder.file)
        #expect(throws: closed) { try shard.projection.history(general, .newest, limit: 1) }
        #expect(throws: closed) {
            try shard.projection.write([], appliedIndex: shard.index.next(), stateHash: 0)
        }
        #expect(throws: closed) { try shard.projection.snapshot(to: folder.path + "/copy") }
    }

    @Test func `what a stopped process had under way is swept, what was sealed stays`() throws {
        let (folder, other) = (try Folder(), try Folder())
        let (_, out, file) = try self.sent(folder)
        let into = ShardFolder(directory: other.path)
        try self.transfer(out, into, file)
        try into.sealIncoming(ShardID(1), as: file)
        try into.beginIncoming(ShardID(2))
        try out.sweep()
        try into.sweep()
        #expect(!FileWork.exists(out.outgoing(of: ShardID(1))))
        #expect(!FileWork.exists(into.incoming(of: ShardID(2))))
        #expect(try into.sealedIndex(of: ShardID(1)) == file.appliedIndex)
        try out.removeAll(of: ShardID(1))
        #expect(try FileWork.names(in: folder.path).isEmpty)
    }
}
