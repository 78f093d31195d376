import ChatModel
import ClusterModel
import Raft
import Testing

@testable import Replication

@Suite struct `A batch between nodes` {
    private var batch: RaftBatch {
        let leader = Replica(id: ReplicaID(1), node: NodeID(high: 1, low: 1))
        let follower = Replica(id: ReplicaID(2), node: NodeID(high: 2, low: 2))
        let entry = Entry(index: LogIndex(7), term: Term(3), payload: .command([1, 2, 3]))
        return RaftBatch(
            cluster: ClusterID(high: 9, low: 9), from: leader.node, to: follower.node,
            messages: [
                .init(
                    shard: ShardID(5),
                    message: RaftMessage(
                        from: leader, to: follower, term: Term(3),
                        body: .append(
                            previousIndex: LogIndex(6), previousTerm: Term(2), entries: [entry], commit: LogIndex(6)))),
                .init(
                    shard: ShardID(128),
                    message: RaftMessage(
                        from: leader, to: follower, term: Term(3), body: .heartbeat(commit: LogIndex(6), readContext: 1)
                    )),
            ])
    }

    @Test func `comes back as it was`() throws {
        let back = try RaftBatch(encoded: self.batch.encoded)
        #expect(back.cluster == self.batch.cluster)
        #expect(back.messages.map(\.shard) == self.batch.messages.map(\.shard))
        #expect(back.messages.map(\.message) == self.batch.messages.map(\.message))
    }

    @Test func `every cut is refused`() {
        let bytes = self.batch.encoded
        for count in bytes.indices {
            #expect(throws: WireError.self, "cut at \(count)") { try RaftBatch(encoded: Array(bytes.prefix(count))) }
        }
    }

    @Test func `a count larger than the bytes reserves nothing and is refused`() {
        var writer = ByteWriter()
        writer.write(ClusterID(high: 9, low: 9))
        writer.write(NodeID(high: 1, low: 1))
        writer.write(NodeID(high: 2, low: 2))
        writer.writeVariable(1 << 40)
        #expect(throws: WireError.self) { try RaftBatch(encoded: writer.bytes) }
    }
}

@Suite struct `Listeners of a shard` {
    private let node = NodeID(high: 1, low: 1)
    private let other = NodeID(high: 2, low: 2)

    @Test func `a node that is gone hears nothing any more, and leaves no empty list`() {
        var feeds = ShardFeeds()
        let channel = ChannelID(high: 1, low: 1)
        let user = UserID(high: 1, low: 1)
        feeds.channels[channel] = [
            .init(node: self.node, generation: 1, isLive: true), .init(node: self.other, generation: 2, isLive: true),
        ]
        feeds.users[user] = [self.node]
        feeds.removeAll(of: self.node)
        #expect(feeds.channels[channel]?.map(\.node) == [self.other])
        #expect(feeds.users.isEmpty)
        feeds.removeAll(of: self.other)
        #expect(feeds.channels.isEmpty)
    }
}
