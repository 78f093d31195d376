// Data's way, step 5: what one node has to say to another in one turn, for all shards at once.

import ChatModel
import ClusterModel
import Raft

/// All Raft messages of one turn from one node to another, in the order in which they were made.
///
///     cluster │ from node │ to node │ count │ (shard │ message without its nodes) …
package struct RaftBatch: Sendable {
    /// Foreign batches are refused whole: a mistaken address must never mix two clusters.
    package let cluster: ClusterID
    /// Every message's sender and receiver live on these nodes.
    package let from: NodeID
    package let to: NodeID
    package let messages: [ShardMessage]

    package init(cluster: ClusterID, from: NodeID, to: NodeID, messages: [ShardMessage]) {
        self.cluster = cluster
        self.from = from
        self.to = to
        self.messages = messages
    }

    package struct ShardMessage: Sendable {
        package let shard: ShardID
        package let message: RaftMessage

        package init(shard: ShardID, message: RaftMessage) {
            self.shard = shard
            self.message = message
        }
    }

    /// Half of the transport's frame limit: one append may be as large as the core's `appendBytesMax`.
    static let bytesMax = 512 << 10
}

extension RaftBatch: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.cluster)
        writer.write(self.from)
        writer.write(self.to)
        writer.writeCount(self.messages.count)
        for item in self.messages {
            writer.write(item.shard)
            item.message.encode(withoutNodesInto: &writer)
        }
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        let cluster: ClusterID = try reader.read()
        let from: NodeID = try reader.read()
        let to: NodeID = try reader.read()
        // A shard and a message's head are at least this long.
        let count = try reader.readCount(bytesEach: 5)
        var messages: [ShardMessage] = []
        messages.reserveCapacity(count)
        for _ in 0..<count {
            messages.append(
                ShardMessage(
                    shard: try reader.read(), message: try RaftMessage(from: &reader, sender: from, receiver: to)))
        }
        self.init(cluster: cluster, from: from, to: to, messages: messages)
    }
}

/// How the host's batches reach another node. Lossy: what can not be sent now is dropped, and Raft asks again.
package protocol ReplicationLinks: Sendable {
    /// Called on the host's loop.
    func send(_ batch: RaftBatch, to node: NodeID, isControl: Bool)
    /// Snapshots and the like, on the lane for bulk. Called on the host's loop.
    func send(_ message: HostMessage, to node: NodeID)
    /// Feed items for a node that has subscribed here. Called on the host's loop.
    func deliver(_ items: [FeedItem], to node: NodeID)
}
