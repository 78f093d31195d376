import ChatModel
import ClusterModel

// The rows of the table `item`, and the answers that they make: one place for every kind of projection.

/// A row of the table `item`; its kind is the page's.
package struct ItemRow: Hashable, Sendable {
    package let key: [UInt8]
    package let value: [UInt8]

    package init(key: [UInt8], value: [UInt8]) {
        self.key = key
        self.value = value
    }
}

/// Keys of items: most significant byte first, as those of records.
package enum ItemKey {
    package static func of(_ message: MessageID) -> [UInt8] {
        RecordKey.of(message.channel) + Self.bytes(message.seq)
    }
    /// The message whose row has this key, or any longer one; nil for a key that is too short.
    package static func message(_ key: [UInt8]) -> MessageID? {
        guard key.count >= 24, let channel: ChannelID = RecordKey.id(key) else { return nil }
        return MessageID(channel: channel, seq: key[16..<24].reduce(0) { $0 << 8 | UInt64($1) })
    }
    package static func of(_ message: MessageID, edit: UInt64) -> [UInt8] { Self.of(message) + Self.bytes(edit) }
    package static func of(_ number: UInt64) -> [UInt8] { Self.bytes(number) }
    package static func of(_ user: UserID, _ number: UInt64) -> [UInt8] { RecordKey.of(user) + Self.bytes(number) }
    package static func of(_ user: UserID, _ key: StoredKey) -> [UInt8] {
        RecordKey.of(user) + RecordKey.of(key.high, key.low)
    }
    package static func of(_ user: UserID, draftIn channel: ChannelID, thread: UInt64?) -> [UInt8] {
        RecordKey.of(user, channel) + Self.bytes(thread ?? 0)
    }

    /// The texts of a message from its rows.
    package static func edits(_ rows: [ItemRow]) throws(WireError) -> [MessageEdit] {
        var edits: [MessageEdit] = []
        for row in rows {
            guard let seq = Self.lastNumber(row.key) else { throw .invalid("item key") }
            var reader = ByteReader(row.value)
            let (text, at): (String, Timestamp) = (try reader.read(), try reader.read())
            edits.append(MessageEdit(seq: seq, by: try reader.read(), at: at, text: text))
        }
        return edits
    }

    /// The value of an edit's row.
    package static func value(text: String, at: Timestamp, by actor: UserID) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(text)
        writer.write(at)
        writer.write(actor)
        return writer.bytes
    }

    private static func bytes(_ number: UInt64) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

    private static func lastNumber(_ key: [UInt8]) -> UInt64? {
        key.count >= 8 ? key.suffix(8).reduce(0) { $0 << 8 | UInt64($1) } : nil
    }
}

extension ItemPage {
    /// All texts of a message, oldest first.
    package init(editsOf message: MessageID) {
        let isLast = message.seq == .max
        let next = MessageID(channel: message.channel, seq: isLast ? .max : message.seq + 1)
        self.init(
            kind: .edit, from: ItemKey.of(message), to: ItemKey.of(next), limit: ShardMachine.editsMax + 1,
            isDescending: false)
    }
}

extension ItemAnswer {
    /// - Parameter isRead: whether an item of `.notificationRead` has this key.
    package func answer(
        _ rows: [ItemRow], isRead: ([UInt8]) -> Bool
    ) throws(WireError) -> QueryAnswer {
        switch self {
        case .audit(let filter, let limit):
            var entries: [AuditEntry] = []
            var last: UInt64?
            for row in rows {
                let entry = try AuditEntry(encoded: row.value)
                last = entry.number
                if filter.matches(entry.note) { entries.append(entry) }
                if entries.count == limit { break }
            }
            // The chain begins with number 1; nothing stands before it.
            return .audit(entries, before: last.flatMap { $0 > 1 ? $0 : nil })
        case .flags:
            var flags: [FlagRecord] = []
            for row in rows { flags.append(try FlagRecord(encoded: row.value)) }
            return .flags(flags)
        case .notifications(let kind, let unreadOnly, let limit, let unread):
            var views: [NotificationView] = []
            for row in rows where views.count < limit {
                let record = try NotificationRecord(encoded: row.value)
                guard kind == nil || record.kind == kind else { continue }
                let view = NotificationView(record: record, isRead: isRead(row.key))
                if !unreadOnly || !view.isRead { views.append(view) }
            }
            return .notifications(views, unread: unread)
        case .drafts(let places):
            // Both are sorted by channel and thread; a text is the whole value of its row.
            var texts: [[UInt8]: String] = [:]
            for row in rows { texts[Array(row.key.dropFirst(16))] = try String(encoded: row.value) }
            let nobody = UserID(high: 0, low: 0)
            return .drafts(
                places.compactMap { place in
                    let key = ItemKey.of(nobody, draftIn: place.channel, thread: place.thread?.seq)
                    return texts[Array(key.dropFirst(16))].map {
                        Draft(channel: place.channel, thread: place.thread, text: $0, at: place.at)
                    }
                })
        case .keyed:
            return .keyedAnswer(try rows.first.map { (row) throws(WireError) in try StoredAnswer(encoded: row.value) })
        }
    }
}

extension AuditFilter {
    package func matches(_ note: AuditNote) -> Bool {
        (self.actor == nil || note.actor == self.actor)
            && (self.action.map { note.action.utf8.starts(with: $0.utf8) } ?? true)
            && (self.target.map { note.target.utf8.elementsEqual($0.utf8) } ?? true)
            && (self.since.map { note.at >= $0 } ?? true) && (self.until.map { note.at <= $0 } ?? true)
    }
}
