import ChatModel
import ChatService
import ClusterModel
import Failpoints
import Foundation
import NIOCore
import Placement
import Raft
import Replication
import Synchronization
import Testing
import WriteAheadLog

@testable import Routing

extension ReplicationSettings {
    /// Logs that are cut after a few entries, so that whoever is late needs a snapshot.
    static var forgetful: ReplicationSettings {
        var settings = ReplicationSettings()
        settings.projectionMilliseconds = 200
        settings.retention.keepEntries = 8
        settings.retention.keepBytes = 1 << 10
        settings.retention.checkpointEntries = 16
        settings.retention.checkpointMilliseconds = 1_000
        settings.checkpointsPerSecondMax = 1_000
        settings.raft.cachedBytesMax = 1 << 10
        settings.segmentBytes = 1 << 20
        return settings
    }
}

@Suite(.serialized) struct SnapshotTests {
    private let alice = Actor(user: UserID(high: 1, low: 1), role: .member, session: SessionID(high: 1, low: 1))

    private func founded(_ settings: ReplicationSettings = .forgetful) async throws -> InProcessCluster {
        let cluster = try InProcessCluster(settings)
        let first = try await cluster.start(1, founding: true)
        #expect(await cluster.eventually { first.host.loopLeaderCount() == cluster.shardMap.shardCount + 1 })
        #expect(try await first.router.perform(.registerNode(cluster.record(1))) == .done)
        #expect(try await first.router.perform(.activateNode(InProcessCluster.id(1))) == .done)
        return cluster
    }

    private func join(_ numbers: ClosedRange<Int>, _ cluster: InProcessCluster) async throws {
        let first = try #require(cluster.member(InProcessCluster.id(1)))
        for number in numbers {
            try await cluster.start(number)
            #expect(try await first.router.perform(.registerNode(cluster.record(number))) == .done)
            #expect(try await first.router.perform(.activateNode(InProcessCluster.id(number))) == .done)
        }
    }

    /// One channel in every shard but the directory.
    private func channels(_ cluster: InProcessCluster) -> [ChannelID] {
        var found: [ShardID: ChannelID] = [:]
        for low in 1...200 {
            let channel = ChannelID(high: 77, low: UInt64(low))
            let shard = cluster.shardMap.shard(of: .channel(channel))
            if found[shard] == nil { found[shard] = channel }
        }
        return found.sorted { $0.key < $1.key }.map(\.value)
    }

    private func create(_ channels: [ChannelID], _ router: Router) async throws {
        for channel in channels {
            _ = try await router.perform(
                .createChannel(channel, name: "c\(channel.low)", type: .public, topic: "", by: self.alice, nil))
        }
    }

