import ChatModel
import ChatService
import ClusterModel
import Foundation
import NIOCore
import Placement
import Raft
import Replication
import Testing

@testable import Routing

@Suite(.serialized) struct LostDiskTests {
    private let alice = Actor(user: UserID(high: 1, low: 1), role: .member, session: SessionID(high: 1, low: 1))
    private let channel = ChannelID(high: 77, low: 5)

    private func grown(to count: Int, _ settings: ReplicationSettings) async throws -> InProcessCluster {
        let cluster = try InProcessCluster(settings)
        let first = try await cluster.start(1, founding: true)
        #expect(await cluster.eventually { first.host.loopLeaderCount() == cluster.shardMap.shardCount + 1 })
        for number in 1...count {
            if number > 1 { try await cluster.start(number) }
            #expect(try await first.router.perform(.registerNode(cluster.record(number))) == .done)
            #expect(try await first.router.perform(.activateNode(InProcessCluster.id(number))) == .done)
        }
        #expect(await cluster.eventually(30) { await cluster.isAlike(count) })
        _ = try await first.router.perform(
            .createChannel(self.channel, name: "attic", type: .public, topic: "", by: self.alice, nil))
        return cluster
    }

    private func post(_ count: Int, _ prefix: String, _ router: Router) async throws {
        for number in 1...count {
            let key = IdempotencyKey(user: self.alice.user, key: "\(prefix)\(number)", fingerprint: 1)
            let content = MessageContent(text: "\(prefix)\(number)", clientID: nil, thread: nil)
            var isTaken = false
            for _ in 0..<100 where !isTaken {
                let result = try? await router.perform(.postMessage(self.channel, content, by: self.alice, key))
                if case .message = result { isTaken = true } else { try await Task.sleep(for: .milliseconds(50)) }
            }
            #expect(isTaken, "\(prefix)\(number) was not taken")
        }
    }

    private func damage(_ cluster: InProcessCluster, _ number: Int) throws {
        let shard = cluster.shardMap.shard(of: .channel(self.channel))
        let path = cluster.folder(number) + "/shards/000\(shard).sqlite"
        for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
        try Data(repeating: 0xA5, count: 20_000).write(to: URL(fileURLWithPath: path))
    }

    private func statistics(_ member: InProcessCluster.Member) async throws -> ReplicationStatistics {
        try await member.host.loop.submit { member.host.statistics }.get()
    }

    @Test func `a damaged projection is built again from the log`() async throws {
        let cluster = try await self.grown(to: 1, ReplicationSettings())
        var first = try #require(cluster.member(InProcessCluster.id(1)))
        try await self.post(20, "m", first.router)
        await cluster.stop(1)
        try self.damage(cluster, 1)
        first = try await cluster.start(1)
        let answer = try await first.router.answer(
            .history(self.channel, viewer: self.alice, .newest, limit: 50), consistency: .linearizable)
        guard case .views(let views, let head) = answer else { Issue.record("\(answer)"); return }
        #expect(head == 21)
        #expect(views.map(\.id.seq) == Array(2...21))
        #expect(try await self.statistics(first).projectionsRebuilt == 1)
        try await cluster.finish()
    }

    @Test func `a damaged projection behind a cut log is asked of another replica`() async throws {
        let cluster = try await self.grown(to: 3, .forgetful)
        let first = try #require(cluster.member(InProcessCluster.id(1)))
        let shard = cluster.shardMap.shard(of: .channel(self.channel))
        try await self.post(60, "m", first.router)
        let isCut = await cluster.eventually {
            await cluster.standings(of: shard).allSatisfy { $0.map { $0.baseIndex > .zero } ?? false }
        }
        #expect(isCut)
        await cluster.stop(3)
        try self.damage(cluster, 3)
        let third = try await cluster.start(3)
        #expect(await cluster.eventually(30) { await cluster.isAlike(3) })
        let statistics = try await self.statistics(third)
        #expect(statistics.projectionsRebuilt == 1)
        #expect(statistics.snapshotsInstalled == 1)
        try await self.post(5, "n", third.router)
        #expect(await cluster.eventually(30) { await cluster.isAlike(3) })
        try await cluster.finish()
    }

