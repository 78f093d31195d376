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
            guard let event = try self.event(channel, seq: seq), event.isMessage else {
                return .refused(.notFound)
            }
            return .events([event], head: head)
        case .events(let channel, let after, let limit, let head):
            return .events(try self.events(channel, after: after, limit: limit, head: head), head: head)
        case .views, .edits, .items, .search: return try self.answerFromItems(request)
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
            let runs = try Self.runs(
                db, sql: "WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1",
                [EventRow.id(number, 0), EventRow.id(number, seq)])
            guard let row = try runs.next() else { return nil }
            return try Self.events(row, channel).first { $0.seq == seq }
        }
    }

    private enum Selection {
        case any
        case message

        func takes(_ event: DurableEvent) -> Bool {
            guard self == .message else { return true }
            return event.isMessage
        }
    }

    /// Whole runs are read, newest first, until the page is full.
    private func older(
        _ channel: ChannelID, before: UInt64?, _ head: UInt64, _ limit: Int
    ) throws(ProjectionError) -> [DurableEvent] {
        guard before != 0, let number = self.number(of: channel) else { return [] }
        let last = min(head, before.map { $0 - 1 } ?? .max)
        let page = try self.read { db in
            let runs = try Self.runs(
                db, sql: "WHERE id BETWEEN ? AND ? ORDER BY id DESC",
                [EventRow.id(number, 0), EventRow.id(number, last)])
            var page: [DurableEvent] = []
            while page.count < limit, let row = try runs.next() {
                page += try Self.events(row, channel).reversed()
                    .filter { $0.seq <= last && Selection.message.takes($0) }
            }
            return page
        }
        return page.prefix(limit).reversed()
    }

    private func newer(
        _ channel: ChannelID, _ selection: Selection, after: UInt64, _ head: UInt64, _ limit: Int
    ) throws(ProjectionError) -> [DurableEvent] {
        guard after < UInt64(UInt32.max), let number = self.number(of: channel) else { return [] }
        let page = try self.read { db in
            // From the run that has the first one, which may begin before it.
            let runs = try Self.runs(
                db,
                sql: """
                    WHERE id BETWEEN
                        COALESCE((SELECT id FROM run WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT 1), ?2) AND ?3
                    ORDER BY id
                    """,
                [EventRow.id(number, 0), EventRow.id(number, after + 1), EventRow.id(number, head)])
            var page: [DurableEvent] = []
            while page.count < limit, let row = try runs.next() {
                page += try Self.events(row, channel)
                    .filter { $0.seq > after && $0.seq <= head && selection.takes($0) }
            }
            return page
        }
        return Array(page.prefix(limit))
    }

    private static func runs(_ db: Database, sql: String, _ arguments: StatementArguments) throws -> RowCursor {
        try Row.fetchCursor(
            db.cachedStatement(sql: "SELECT id, count, head, body FROM run \(sql)"), arguments: arguments)
    }

    private static func events(_ row: Row, _ channel: ChannelID) throws -> [DurableEvent] {
        let (id, count): (Int64, Int64) = (row[0], row[1])
        return try EventRun.events(
            channel, first: EventRow.seq(id), count: count, head: Self.bytes(row, 2), body: Self.bytes(row, 3))
    }
}
