// Data's way, step 5: what one node has to say to another in one turn, for all shards at once.

import ChatModel
import ClusterModel
import Raft

/// All Raft messages of one turn from one node to another, in the order in which they were made.
package struct RaftBatch: Sendable {
    /// Foreign batches are refused whole: a mistaken address must never mix two clusters.
    package let cluster: ClusterID
    package let messages: [ShardMessage]

    package init(cluster: ClusterID, messages: [ShardMessage]) {
        self.cluster = cluster
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
}

extension RaftBatch: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.cluster)
        writer.write(self.messages)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(cluster: try reader.read(), messages: try reader.readArray(bytesEach: 36))
    }
}

extension RaftBatch.ShardMessage: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.shard)
        writer.write(self.message)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(shard: try reader.read(), message: try reader.read())
    }
}

/// How the host's batches reach another node. Lossy: what can not be sent now is dropped, and Raft asks again.
package protocol ReplicationLinks: Sendable {
    /// Called on the host's loop.
    func send(_ batch: RaftBatch, to node: NodeID, isControl: Bool)
    /// Feed items for a node that has subscribed here. Called on the host's loop.
    func deliver(_ items: [FeedItem], to node: NodeID)
}
