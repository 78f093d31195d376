import ChatModel
import ClusterModel

/// What the machine knows of every event of a channel above its floor. The texts are on disk only.
package struct MessageIndex: Sendable, Equatable {
    /// One event.
    package struct Mark: Hashable, Sendable {
        /// nil for an event that is no message.
        package let author: UserID?
        package let at: Timestamp
        /// Of the thread that it answers.
        package let root: UInt64?
        package var isDeleted: Bool
        package var isBroadcast: Bool
        package var mentions: Bool

        package init(
            author: UserID?, at: Timestamp, root: UInt64?, isDeleted: Bool = false, isBroadcast: Bool = false,
            mentions: Bool = false
        ) {
            self.author = author
            self.at = at
            self.root = root
            self.isDeleted = isDeleted
            self.isBroadcast = isBroadcast
            self.mentions = mentions
        }

        /// As the event's own row tells it: what became of the message since is told by records.
        package init(_ event: DurableEvent) {
            guard case .messageCreated(let content) = event.body else {
                self.init(author: nil, at: event.at, root: nil)
                return
            }
            self.init(
                author: event.actor, at: event.at, root: content.thread?.seq,
                isBroadcast: content.broadcast != nil, mentions: !content.mentions.isEmpty)
        }
    }

    package init() {}

    /// True before the first mark.
    var isEmpty: Bool { true }

    /// The mark of the next seq. Nothing is kept yet: nobody asks for it.
    mutating func append(_ mark: Mark) {}
}
