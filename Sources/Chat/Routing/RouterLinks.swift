import ChatModel
import ClusterModel
import Presence
import Replication

/// How the router reaches other nodes. All calls come on the host's loop; none of them blocks.
package protocol RouterLinks: Sendable {
    func isConnected(_ node: NodeID) -> Bool
    func send(_ batch: CommandBatch, to node: NodeID)
    func send(_ batch: ResultBatch, to node: NodeID)
    func send(_ changes: [InterestChange], to node: NodeID)
    func deliver(_ items: [FeedItem], to node: NodeID)
    /// `completion` runs once, on any thread; `.unavailable` when the node does not answer in time.
    func read(
        _ request: ReadRequest, at node: NodeID, completion: @escaping @Sendable (ReadReply) -> Void)
    func groups(ledBy node: NodeID) async -> [GroupStatus]
    /// What gossip says of a node: alive, suspect, dead; empty when nothing.
    func gossip(about node: NodeID) -> String
    /// The members that another node's gossip believes gone; nil when it does not answer. Completes on any thread.
    func deadMembers(seenBy node: NodeID, completion: @escaping @Sendable (Set<NodeID>?) -> Void)
    /// As `groups(ledBy:)`, with nil for no answer. Completes on any thread.
    func groups(ledBy node: NodeID, completion: @escaping @Sendable ([GroupStatus]?) -> Void)

    /// `completion` runs once, on any thread; nil when the node does not answer in time.
    func search(
        _ batch: SearchBatch, at node: NodeID, completion: @escaping @Sendable (SearchReply?) -> Void)
    /// Completes on any thread; nil when the node does not answer in time.
    func rebuildIndices(at node: NodeID, completion: @escaping @Sendable (RebuildReply?) -> Void)

    /// Whether there is anybody to tell of presence and typing.
    var carriesPresence: Bool { get }
    func send(_ batch: PresenceReportBatch, to node: NodeID)
    func send(_ batch: PresenceWatchBatch, to node: NodeID)
    func send(_ batch: PresenceUpdateBatch, to node: NodeID)
    func send(_ batch: TypingBatch, to node: NodeID)
    /// `completion` runs once, on any thread; nil when the node does not answer in time.
    func ask(
        _ question: PresenceQuestion, at node: NodeID, completion: @escaping @Sendable (PresenceReply?) -> Void)
}

/// Links that carry no presence: nobody is told anything, and nothing is sent on that account.
extension RouterLinks {
    package var carriesPresence: Bool { false }
    package func send(_ batch: PresenceReportBatch, to node: NodeID) {}
    package func send(_ batch: PresenceWatchBatch, to node: NodeID) {}
    package func send(_ batch: PresenceUpdateBatch, to node: NodeID) {}
    package func send(_ batch: TypingBatch, to node: NodeID) {}
    package func ask(
        _ question: PresenceQuestion, at node: NodeID, completion: @escaping @Sendable (PresenceReply?) -> Void
    ) { completion(nil) }
}

extension RouterLinks {
    /// Links that carry no operations: nobody is given up and no drain ends.
    package func deadMembers(seenBy node: NodeID, completion: @escaping @Sendable (Set<NodeID>?) -> Void) {
        completion(nil)
    }
    package func groups(ledBy node: NodeID, completion: @escaping @Sendable ([GroupStatus]?) -> Void) {
        completion(nil)
    }
}

extension RouterLinks {
    /// Links that search shard by shard, and reach nobody's indices.
    package func search(
        _ batch: SearchBatch, at node: NodeID, completion: @escaping @Sendable (SearchReply?) -> Void
    ) { completion(nil) }
    package func rebuildIndices(at node: NodeID, completion: @escaping @Sendable (RebuildReply?) -> Void) {
        completion(nil)
    }
}
