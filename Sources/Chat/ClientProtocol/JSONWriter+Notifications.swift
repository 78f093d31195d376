import ChatModel
import ClusterModel

// The JSON forms of what waits for a person: notifications, drafts, scheduled messages, reminders.

extension JSONWriter {
    /// `text` only where there is one: a message's is never in its notification.
    package mutating func notification(_ view: NotificationView) {
        let record = view.record
        // No message has the number 0: then only the channel is meant.
        let message = record.message.flatMap { $0.seq == 0 ? nil : $0 }
        self.beginObject()
        self.field("id", NotificationID(record.number).description)
        self.field("type", record.kind.name)
        self.optionalID("channel_id", record.message?.channel)
        self.field("message_id", message)
        self.optionalID("actor_id", record.actor)
        if !record.text.isEmpty { self.field("text", record.text) }
        self.field("read", view.isRead)
        self.field("at", record.at)
        self.endObject()
    }

    package mutating func draft(_ draft: Draft) {
        self.beginObject()
        self.field("channel_id", draft.channel)
        self.field("thread_id", draft.thread)
        self.field("text", draft.text)
        self.field("updated_at", draft.at)
        self.endObject()
    }

    package mutating func scheduled(_ message: ScheduledMessage) {
        self.beginObject()
        self.field("id", message.id)
        self.field("channel_id", message.channel)
        self.field("thread_id", message.content.thread)
        self.field("text", message.content.text)
        self.field("send_at", message.sendAt)
        self.field("created_at", message.createdAt)
        self.endObject()
    }

    package mutating func reminder(_ reminder: Reminder) {
        self.beginObject()
        self.field("id", reminder.id)
        self.field("message_id", reminder.message)
        self.field("text", reminder.text)
        self.field("at", reminder.at)
        self.endObject()
    }

    package mutating func session(_ view: SessionView, current: SessionID) {
        self.beginObject()
        self.field("id", view.session.id)
        self.field("created_at", view.session.createdAt)
        self.field("last_used_at", view.session.rotatedAt)
        self.field("expires_at", view.session.expiresAt)
        self.field("user_agent", view.detail?.userAgent)
        self.field("address", view.detail?.address)
        self.field("current", view.session.id == current)
        self.endObject()
    }

    private mutating func optionalID(_ name: StaticString, _ id: (some PrefixedID)?) {
        self.key(name)
        if let id { self.value(id) } else { self.null() }
    }
}
