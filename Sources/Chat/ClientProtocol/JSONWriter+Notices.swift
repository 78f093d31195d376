import ChatModel
import ClusterModel

// What is told to a person's own devices and to those who look on, and kept by nobody: who missed it reads the state.

extension ServerFrame {
    /// The frame of a notice that says something by itself; nil for one that first changes what the socket hears.
    package static func notice(_ notice: UserNotice) -> [UInt8]? {
        switch notice {
        case .channelJoined, .channelLeft, .sessionRevoked: nil
        case .notificationCreated(let notification): Self.notificationCreated(notification)
        case .settingsUpdated: JSONWriter.object { $0.field("type", "settings.updated") }
        case .draftUpdated(let channel):
            JSONWriter.object { writer in
                writer.field("type", "draft.updated")
                writer.field("channel_id", channel)
            }
        case .userUpdated(let user, let extra): Self.userUpdated(user, extra)
        case .readUpdated(let state): Self.readUpdated(state)
        case .threadReadUpdated(let message, let seq, let unread):
            JSONWriter.object { writer in
                writer.field("type", "thread.read")
                writer.field("message_id", message)
                writer.field("seq", seq)
                writer.field("unread", unread)
            }
        }
    }

    private static func notificationCreated(_ notification: NotificationRecord) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "notification.created")
            writer.key("notification")
            // Nobody can have read it before it is told.
            writer.notification(NotificationView(record: notification, isRead: false))
        }
    }

    private static func userUpdated(_ user: UserRecord, _ extra: ProfileExtra) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "user.updated")
            writer.key("user")
            writer.user(user, extra, view: .full)
        }
    }

    /// What a person has read, for its other devices.
    private static func readUpdated(_ state: ReadState) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "read.updated")
            writer.field("channel_id", state.channel)
            writer.readFields(state)
        }
    }

    /// The answer to `read`.
    package static func ok(_ ref: FrameRef?, read state: ReadState) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "ok")
            writer.ref(ref)
            writer.field("channel_id", state.channel)
            writer.readFields(state)
        }
    }

    // MARK: Presence and typing

    package static func presenceChanged(_ state: PresenceState) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "presence.changed")
            writer.presenceFields(state)
        }
    }

    /// The answer to `presence.watch`: how those who are watched are now.
    package static func ok(_ ref: FrameRef?, presence: [PresenceState]) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "ok")
            writer.ref(ref)
            writer.key("items")
            writer.beginArray()
            for state in presence { writer.presence(state) }
            writer.endArray()
        }
    }

    package static func typing(_ note: TypingNote) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "typing")
            writer.field("channel_id", note.channel)
            writer.field("user_id", note.user)
            if note.isOver { writer.field("stopped", true) }
        }
    }
}

extension JSONWriter {
    /// `{"user_id","status","until"}`
    package mutating func presence(_ state: PresenceState) {
        self.beginObject()
        self.presenceFields(state)
        self.endObject()
    }

    fileprivate mutating func presenceFields(_ state: PresenceState) {
        self.field("user_id", state.user)
        self.field("status", state.status.name)
        self.field("until", state.until)
    }
}

// MARK: Answers to changes

extension ServerFrame {
    /// The answer to `edit` and `delete`: the message as it is now.
    package static func ok(_ ref: FrameRef?, view: MessageView, viewer: UserID) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "ok")
            writer.ref(ref)
            writer.key("message")
            writer.message(view, showsClientID: view.author == viewer)
        }
    }

    /// The answer to `react` and `unreact`.
    package static func ok(_ ref: FrameRef?, reactions: [ReactionGroup]) -> [UInt8] {
        JSONWriter.object { writer in
            writer.field("type", "ok")
            writer.ref(ref)
            writer.key("reactions")
            writer.beginArray()
            for group in reactions { writer.reactions(group) }
            writer.endArray()
        }
    }
}
