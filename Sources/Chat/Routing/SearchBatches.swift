// What nodes ask of each other on behalf of a search, and of its index.

import ChatModel
import ClusterModel

/// One search in several shards of one node: those that it leads, or, for a local one, has replicas of.
package struct SearchBatch: Sendable, Hashable {
    package let shards: [ShardID]
    package let request: SearchRequest
    package let viewer: Actor
    package let isLocal: Bool
}

/// The first hits of those shards together. What can not be answered there is asked for elsewhere.
package struct SearchReply: Sendable, Hashable {
    package let hits: [SearchHit]
    package let isComplete: Bool
    /// Shards that these hits are not of.
    package let unanswered: [ShardID]
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
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            shards: try reader.readArray(bytesEach: 2), request: try reader.read(), viewer: try reader.read(),
            isLocal: try reader.read())
    }
}

extension SearchReply: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.hits)
        writer.write(self.isComplete)
        writer.write(self.unanswered)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            hits: try reader.readArray(bytesEach: 8), isComplete: try reader.read(),
            unanswered: try reader.readArray(bytesEach: 2))
    }
}

extension RebuildReply: Wire {
    package func encode(into writer: inout ByteWriter) { writer.write(self.shards) }
    package init(from reader: inout ByteReader) throws(WireError) { self.init(shards: try reader.read()) }
}
