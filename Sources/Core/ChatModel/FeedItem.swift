import ClusterModel

/// What arrives at a node for its connections: the unit of a feed between replicas and the edge.
package enum FeedItem: Sendable, Hashable {
    case event(DurableEvent)
    /// The subscription can not go on from where it was: the source has no such channel or too little history.
    case reset(ChannelID, head: UInt64)
    case notice(UserID, UserNotice)
}
