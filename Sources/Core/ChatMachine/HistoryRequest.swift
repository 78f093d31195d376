import ChatModel
import ClusterModel

// What the machine asks of its projection, once it has decided that the viewer may see the answer.

/// What a projection has to read for an answer. `head` is the channel's last seq when the viewer's right was
/// found: nothing after it may be shown, since the right may have ended there.
package enum HistoryRequest: Hashable, Sendable {
    case messages(ChannelID, HistoryPosition, limit: Int, head: UInt64)
    case message(ChannelID, seq: UInt64, head: UInt64)
    case events(ChannelID, after: UInt64, limit: Int, head: UInt64)
    /// These messages as they are now, in this order; those that are gone are left out.
    case views(ChannelID, seqs: [UInt64], head: UInt64)
    /// A root, these replies of it, and what the machine knows of the viewer's reading.
    case thread(MessageID, replies: [UInt64], state: ThreadState, head: UInt64)
    /// The texts that a message had.
    case edits(MessageID, head: UInt64)
    case items(ItemPage, as: ItemAnswer)
    case search(ShardSearch)
}

/// Rows of one kind in the order of their keys.
package struct ItemPage: Hashable, Sendable {
    package let kind: ItemKind
    /// The first key that may be read.
    package let from: [UInt8]
    /// The first key behind the last that may be read.
    package let to: [UInt8]
    package let limit: Int
    package let isDescending: Bool

    package init(kind: ItemKind, from: [UInt8], to: [UInt8], limit: Int, isDescending: Bool) {
        self.kind = kind
        self.from = from
        self.to = to
        self.limit = limit
        self.isDescending = isDescending
    }
}

/// What becomes of the rows of a page.
package enum ItemAnswer: Hashable, Sendable {
    /// Numbered notes that match; at most 10,000 are looked at.
    case audit(AuditFilter, limit: Int)
    case flags
    /// Whether each was read is told by the row of the same key of `.notificationRead`.
    case notifications(kind: NotificationKind?, unreadOnly: Bool, limit: Int, unread: UInt32)
    /// The texts of the drafts, whose places and times the machine knows.
    case drafts([Draft])
    case keyed
}

/// Where the index may look, and for what.
package struct ShardSearch: Hashable, Sendable {
    /// A channel that the viewer sees, and its last seq when that was found.
    package struct Channel: Hashable, Sendable {
        package let id: ChannelID
        package let head: UInt64

        package init(id: ChannelID, head: UInt64) {
            self.id = id
            self.head = head
        }
    }

    package let channels: [Channel]
    package let request: SearchRequest
    package var step: SearchStep

    package init(channels: [Channel], request: SearchRequest, step: SearchStep = .everything) {
        self.channels = channels
        self.request = request
        self.step = step
    }
}

/// How far a search goes. To read a message costs fifty times as much as to find where it stands, and of what all shards
/// find a page takes only the first.
package enum SearchStep: Hashable, Sendable {
    /// Hits are found and read.
    case everything
    /// Only where the first hits stand.
    case positions
    /// Of these messages, those that still fit.
    case messages([MessageID])
}
