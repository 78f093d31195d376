import ClusterModel

// Messages: what was written, and what became of it since.

/// Everybody whom a message addresses at once.
package enum Broadcast: Hashable, Sendable {
    case channel
    /// Whom the gateway found online, at most 1,000.
    case here([UserID])
}

/// A person whom a message names.
package struct Mention: Hashable, Sendable {
    package let user: UserID
    /// As it was written, folded.
    package let name: String

    package init(user: UserID, name: String) {
        self.user = user
        self.name = name
    }
}

/// What the root of a thread shows of its replies.
package struct ThreadSummary: Hashable, Sendable {
    package let root: UInt64
    /// Live replies.
    package var replyCount: UInt32
    package var lastReplyAt: Timestamp?
    /// The first ten authors, in the order of their first replies.
    package var participants: [UserID]

    package init(root: UInt64, replyCount: UInt32, lastReplyAt: Timestamp?, participants: [UserID]) {
        self.root = root
        self.replyCount = replyCount
        self.lastReplyAt = lastReplyAt
        self.participants = participants
    }
}

/// What a message was when somebody decided to change it; refused as a conflict when it is not so any more.
package struct MessageSnapshot: Hashable, Sendable {
    package let content: MessageContent
    package let editedAt: Timestamp?
    /// The seq of the last edit; 0 when there was none.
    package let version: UInt64

    package init(content: MessageContent, editedAt: Timestamp?, version: UInt64) {
        self.content = content
        self.editedAt = editedAt
        self.version = version
    }
}

/// Who reacted with one emoji, in the order of the reactions.
package struct ReactionGroup: Hashable, Sendable {
    package let emoji: String
    package var count: UInt32
    /// In a message's view the first twenty.
    package var users: [UserID]

    package init(emoji: String, count: UInt32, users: [UserID]) {
        self.emoji = emoji
        self.count = count
        self.users = users
    }
}

/// What a message is now: the answer of queries and the payload of events.
package struct MessageView: Hashable, Sendable {
    package let id: MessageID
    package let author: UserID
    package let createdAt: Timestamp
    package var content: MessageContent
    package var editedAt: Timestamp?
    package var deletedAt: Timestamp?
    /// The seq of the last edit; 0 when there was none.
    package var version: UInt64
    package var pinnedAt: Timestamp?
    package var reactions: [ReactionGroup]
    /// Of its replies, when it is a root that has some.
    package var thread: ThreadSummary?

    package init(
        id: MessageID, author: UserID, createdAt: Timestamp, content: MessageContent, editedAt: Timestamp? = nil,
        deletedAt: Timestamp? = nil, version: UInt64 = 0, pinnedAt: Timestamp? = nil, reactions: [ReactionGroup] = [],
        thread: ThreadSummary? = nil
    ) {
        self.id = id
        self.author = author
        self.createdAt = createdAt
        self.content = content
        self.editedAt = editedAt
        self.deletedAt = deletedAt
        self.version = version
        self.pinnedAt = pinnedAt
        self.reactions = reactions
        self.thread = thread
    }
}

/// One text that a message had.
package struct MessageEdit: Hashable, Sendable {
    /// Of the event that gave it this text.
    package let seq: UInt64
    package let by: UserID
    package let at: Timestamp
    package let text: String

    package init(seq: UInt64, by: UserID, at: Timestamp, text: String) {
        self.seq = seq
        self.by = by
        self.at = at
        self.text = text
    }
}

/// How far the viewer has read a thread.
package struct ThreadState: Hashable, Sendable {
    package var isFollowing: Bool
    package var readSeq: UInt64
    package var unread: UInt32

    package init(isFollowing: Bool, readSeq: UInt64, unread: UInt32) {
        self.isFollowing = isFollowing
        self.readSeq = readSeq
        self.unread = unread
    }
}

