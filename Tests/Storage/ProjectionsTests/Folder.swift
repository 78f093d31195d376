import ChatMachine
import ChatModel
import ClusterModel
import Foundation
import Placement

@testable import Projections

/// A folder of its own for each test, gone afterwards.
final class Folder {
    let path: String
    init() throws {
        self.path = NSTemporaryDirectory() + "projection-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: self.path) }
    var file: String { self.path + "/0001.sqlite" }

    /// A shard with one channel whose messages are these texts, from seq 2 on.
    func shard(_ texts: [String], _ file: String? = nil) throws -> Shard {
        var shard = try Shard(file ?? self.file)
        shard.apply(.createChannel(general, name: "general", type: .public, topic: "", by: actor(1), nil))
        for text in texts { shard.post(text) }
        try shard.write()
        return shard
    }
}

func user(_ number: UInt64) -> UserID { UserID(high: 1, low: number) }
func channel(_ number: UInt64) -> ChannelID { ChannelID(high: 2, low: number) }
func actor(_ number: UInt64) -> Actor {
    Actor(user: user(number), role: .member, session: SessionID(high: 3, low: number))
}
let general = channel(1)

/// A shard whose rows are written to its file in batches, as a host does it.
struct Shard {
    var machine: ShardMachine
    let projection: ShardProjection
    var now = Timestamp(milliseconds: 1_750_000_000_000)
    var index = LogIndex.zero
    var pending: [RowChange] = []

    init(_ file: String) throws {
        self.projection = try ShardProjection.open(path: file, shard: ShardID(1))
        self.machine = ShardMachine(shard: ShardID(1), map: ShardMap(shardCount: 1))
        try self.projection.load(into: &self.machine)
        self.index = self.projection.appliedIndex
    }

    @discardableResult
    mutating func apply(_ command: Command) -> CommandResult {
        self.index = self.index.next()
        self.now = self.now.advanced(byMilliseconds: 1)
        var effects = ApplyEffects()
        let result = self.machine.apply(LoggedCommand(at: self.now, command: command), at: self.index, into: &effects)
        self.pending += effects.changes
        return result
    }

    mutating func write() throws {
        try self.projection.write(
            self.pending, after: self.projection.appliedIndex, appliedIndex: self.index,
            stateHash: self.machine.stateHash)
        self.pending = []
    }

    mutating func post(_ text: String, key: String? = nil) {
        self.apply(
            .postMessage(
                general, MessageContent(text: text, clientID: key, thread: nil), by: actor(1),
                key.map { IdempotencyKey(user: user(1), key: $0, fingerprint: 7) }))
    }

    /// Event 1 is the owner's joining, 2 … 21 are messages, 22 a joining, 23 … 32 messages.
    static func withHistory(_ file: String) throws -> Shard {
        var shard = try Shard(file)
        shard.apply(.createChannel(general, name: "general", type: .public, topic: "", by: actor(1), nil))
        for number in 2...21 { shard.post("m\(number)", key: "k\(number)") }
        shard.apply(.joinChannel(general, by: actor(2)))
        for number in 23...32 { shard.post("m\(number)", key: "k\(number)") }
        try shard.write()
        return shard
    }
}

extension ShardProjection {
    /// Does to the file what only a fault would.
    func damage(_ sql: String) throws { try self.execute(sql) }
}
