import ChatModel
import ClusterModel

// How events reach a node: it subscribes to what its connections are interested in, from a seq on.
// Delivery is pull-shaped: whoever notices a gap asks again from where it stands.

/// What a node's feed asks of the cluster. Thread-safe, returns at once.
package protocol FeedSource: Sendable {
    /// Deliver the events of `channel` after `seq` to this node's sink, in order, until `unsubscribe`.
    /// Asking again with another seq starts over from there (that is how a gap is mended). Events may come
    /// twice and after an unsubscribe; the sink drops what it does not expect.
    func subscribe(_ channel: ChannelID, after seq: UInt64)
    func unsubscribe(_ channel: ChannelID)
    /// Deliver the notices of this user, best effort; a reconnecting client reads its state anew.
    func watch(_ user: UserID)
    func unwatch(_ user: UserID)
    /// The node's sink; set once before the first connection is accepted.
    func setSink(_ sink: any FeedSink)
}

/// Where a node's events arrive. Thread-safe, must not block: it hands on to the event loops.
package protocol FeedSink: Sendable {
    func receive(_ batch: [FeedItem])
    /// People whom this node watches are seen otherwise than before.
    func receive(presence states: [PresenceState])
    /// Somebody types, here or on another node.
    func receive(typing notes: [TypingNote])
}
