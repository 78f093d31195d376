import ChatModel
import ClusterModel
import NIOCore
import Placement
import Testing

@testable import ChatMachine
@testable import Replication
@testable import Routing

@Suite struct TimerWatchTests {
    private func at(_ milliseconds: Int64) -> Timestamp { Timestamp(milliseconds: milliseconds) }

    @Test func `what is due is said once, until the log has taken it`() {
        var watch = TimerWatch()
        func takes(_ shard: UInt16, next: Int64?, clock: Int64) -> Bool {
            watch.takes(ShardID(shard), next: next.map { self.at($0) }, clock: self.at(clock))
        }
        #expect(takes(3, next: nil, clock: 10) == false)
        #expect(takes(3, next: 11, clock: 10) == false)
        #expect(takes(3, next: 10, clock: 10) == true)
        #expect(takes(3, next: 10, clock: 12) == false)
        #expect(takes(4, next: 10, clock: 12) == true)
        watch.finished(ShardID(3))
        #expect(takes(3, next: 10, clock: 12) == true)
    }
}

@Suite(.serialized) struct RouterTimerTests {
    @Test func `whoever leads a shard tells its log what is due, and nothing before`() async throws {
        let cluster = try InProcessCluster()
        let member = try await cluster.start(1, founding: true)
        #expect(await cluster.eventually { member.host.loopLeaderCount() == cluster.shardMap.shardCount + 1 })
        let later = Timestamp(milliseconds: Timestamp.wallClock.milliseconds + 3_600_000)
        let host = member.host
        try await host.loop.submit {
            // On one node nobody has another state to compare with.
            host.replicas[2]?.machine.timers.insert(.reminder, [1], due: .zero)
            host.replicas[2]?.machine.timers.insert(.reminder, [2], due: later)
        }.get()
        func waiting() async -> [[UInt8]]? {
            try? await host.loop.submit { host.replicas[2]?.machine.timers.timers.map(\.key) }.get()
        }
        #expect(await cluster.eventually { await waiting() == [[2]] })
        let before = try await host.loop.submit { host.replicas[2]?.appliedIndex }.get()
        try await Task.sleep(for: .milliseconds(1_200))
        #expect(try await host.loop.submit { host.replicas[2]?.appliedIndex }.get() == before)
        #expect(await waiting() == [[2]])
        try await cluster.finish()
    }
}
