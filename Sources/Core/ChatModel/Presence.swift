import ClusterModel

// Who is here and who is typing. Neither stands in a log: it is told, and forgotten.

/// How a person is seen.
package struct PresenceState: Hashable, Sendable {
    package let user: UserID
    package let status: PresenceStatus
    /// When it ends by itself; only what was chosen has an end.
    package let until: Timestamp?

    package init(user: UserID, status: PresenceStatus, until: Timestamp?) {
        self.user = user
        self.status = status
        self.until = until
    }
}

/// Somebody writes in a channel, or has stopped to. It is over by itself after five seconds at whoever heard it.
package struct TypingNote: Hashable, Sendable {
    package let channel: ChannelID
    package let user: UserID
    package let isOver: Bool

    package init(channel: ChannelID, user: UserID, isOver: Bool) {
        self.channel = channel
        self.user = user
        self.isOver = isOver
    }
}
