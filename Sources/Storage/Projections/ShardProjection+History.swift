import ChatMachine
import ChatModel
import ClusterModel
import Foundation
import GRDB

// Pages of history. Whether the reader may see them was decided on the machine's state before.

extension ShardProjection {
    /// The answer to what the machine could not answer from memory.
    package func answer(_ request: HistoryRequest) throws(ProjectionError) -> QueryAnswer {
        switch request {
        case .messages(let channel, let position, let limit, let head):
            return .events(try self.history(channel, position, limit: limit, head: head), head: head)
        case .message(let channel, let seq, let head):
            guard let event = try self.event(channel, seq: seq), case .messageCreated = event.body else {
                return .refused(.notFound)
            }
            return .events([event], head: head)
        case .events(let channel, let after, let limit, let head):
            return .events(try self.events(channel, after: after, limit: limit, head: head), head: head)
        }
    }

    /// Messages only, oldest first, none after `head`.
    package func history(
        _ channel: ChannelID, _ position: HistoryPosition, limit: Int, head: UInt64 = .max
    ) throws(ProjectionError) -> [DurableEvent] {
        guard limit > 0 else { return [] }
        switch position {
        case .newest: return try self.older(channel, before: nil, head, limit)
        case .before(let seq): return try self.older(channel, before: seq, head, limit)
        case .after(let seq): return try self.newer(channel, .message, after: seq, head, limit)
        case .around(let seq):
            let older = try self.older(channel, before: seq, head, limit)
            let newer = try self.newer(channel, .message, after: seq == 0 ? 0 : seq - 1, head, limit)
            // Half and half; what one side lacks the other fills.
            let newerCount = min(newer.count, max(limit - limit / 2, limit - older.count))
            return Array(older.suffix(limit - newerCount)) + Array(newer.prefix(newerCount))
        }
    }

    /// All durable events after `after`, oldest first, none after `head`.
    package func events(
        _ channel: ChannelID, after: UInt64, limit: Int, head: UInt64 = .max
    ) throws(ProjectionError) -> [DurableEvent] {
        guard limit > 0 else { return [] }
        return try self.newer(channel, .any, after: after, head, limit)
    }

    package func event(_ channel: ChannelID, seq: UInt64) throws(ProjectionError) -> DurableEvent? {
        guard seq > 0, seq <= UInt64(UInt32.max), let number = self.number(of: channel) else { return nil }
        return try self.read { db in
            let id = EventRow.id(number, seq)
            return try Self.fetch(db, channel, sql: "\(Self.columns) WHERE id = ?", [id]).first
        }
    }

    private enum Selection {
        case any
        case message
        var condition: String { self == .any ? "" : "AND kind = \(EventKind.messageCreated.rawValue)" }
    }

    private static let columns = "SELECT id, at, actor, body FROM event"

    private func older(
        _ channel: ChannelID, before: UInt64?, _ head: UInt64, _ limit: Int
    ) throws(ProjectionError) -> [DurableEvent] {
        guard before != 0, let number = self.number(of: channel) else { return [] }
        let last = min(head, before.map { $0 - 1 } ?? .max)
        let page = try self.read { db in
            let sql = "\(Self.columns) WHERE id BETWEEN ? AND ? \(Selection.message.condition) ORDER BY id DESC LIMIT ?"
            return try Self.fetch(
                db, channel, sql: sql, [EventRow.id(number, 0), EventRow.id(number, last), Int64(limit)])
        }
        return page.reversed()
    }

    private func newer(
        _ channel: ChannelID, _ selection: Selection, after: UInt64, _ head: UInt64, _ limit: Int
    ) throws(ProjectionError) -> [DurableEvent] {
        guard after < UInt64(UInt32.max), let number = self.number(of: channel) else { return [] }
        return try self.read { db in
            let sql = "\(Self.columns) WHERE id BETWEEN ? AND ? \(selection.condition) ORDER BY id LIMIT ?"
            return try Self.fetch(
                db, channel, sql: sql, [EventRow.id(number, after + 1), EventRow.id(number, head), Int64(limit)])
        }
    }

    private static func fetch(
        _ db: Database, _ channel: ChannelID, sql: String, _ arguments: StatementArguments
    ) throws -> [DurableEvent] {
        let rows = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: arguments)
        var events: [DurableEvent] = []
        while let row = try rows.next() {
            let (id, at): (Int64, Int64) = (row[0], row[1])
            events.append(
                DurableEvent(
                    channel: channel, seq: EventRow.seq(id), at: Timestamp(milliseconds: at),
                    actor: try UserID(encoded: Self.bytes(row, 2)), body: try EventBody(encoded: Self.bytes(row, 3))))
        }
        return events
    }
}