    /// Posts until a message is in; returns its seq.
    @discardableResult
    private func post(_ text: String, to channel: ChannelID, _ router: Router) async throws -> UInt64 {
        let key = IdempotencyKey(user: self.alice.user, key: String(text.prefix(40)), fingerprint: 1)
        for _ in 0..<200 {
            let result = try? await router.perform(
                .postMessage(channel, MessageContent(text: text, clientID: nil, thread: nil), by: self.alice, key))
            if case .message(let event) = result { return event.seq }
            try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record("\(text.prefix(20)) was not taken")
        return 0
    }

    private func statistics(_ member: InProcessCluster.Member) async throws -> ReplicationStatistics {
        try await member.host.loop.submit { member.host.statistics }.get()
    }

    private func isCut(_ member: InProcessCluster.Member, _ count: UInt64) async -> Bool {
        ((try? await self.statistics(member))?.releases ?? 0) >= count
    }

    /// Posts until the logs of all nodes begin behind where a node stood that is away.
    private func outgrow(
        _ channels: [ChannelID], _ cluster: InProcessCluster, _ text: String, by standings: [ShardID: LogIndex]
    ) async throws {
        let router = try #require(cluster.member(InProcessCluster.id(1))).router
        for number in 1...40 {
            for channel in channels { try await self.post("\(text) \(channel.low) \(number)", to: channel, router) }
        }
        for channel in channels {
            let shard = cluster.shardMap.shard(of: .channel(channel))
            let isCut = await cluster.eventually {
                await cluster.standings(of: shard).allSatisfy { $0.map { $0.baseIndex > standings[shard]! } ?? false }
            }
            #expect(isCut, "the logs of shard \(shard) keep everything")
        }
    }

    private func standings(_ cluster: InProcessCluster) async -> [ShardID: LogIndex] {
        var standings: [ShardID: LogIndex] = [:]
        for shard in cluster.shardMap.shardsAndDirectory {
            standings[shard] = await cluster.standings(of: shard).first??.appliedIndex
        }
        return standings
    }

    @Test func `a node that joins after the log was cut gets every shard by snapshot, under load`() async throws {
        let cluster = try await self.founded()
        let first = try #require(cluster.member(InProcessCluster.id(1)))
        let channels = self.channels(cluster)
        try await self.create(channels, first.router)
        for number in 1...60 {
            for channel in channels { try await self.post("\(channel.low) \(number)", to: channel, first.router) }
        }
        #expect(await cluster.eventually { await self.isCut(first, UInt64(cluster.shardMap.shardCount)) })
        let isLoading = Atomic(true)
        async let loaded: UInt64 = {
            var last: UInt64 = 0
            for number in 61...100_000 {
                guard isLoading.load(ordering: .relaxed) else { break }
                last = try await self.post("\(channels[0].low) \(number)", to: channels[0], first.router)
            }
            return last
        }()
        try await self.join(2...3, cluster)
        #expect(
            await cluster.eventually(60) {
                await first.router.clusterStatus().shards.allSatisfy { shard in
                    shard.replicas.count { $0.isVoter } == 3 && shard.leader != nil
                }
            })
        isLoading.store(false, ordering: .relaxed)
        let last = try await loaded
        #expect(await cluster.eventually(20) { await cluster.isAlike(3) })
        for number in 2...3 {
            let member = try #require(cluster.member(InProcessCluster.id(number)))
            #expect(try await self.statistics(member).snapshotsInstalled >= UInt64(cluster.shardMap.shardCount))
            for channel in channels {
                let answer = try await member.router.answer(
                    .history(channel, viewer: self.alice, .newest, limit: 1_000), consistency: .local)
                guard case .views(let views, let head) = answer else { Issue.record("\(answer)"); continue }
                #expect(head == (channel == channels[0] ? last : 61))
                // A page holds a thousand; all that it holds is gapless up to the head.
                #expect(views.map(\.id.seq) == Array((head + 1 - UInt64(views.count))...head))
            }
        }
        try await cluster.finish()
    }

    @Test func `a follower that was away for long is brought back by a snapshot, and its listeners miss nothing`()
        async throws
    {
        let cluster = try await self.founded()
        try await self.join(2...3, cluster)
        let first = try #require(cluster.member(InProcessCluster.id(1)))
        #expect(await cluster.eventually(30) { await cluster.isAlike(3) })
        let channels = self.channels(cluster)
        try await self.create(channels, first.router)
        try await self.post("before", to: channels[0], first.router)
        #expect(await cluster.eventually { await cluster.isAlike(3) })
        let standings = await self.standings(cluster)
        await cluster.stop(3)
        try await self.outgrow(channels, cluster, "away", by: standings)
        let third = try await cluster.start(3)
        third.router.subscribe(channels[0], after: 0)
        #expect(await cluster.eventually(30) { await cluster.isAlike(3) })
        #expect(try await self.statistics(third).snapshotsInstalled >= 1)
        #expect(await cluster.eventually { third.sink.events.count >= 42 })
        #expect(third.sink.events.map(\.seq) == Array(1...42))
        try await cluster.finish()
    }

