import ChatMachine
import ChatModel
import ChatService
import ClusterModel
import NIOCore
import Placement
import Replication
import Testing

@testable import Routing

/// The steps of a search on a real host, and what waits for the threads of searches.
@Suite(.serialized) struct SearchQueueTests {
    private let alice = Actor(user: UserID(high: 1, low: 1), role: .member, session: SessionID(high: 1, low: 1))
    private let channels = (1...8).map { ChannelID(high: 5, low: UInt64($0)) }

    private struct Setting {
        let cluster: InProcessCluster
        let node: InProcessCluster.Member
        let watch: SearchWatch
        let platform: WatchedSearchPlatform
        let sent: [MessageID]
    }

    /// One node with these messages, written to its channels in turn, oldest first.
    private func setting(_ texts: [String], waitingMax: Int = 1_024) async throws -> Setting {
        var settings = ReplicationSettings()
        settings.searchesWaitingMax = waitingMax
        let cluster = try InProcessCluster(settings)
        let watch = SearchWatch()
        let platform = WatchedSearchPlatform(cluster.folder(1), watch)
        let node = try await cluster.start(1, founding: true, on: platform)
        #expect(await cluster.eventually { node.host.loopLeaderCount() == cluster.shardMap.shardCount + 1 })
        for channel in self.channels {
            _ = try await node.router.perform(
                .createChannel(channel, name: "c\(channel.low)", type: .public, topic: "", by: self.alice, nil))
        }
        var sent: [MessageID] = []
        for (number, text) in texts.enumerated() {
            let content = MessageContent(text: text, clientID: nil, thread: nil)
            let result = try await node.router.perform(
                .postMessage(self.channels[number % self.channels.count], content, by: self.alice, nil))
            guard case .message(let event) = result else { Issue.record("\(result)"); continue }
            sent.append(event.messageID)
        }
        return Setting(cluster: cluster, node: node, watch: watch, platform: platform, sent: sent)
    }

    private func search(
        _ word: String, order: SearchOrder = .newest, limit: UInt32 = 50, at router: Router
    ) async throws(ServiceError) -> [SearchHit] {
        let request = SearchRequest(
            terms: [SearchTerm(words: .word(word), isExcluded: false)], channels: [], order: order, limit: limit)
        let answer = try await router.answer(
            .search(.directory, request, viewer: self.alice), consistency: .linearizable)
        guard case .hits(let hits, isComplete: true) = answer else { Issue.record("\(answer)"); return [] }
        return hits
    }

    /// Shards with a channel: each is a part of a search.
    private func parts(_ setting: Setting) -> Int {
        Set(self.channels.map { setting.cluster.shardMap.shard(of: .channel($0)) }).count
    }

    @Test func `only the page is read, of all that is found`() async throws {
        let setting = try await self.setting((0..<40).map { "needle \($0)" })
        for order in SearchOrder.allCases {
            let before = setting.watch.begun.count
            let found = try await self.search("needle", order: order, limit: 5, at: setting.node.router)
            #expect(found.count == 5)
            let steps = setting.watch.begun.dropFirst(before)
            var read: [MessageID] = []
            for case .messages(let messages) in steps { read += messages }
            #expect(steps.count { $0 == .positions } == self.parts(setting))
            #expect(Set(read) == Set(found.map(\.message.id)) && read.count == 5)
        }
        try await setting.cluster.finish()
    }

    @Test func `a page from which hits went before they were read goes on behind them`() async throws {
        let setting = try await self.setting((0..<24).map { "needle \($0)" })
        let all = try await self.search("needle", at: setting.node.router).map(\.message.id)
        #expect(Set(all) == Set(setting.sent))
        setting.watch.gone = [all[0], all[3], all[5], all[6]]
        let left = all.filter { !setting.watch.gone.contains($0) }
        let found = try await self.search("needle", limit: 6, at: setting.node.router).map(\.message.id)
        #expect(found == Array(left.prefix(6)))
        #expect(try await self.search("needle", at: setting.node.router).map(\.message.id) == left)
        try await setting.cluster.finish()
    }

    @Test func `as many parts of searches wait as may, and the next search is refused at once`() async throws {
        let parts = self.parts(try await self.emptySetting())
        let setting = try await self.setting((0..<8).map { "needle \($0)" }, waitingMax: parts)
        let router = setting.node.router
        setting.watch.hold()
        async let first = self.search("needle", at: router)
        #expect(await setting.cluster.eventually { setting.watch.submitted == parts })
        let began = ContinuousClock.now
        await #expect(throws: ServiceError.overloaded) { try await self.search("needle", at: router) }
        #expect(ContinuousClock.now - began < .seconds(1))
        #expect(setting.watch.submitted == parts)
        setting.watch.release(on: setting.platform.base.searchPool)
        #expect(Set(try await first.map(\.message.id)) == Set(setting.sent))
        #expect(Set(try await self.search("needle", at: router).map(\.message.id)) == Set(setting.sent))
        try await setting.cluster.finish()
    }

    private func emptySetting() async throws -> Setting {
        let setting = try await self.setting([])
        try await setting.cluster.finish()
        return setting
    }

    @Test func `a search whose time is over is neither begun nor repeated`() async throws {
        let setting = try await self.setting((0..<8).map { "needle \($0)" })
        let router = setting.node.router
        setting.watch.hold()
        await #expect(throws: ServiceError.unavailable(retryAfterSeconds: 1)) {
            try await self.search("needle", at: router)
        }
        #expect(setting.watch.submitted == self.parts(setting))
        setting.watch.release(on: setting.platform.base.searchPool)
        #expect(
            await setting.cluster.eventually {
                (try? await setting.node.host.loop.submit { setting.node.host.searchesWaiting }.get()) == 0
            })
        #expect(setting.watch.begun.isEmpty && setting.watch.submitted == self.parts(setting))
        #expect(try await self.search("needle", at: router).count == 8)
        try await setting.cluster.finish()
    }
}
