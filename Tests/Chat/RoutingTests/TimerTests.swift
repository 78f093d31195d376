import ChatModel
import ClusterModel
import NIOCore
import Placement
import Testing

@testable import ChatMachine
@testable import Replication
@testable import Routing

@Suite struct TimerWatchTests {
    private let shard = ShardID(3)
    private func at(_ milliseconds: Int64) -> Timestamp { Timestamp(milliseconds: milliseconds) }

    @Test func `what is due is said once, until the log has taken it`() {
        var watch = TimerWatch()
        #expect(!watch.takes(self.shard, next: nil, clock: self.at(10)))
        #expect(!watch.takes(self.shard, next: self.at(11), clock: self.at(10)))
        #expect(watch.takes(self.shard, next: self.at(10), clock: self.at(10)))
        #expect(!watch.takes(self.shard, next: self.at(10), clock: self.at(12)))
        #expect(watch.takes(ShardID(4), next: self.at(10), clock: self.at(12)))
        watch.finished(self.shard)
        #expect(watch.takes(self.shard, next: self.at(10), clock: self.at(12)))
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
