import ChatMachine
import ChatModel
import ClusterModel

// What a projection is read for, answered from memory.

extension MemoryProjection {
    /// - Throws: an item that can not be read.
    package func answer(_ request: HistoryRequest) throws(WireError) -> QueryAnswer {
        switch request {
        case .messages(let channel, let position, let limit, let head):
            return .views(try self.views(of: self.history(channel, position, limit, head), channel, head), head: head)
        case .message(let channel, let seq, let head):
            let views = try self.views(channel, [seq], head)
            return views.isEmpty ? .refused(.notFound) : .views(views, head: head)
        case .events(let channel, let after, let limit, let head):
            return .events(Array(self.rows(channel, after: after, through: head).prefix(limit)), head: head)
        case .views(let channel, let seqs, let head):
            return .views(try self.views(channel, seqs, head), head: head)
        case .thread(let root, let replies, let state, let head):
            let views = try self.views(root.channel, [root.seq] + replies, head)
            guard let first = views.first, first.id == root else { return .refused(.notFound) }
            return .thread(first, Array(views.dropFirst()), state)
        case .edits(let message, let head):
            guard message.seq <= head else { return .refused(.notFound) }
            return .edits(try ItemKey.edits(self.rows(ItemPage(editsOf: message))))
        case .items(let page, let answer):
            return try answer.answer(self.rows(page)) { key in
                self.items[Place(kind: ItemKind.notificationRead.rawValue, key: key)] != nil
            }
        case .search: return .hits([], isComplete: false)
        }
    }

    private func views(
        _ channel: ChannelID, _ seqs: [UInt64], _ head: UInt64
    ) throws(WireError) -> [MessageView] {
        let events = seqs.filter { $0 > 0 && $0 <= head }.flatMap { self.rows(channel, after: $0 - 1, through: $0) }
        return try self.views(of: events, channel, head)
    }

    private func views(
        of events: [DurableEvent], _ channel: ChannelID, _ head: UInt64
    ) throws(WireError) -> [MessageView] {
        var overlay = MessageOverlay(channel, head: head)
        for range in MessageOverlay.ranges(events.map(\.seq)) {
            let keys = MessageOverlay.keys(channel, range)
            for source in MessageOverlay.Source.allCases {
                let (isItem, kind) = source.place
                for (place, value) in isItem ? self.items : self.records
                where place.kind == kind && !place.key.lexicographicallyPrecedes(keys.from)
                    && place.key.lexicographicallyPrecedes(keys.to)
                {
                    try overlay.take(ItemRow(key: place.key, value: value), from: source)
                }
            }
        }
        for seq in overlay.wantsEdits {
            let page = ItemPage(editsOf: MessageID(channel: channel, seq: seq))
            overlay.take(try ItemKey.edits(self.rows(page)), of: seq)
        }
        return events.compactMap { overlay.view(of: $0) }
    }

    private func rows(_ page: ItemPage) -> [ItemRow] {
        let rows = self.items.filter { place, _ in
            place.kind == page.kind.rawValue && !place.key.lexicographicallyPrecedes(page.from)
                && place.key.lexicographicallyPrecedes(page.to)
        }
        let ascending = rows.sorted { $0.key < $1.key }.map { ItemRow(key: $0.key.key, value: $0.value) }
        return Array((page.isDescending ? ascending.reversed() : ascending).prefix(page.limit))
    }

    /// Events in the order of their numbers, none above `head`.
    package func rows(_ channel: ChannelID, after: UInt64, through head: UInt64) -> [DurableEvent] {
        guard let rows = self.events[channel], let first = rows.first?.event.seq, head >= first else { return [] }
        let end = Int(clamping: min(head - first + 1, UInt64(rows.count)))
        let start = min(after < first ? 0 : Int(clamping: after - first + 1), end)
        return rows[start..<end].map(\.event)
    }

    private func history(
        _ channel: ChannelID, _ position: HistoryPosition, _ limit: Int, _ head: UInt64
    ) -> [DurableEvent] {
        let messages = self.rows(channel, after: 0, through: head).filter(\.isMessage)
        switch position {
        case .newest: return messages.suffix(limit)
        case .before(let seq): return messages.filter { $0.seq < seq }.suffix(limit)
        case .after(let seq): return Array(messages.filter { $0.seq > seq }.prefix(limit))
        case .around(let seq):
            let older = messages.filter { $0.seq < seq }
            let newer = messages.filter { $0.seq >= seq }
            let newerCount = min(newer.count, max(limit - limit / 2, limit - older.count))
            return Array(older.suffix(limit - newerCount)) + Array(newer.prefix(newerCount))
        }
    }
}