/// What a person wrote.
///
/// Most of what is written is text and nothing else. What few messages have stands behind one reference, so that an
/// event of the others is as small, and as quick to copy, as if there were no such thing.
package struct MessageContent: Hashable, Sendable {
    /// 1–16,384 bytes of UTF-8.
    package var text: String
    /// The author's own idempotency key; shown to its author only.
    package var clientID: String?
    /// The root of the thread that it answers.
    package var thread: MessageID?
    /// nil when all of it is empty: equal contents have equal forms.
    private var rest: Rest?

    private final class Rest: Hashable, Sendable {
        let mentions: [Mention]
        let broadcast: Broadcast?
        let files: [FileID]
        let attachments: String
        let root: ThreadSummary?

        /// - Returns: nil when there is nothing to hold.
        init?(
            mentions: [Mention], broadcast: Broadcast?, files: [FileID], attachments: String, root: ThreadSummary?
        ) {
            guard !mentions.isEmpty || broadcast != nil || !files.isEmpty || !attachments.isEmpty || root != nil
            else { return nil }
            self.mentions = mentions
            self.broadcast = broadcast
            self.files = files
            self.attachments = attachments
            self.root = root
        }

        static func == (left: Rest, right: Rest) -> Bool {
            left === right
                || left.mentions == right.mentions && left.broadcast == right.broadcast && left.files == right.files
                    && left.attachments == right.attachments && left.root == right.root
        }
        func hash(into hasher: inout Hasher) {
            hasher.combine(self.mentions)
            hasher.combine(self.broadcast)
            hasher.combine(self.files)
            hasher.combine(self.attachments)
            hasher.combine(self.root)
        }
    }

    package init(
        text: String, clientID: String?, thread: MessageID?, mentions: [Mention] = [], broadcast: Broadcast? = nil,
        files: [FileID] = [], attachments: String = "", root: ThreadSummary? = nil
    ) {
        self.text = text
        self.clientID = clientID
        self.thread = thread
        self.rest = Rest(
            mentions: mentions, broadcast: broadcast, files: files, attachments: attachments, root: root)
    }

    /// Text, client id and thread, and nothing else.
    package init(plain text: String, clientID: String?, thread: MessageID?) {
        self.text = text
        self.clientID = clientID
        self.thread = thread
        self.rest = nil
    }

    /// Whom the text names, at most 50; apply keeps members only.
    package var mentions: [Mention] {
        get { self.rest?.mentions ?? [] }
        set {
            self.rest = Rest(
                mentions: newValue, broadcast: self.broadcast, files: self.files, attachments: self.attachments,
                root: self.root)
        }
    }
    package var broadcast: Broadcast? {
        get { self.rest?.broadcast }
        set {
            self.rest = Rest(
                mentions: self.mentions, broadcast: newValue, files: self.files, attachments: self.attachments,
                root: self.root)
        }
    }
    package var files: [FileID] {
        get { self.rest?.files ?? [] }
        set {
            self.rest = Rest(
                mentions: self.mentions, broadcast: self.broadcast, files: newValue, attachments: self.attachments,
                root: self.root)
        }
    }
    /// Canonical JSON, at most 32 KiB; empty when there are none.
    package var attachments: String {
        get { self.rest?.attachments ?? "" }
        set {
            self.rest = Rest(
                mentions: self.mentions, broadcast: self.broadcast, files: self.files, attachments: newValue,
                root: self.root)
        }
    }
    /// The root as this reply leaves it: set by apply, in the event of a reply.
    package var root: ThreadSummary? {
        get { self.rest?.root }
        set {
            self.rest = Rest(
                mentions: self.mentions, broadcast: self.broadcast, files: self.files,
                attachments: self.attachments, root: newValue)
        }
    }

    /// Nothing but text, client id and thread: it has the short layout of the first messages.
    package var isPlain: Bool { self.rest == nil }
    /// The same without what is not plain.
    package var plain: MessageContent {
        MessageContent(plain: self.text, clientID: self.clientID, thread: self.thread)
    }

    package static let textBytesMax = 16_384
    package static let clientIDBytesMax = 128
    package static let mentionsMax = 50
    package static let filesMax = 10
    package static let attachmentsBytesMax = 32 * 1024
    /// People that `Broadcast.here` names.
    package static let onlineMax = 1000
}
