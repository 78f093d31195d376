import ChatMachine
import ChatModel
import ClusterModel
import Foundation
import GRDB

// Rows that only reads need, and what erasing and trimming take away.

extension RowBatch {
    /// - Parameter numbers: the last change of each item, in their order.
    static func writeItems(_ numbers: [Int], of changes: [RowChange], to db: Database) throws {
        guard !numbers.isEmpty else { return }
        let keep = try db.cachedStatement(sql: "INSERT OR REPLACE INTO item (kind, key, value) VALUES (?, ?, ?)")
        let drop = try db.cachedStatement(sql: "DELETE FROM item WHERE kind = ? AND key = ?")
        for number in numbers {
            switch changes[number] {
            case .keep(let kind, let key, let value):
                try keep.execute(arguments: [Int64(kind.rawValue), Data(key), Data(value)])
            case .drop(let kind, let key):
                try drop.execute(arguments: [Int64(kind.rawValue), Data(key)])
            case .put, .delete, .event, .erase, .trim: break
            }
        }
    }

    /// Behind all rows of the batch: what it takes away may be among them.
    func remove(_ change: RowChange, from db: Database) throws {
        switch change {
        case .erase(let channel, let seqs):
            guard let number = self.channelNumbers[channel] else { return }
            for seq in seqs { try Self.erase(seq, of: channel, number, db) }
            try SearchTodo.note(.logHoldsErased, db)
            guard let message = seqs.first else { return }
            try Self.removeItems(of: channel, message...message, db)
        case .trim(let channel, let through):
            guard let number = self.channelNumbers[channel] else { return }
            try Self.trim(channel, number, through: through, db)
            try Self.removeItems(of: channel, 0...through, db)
            try Self.removeRecords(of: channel, through: through, db)
            try SearchTodo.note(.logHoldsErased, db)
        case .put, .delete, .event, .keep, .drop: break
        }
    }

    /// Writes the run that holds this event again, without what the event said.
    private static func erase(_ seq: UInt64, of channel: ChannelID, _ number: Int64, _ db: Database) throws {
        try Self.rewriteRun(holding: seq, of: channel, number, db) { rows in
            rows.map { $0.event.seq == seq ? (event: $0.event.erased, key: $0.key) : $0 }
        }
    }

    /// Runs below the border go; the one at the border is written again from there.
    private static func trim(_ channel: ChannelID, _ number: Int64, through: UInt64, _ db: Database) throws {
        guard through > 0, through < UInt64(UInt32.max) else { return }
        try Self.rewriteRun(holding: through, of: channel, number, db) { rows in
            rows.filter { $0.event.seq > through }
        }
        try db.cachedStatement(sql: "DELETE FROM run WHERE id BETWEEN ? AND ?")
            .execute(arguments: [EventRow.id(number, 0), EventRow.id(number, through)])
    }

    private typealias RunRow = (event: DurableEvent, key: StoredKey?)

    private static func rewriteRun(
        holding seq: UInt64, of channel: ChannelID, _ number: Int64, _ db: Database, _ change: ([RunRow]) -> [RunRow]
    ) throws {
        let select = try db.cachedStatement(
            sql: "SELECT id, count, head, body FROM run WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1")
        let found = try Row.fetchOne(
            select, arguments: [EventRow.id(number, 0), EventRow.id(number, seq)])
        guard let found else { return }
        let (id, count): (Int64, Int64) = (found[0], found[1])
        let first = EventRow.seq(id)
        guard seq < first + UInt64(count) else { return }
        let (head, body) = (try ShardProjection.bytes(found, 2), try ShardProjection.bytes(found, 3))
        let events = try EventRun.events(channel, first: first, count: count, head: head, body: body)
        let keys = try EventRun.entries(head, first: first, count: count).map(\.key)
        try db.cachedStatement(sql: "DELETE FROM run WHERE id = ?").execute(arguments: [id])
        let insert = try db.cachedStatement(sql: "INSERT INTO run (id, count, head, body) VALUES (?, ?, ?, ?)")
        var run = EventRun()
        for row in change(zip(events, keys).map { (event: $0, key: $1) }) {
            let body = row.event.actor.encoded + row.event.body.encoded
            body.withUnsafeBytes { run.append(row.event.seq, MessageIndex.Mark(row.event), row.key, body: $0) }
        }
        try Self.write(run, of: number, insert)
    }

    /// Items of messages: their keys begin with channel and seq.
    private static func removeItems(of channel: ChannelID, _ seqs: ClosedRange<UInt64>, _ db: Database) throws {
        let delete = try db.cachedStatement(sql: "DELETE FROM item WHERE kind = ? AND key >= ? AND key < ?")
        for kind in [ItemKind.messageText, .edit] {
            try delete.execute(
                arguments: [
                    Int64(kind.rawValue), Data(ItemKey.of(MessageID(channel: channel, seq: seqs.lowerBound))),
                    Data(ItemKey.of(MessageID(channel: channel, seq: seqs.upperBound + 1))),
                ])
        }
    }

    private static func removeRecords(of channel: ChannelID, through: UInt64, _ db: Database) throws {
        let delete = try db.cachedStatement(sql: "DELETE FROM record WHERE kind = ? AND key >= ? AND key < ?")
        for kind in [RecordKind.messageState, .reaction, .thread, .follow] {
            try delete.execute(
                arguments: [
                    Int64(kind.rawValue), Data(ItemKey.of(MessageID(channel: channel, seq: 0))),
                    Data(ItemKey.of(MessageID(channel: channel, seq: through + 1))),
                ])
        }
    }
}
