// What nodes show of a lively channel's threads, of its pins, and of those in its members' inboxes.

/// What a root shows of its thread.
package struct LivelySummary: Sendable, Hashable {
    /// Live ones.
    package var replies: Int
    /// When the last live reply was written; milliseconds since 1970.
    package var lastAt: UInt64?
    /// Repliers in the order of their first replies, also of deleted ones; ten at most.
    package var people: [UInt32]

    package static let none = Self(replies: 0, lastAt: nil, people: [])

    package init(replies: Int, lastAt: UInt64?, people: [UInt32]) {
        self.replies = replies
        self.lastAt = lastAt
        self.people = people
    }
}

/// A thread as a node shows it to one client.
package struct LivelyThread: Sendable, Hashable {
    package struct View: Sendable, Hashable {
        package var summary: LivelySummary
        /// Seqs of all replies, deleted ones too, ascending.
        package var replies: [UInt64]
        package var follows: Bool
        package var readSeq: UInt64
        package var unread: UInt64

        package init(
            summary: LivelySummary, replies: [UInt64], follows: Bool, readSeq: UInt64, unread: UInt64
        ) {
            self.summary = summary
            self.replies = replies
            self.follows = follows
            self.readSeq = readSeq
            self.unread = unread
        }
    }

    package let source: LivelySource
    package let root: UInt64
    package let client: UInt32
    /// Nil: there is no such thread for this client.
    package var view: View?

    package init(_ source: LivelySource, root: UInt64, client: UInt32, _ view: View?) {
        self.source = source
        self.root = root
        self.client = client
        self.view = view
    }
}

/// The pinned messages that a node lists, the last pinned first.
package struct LivelyPins: Sendable, Hashable {
    package let source: LivelySource
    package var messages: [UInt64]

    package init(_ source: LivelySource, messages: [UInt64]) {
        self.source = source
        self.messages = messages
    }
}

/// The channel's messages that stand in a client's inbox.
package struct LivelyInbox: Sendable, Hashable {
    package let source: LivelySource
    package let client: UInt32
    /// As often as each stands there, in any order.
    package var mentions: [UInt64]
    /// Because the client follows the thread.
    package var replies: [UInt64]
    /// False where older entries may have made room for newer ones.
    package let isWhole: Bool

    package init(
        _ source: LivelySource, client: UInt32, mentions: [UInt64], replies: [UInt64], isWhole: Bool = true
    ) {
        self.source = source
        self.client = client
        self.mentions = mentions
        self.replies = replies
        self.isWhole = isWhole
    }
}
