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
            return .views(try self.history(channel, position, limit: limit, head: head), head: head)
        case .message(let channel, let seq, let head):
            let views = try self.views(channel, seqs: [seq], head: head)
            return views.isEmpty ? .refused(.notFound) : .views(views, head: head)
        case .events(let channel, let after, let limit, let head):
            return .events(try self.events(channel, after: after, limit: limit, head: head), head: head)
        case .views(let channel, let seqs, let head):
            return .views(try self.views(channel, seqs: seqs, head: head), head: head)
        case .thread(let root, let replies, let state, let head):
            let views = try self.views(root.channel, seqs: [root.seq] + replies, head: head)
            guard let first = views.first, first.id == root else { return .refused(.notFound) }
            return .thread(first, Array(views.dropFirst()), state)
        case .edits, .items, .search: return try self.answerFromItems(request)
        }
    }

    /// Messages as they are now, oldest first, none after `head`.
    package func history(
        _ channel: ChannelID, _ position: HistoryPosition, limit: Int, head: UInt64 = .max
    ) throws(ProjectionError) -> [MessageView] {
        guard limit > 0, let number = self.number(of: channel) else { return [] }
        return try self.read { db in
            let page = try Self.page(channel, number, position, limit: limit, head, db)
            return try Self.views(of: page, channel, head, db)
        }
    }

    /// All durable events after `after`, oldest first, none after `head`.
    package func events(
        _ channel: ChannelID, after: UInt64, limit: Int, head: UInt64 = .max
    ) throws(ProjectionError) -> [DurableEvent] {
        guard limit > 0, let number = self.number(of: channel) else { return [] }
        return try self.read { db in try Self.newer(channel, number, .any, after: after, head, limit, db) }
    }

    /// These messages as they are now, in this order; what is no message, or beyond `head`, is left out.
    private func views(
        _ channel: ChannelID, seqs: [UInt64], head: UInt64
    ) throws(ProjectionError) -> [MessageView] {
        guard let number = self.number(of: channel) else { return [] }
        return try self.read { db in
            var events: [UInt64: DurableEvent] = [:]
            for seq in Set(seqs).sorted() where seq <= head && events[seq] == nil {
                // A run's neighbours are decoded already; some of them may be asked for next.
                for event in try Self.run(holding: seq, of: channel, number, db) { events[event.seq] = event }
            }
            return try Self.views(of: seqs.filter { $0 <= head }.compactMap { events[$0] }, channel, head, db)
        }
    }

    static func views(
        of events: [DurableEvent], _ channel: ChannelID, _ head: UInt64, _ db: Database
    ) throws -> [MessageView] {
        let messages = events.filter(\.isMessage)
        guard !messages.isEmpty else { return [] }
        let overlay = try Self.overlay(of: messages, channel, head, db) ?? MessageOverlay(channel, head: head)
        return messages.compactMap { overlay.view(of: $0) }
    }

    /// What became of these messages; nil when nothing did of any of them.
    static func overlay(
        of messages: [DurableEvent], _ channel: ChannelID, _ head: UInt64, _ db: Database
    ) throws -> MessageOverlay? {
        var overlay = MessageOverlay(channel, head: head)
        var isEmpty = true
        for range in MessageOverlay.ranges(messages.lazy.map(\.seq)) {
            let keys = MessageOverlay.keys(channel, range)
            for source in MessageOverlay.Source.allCases {
                let (isItem, kind) = source.place
                let select = try db.cachedStatement(
                    sql: """
                        SELECT key, value FROM \(isItem ? "item" : "record")
                        WHERE kind = ? AND key >= ? AND key < ? ORDER BY key
                        """)
                let rows = try Row.fetchCursor(
                    select, arguments: [Int64(kind), Data(keys.from), Data(keys.to)])
                while let row = try rows.next() {
                    isEmpty = false
                    try overlay.take(ItemRow(key: Self.bytes(row, 0), value: Self.bytes(row, 1)), from: source)
                }
            }
        }
        for seq in overlay.wantsEdits {
            let page = ItemPage(editsOf: MessageID(channel: channel, seq: seq))
            overlay.take(try ItemKey.edits(Self.items(page, db)), of: seq)
        }
        return isEmpty ? nil : overlay
    }

    /// The whole run in which an event stands; empty when there is none.
    static func run(
        holding seq: UInt64, of channel: ChannelID, _ number: Int64, _ db: Database
    ) throws -> [DurableEvent] {
        guard seq > 0, seq <= UInt64(UInt32.max) else { return [] }
        let runs = try Self.runs(
            db, sql: "WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1",
            [EventRow.id(number, 0), EventRow.id(number, seq)])
        guard let row = try runs.next() else { return [] }
        return try Self.events(row, channel)
    }

    private static func page(
        _ channel: ChannelID, _ number: Int64, _ position: HistoryPosition, limit: Int, _ head: UInt64, _ db: Database
    ) throws -> [DurableEvent] {
        switch position {
        case .newest: return try Self.older(channel, number, before: nil, head, limit, db)
        case .before(let seq): return try Self.older(channel, number, before: seq, head, limit, db)
        case .after(let seq): return try Self.newer(channel, number, .message, after: seq, head, limit, db)
        case .around(let seq):
            let older = try Self.older(channel, number, before: seq, head, limit, db)
            let newer = try Self.newer(
                channel, number, .message, after: seq == 0 ? 0 : seq - 1, head, limit, db)
            // Half and half; what one side lacks the other fills.
            let newerCount = min(newer.count, max(limit - limit / 2, limit - older.count))
            return Array(older.suffix(limit - newerCount)) + Array(newer.prefix(newerCount))
        }
    }

    enum Selection {
        case any
        case message

        func takes(_ event: DurableEvent) -> Bool {
            guard self == .message else { return true }
            return event.isMessage
        }
    }

    /// Whole runs are read, newest first, until the page is full.
    private static func older(
        _ channel: ChannelID, _ number: Int64, before: UInt64?, _ head: UInt64, _ limit: Int, _ db: Database
    ) throws -> [DurableEvent] {
        guard before != 0 else { return [] }
        let last = min(head, before.map { $0 - 1 } ?? .max)
        let runs = try Self.runs(
            db, sql: "WHERE id BETWEEN ? AND ? ORDER BY id DESC", [EventRow.id(number, 0), EventRow.id(number, last)])
        var page: [DurableEvent] = []
        while page.count < limit, let row = try runs.next() {
            page += try Self.events(row, channel).reversed()
                .filter { $0.seq <= last && Selection.message.takes($0) }
        }
        return page.prefix(limit).reversed()
    }

    static func newer(
        _ channel: ChannelID, _ number: Int64, _ selection: Selection, after: UInt64, _ head: UInt64, _ limit: Int,
        _ db: Database
    ) throws -> [DurableEvent] {
        guard after < UInt64(UInt32.max) else { return [] }
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
