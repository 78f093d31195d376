// What nodes ask of each other on behalf of a search, and of its index.

import ChatModel
import ClusterModel
import Raft

/// One step of a search in several shards of one node: those that it leads, or, for a local one, has replicas of.
package struct SearchBatch: Sendable, Hashable {
    package let shards: [ShardID]
    package let request: SearchRequest
    package let viewer: Actor
    package let isLocal: Bool
    /// Messages of those shards that were found there, to be read if they still fit. Empty: where hits stand is wanted.
    package let messages: [MessageID]
    /// The words of the asking node's replicas of those shards, as far as it has some.
    package let vouchers: [ShardVoucher]
    /// When that is over nobody waits for the answer.
    package let millisecondsLeft: UInt32
}

/// What a node's replica of one shard says for a read of it.
package struct ShardVoucher: Sendable, Hashable {
    package let shard: ShardID
    package let voucher: ReadVoucher
}

/// The first hits of those shards together. What can not be answered there is asked for elsewhere.
package struct SearchReply: Sendable, Hashable {
    /// A shard without an answer.
    package struct Unanswered: Sendable, Hashable {
        package let shard: ShardID
        package let leader: NodeID?
    }

    /// Where they stand, in their order; at most as many as a page has.
    package var positions: [SearchPosition] = []
    /// The messages that were asked for, as they are now, in no order.
    package var hits: [SearchHit] = []
    /// False where an index is behind.
    package var isComplete = true
    /// Too many searches wait there.
    package var isOverloaded = false
    package var unanswered: [Unanswered] = []
}

/// How many replicas make their index anew.
package struct RebuildReply: Sendable, Hashable {
    package let shards: UInt16
}

extension SearchBatch: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.shards)
        writer.write(self.request)
        writer.write(self.viewer)
        writer.write(self.isLocal)
        writer.write(self.messages)
        writer.write(self.vouchers)
        writer.write(self.millisecondsLeft)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            shards: try reader.readArray(bytesEach: 2), request: try reader.read(), viewer: try reader.read(),
            isLocal: try reader.read(), messages: try reader.readArray(bytesEach: 17),
            vouchers: try reader.readArray(bytesEach: 5), millisecondsLeft: try reader.read())
    }
}

extension ShardVoucher: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.shard)
        writer.write(self.voucher)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(shard: try reader.read(), voucher: try reader.read())
    }
}

extension SearchReply: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.positions)
        writer.write(self.hits)
        writer.write(self.isComplete)
        writer.write(self.isOverloaded)
        writer.write(self.unanswered)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            positions: try reader.readArray(bytesEach: 18), hits: try reader.readArray(bytesEach: 64),
            isComplete: try reader.read(), isOverloaded: try reader.read(),
            unanswered: try reader.readArray(bytesEach: 3))
    }
}

extension SearchReply.Unanswered: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.shard)
        writer.write(self.leader)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(shard: try reader.read(), leader: try reader.readOptional())
    }
}

extension RebuildReply: Wire {
    package func encode(into writer: inout ByteWriter) { writer.write(self.shards) }
    package init(from reader: inout ByteReader) throws(WireError) { self.init(shards: try reader.read()) }
}
