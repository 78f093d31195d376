import ChatMachine
import ChatModel
import ClusterModel
import Foundation
import GRDB

/// The rows of one transaction.
struct RowBatch {
    private(set) var channelNumbers: [ChannelID: Int64]
    private(set) var hasNewChannels = false
    private(set) var wantsIndexing = false
    /// Messages that the index has to look at.
    private(set) var rowsToIndex = 0

    private struct Place: Hashable {
        let kind: RecordKind
        let key: [UInt8]
    }
    private struct ItemPlace: Hashable {
        let kind: ItemKind
        let key: [UInt8]
    }

    init(channelNumbers: [ChannelID: Int64]) { self.channelNumbers = channelNumbers }

    /// - Throws: `RowBatchError.repeatedEvent` when two changes are the same event; whatever SQLite throws.
    mutating func write(_ rows: QueuedRows, to db: Database) throws {
        // A record may change often in one batch (the clock does with every entry): its last value is enough.
        var lastChange: [Place: Int] = [:]
        var lastItem: [ItemPlace: Int] = [:]
        var lastClock: Int?
        // In their order, behind the events and items that they take away from.
        var removals: [Int] = []
        for (number, change) in rows.others.enumerated() {
            switch change {
            case .put(.clock, _, _):
                lastClock = number
            case .put(let kind, let key, _), .delete(let kind, let key):
                lastChange[Place(kind: kind, key: key)] = number
            case .keep(let kind, let key, _), .drop(let kind, let key):
                lastItem[ItemPlace(kind: kind, key: key)] = number
            case .erase, .trim:
                removals.append(number)
            case .event: break  // Never here: events wait as bytes.
            }
        }
        try self.writeEvents(of: rows, to: db)
        try self.noteTouched(rows.others, db)
        try self.writeRecords(
            (lastClock.map { [$0] } ?? []) + lastChange.values.sorted(), of: rows.others, to: db)
        try Self.writeItems(lastItem.values.sorted(), of: rows.others, to: db)
        for number in removals { try self.remove(rows.others[number], from: db) }
    }

    /// In the order of their rows, so that a channel's events lie side by side and each page is filled at once.
    private mutating func writeEvents(of rows: QueuedRows, to db: Database) throws {
        guard !rows.heads.isEmpty else { return }
        var events: [(channel: Int64, seq: UInt64, place: Int)] = []
        events.reserveCapacity(rows.heads.count)
        for (place, head) in rows.heads.enumerated() {
            events.append((try self.number(of: head.channel, db), head.seq, place))
        }
        events.sort { ($0.channel, $0.seq) < ($1.channel, $1.seq) }
        let insert = try db.cachedStatement(sql: "INSERT INTO run (id, count, head, body) VALUES (?, ?, ?, ?)")
        var run = EventRun()
        var channel: Int64 = 0
        for event in events {
            if event.channel != channel || !run.takes(event.seq) {
                if event.channel == channel, event.seq < run.next {
                    throw RowBatchError.repeatedEvent(seq: event.seq)
                }
                try self.finish(run, of: channel, insert, db)
                run.removeAll()
                channel = event.channel
            }
            run.append(rows.heads[event.place], of: rows)
        }
        try self.finish(run, of: channel, insert, db)
    }

    private mutating func finish(_ run: EventRun, of channel: Int64, _ insert: Statement, _ db: Database) throws {
        try Self.write(run, of: channel, insert)
        guard run.hasMessages else { return }
        try self.noteSearchable(EventRow.id(channel, run.first), count: run.count, db)
    }

    /// Has the index look at these places again.
    private mutating func noteSearchable(_ place: Int64, count: Int, _ db: Database) throws {
        try SearchTodo.note(place, count: count, db)
        self.wantsIndexing = true
        self.rowsToIndex += count
    }

    /// Messages whose text, state or reactions change: the index shows all of them.
    private mutating func noteTouched(_ changes: [RowChange], _ db: Database) throws {
        for change in changes {
            switch change {
            case .put(.messageState, let key, _), .delete(.messageState, let key), .put(.reaction, let key, _),
                .delete(.reaction, let key), .keep(.messageText, let key, _), .drop(.messageText, let key):
                guard let message = ItemKey.message(key), let number = self.channelNumbers[message.channel] else {
                    continue
                }
                try self.noteSearchable(EventRow.id(number, message.seq), count: 1, db)
            case .erase(let channel, let seqs):
                guard let number = self.channelNumbers[channel], let seq = seqs.first else { continue }
                try self.noteSearchable(EventRow.id(number, seq), count: 1, db)
            case .trim(let channel, let through):
                guard let number = self.channelNumbers[channel] else { continue }
                try SearchTodo.noteTrimmed(number, through: through, db)
                self.wantsIndexing = true
            case .put, .delete, .keep, .drop, .event: break
            }
        }
    }

    static func write(_ run: EventRun, of channel: Int64, _ insert: Statement) throws {
        guard run.count > 0 else { return }
        try insert.execute(
            arguments: [
                EventRow.id(channel, run.first), Int64(run.count), Data(run.headBytes), Data(run.bodyBytes),
            ])
    }

    private func writeRecords(_ numbers: [Int], of changes: [RowChange], to db: Database) throws {
        guard !numbers.isEmpty else { return }
        let put = try db.cachedStatement(sql: "INSERT OR REPLACE INTO record (kind, key, value) VALUES (?, ?, ?)")
        let delete = try db.cachedStatement(sql: "DELETE FROM record WHERE kind = ? AND key = ?")
        for number in numbers {
            switch changes[number] {
            case .put(let kind, let key, let value):
                try put.execute(arguments: [Int64(kind.rawValue), Data(key), Data(value)])
            case .delete(let kind, let key):
                try delete.execute(arguments: [Int64(kind.rawValue), Data(key)])
            case .event, .keep, .drop, .erase, .trim: break
            }
        }
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
}

/// A batch that no log leads to: a bug of the caller, nothing was written.
enum RowBatchError: Error, Equatable {
    case repeatedEvent(seq: UInt64)
}
