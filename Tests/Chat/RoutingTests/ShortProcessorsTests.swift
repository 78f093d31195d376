import ChatModel
import ChatService
import ClusterModel
import NIOCore
import Placement
import Projections
import Synchronization
import Testing

@testable import Replication
@testable import Routing

/// A node whose loop waits for a processor half of the time, or says so.
@Suite(.serialized) struct ShortProcessorsTests {
    private let alice = Actor(user: UserID(high: 1, low: 1), role: .member, session: SessionID(high: 1, low: 1))
    private let channel = ChannelID(high: 5, low: 1)

    private func start(
        _ wait: Wait, _ settings: ReplicationSettings = ReplicationSettings()
    ) async throws -> (InProcessCluster, InProcessCluster.Member) {
        let cluster = try InProcessCluster(settings)
        let node = try await cluster.start(
            1, founding: true, on: WaitingPlatform(base: DiskPlatform(directory: cluster.folder(1)), wait: wait))
        #expect(await cluster.eventually { node.host.loopLeaderCount() == cluster.shardMap.shardCount + 1 })
        _ = try await node.router.perform(
            .createChannel(self.channel, name: "c", type: .public, topic: "", by: self.alice, nil))
        return (cluster, node)
    }

    private func post(_ count: Int, at node: InProcessCluster.Member) async throws {
        for number in 1...count {
            let content = MessageContent(text: "needle \(number)", clientID: nil, thread: nil)
            let result = try await node.router.perform(.postMessage(self.channel, content, by: self.alice, nil))
            guard case .message = result else { Issue.record("\(result)"); continue }
        }
    }

    private func onLoop<Value: Sendable>(
        _ node: InProcessCluster.Member, _ body: @escaping @Sendable (ReplicationHost) throws -> Value
    ) async throws -> Value {
        let host = node.host
        return try await host.loop.submit { try body(host) }.get()
    }

    private func isShort(_ node: InProcessCluster.Member) async -> Bool {
        (try? await self.onLoop(node) { $0.pressure.isShort }) ?? false
    }

    private func search(at node: InProcessCluster.Member) async throws -> Int {
        let request = SearchRequest(
            terms: [SearchTerm(words: .word("needle"), isExcluded: false)], channels: [], order: .newest, limit: 50)
        let answer = try await node.router.answer(
            .search(.directory, request, viewer: self.alice), consistency: .linearizable)
        guard case .hits(let hits, isComplete: true) = answer else { Issue.record("\(answer)"); return 0 }
        return hits.count
    }

    @Test func `texts wait longer than on a calm machine, until it is calm`() async throws {
        let wait = Wait(isLong: true)
        let (cluster, node) = try await self.start(wait)
        #expect(await cluster.eventually { await self.isShort(node) })
        try await self.post(12, at: node)
        // What waits is indexed after three seconds and a tick otherwise.
        #expect(
            await cluster.eventually {
                (try? await self.onLoop(node) { $0.indexLagSeconds > 5 && $0.indexLagRows >= 12 }) == true
            })
        #expect(try await self.onLoop(node) { $0.isIndexDeferred })
        wait.isLong = false
        #expect(await cluster.eventually { (try? await self.onLoop(node) { $0.indexLagRows == 0 }) == true })
        #expect(try await self.onLoop(node) { !$0.isIndexDeferred })
        try await cluster.finish()
    }

    @Test func `a search has all that was written before it, and the index goes on behind it`() async throws {
        let (cluster, node) = try await self.start(Wait(isLong: true))
        #expect(await cluster.eventually { await self.isShort(node) })
        try await self.post(12, at: node)
        #expect(try await self.search(at: node) == 12)
        #expect(try await self.onLoop(node) { !$0.isIndexDeferred })
        try await self.post(7, at: node)
        #expect(await cluster.eventually { (try? await self.onLoop(node) { $0.indexLagRows >= 7 }) == true })
        #expect(await cluster.eventually { (try? await self.onLoop(node) { $0.indexLagRows == 0 }) == true })
        #expect(await self.isShort(node))
        try await cluster.finish()
    }

    @Test func `turns end as far apart as is set, and at once on a calm machine`() async throws {
        let wait = Wait(isLong: true)
        var settings = ReplicationSettings()
        // As if much were written.
        settings.turnsSpacedFromCommands = -2
        settings.turnsSpacedFullyFromCommands = -1
        settings.turnMillisecondsMax = 3
        let (cluster, node) = try await self.start(wait, settings)
        #expect(await cluster.eventually { await self.isShort(node) })
        // A turn with commands asks for the next one while it ends.
        async let posted: Void = self.post(40, at: node)
        var ends: [NIODeadline] = []
        for _ in 0..<4_000 {
            let end = try await self.onLoop(node) { host in
                host.scheduleFlush()
                return host.lastTurnEnded
            }
            if end != ends.last { ends.append(end) }
        }
        try await posted
        let gaps = zip(ends, ends.dropFirst()).dropFirst().map { $1 - $0 }
        #expect(gaps.count > 3 && gaps.allSatisfy { $0 >= .milliseconds(3) }, "\(gaps)")
        wait.isLong = false
        #expect(await cluster.eventually { await !self.isShort(node) })
        // Ended before whatever comes to the loop after it.
        for _ in 0..<10 {
            try await self.onLoop(node) { $0.scheduleFlush() }
            #expect(try await self.onLoop(node) { !$0.turn.isFlushScheduled })
        }
        try await cluster.finish()
    }

    @Test func `turns end at once where little is written, short or not`() async throws {
        let (cluster, node) = try await self.start(Wait(isLong: true))
        #expect(await cluster.eventually { await self.isShort(node) })
        try await self.post(40, at: node)
        for _ in 0..<10 {
            try await self.onLoop(node) { $0.scheduleFlush() }
            #expect(try await self.onLoop(node) { !$0.turn.isFlushScheduled })
        }
        #expect(await self.isShort(node))
        try await cluster.finish()
    }
}

/// Half of each second while it is long; none of it else.
private final class Wait: Sendable {
    private let state: Mutex<(isLong: Bool, since: ContinuousClock.Instant, before: Duration)>

    init(isLong: Bool) { self.state = Mutex((isLong, .now, .zero)) }

    var isLong: Bool {
        get { self.state.withLock { $0.isLong } }
        set {
            let total = self.total
            self.state.withLock { $0 = (newValue, .now, total) }
        }
    }
    var total: Duration { self.state.withLock { $0.isLong ? $0.before + (.now - $0.since) / 2 : $0.before } }
}

private struct WaitingPlatform: ForwardingPlatform {
    let base: DiskPlatform
    let wait: Wait

    func processorWait() -> Duration? { self.wait.total }
}
