import ClusterModel
import Distributed
import NIOCore
import NIOPosix
import PeerTransport
import Synchronization
import Testing

@testable import ClusterActors

/// The same over real connections.
@Suite(.timeLimit(.minutes(2))) struct ActorsOverSocketsTests {
    private struct End {
        let transport: PeerTransport
        let system: ClusterActorSystem
        let address: PeerAddress
        let connected: Gate
    }

    private func start(_ node: NodeID, key: ClusterKey, settings actors: ClusterActorSettings = .init()) async throws
        -> End
    {
        let settings = PeerTransportSettings(
            listen: PeerAddress(host: "127.0.0.1", port: 0), key: key, nodeName: node.short, nonce: node.high,
            seedListHash: 0,
            standing: .member(ClusterID(high: 1, low: 1), node, BootCounter(1)))
        let connected = Gate()
        let transport = try PeerTransport(
            settings: settings, group: MultiThreadedEventLoopGroup.singleton, logger: Pair.quiet
        ) { event in
            if case .connected = event { connected.open() }
        }
        let system = ClusterActorSystem(
            node: node, link: transport, table: .test, settings: actors, logger: Pair.quiet)
        system.registerRoom()
        system.start()
        transport.attach(system)
        return End(transport: transport, system: system, address: try await transport.start(), connected: connected)
    }

    private func end(_ ends: End...) async {
        for end in ends {
            await end.transport.shutdown()
            await end.system.shutdown()
        }
    }

    @Test func `calls, one-way calls and refusals cross real connections`() async throws {
        let key = ClusterKey.generate()
        let ada = try await self.start(Pair.ada, key: key)
        let grace = try await self.start(Pair.grace, key: key)
        let room = grace.system.host(.room, instance: 7) { Room(actorSystem: grace.system) }
        ada.transport.connect(to: Pair.grace, at: grace.address)
        await ada.connected.wait()
        let remote = try ada.system.reference(to: Room.self, at: room.id)
        #expect(try await remote.say(Line("hello")) == Line("hello!"))
        for number in 1...50_000 as ClosedRange<UInt64> {
            while true {
                do {
                    try await remote.note(Number(number))
                    break
                } catch CallError.overloaded {
                    await Task.yield()
                }
            }
        }
        #expect(try await remote.noted() == Number(50_000))
        let answers = try await withThrowingTaskGroup(of: Line.self) { group in
            for number in 0..<1_000 { group.addTask { try await remote.say(Line("\(number)")) } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1.text) }
        }
        #expect(answers == Set((0..<1_000).map { "\($0)!" }))
        // The death of the peer fails what waits.
        let waiting = Task { try await remote.wait(Line("")) }
        while ada.system.statistics.pendingCalls == 0 { await Task.yield() }
        await grace.transport.shutdown()
        await #expect(throws: CallError.unreachable) { try await waiting.value }
        try await room.open(Line(""))
        await self.end(ada, grace)
    }

    @Test func `a pinned actor runs on its event loop`() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let executor = LoopExecutor(loop)
        var settings = ClusterActorSettings()
        settings.executor = { $0.kind == .room ? executor : nil }
        let network = LoopbackNetwork()
        let table = CallTable([.say])
        let grace = ClusterActorSystem(
            node: Pair.grace, link: network.link(of: Pair.grace), table: table, settings: settings, logger: Pair.quiet)
        let ada = ClusterActorSystem(node: Pair.ada, link: network.link(of: Pair.ada), table: table, logger: Pair.quiet)
        network.attach(grace, as: Pair.grace)
        network.attach(ada, as: Pair.ada)
        grace.register(.say, on: PinnedRoom.self) { room, line in try await room.say(line) as Line }
        let room = grace.host(.room, instance: 7) { PinnedRoom(loop: loop, actorSystem: grace) }
        let answer: Line = try await ada.call(.say, at: room.id, Line("hello"))
        #expect(answer == Line("on the loop"))
        #expect(try await room.say(Line("hello")) == Line("on the loop"))
        await ada.shutdown()
        await grace.shutdown()
        withExtendedLifetime(executor) {}
    }
}

distributed actor PinnedRoom {
    typealias ActorSystem = ClusterActorSystem
    private let loop: any EventLoop

    init(loop: any EventLoop, actorSystem: ClusterActorSystem) {
        self.loop = loop
        self.actorSystem = actorSystem
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        guard __isLocalActor(self), let executor = actorSystem.executor(for: id) else {
            return buildDefaultDistributedRemoteActorExecutor(self)
        }
        return executor.asUnownedSerialExecutor()
    }

    distributed func say(_ line: Line) async throws -> Line {
        Line(self.loop.inEventLoop ? "on the loop" : "elsewhere")
    }
}
