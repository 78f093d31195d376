import ChatMachine
import ChatModel
import ClusterModel
import Foundation
import GRDB

/// The rows of one transaction.
struct RowBatch {
    private(set) var channelNumbers: [ChannelID: Int64]
    private(set) var hasNewChannels = false
    private var writer = ByteWriter(reservingCapacity: 512)

    private struct Place: Hashable {
        let kind: RecordKind
        let key: [UInt8]
    }

    init(channelNumbers: [ChannelID: Int64]) { self.channelNumbers = channelNumbers }

    mutating func write(_ changes: [RowChange], to db: Database) throws {
        let statement = try db.cachedStatement(
            sql: "INSERT INTO event (id, kind, at, actor, idempotency, body) VALUES (?, ?, ?, ?, ?, ?)")
        // In the order of their rows, so that each page is filled at once: the channels' ends lie far apart, and a
        // busy shard has more of them than the page cache holds.
        var events: [(id: Int64, change: Int)] = []
        // A record may change often in one batch (the clock does with every entry): its last value is enough.
        var lastChange: [Place: Int] = [:]
        for (number, change) in changes.enumerated() {
            switch change {
            case .event(let value, _):
                events.append((EventRow.id(try self.number(of: value.channel, db), value.seq), number))
            case .put(let kind, let key, _), .delete(let kind, let key):
                lastChange[Place(kind: kind, key: key)] = number
            }
        }
        events.sort { $0.id < $1.id }
        for (id, number) in events {
            guard case .event(let value, let key) = changes[number] else { continue }
            try self.write(value, key, at: id, statement)
        }
        guard !lastChange.isEmpty else { return }
        let put = try db.cachedStatement(sql: "INSERT OR REPLACE INTO record (kind, key, value) VALUES (?, ?, ?)")
        let delete = try db.cachedStatement(sql: "DELETE FROM record WHERE kind = ? AND key = ?")
        for number in lastChange.values.sorted() {
            switch changes[number] {
            case .put(let kind, let key, let value):
                try put.execute(arguments: [Int64(kind.rawValue), Data(key), Data(value)])
            case .delete(let kind, let key):
                try delete.execute(arguments: [Int64(kind.rawValue), Data(key)])
            case .event: break
            }
        }
    }

    private mutating func write(
        _ event: DurableEvent, _ key: StoredKey?, at id: Int64, _ statement: Statement
    ) throws {
        self.writer.removeAll()
        self.writer.write(event.body)
        let body = Data(self.writer.bytes)
        try statement.execute(
            arguments: [
                id, Int64(event.body.kind.rawValue), event.at.milliseconds,
                Data(event.actor.encoded), key.map { Self.data($0) }, body,
            ])
    }

    private mutating func number(of channel: ChannelID, _ db: Database) throws -> Int64 {
        if let known = self.channelNumbers[channel] { return known }
        try db.cachedStatement(sql: "INSERT INTO channel (id) VALUES (?)")
            .execute(arguments: [Data(channel.encoded)])
        let number = db.lastInsertedRowID
        self.channelNumbers[channel] = number
        self.hasNewChannels = true
        return number
    }

    private static func data(_ key: StoredKey) -> Data {
        var writer = ByteWriter(reservingCapacity: 24)
        writer.write(key.high)
        writer.write(key.low)
        writer.write(key.fingerprint)
        return Data(writer.bytes)
    }

    static func storedKey(_ bytes: [UInt8]) throws(WireError) -> StoredKey {
        var reader = ByteReader(bytes)
        let key = StoredKey(high: try reader.read(), low: try reader.read(), fingerprint: try reader.read())
        guard reader.isAtEnd else { throw .trailingBytes(reader.remaining) }
        return key
    }
}
