import ChatModel
import ClusterModel

// What apply changes, row by row: enough to build the same state again without the log.

/// The number of a record's kind; docs/schema.md says what stands in each.
package enum RecordKind: UInt8, Hashable, Sendable, CaseIterable {
    case clock = 1
    case epoch = 2
    case node = 3
    case settings = 4
    case name = 5
    case revokedSession = 6
    case user = 7
    case abortedUser = 8
    case session = 9
    case membership = 10
    case channel = 11
    case abortedChannel = 12
    case member = 13
    case outbox = 14
    case inboxMark = 15
    /// What a node has said of itself beside its record.
    case nodeLife = 16
    case activeVersion = 17
    // The directory.
    case account = 18
    case invite = 19
    case reservation = 20
    case workspace = 21
    case emoji = 22
    case auditHead = 23
    case flag = 24
    // Users.
    case profileExtra = 25
    case userSettings = 26
    case sessionDetail = 27
    case requestKey = 28
    case draft = 29
    case scheduled = 30
    case reminder = 31
    case inbox = 32
    case presenceChoice = 33
    // Channels.
    case channelExtra = 34
    case messageState = 35
    case reaction = 36
    case thread = 37
    case follow = 38
    case mention = 39
    case floor = 42
    case redaction = 44
    case workspaceCopy = 45
}

/// The number of an item's kind; docs/schema.md says what stands in each.
package enum ItemKind: UInt8, Hashable, Sendable, CaseIterable {
    case messageText = 1
    case edit = 2
    case audit = 3
    case resolvedFlag = 4
    case notification = 5
    case notificationRead = 6
    case keyedAnswer = 7
    case draftText = 8
}

/// An idempotency key as it is remembered: a hash of its scope and text, and what the request meant.
/// 128 bits, so that two keys of one shard do not meet by chance.
package struct StoredKey: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64
    package let fingerprint: UInt64

    package init(high: UInt64, low: UInt64, fingerprint: UInt64) {
        self.high = high
        self.low = low
        self.fingerprint = fingerprint
    }
}

package enum RowChange: Hashable, Sendable {
    /// Within one batch the last change of a key decides.
    case put(kind: RecordKind, key: [UInt8], value: [UInt8])
    case delete(kind: RecordKind, key: [UInt8])
    /// A new event; it is never changed. The key of the command that caused it rides in its row.
    case event(DurableEvent, idempotency: StoredKey?)
    /// A row of the table `item`: on disk only, never in the machine.
    case keep(ItemKind, key: [UInt8], value: [UInt8])
    case drop(ItemKind, key: [UInt8])
    /// Texts, files and mentions of these events are blanked in their runs; of the first, which is the message, the
    /// items with its texts go.
    case erase(ChannelID, seqs: [UInt64])
    /// Events up to and with `through` go, and with them the items and the records of their messages.
    case trim(ChannelID, through: UInt64)
}

/// What one command leads to outside the machine. Reuse one value: `removeAll` keeps its memory.
package struct ApplyEffects: Sendable {
    /// In the order of their `seq` for each channel.
    package var events: [DurableEvent] = []
    package var notices: [(UserID, UserNotice)] = []
    /// Notices that a channel's shard gives to one member's own devices, wherever the channel is heard.
    package var asides: [(ChannelID, UserID, UserNotice)] = []
    package var changes: [RowChange] = []
    /// There is something new to send to another shard.
    package var outboxAdded = false
    package var outboxAcked = false
    package var registryChanged = false
    /// Secrets, registration or revoked sessions changed.
    package var directoryChanged = false
    /// The directory's accounts or the workspace's settings changed.
    package var accountsChanged = false

    package init() {}

    package mutating func removeAll(keepingCapacity: Bool = true) {
        self.events.removeAll(keepingCapacity: keepingCapacity)
        self.notices.removeAll(keepingCapacity: keepingCapacity)
        self.asides.removeAll(keepingCapacity: keepingCapacity)
        self.changes.removeAll(keepingCapacity: keepingCapacity)
        self.outboxAdded = false
        self.outboxAcked = false
        self.registryChanged = false
        self.directoryChanged = false
        self.accountsChanged = false
    }
}
