import ChatModel
import ChatService
import ClusterModel
import NIOCore
import Placement
import Replication
import Testing

@testable import Routing

@Suite(.serialized) struct RouterTests {
    private let alice = Actor(
        user: UserID(high: 1, low: 1), role: .member, session: SessionID(high: 1, low: 1))
    private let bob = Actor(user: UserID(high: 2, low: 2), role: .member, session: SessionID(high: 2, low: 2))

    private func founded() async throws -> InProcessCluster {
        let cluster = try InProcessCluster()
        let first = try await cluster.start(1, founding: true)
        #expect(await cluster.eventually { first.host.loopLeaderCount() == cluster.shardMap.shardCount + 1 })
        #expect(try await first.router.perform(.registerNode(cluster.record(1))) == .done)
        #expect(try await first.router.perform(.activateNode(InProcessCluster.id(1))) == .done)
        return cluster
    }

    private func grown() async throws -> InProcessCluster {
        let cluster = try await self.founded()
        let first = cluster.member(InProcessCluster.id(1))!
        for number in 2...3 {
            try await cluster.start(number)
            #expect(try await first.router.perform(.registerNode(cluster.record(number))) == .done)
            #expect(try await first.router.perform(.activateNode(InProcessCluster.id(number))) == .done)
        }
        #expect(
            await cluster.eventually(30) {
                await first.router.clusterStatus().shards.allSatisfy { shard in
                    shard.replicas.count { $0.isVoter } == 3 && shard.leader != nil
                }
            })
        return cluster
    }

    @Test func `one founded node takes a message and reads it back`() async throws {
        let cluster = try await self.founded()
        let router = cluster.member(InProcessCluster.id(1))!.router
        let channel = ChannelID(high: 9, low: 9)
        _ = try await router.perform(
            .createChannel(channel, name: "general", type: .public, topic: "", by: self.alice, nil))
        let result = try await router.perform(
            .postMessage(
                channel, MessageContent(text: "is this thing on?", clientID: nil, thread: nil), by: self.alice, nil))
        guard case .message(let event) = result else { Issue.record("\(result)"); return }
        #expect(event.seq == 2)
        let answer = try await router.answer(
            .history(channel, viewer: self.alice, .newest, limit: 10), consistency: .linearizable)
        #expect(answer == .events([event], head: 2))
        try await cluster.finish()
    }

    @Test func `a group grows from one voter to three by itself and any node serves it`() async throws {
        let cluster = try await self.grown()
        let channel = ChannelID(high: 3, low: 4)
        let second = cluster.member(InProcessCluster.id(2))!.router
        let third = cluster.member(InProcessCluster.id(3))!
        _ = try await second.perform(
            .createChannel(channel, name: "kitchen", type: .public, topic: "", by: self.alice, nil))
        third.router.subscribe(channel, after: 0)
        for number in 1...50 {
            let result = try await second.perform(
                .postMessage(
                    channel, MessageContent(text: "\(number)", clientID: nil, thread: nil), by: self.alice, nil))
            guard case .message = result else { Issue.record("\(result)"); return }
        }
        #expect(await cluster.eventually { third.sink.events.count >= 51 })
        #expect(third.sink.events.map(\.seq) == Array(1...51))
        try await cluster.finish()
    }

    @Test func `a refusal is not believed while an earlier attempt may still be on its way`() async throws {
        let cluster = try await self.grown()
        let channel = ChannelID(high: 7, low: 8)
        let shard = cluster.shardMap.shard(of: .channel(channel))
        let first = cluster.member(InProcessCluster.id(1))!.router
        _ = try await first.perform(
            .createChannel(channel, name: "cellar", type: .private, topic: "", by: self.alice, nil))
        let status = await first.clusterStatus()
        let leader = try #require(status.shards.first(where: { $0.id == shard })?.leader)
        let asked = cluster.member(InProcessCluster.id(leader == InProcessCluster.id(1) ? 2 : 1))!.router
        let message = Command.postMessage(
            channel, MessageContent(text: "let me in", clientID: nil, thread: nil), by: self.bob,
            IdempotencyKey(user: self.bob.user, key: "k", fingerprint: 1))

        // One attempt that is answered is the truth.
        let refusal = try await asked.perform(message)
        #expect(refusal == .refused(.notFound))

        // The first attempt is lost on its way, and the second is refused: the first may yet arrive.
        cluster.holdCommands()
        do {
            let result = try await asked.perform(message)
            Issue.record("\(result)")
        } catch ServiceError.outcomeUnknown {}
        _ = try await first.perform(.addMember(channel, self.bob.user, by: self.alice))
        #expect(cluster.releaseCommands() == 1)
        #expect(
            await cluster.eventually {
                let answer = try? await first.answer(
                    .history(channel, viewer: self.alice, .newest, limit: 10), consistency: .linearizable)
                guard case .events(let events, _) = answer else { return false }
                return events.contains { $0.actor == self.bob.user && $0.body.kind == .messageCreated }
            })
        try await cluster.finish()
    }

    @Test func `messages go on after the leader's node is gone, and none is lost or doubled`() async throws {
        let cluster = try await self.grown()
        let channel = ChannelID(high: 5, low: 6)
        let second = cluster.member(InProcessCluster.id(2))!.router
        _ = try await second.perform(
            .createChannel(channel, name: "attic", type: .public, topic: "", by: self.alice, nil))
        async let sending: [UInt64] = {
            var seqs: [UInt64] = []
            for number in 1...300 {
                let key = IdempotencyKey(user: self.alice.user, key: "k\(number)", fingerprint: UInt64(number))
                while true {
                    let result = try? await second.perform(
                        .postMessage(
                            channel, MessageContent(text: "\(number)", clientID: nil, thread: nil), by: self.alice, key)
                    )
                    if case .message(let event) = result {
                        seqs.append(event.seq)
                        break
                    }
                }
            }
            return seqs
        }()
        try await Task.sleep(for: .milliseconds(100))
        await cluster.stop(1)
        #expect(await sending == Array(2...301))
        try await cluster.start(1)
        let first = cluster.member(InProcessCluster.id(1))!.router
        let answer = try await first.answer(
            .history(channel, viewer: self.alice, .newest, limit: 200), consistency: .linearizable)
        guard case .events(let events, let head) = answer else { Issue.record("\(answer)"); return }
        #expect(head == 301)
        #expect(events.map(\.seq) == Array(102...301))
        try await cluster.finish()
    }

    @Test func `a node started again with its disk has everything that was acknowledged`() async throws {
        let cluster = try await self.founded()
        let channel = ChannelID(high: 1, low: 99)
        var router = cluster.member(InProcessCluster.id(1))!.router
        _ = try await router.perform(
            .createChannel(channel, name: "cellar", type: .private, topic: "", by: self.alice, nil))
        for number in 1...20 {
            _ = try await router.perform(
                .postMessage(
                    channel, MessageContent(text: "\(number)", clientID: nil, thread: nil), by: self.alice, nil))
        }
        await cluster.stop(1)
        router = try await cluster.start(1).router
        let answer = try await router.answer(
            .history(channel, viewer: self.alice, .newest, limit: 50), consistency: .linearizable)
        guard case .events(let events, let head) = answer else { Issue.record("\(answer)"); return }
        #expect(head == 21)
        #expect(events.count == 20)
        let hidden = try await router.answer(
            .history(channel, viewer: self.bob, .newest, limit: 50), consistency: .linearizable)
        #expect(hidden == .refused(.notFound))
        try await cluster.finish()
    }

    @Test func `a membership reaches the user's shard through the outbox`() async throws {
        let cluster = try await self.founded()
        let member = cluster.member(InProcessCluster.id(1))!
        let record = UserRecord(
            id: self.alice.user, username: "alice", displayName: "Alice", email: nil, role: .member, passwordHash: "",
            createdAt: .zero)
        #expect(try await member.router.perform(.createUser(record)) == .user(record))
        member.router.watch(self.alice.user)
        let home = cluster.shardMap.shard(of: .user(self.alice.user))
        // In another shard than the user, or there would be nothing to send.
        let channel = try #require(
            (1...100).lazy.map { ChannelID(high: 21, low: $0) }.first {
                cluster.shardMap.shard(of: .channel($0)) != home
            })
        _ = try await member.router.perform(
            .createChannel(channel, name: "porch", type: .public, topic: "", by: self.alice, nil))
        #expect(
            await cluster.eventually {
                let answer = try? await member.router.answer(.memberships(self.alice.user), consistency: .linearizable)
                return answer == .memberships([channel])
            })
        #expect(await cluster.eventually { member.sink.notices == [.channelJoined(channel, seq: 1)] })
        try await cluster.finish()
    }
}

extension ReplicationHost {
    /// From a test's thread.
    func loopLeaderCount() -> Int { (try? self.loop.submit { self.leaderCount }.wait()) ?? 0 }
}
