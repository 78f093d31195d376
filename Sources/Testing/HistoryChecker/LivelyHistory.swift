// Lively channels: their messages are edited, deleted and reacted to, their members are named, read, are put out and
// come back. An edited text tells no key any more, so these channels are judged apart from the others, by rules of
// their own: docs/verification.md, "Lively channels".

/// Everything known of one lively channel over a run.
package struct LivelyChannel: Sendable {
    package let id: String
    /// Each client's are in the order in which they began, one after the other.
    package var operations: [LivelyOperation] = []
    /// The whole durable log by rising seq, from a linearizable reading after the run; nil where it was not read.
    package var log: [LivelyEvent]?
    package var counts: [LivelyCount] = []
    package var pages: [LivelyPages] = []
    package var members: [LivelyMembers] = []
    package var pins: [LivelyPins] = []
    package var threads: [LivelyThread] = []
    package var inboxes: [LivelyInbox] = []

    package init(id: String) { self.id = id }
}

/// One thing that a client wanted done, over all its attempts. Its key is its client and that client's count.
package struct LivelyOperation: Sendable, Hashable {
    package enum Action: Sendable, Hashable {
        case post(TextDigest)
        /// Messages are named by their seqs, threads by their roots'.
        case reply(root: UInt64, TextDigest)
        case edit(message: UInt64, TextDigest)
        case delete(message: UInt64)
        case react(message: UInt64, emoji: String)
        case unreact(message: UInt64, emoji: String)
        /// Of one message it is always the same client who does so, or takes it back.
        case pin(message: UInt64)
        case unpin(message: UInt64)
        case follow(root: UInt64)
        case unfollow(root: UInt64)
        case readThread(root: UInt64, seq: UInt64)
        case read(seq: UInt64)
        case add(client: UInt32)
        case remove(client: UInt32)
    }
    package enum Outcome: Sendable, Hashable {
        /// `seq`: of the message that was posted; of following and reading a thread, how far the answer said that it is
        /// read. Of nothing else it is asked.
        case done(seq: UInt64)
        /// The answer said that it was not applied.
        case refused
        /// No answer, or one that leaves it open: it may have been applied, or may yet be.
        case unknown
    }

    package let key: MessageKey
    package let action: Action
    package var attempts: [Outcome]

    package init(key: MessageKey, _ action: Action, attempts: [Outcome]) {
        self.key = key
        self.action = action
        self.attempts = attempts
    }

    package var isDone: Bool { self.attempts.contains { if case .done = $0 { true } else { false } } }
    package var unknownAttempts: Int { self.attempts.count { $0 == .unknown } }
    package var isRefused: Bool { !self.isDone && self.unknownAttempts == 0 }

    /// What was to be posted, and the root that it answers.
    package var posted: (digest: TextDigest, root: UInt64?)? {
        switch self.action {
        case .post(let digest): (digest, nil)
        case .reply(let root, let digest): (digest, root)
        default: nil
        }
    }
}

/// What the checker needs of a text: its key, that it is the text that was written, and whom it names.
package struct LivelyText: Sendable, Hashable {
    package let key: MessageKey
    package let digest: TextDigest
    /// Sorted; without those who are no clients of the run.
    package let names: [UInt32]
    /// `@channel`.
    package let namesAll: Bool

    package init(key: MessageKey, digest: TextDigest, names: [UInt32], namesAll: Bool) {
        self.key = key
        self.digest = digest
        self.names = names
        self.namesAll = namesAll
    }

    /// Reads a text of a run: words between single spaces, the first of them the key, names as words of their own.
    ///
    /// It knows nothing of Markdown but that a word in backquotes names nobody; that is all these texts have of it.
    package init(_ text: String, users: [String: UInt32]) {
        let digest = TextDigest(of: text.utf8)
        var names: Set<UInt32> = []
        var namesAll = false
        for word in text.split(separator: " ") where word.first == "@" {
            let name = String(word.dropFirst())
            if name == "channel" { namesAll = true } else if let client = users[name] { names.insert(client) }
        }
        self.init(
            key: MessageKey(text: text.utf8) ?? .foreign(digest), digest: digest, names: names.sorted(),
            namesAll: namesAll)
    }

    package func names(_ client: UInt32) -> Bool { self.namesAll || self.names.contains(client) }
}

