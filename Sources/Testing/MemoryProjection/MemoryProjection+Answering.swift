import ChatMachine
import ChatModel
import ClusterModel

// What a projection is read for, answered from memory.

extension MemoryProjection {
    /// - Throws: an item that can not be read.
    package func answer(_ request: HistoryRequest) throws(WireError) -> QueryAnswer {
        switch request {
        case .messages(let channel, let position, let limit, let head):
            return .events(self.history(channel, position, limit, head), head: head)
        case .message(let channel, let seq, let head):
            guard let event = self.rows(channel, after: seq - 1, through: min(seq, head)).first, event.isMessage
            else { return .refused(.notFound) }
            return .events([event], head: head)
        case .events(let channel, let after, let limit, let head):
            return .events(Array(self.rows(channel, after: after, through: head).prefix(limit)), head: head)
        case .views(let channel, let seqs, let head):
            var views: [MessageView] = []
            for seq in seqs where seq > 0 && seq <= head {
                guard let event = self.rows(channel, after: seq - 1, through: seq).first else { continue }
                let text = self.items[
                    Place(kind: ItemKind.messageText.rawValue, key: ItemKey.of(event.messageID))]
                if let view = try MessageView(event, text: text) { views.append(view) }
            }
            return .views(views, head: head)
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