    @Test func `the only copy's lost state is refused by name, and the other shards go on`() async throws {
        let cluster = try await self.grown(to: 1, .forgetful)
        var first = try #require(cluster.member(InProcessCluster.id(1)))
        let shard = cluster.shardMap.shard(of: .channel(self.channel))
        try await self.post(60, "m", first.router)
        #expect(
            await cluster.eventually { (await cluster.standings(of: shard).first ?? nil)?.baseIndex ?? .zero > .zero })
        await cluster.stop(1)
        try self.damage(cluster, 1)
        first = try await cluster.start(1)
        let host = first.host
        let refused = try await host.loop.submit { host.refusedShards }.get()
        #expect(Array(refused.keys) == [shard])
        #expect(await cluster.eventually { first.host.loopLeaderCount() == cluster.shardMap.shardCount })
        #expect(try await host.loop.submit { host.acceptDataLoss(of: shard) }.get())
        #expect(await cluster.eventually { first.host.loopLeaderCount() == cluster.shardMap.shardCount + 1 })
        // What was there is lost, as the operator has accepted; the shard serves again.
        _ = try await first.router.perform(
            .createChannel(self.channel, name: "attic", type: .public, topic: "", by: self.alice, nil))
        try await self.post(5, "again", first.router)
        await cluster.stop(1)
        first = try await cluster.start(1)
        let answer = try await first.router.answer(
            .history(self.channel, viewer: self.alice, .newest, limit: 50), consistency: .linearizable)
        guard case .views(let views, _) = answer else { Issue.record("\(answer)"); return }
        #expect(views.count == 5)
        try await cluster.finish()
    }

    @Test func `a replica that its group has left out is deleted from the disk`() async throws {
        var settings = ReplicationSettings.forgetful
        settings.removal.askAfterMilliseconds = 1_000
        settings.removal.askEachMilliseconds = 500
        settings.removal.graceMilliseconds = 1_000
        let cluster = try await self.grown(to: 4, settings, voters: 3)
        let first = try #require(cluster.member(InProcessCluster.id(1)))
        try await self.post(30, "m", first.router)
        #expect(try await first.router.perform(.setNodeState(InProcessCluster.id(2), .draining)) == .done)
        let second = try #require(cluster.member(InProcessCluster.id(2)))
        // The directory keeps a learner on every member; once all else has gone the node is none any more, and that goes, too.
        let isEmpty = await cluster.eventually(40) {
            let count = try? await second.host.loop.submit { second.host.replicaCount }.get()
            return count.map { $0 <= 1 } ?? false
        }
        #expect(isEmpty)
        let files = try FileManager.default.contentsOfDirectory(atPath: cluster.folder(2) + "/shards")
        #expect(files.filter { $0.hasSuffix(".sqlite") && $0 != "0000.sqlite" } == [])
        #expect(try await self.statistics(second).replicasRemoved >= 1)
        try await self.post(5, "n", second.router)
        try await cluster.finish()
    }

    private func grown(
        to count: Int, _ settings: ReplicationSettings, voters: Int
    ) async throws -> InProcessCluster {
        let cluster = try InProcessCluster(settings)
        let first = try await cluster.start(1, founding: true)
        #expect(await cluster.eventually { first.host.loopLeaderCount() == cluster.shardMap.shardCount + 1 })
        for number in 1...count {
            if number > 1 { try await cluster.start(number) }
            #expect(try await first.router.perform(.registerNode(cluster.record(number))) == .done)
            #expect(try await first.router.perform(.activateNode(InProcessCluster.id(number))) == .done)
        }
        #expect(
            await cluster.eventually(40) {
                await first.router.clusterStatus().shards.allSatisfy { shard in
                    shard.replicas.count { $0.isVoter } == voters && shard.leader != nil
                }
            })
        _ = try await first.router.perform(
            .createChannel(self.channel, name: "attic", type: .public, topic: "", by: self.alice, nil))
        return cluster
    }
}
