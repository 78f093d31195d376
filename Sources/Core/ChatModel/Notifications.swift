import ClusterModel

// The inbox of a person.

/// What a notification is about. One kind a user and message: mention before direct before thread.
package enum NotificationKind: UInt8, Sendable, Hashable, NamedCase {
    case mention = 1
    case direct = 2
    case thread = 3
    case reminder = 4
    case scheduledFailed = 5

    package var name: String {
        switch self {
        case .mention: "mention"
        case .direct: "direct"
        case .thread: "thread"
        case .reminder: "reminder"
        case .scheduledFailed: "scheduled_failed"
        }
    }
}

/// An entry of a person's inbox. The message's text is never in it.
package struct NotificationRecord: Hashable, Sendable {
    /// 1, 2, 3 … within the inbox.
    package let number: UInt64
    package let kind: NotificationKind
    package let message: MessageID?
    package let actor: UserID?
    /// Of a reminder; else empty.
    package let text: String
    package let at: Timestamp
    /// It came in quiet hours: nobody was told.
    package let isQuiet: Bool

    package init(
        number: UInt64, kind: NotificationKind, message: MessageID?, actor: UserID?, text: String, at: Timestamp,
        isQuiet: Bool
    ) {
        self.number = number
        self.kind = kind
        self.message = message
        self.actor = actor
        self.text = text
        self.at = at
        self.isQuiet = isQuiet
    }
}

/// An entry and whether it was read.
package struct NotificationView: Hashable, Sendable {
    package let record: NotificationRecord
    package let isRead: Bool

    package init(record: NotificationRecord, isRead: Bool) {
        self.record = record
        self.isRead = isRead
    }
}
