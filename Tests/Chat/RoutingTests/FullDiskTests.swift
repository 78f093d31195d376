import ChatModel
import ChatService
import ClusterModel
import Placement
import Projections
import Replication
import Synchronization
import Testing

@testable import Routing

/// A real host whose projections find no room on their disk, while its log does.
@Suite(.serialized) struct FullDiskTests {
    private let alice = Actor(user: UserID(high: 1, low: 1), role: .member, session: SessionID(high: 1, low: 1))
    private let channel = ChannelID(high: 77, low: 5)

    private func post(_ number: Int, _ router: Router) async throws -> CommandResult {
        let key = IdempotencyKey(user: self.alice.user, key: "m\(number)", fingerprint: 1)
        let content = MessageContent(text: "m\(number)", clientID: nil, thread: nil)
        return try await router.perform(.postMessage(self.channel, content, by: self.alice, key))
    }

    private func history(
        _ router: Router, _ consistency: Consistency = .linearizable
    ) async throws(ServiceError) -> QueryAnswer {
        try await router.answer(
            .history(self.channel, viewer: self.alice, .newest, limit: 50), consistency: consistency)
    }

    @Test func `a read that waits for room is refused in time, and what was acknowledged is there once there is room`()
        async throws
    {
        let cluster = try InProcessCluster()
        let disk = Disk()
        let node = try await cluster.start(1, founding: true, on: FullDiskPlatform(cluster.folder(1), disk))
        #expect(await cluster.eventually { node.host.loopLeaderCount() == cluster.shardMap.shardCount + 1 })
        _ = try await node.router.perform(
            .createChannel(self.channel, name: "attic", type: .public, topic: "", by: self.alice, nil))
        _ = try await self.post(1, node.router)
        _ = try await self.history(node.router)

        disk.isFull = true
        let taken = try await self.post(2, node.router)
        guard case .message(let event) = taken else { Issue.record("\(taken)"); return }
        let began = ContinuousClock.now
        do {
            let answer = try await self.history(node.router)
            Issue.record("\(answer)")
        } catch ServiceError.unavailable {}
        let waited = ContinuousClock.now - began
        // Not at once, since there may be room in a moment; and not for as long as there is none.
        #expect(waited > .seconds(1) && waited < .seconds(20), "\(waited)")
        #expect(disk.refusals > 0)
        // Who asks for no more sees what had found room.
        let asked = ContinuousClock.now
        guard case .views(let past, _) = try await self.history(node.router, .local) else {
            Issue.record("no messages")
            return
        }
        #expect(past.map(\.id.seq) == [event.seq - 1])
        #expect(ContinuousClock.now - asked < .seconds(1))

        disk.isFull = false
        #expect(
            await cluster.eventually(20) {
                guard case .views(let views, let head) = try? await self.history(node.router) else { return false }
                return head == event.seq && views.last?.id.seq == event.seq
            })
        try await cluster.finish()
    }
}

private final class Disk: Sendable {
    private let state = Mutex((isFull: false, refusals: 0))
    var isFull: Bool {
        get { self.state.withLock { $0.isFull } }
        set { self.state.withLock { $0.isFull = newValue } }
    }
    var refusals: Int { self.state.withLock { $0.refusals } }

    func demandRoom(_ path: String) throws(ProjectionError) {
        let isFull = self.state.withLock { state in
            if state.isFull { state.refusals += 1 }
            return state.isFull
        }
        if isFull { throw .diskFull(path: path) }
    }
}

private struct FullDiskPlatform: ForwardingPlatform {
    let base: DiskPlatform
    private let disk: Disk

    init(_ directory: String, _ disk: Disk) {
        self.base = DiskPlatform(directory: directory)
        self.disk = disk
    }

    func openProjection(of shard: ShardID) throws(ProjectionError) -> any ReplicaProjection {
        FullDiskProjection(try self.base.openProjection(of: shard), "shard \(shard)", self.disk)
    }
}

/// Writes nothing while the disk is full, as SQLite does.
private final class FullDiskProjection: ForwardingProjection {
    let base: any ReplicaProjection
    private let path: String
    private let disk: Disk

    init(_ base: any ReplicaProjection, _ path: String, _ disk: Disk) {
        self.base = base
        self.path = path
        self.disk = disk
    }

    func write(
        _ rows: QueuedRows, after: LogIndex?, appliedIndex: LogIndex, stateHash: UInt64
    ) throws(ProjectionError) {
        try self.disk.demandRoom(self.path)
        try self.base.write(rows, after: after, appliedIndex: appliedIndex, stateHash: stateHash)
    }
    func index() throws(ProjectionError) -> Bool {
        try self.disk.demandRoom(self.path)
        return try self.base.index()
    }
}