/// A durable event of a lively channel.
package struct LivelyEvent: Sendable, Hashable {
    package enum Body: Sendable, Hashable {
        /// Without a text once the message is deleted; so are its edits.
        case created(LivelyText?)
        case edited(message: UInt64, LivelyText?)
        case deleted(message: UInt64)
        case reacted(message: UInt64, emoji: String, adds: Bool)
        case pinned(message: UInt64, puts: Bool)
        case member(UInt32, joins: Bool)
        case other
    }

    package let seq: UInt64
    /// Who did it; of a reaction, whose it is.
    package let client: UInt32
    /// Milliseconds since 1970, as the event tells; 0 where nobody asks.
    package let at: UInt64
    /// Of a message that answers another one.
    package let root: UInt64?
    package let body: Body

    package init(seq: UInt64, client: UInt32, at: UInt64 = 0, root: UInt64? = nil, _ body: Body) {
        self.seq = seq
        self.client = client
        self.at = at
        self.root = root
        self.body = body
    }
}

/// Where and how something was read.
package struct LivelySource: Sendable, Hashable, CustomStringConvertible {
    package let node: String
    package let consistency: Read.Consistency

    package init(node: String, _ consistency: Read.Consistency) {
        self.node = node
        self.consistency = consistency
    }

    package var description: String { "\(self.node) (\(self.consistency.rawValue))" }
}

/// A lively channel in a client's sidebar.
package struct LivelyCount: Sendable, Hashable {
    package struct Row: Sendable, Hashable {
        package let head: UInt64
        package let readSeq: UInt64
        package let unread: UInt64
        package let mentions: UInt64

        package init(head: UInt64, readSeq: UInt64, unread: UInt64, mentions: UInt64) {
            self.head = head
            self.readSeq = readSeq
            self.unread = unread
            self.mentions = mentions
        }
    }

    package let source: LivelySource
    package let client: UInt32
    /// Nil: the sidebar was read, and the channel is not in it.
    package let row: Row?

    package init(_ source: LivelySource, client: UInt32, _ row: Row?) {
        self.source = source
        self.client = client
        self.row = row
    }
}

/// Emoji and who reacted with it, as they are shown.
package struct LivelyGroup: Sendable, Hashable {
    package let emoji: String
    package let count: Int
    package let clients: [UInt32]

    package init(emoji: String, count: Int, clients: [UInt32]) {
        self.emoji = emoji
        self.count = count
        self.clients = clients
    }
}

/// All messages of a lively channel as a node shows them.
package struct LivelyPages: Sendable, Hashable {
    package struct Message: Sendable, Hashable {
        package let seq: UInt64
        /// Nil for a tombstone.
        package let digest: TextDigest?
        package var groups: [LivelyGroup]
        /// The root that it answers.
        package var root: UInt64?
        /// Milliseconds since 1970.
        package var pinnedAt: UInt64?
        package var summary: LivelySummary

        package init(
            seq: UInt64, digest: TextDigest?, groups: [LivelyGroup], root: UInt64? = nil, pinnedAt: UInt64? = nil,
            summary: LivelySummary = .none
        ) {
            self.seq = seq
            self.digest = digest
            self.groups = groups
            self.root = root
            self.pinnedAt = pinnedAt
            self.summary = summary
        }
    }

    package let source: LivelySource
    package var messages: [Message]

    package init(_ source: LivelySource, messages: [Message]) {
        self.source = source
        self.messages = messages
    }
}

/// The members that a node lists.
package struct LivelyMembers: Sendable, Hashable {
    package let source: LivelySource
    package let clients: Set<UInt32>

    package init(_ source: LivelySource, clients: Set<UInt32>) {
        self.source = source
        self.clients = clients
    }
}
