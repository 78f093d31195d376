import ChatModel
import ChatService
import ClusterModel
import NIOCore
import Placement
import Projections
import Raft
import Testing

@testable import Replication
@testable import Routing

/// One search of all shards, whichever node is asked and whoever leads them.
@Suite(.serialized) struct SearchRoutingTests {
    private let alice = Actor(
        user: UserID(high: 1, low: 1), role: .member, session: SessionID(high: 1, low: 1))
    private let channels = (1...8).map { ChannelID(high: 5, low: UInt64($0)) }

    private func cluster() async throws -> (InProcessCluster, [InProcessCluster.Member]) {
        let cluster = try InProcessCluster()
        let first = try await cluster.start(1, founding: true)
        #expect(await cluster.eventually { first.host.loopLeaderCount() == cluster.shardMap.shardCount + 1 })
        var members = [first]
        for number in 1...3 {
            if number > 1 { members.append(try await cluster.start(number)) }
            #expect(try await first.router.perform(.registerNode(cluster.record(number))) == .done)
            #expect(try await first.router.perform(.activateNode(InProcessCluster.id(number))) == .done)
        }
        #expect(
            await cluster.eventually(30) {
                await first.router.clusterStatus().shards.allSatisfy { shard in
                    shard.replicas.count { $0.isVoter } == 3 && shard.leader != nil
                }
            })
        for channel in self.channels {
            _ = try await first.router.perform(
                .createChannel(channel, name: "c\(channel.low)", type: .public, topic: "", by: self.alice, nil))
        }
        return (cluster, members)
    }

    private func post(_ text: String, _ number: Int, at router: Router) async throws -> MessageID {
        let channel = self.channels[number % self.channels.count]
        let result = try await router.perform(
            .postMessage(channel, MessageContent(text: text, clientID: nil, thread: nil), by: self.alice, nil))
        guard case .message(let event) = result else {
            Issue.record("\(result)")
            return MessageID(channel: channel, seq: 0)
        }
        return event.messageID
    }

    private func search(
        _ word: String, order: SearchOrder = .newest, at router: Router, _ consistency: Consistency = .linearizable
    ) async throws -> (ids: [MessageID], isComplete: Bool) {
        let request = SearchRequest(
            terms: [SearchTerm(words: .word(word), isExcluded: false)], channels: [], order: order, limit: 50)
        let answer = try await router.answer(
            .search(.directory, request, viewer: self.alice), consistency: consistency)
        guard case .hits(let hits, let isComplete) = answer else {
            Issue.record("\(answer)")
            return ([], false)
        }
        return (hits.map(\.message.id), isComplete)
    }

    @Test func `what one node wrote every node finds at once, in all shards`() async throws {
        let (cluster, members) = try await self.cluster()
        #expect(Set(self.channels.map { cluster.shardMap.shard(of: .channel($0)) }).count > 1)
        var sent: [MessageID] = []
        for number in 0..<24 {
            sent.append(try await self.post("needle \(number)", number, at: members[number % 3].router))
            for member in members {
                let found = try await self.search("needle", at: member.router)
                #expect(found.isComplete && Set(found.ids) == Set(sent))
            }
        }
        for member in members {
            #expect(Set(try await self.search("needle", order: .relevance, at: member.router).ids) == Set(sent))
            #expect(try await self.search("haystack", at: member.router).ids.isEmpty)
        }
        try await cluster.finish()
    }

    @Test func `shards whose leader went are searched at the next one`() async throws {
        let (cluster, members) = try await self.cluster()
        var sent: Set<MessageID> = []
        for number in 0..<8 { sent.insert(try await self.post("anchor", number, at: members[0].router)) }
        await cluster.stop(1)
        // The nodes left still believe in the one that stopped, until they hear of others.
        for member in members[1...] {
            var found: (ids: [MessageID], isComplete: Bool)?
            #expect(
                await cluster.eventually {
                    found = try? await self.search("anchor", at: member.router)
                    return found != nil
                })
            #expect(found?.isComplete == true && found.map { Set($0.ids) } == sent)
        }
        try await cluster.finish()
    }

    @Test func `an index made anew on every node is whole again or says that it is not`() async throws {
        let (cluster, members) = try await self.cluster()
        var sent: Set<MessageID> = []
        for number in 0..<20 { sent.insert(try await self.post("anvil \(number)", number, at: members[0].router)) }
        let rebuild = await members[2].router.rebuildSearch()
        #expect(rebuild == SearchRebuild(told: (1...3).map { InProcessCluster.id($0) }, missing: []))
        for _ in 0..<5 {
            for member in members {
                let found = try await self.search("anvil", at: member.router)
                #expect(!found.isComplete || Set(found.ids) == sent)
            }
        }
        for member in members {
            #expect(
                await cluster.eventually {
                    let lag = try? await member.host.loop.submit { member.host.indexLag }.get()
                    return lag == IndexLag()
                })
            let found = try await self.search("anvil", at: member.router)
            #expect(found.isComplete && Set(found.ids) == sent)
        }
        await cluster.stop(2)
        let partly = await members[0].router.rebuildSearch()
        #expect(partly.told.contains(InProcessCluster.id(1)) && partly.missing == [InProcessCluster.id(2)])
        try await cluster.finish()
    }

    @Test func `batches keep their bytes`() throws {
        let request = SearchRequest(
            terms: [SearchTerm(words: .phrase("a b"), isExcluded: true)], channels: [], order: .relevance,
            position: SearchPosition(rank: -5, message: MessageID(channel: self.channels[0], seq: 7)), limit: 9)
        let batch = SearchBatch(
            shards: [ShardID(1), ShardID(4)], request: request, viewer: self.alice, isLocal: true,
            messages: [MessageID(channel: self.channels[1], seq: 3)],
            vouchers: [
                ShardVoucher(
                    shard: ShardID(4),
                    voucher: ReadVoucher(replica: ReplicaID(2), term: Term(300), incarnation: .founding))
            ], millisecondsLeft: 1_900)
        #expect(try SearchBatch(encoded: batch.encoded) == batch)
        let reply = SearchReply(
            positions: [SearchPosition(rank: -5, message: MessageID(channel: self.channels[0], seq: 7))], hits: [],
            isComplete: false, isOverloaded: true,
            unanswered: [
                .init(shard: ShardID(3), leader: InProcessCluster.id(2)), .init(shard: ShardID(4), leader: nil),
            ])
        #expect(try SearchReply(encoded: reply.encoded) == reply)
        #expect(try RebuildReply(encoded: RebuildReply(shards: 129).encoded) == RebuildReply(shards: 129))
    }
}
