import ClusterModel

// What a person has written and not sent yet, and what it wants to be reminded of.

/// A text that waits for its author, one a channel and thread.
package struct Draft: Hashable, Sendable {
    package let channel: ChannelID
    package let thread: MessageID?
    package let text: String
    package let at: Timestamp

    package init(channel: ChannelID, thread: MessageID?, text: String, at: Timestamp) {
        self.channel = channel
        self.thread = thread
        self.text = text
        self.at = at
    }
}

/// A message that is posted in its author's name at `sendAt`.
package struct ScheduledMessage: Hashable, Sendable {
    package let id: ScheduledID
    package let channel: ChannelID
    package let content: MessageContent
    package let sendAt: Timestamp
    package let createdAt: Timestamp

    package init(id: ScheduledID, channel: ChannelID, content: MessageContent, sendAt: Timestamp, createdAt: Timestamp)
    {
        self.id = id
        self.channel = channel
        self.content = content
        self.sendAt = sendAt
        self.createdAt = createdAt
    }
}

/// What a person wants to be told at `at`.
package struct Reminder: Hashable, Sendable {
    package let id: ReminderID
    package let message: MessageID?
    package let text: String
    package let at: Timestamp

    package init(id: ReminderID, message: MessageID?, text: String, at: Timestamp) {
        self.id = id
        self.message = message
        self.text = text
        self.at = at
    }
}