    @Test(arguments: [
        Failpoint.snapshotChunkWritten, .snapshotVerifyBefore, .snapshotRenameBefore, .snapshotRenameAfter,
        .snapshotRecordBefore, .snapshotRecordAfter, .snapshotSwapBefore, .snapshotSwapMiddle, .snapshotSwapAfter,
        .snapshotAdopt,
    ])
    func `an install that is cut short is finished or begun anew by the next start`(point: Failpoint) async throws {
        let cluster = try await self.founded()
        try await self.join(2...3, cluster)
        let first = try #require(cluster.member(InProcessCluster.id(1)))
        #expect(await cluster.eventually(30) { await cluster.isAlike(3) })
        let channels = [self.channels(cluster)[0]]
        try await self.create(channels, first.router)
        #expect(await cluster.eventually { await cluster.isAlike(3) })
        let standings = await self.standings(cluster)
        await cluster.stop(3)
        try await self.outgrow(channels, cluster, "away", by: standings)
        // Cut off, then copied: what the disk holds at this place, and no word that was said after it.
        let folder = cluster.folder(3)
        let image = folder + "-image"
        let isTaken = Atomic(false)
        Failpoints.install { hit, _ in
            guard hit == point, isTaken.exchange(true, ordering: .relaxed) == false else { return }
            cluster.cut(3)
            Self.copy(folder, to: image)
        }
        Failpoints.arm(point, .init(.crash, hit: 1))
        defer { Failpoints.arm(point, nil) }
        try await cluster.start(3)
        #expect(await cluster.eventually { cluster.member(InProcessCluster.id(3)) == nil }, "not come to")
        await cluster.stop(3)
        let third = try await cluster.start(3, from: image)
        #expect(await cluster.eventually(30) { await cluster.isAlike(3) })
        let answer = try await third.router.answer(
            .history(channels[0], viewer: self.alice, .newest, limit: 100), consistency: .local)
        guard case .views(let views, let head) = answer else { Issue.record("\(answer)"); return }
        #expect(head == 41)
        #expect(views.map(\.id.seq) == Array(2...41))
        try await cluster.finish()
    }

    /// Files may go while they are copied, as they would under a process that is killed.
    private static func copy(_ folder: String, to target: String) {
        let files = FileManager.default
        for name in (try? files.subpathsOfDirectory(atPath: folder)) ?? [] {
            let path = "\(target)/\(name)"
            let parent = String(path[..<path.lastIndex(of: "/")!])
            try? files.createDirectory(atPath: parent, withIntermediateDirectories: true)
            var isFolder: ObjCBool = false
            if files.fileExists(atPath: "\(folder)/\(name)", isDirectory: &isFolder), !isFolder.boolValue {
                try? files.copyItem(atPath: "\(folder)/\(name)", toPath: path)
            }
        }
    }

    @Test func `the log of a node under load stays as long as it was`() async throws {
        var settings = ReplicationSettings.forgetful
        settings.segmentBytes = 256 << 10
        settings.retention.keepNodeBytes = 512 << 10
        settings.retention.checkpointNodeBytes = 256 << 10
        let cluster = try await self.founded(settings)
        let first = try #require(cluster.member(InProcessCluster.id(1)))
        let channels = self.channels(cluster)
        try await self.create(channels, first.router)
        var most = 0
        for round in 1...80 {
            await withTaskGroup(of: Void.self) { tasks in
                for number in 1...25 {
                    tasks.addTask {
                        let text = "\(round)/\(number) " + String(repeating: "x", count: 4_000)
                        _ = try? await self.post(text, to: channels[0], first.router)
                    }
                }
            }
            if round % 5 == 0 {
                // What is checkpointed goes.
                let isShort = await cluster.eventually {
                    ((try? await first.host.loop.submit { first.host.logStatistics?.segments ?? 99 }.get()) ?? 99) <= 5
                }
                #expect(isShort, "round \(round)")
            }
            most = max(most, (try? await first.host.loop.submit { first.host.logStatistics?.segments ?? 0 }.get()) ?? 0)
        }
        let log = try #require(try await first.host.loop.submit { first.host.logStatistics }.get())
        #expect(log.bytes > 24 * 256 << 10, "too little load to tell: \(log.bytes) bytes")
        #expect(
            await cluster.eventually {
                ((try? await first.host.loop.submit { first.host.logStatistics?.segments ?? 99 }.get()) ?? 99) <= 5
            })
        #expect(most <= 14, "\(most) segments of 256 KiB for \(log.bytes) bytes")
        try await cluster.finish()
    }
}
