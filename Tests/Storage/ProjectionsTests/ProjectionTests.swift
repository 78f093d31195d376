import ChatMachine
import ChatModel
import ClusterModel
import Foundation
import Placement
import Testing

@testable import Projections

@Suite struct ProjectionTests {
    @Test func `a machine comes back from its file and goes on alike`() throws {
        let folder = try Folder()
        var shard = try Shard.withHistory(folder.file)
        var again = try Shard(folder.file)
        #expect(again.machine == shard.machine)
        #expect(again.projection.appliedIndex == shard.index)
        #expect(again.projection.stateHash == shard.machine.stateHash)
        again.now = shard.now
        let repeated = Command.postMessage(
            general, MessageContent(text: "m5", clientID: "k5", thread: nil), by: actor(1),
            IdempotencyKey(user: user(1), key: "k5", fingerprint: 7))
        #expect(again.apply(repeated) == shard.apply(repeated))
        guard case .message(let event) = again.apply(repeated) else { Issue.record("no message"); return }
        #expect(event.seq == 5)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `batches of any size give the file of one batch`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let folder = try Folder()
        var shard = try Shard(folder.file)
        for number in 1...4 as ClosedRange<UInt64> {
            shard.apply(
                .createUser(
                    UserRecord(
                        id: user(number), username: "u", displayName: "", email: nil, role: .member,
                        passwordHash: "", createdAt: .zero)))
        }
        for number in 1...400 {
            let room = channel(generator.next() % 5)
            let person = actor(generator.next() % 5)
            switch generator.next() % 8 {
            case 0: shard.apply(.createChannel(room, name: "r", type: .public, topic: "", by: person, nil))
            case 1: shard.apply(.joinChannel(room, by: person))
            case 2: shard.apply(.leaveChannel(room, by: person))
            default:
                let key = IdempotencyKey(user: person.user, key: "\(generator.next() % 50)", fingerprint: 1)
                shard.apply(
                    .postMessage(room, MessageContent(text: "\(number)", clientID: nil, thread: nil), by: person, key))
            }
            if generator.next() % 7 == 0 { try shard.write() }
        }
        if shard.index > shard.projection.appliedIndex { try shard.write() }
        #expect(try Shard(folder.file).machine == shard.machine, "seed \(seed)")
    }

    @Test func `keys older than a day are not remembered`() throws {
        let folder = try Folder()
        var shard = try Shard.withHistory(folder.file)
        shard.now = shard.now.advanced(byMilliseconds: 23 * 3600 * 1000)
        shard.post("late", key: "late")
        shard.now = shard.now.advanced(byMilliseconds: 3600 * 1000)
        shard.post("later", key: "later")
        try shard.write()
        #expect(try Shard(folder.file).machine == shard.machine)
    }

    @Test func `a batch that does not begin where the file ends is refused`() throws {
        let folder = try Folder()
        let shard = try Shard.withHistory(folder.file)
        let applied = shard.projection.appliedIndex
        #expect(throws: ProjectionError.notContiguous(appliedIndex: applied, batch: applied)) {
            try shard.projection.write([], appliedIndex: applied, stateHash: 0)
        }
        let gap = applied.next().next()
        #expect(throws: ProjectionError.notContiguous(appliedIndex: applied, batch: gap)) {
            try shard.projection.write([], after: gap, appliedIndex: gap.next(), stateHash: 0)
        }
        try shard.projection.write([], appliedIndex: applied.next(), stateHash: shard.machine.stateHash)
        #expect(shard.projection.appliedIndex == applied.next())
    }

    @Test func `a batch that fails leaves nothing behind`() throws {
        let folder = try Folder()
        var shard = try Shard.withHistory(folder.file)
        let before = shard.machine
        shard.apply(.createChannel(channel(2), name: "new", type: .public, topic: "", by: actor(1), nil))
        shard.post("lost")
        // The same event again violates the key of its table, at the end of the batch.
        let twice = shard.pending + shard.pending.suffix(1)
        #expect(throws: ProjectionError.self) {
            try shard.projection.write(twice, appliedIndex: shard.index, stateHash: 1)
        }
        #expect(shard.projection.appliedIndex == before.lastApplied)
        #expect(try shard.projection.events(channel(2), after: 0, limit: 10).isEmpty)
        let reopened = try Shard(folder.file)
        #expect(reopened.machine == before)
        // The batch without the fault goes in, with the number of the new channel given anew.
        try shard.write()
        #expect(try shard.projection.events(channel(2), after: 0, limit: 10).count == 1)
        #expect(try Shard(folder.file).machine == shard.machine)
    }

    @Test func `a checkpoint says how far the log may be cut`() throws {
        let folder = try Folder()
        var shard = try Shard.withHistory(folder.file)
        #expect(try shard.projection.checkpoint() == shard.index)
        shard.post("more")
        try shard.write()
        #expect(try shard.projection.checkpoint() == shard.index)
        try shard.projection.verify()
    }

    @Test func `a file that is no database has a named error`() throws {
        let folder = try Folder()
        try Data(repeating: 0x5A, count: 8192).write(to: URL(fileURLWithPath: folder.file))
        let error = #expect(throws: ProjectionError.self) {
            try ShardProjection.open(path: folder.file, shard: ShardID(1))
        }
        guard case .corrupt = error else { Issue.record("\(String(describing: error))"); return }
    }

    @Test func `a damaged page is found`() throws {
        let folder = try Folder()
        do {
            var shard = try Shard.withHistory(folder.file)
            for number in 0..<2000 {
                shard.post("message \(number) of some length, so that there are pages", key: "x\(number)")
            }
            try shard.write()
            _ = try shard.projection.checkpoint()
            // The last one out takes SQLite's own log along, which would hide what stands in the file.
            try shard.projection.close()
        }
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: folder.file))
        let size = try file.seekToEnd()
        for offset in stride(from: UInt64(4096 * 3), to: size, by: 4096) {
            try file.seek(toOffset: offset)
            try file.write(contentsOf: Data(repeating: 0xFF, count: 512))
        }
        try file.close()
        let error = #expect(throws: ProjectionError.self) {
            let projection = try ShardProjection.open(path: folder.file, shard: ShardID(1))
            try projection.verify()
        }
        guard case .corrupt = error else { Issue.record("\(String(describing: error))"); return }
    }

    @Test func `a file of another shard or a newer version is refused`() throws {
        let folder = try Folder()
        _ = try ShardProjection.open(path: folder.file, shard: ShardID(1))
        #expect(throws: ProjectionError.wrongShard(path: folder.file, found: 1)) {
            try ShardProjection.open(path: folder.file, shard: ShardID(2))
        }
    }

    @Test func `a record of an unknown kind is not skipped`() throws {
        let folder = try Folder()
        let shard = try Shard.withHistory(folder.file)
        try shard.projection.damage("INSERT INTO record (kind, key, value) VALUES (99, x'00', x'00')")
        #expect(throws: ProjectionError.unrestorable(path: folder.file, .unknownKind(99))) { try Shard(folder.file) }
    }

    @Test func `a record that can not be read is not skipped`() throws {
        let folder = try Folder()
        let shard = try Shard.withHistory(folder.file)
        try shard.projection.damage("UPDATE record SET value = x'00' WHERE kind = 11")
        let error = #expect(throws: ProjectionError.self) { try Shard(folder.file) }
        guard case .unrestorable(_, .unreadable(.channel, _)) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
