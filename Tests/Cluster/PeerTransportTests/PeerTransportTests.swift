import ClusterModel
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

@testable import PeerTransport

/// Real sockets on loopback.
@Suite(.timeLimit(.minutes(2))) struct PeerTransportTests {
    @Test func `two nodes with one key connect four times and speak both ways`() async throws {
        let ada = try await Node.start(1)
        let grace = try await Node.start(2, recorder: Recorder(echoes: true))
        ada.connect(to: grace)
        await ada.isConnected(to: grace)
        #expect(ada.transport.openKinds(to: grace.id) == [.control, .append, .bulk, .calls])
        for kind in ConnectionKind.allCases {
            #expect(ada.transport.send([kind.rawValue], to: grace.id, on: kind) == .queued)
        }
        await grace.recorder.wait { $0.messageCount == 4 }
        // Answers come back over the connections that Ada dialled; Grace dials nobody.
        await ada.recorder.wait { $0.messageCount == 4 }
        #expect(Set(ada.recorder.record.messages) == [[1], [2], [3], [4]])
        #expect(grace.transport.send([1], to: ada.id, on: .calls) == .notConnected)
        let met = grace.recorder.record.events.compactMap { event -> ConnectionKind? in
            guard case .met(ada.id, let hello, let kind) = event, hello.address == ada.address else { return nil }
            return kind
        }
        #expect(Set(met) == Set(ConnectionKind.allCases))
        await ada.transport.shutdown()
        await grace.transport.shutdown()
    }

    @Test func `a hundred thousand messages each way arrive in order`() async throws {
        let count: UInt64 = 100_000
        let ada = try await Node.start(1, recorder: Recorder(keepsMessages: false))
        let grace = try await Node.start(2, recorder: Recorder(keepsMessages: false))
        ada.connect(to: grace)
        grace.connect(to: ada)
        await ada.isConnected(to: grace)
        await grace.isConnected(to: ada)
        await withTaskGroup(of: Void.self) { group in
            for (node, other) in [(ada, grace), (grace, ada)] {
                group.addTask {
                    for number in 1...count {
                        while node.transport.send(node.message(number, bytes: 200), to: other.id, on: .append)
                            != .queued
                        {
                            await Task.yield()
                        }
                    }
                }
            }
        }
        for (node, other) in [(ada, grace), (grace, ada)] {
            await node.recorder.wait { $0.last[other.id] == count }
            #expect(node.recorder.record.outOfOrderCount == 0)
        }
        await ada.transport.shutdown()
        await grace.transport.shutdown()
    }

    @Test func `a node without the key is refused by TLS`() async throws {
        let grace = try await Node.start(2)
        let mallory = try await Node.start(3, key: .generate())
        let result = await mallory.transport.probe(grace.address)
        guard case .failure(.tls) = result else {
            Issue.record("\(result)")
            return
        }
        await mallory.transport.shutdown()
        await grace.transport.shutdown()
        #expect(grace.transport.statistics.failedHandshakes == 1)
        #expect(grace.recorder.record.events.isEmpty)
    }

    @Test(arguments: [0, 1, 5, 600, 100_000]) func `bytes that are no TLS only close their connection`(count: Int)
        async throws
    {
        let grace = try await Node.start(2)
        let channel = try await ClientBootstrap(group: Node.group).connect(
            host: "127.0.0.1", port: Int(grace.address.port)
        ).get()
        var random = SeededGenerator(seed: UInt64(count))
        let garbage = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        // Refused while it still writes, or not: both are fine.
        _ = try? await channel.writeAndFlush(ByteBuffer(bytes: garbage))
        if count < 5 { try await channel.close() }
        try await channel.closeFuture.get()
        guard case .success = await (try await Node.start(1)).transport.probe(grace.address) else {
            Issue.record("the port is dead")
            return
        }
        await grace.transport.shutdown()
    }

    @Test func `a silent connection is closed when TLS takes too long`() async throws {
        let grace = try await Node.start(2) { $0.tlsTimeout = .milliseconds(50) }
        let channel = try await ClientBootstrap(group: Node.group).connect(
            host: "127.0.0.1", port: Int(grace.address.port)
        ).get()
        try await channel.closeFuture.get()
        await grace.transport.shutdown()
    }

    @Test(.timeLimit(.minutes(1))) func `a stranger's first message is not waited for beyond what a handshake needs`()
        async throws
    {
        let grace = try await Node.start(2) { $0.tlsTimeout = .seconds(600) }
        let channel = try await ClientBootstrap(group: Node.group).connect(
            host: "127.0.0.1", port: Int(grace.address.port)
        ).get()
        // A record of 64 KiB is announced; a part of it comes.
        var bytes = ByteBuffer(bytes: [0x16, 0x03, 0x01, 0xFF, 0xFF])
        bytes.writeRepeatingByte(0, count: 20_000)
        _ = try? await channel.writeAndFlush(bytes)
        try await channel.closeFuture.get()
        await grace.transport.shutdown()
        #expect(grace.transport.statistics.failedHandshakes == 1)
    }

    @Test func `a port that closes leaves no connection behind, wherever it was on its way`() async throws {
        for round in 0..<30 {
            let ada = try await Node.start(1)
            let grace = try await Node.start(2)
            ada.connect(to: grace)
            // Each round a little later in the handshake.
            for _ in 0..<(round * 20) { await Task.yield() }
            await grace.transport.shutdown()
            #expect(grace.transport.statistics.inboundConnections == 0)
            await ada.transport.shutdown()
        }
    }

    /// Says what a client says first and takes no notice of the answer.
    private final class Deaf: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
    }

    @Test(arguments: [nil, PeerTLS.raftServerName]) func `a handshake that is begun and not ended is closed`(
        name: String?
    ) async throws {
        let grace = try await Node.start(2) { $0.tlsTimeout = .milliseconds(50) }
        let tls = try PeerTLS(key: Node.key, nodeName: "deaf")
        let channel = try await ClientBootstrap(group: Node.group).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let handler = try NIOSSLClientHandler(context: tls.client, serverHostname: name)
                try channel.pipeline.syncOperations.addHandlers([Deaf(), handler])
            }
        }.connect(host: "127.0.0.1", port: Int(grace.address.port)).get()
        try await channel.closeFuture.get()
        await grace.transport.shutdown()
        #expect(grace.transport.statistics.failedHandshakes == 1)
        #expect(grace.transport.statistics.inboundConnections == 0)
    }

    /// What of both nodes' messages came where, all kinds once each way.
    private func meet(_ budget: HandshakeBudget) async throws -> (onRaftLoop: Set<ConnectionKind>, Set<ConnectionKind>)
    {
        let ada = try await Node.start(1)
        let grace = try await Node.start(2) { $0.raftHandshakes = budget }
        ada.connect(to: grace)
        await ada.isConnected(to: grace)
        let kinds = ConnectionKind.allCases
        for kind in kinds { #expect(ada.transport.send([7], to: grace.id, on: kind) == .queued) }
        await grace.recorder.wait { $0.messageCount == kinds.count }
        let record = grace.recorder.record
        #expect(grace.transport.statistics.inboundConnections == kinds.count)
        await ada.transport.shutdown()
        await grace.transport.shutdown()
        #expect(grace.transport.statistics.inboundConnections == 0)
        #expect(grace.transport.statistics.failedHandshakes == 0)
        return (record.kindsOnRaftLoop, record.kindsElsewhere)
    }

    @Test func `connections for Raft live on the replication loop of those who are called, too`() async throws {
        let (onRaftLoop, elsewhere) = try await self.meet(HandshakeBudget())
        #expect(onRaftLoop == [.control, .append])
        #expect(elsewhere == [.bulk, .calls])
    }

    @Test func `when too many have called, a connection for Raft lives on the edge and works`() async throws {
        let (onRaftLoop, elsewhere) = try await self.meet(HandshakeBudget(most: 0, perSecond: 0))
        #expect(onRaftLoop.isEmpty)
        #expect(elsewhere == Set(ConnectionKind.allCases))
    }

    @Test func `a budget of handshakes is spent, and fills again as time passes`() {
        var budget = HandshakeBudget(most: 3, perSecond: 2)
        // Also after a long time, and where a clock goes back.
        let calls: [UInt64] = [10_000, 10_000, 10_000, 10_000, 10_499, 10_500, 10_500, .max, .max, .max, .max, 0]
        let taken = calls.map { budget.take(nowMilliseconds: $0) }
        #expect(taken == [true, true, true, false, false, true, false, true, true, true, false, false])
    }

    /// A client that has the key but not the manners.
    private func dialRaw(_ node: Node, sending bytes: ByteBuffer) async throws -> [UInt8] {
        let tls = try PeerTLS(key: Node.key, nodeName: "raw")
        let heard = NIOLockedValue<[UInt8]>([])
        let channel = try await ClientBootstrap(group: Node.group).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let handler = try NIOSSLClientHandler(context: tls.client, serverHostname: nil)
                try channel.pipeline.syncOperations.addHandlers([handler, Listener(heard)])
            }
        }.connect(host: "127.0.0.1", port: Int(node.address.port)).get()
        if bytes.readableBytes > 0 { _ = try? await channel.writeAndFlush(bytes) }
        _ = try? await channel.closeFuture.get()
        return heard.value
    }

    private final class Listener: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let heard: NIOLockedValue<[UInt8]>
        init(_ heard: NIOLockedValue<[UInt8]>) { self.heard = heard }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.heard.append(Array(self.unwrapInboundIn(data).readableBytesView))
        }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    private final class NIOLockedValue<Value: Sendable>: Sendable {
        private let mutex: Mutex<Value>
        init(_ value: Value) { self.mutex = Mutex(value) }
        var value: Value { self.mutex.withLock { $0 } }
        func append(_ bytes: [UInt8]) where Value == [UInt8] { self.mutex.withLock { $0 += bytes } }
    }

    @Test func `a key holder without manners is closed and not answered`() async throws {
        let grace = try await Node.start(2) { $0.helloTimeout = .milliseconds(200) }
        // A first frame over four kilobytes; an unknown kind; a message instead of a hello; silence.
        #expect(try await self.dialRaw(grace, sending: ByteBuffer(bytes: [0x01, 0x10, 0, 0, 1])) == [])
        #expect(try await self.dialRaw(grace, sending: ByteBuffer(bytes: [0xFF, 0xFF, 0xFF, 0xFF, 1])) == [])
        #expect(try await self.dialRaw(grace, sending: ByteBuffer(bytes: [2, 0, 0, 0, 9, 1])) == [])
        #expect(try await self.dialRaw(grace, sending: ByteBuffer(bytes: [2, 0, 0, 0, 3, 1])) == [])
        #expect(try await self.dialRaw(grace, sending: ByteBuffer()) == [])
        var hello = ByteBuffer()
        hello.writeFrame(.hello, [UInt8](repeating: 0, count: PeerHello.byteCount))
        #expect(try await self.dialRaw(grace, sending: hello) == [2, 0, 0, 0, 2, HandshakeRefusal.malformed.rawValue])
        await grace.transport.shutdown()
        #expect(grace.transport.statistics.failedHandshakes == 6)
    }

    @Test func `a hello of later versions is refused by name`() async throws {
        let grace = try await Node.start(2)
        let future = HandshakeMachineTests.hello(NodeID(high: 1, low: 1), versions: WireRange(7, 9)!)
        var bytes = ByteBuffer()
        bytes.writeFrame(.hello, future.encoded)
        #expect(try await self.dialRaw(grace, sending: bytes) == [2, 0, 0, 0, 2, HandshakeRefusal.version.rawValue])
        await grace.transport.shutdown()
    }

    private func rejection(of node: Node, dialling other: Node) async -> HandshakeRefusal? {
        node.connect(to: other)
        let peer = other.id
        let isRejected: @Sendable (PeerEvent) -> Bool = { if case .rejected(peer, _, _) = $0 { true } else { false } }
        await node.recorder.wait { $0.events.contains(where: isRejected) }
        guard case .rejected(_, let reason, _)? = node.recorder.record.events.first(where: isRejected) else {
            return nil
        }
        return reason
    }

    @Test func `members of two clusters refuse each other`() async throws {
        let ada = try await Node.start(1)
        let grace = try await Node.start(2, cluster: ClusterID(high: 0xC2, low: 0xC2))
        #expect(await self.rejection(of: ada, dialling: grace) == .clusterMismatch)
        await ada.transport.shutdown()
        await grace.transport.shutdown()
    }

    @Test func `an empty node is not ready until it becomes a member`() async throws {
        let ada = try await Node.start(1)
        let grace = try await Node.start(2, isEmpty: true)
        #expect(await self.rejection(of: ada, dialling: grace) == .notReady)
        grace.transport.become(.member(Node.cluster, grace.id, BootCounter(1)))
        await ada.isConnected(to: grace)
        await ada.transport.shutdown()
        await grace.transport.shutdown()
    }

    @Test func `a data directory that was rolled back is refused`() async throws {
        let grace = try await Node.start(2)
        let ada = try await Node.start(1, boot: 5)
        ada.connect(to: grace)
        await ada.isConnected(to: grace)
        await ada.transport.shutdown()
        let older = try await Node.start(1, boot: 4)
        #expect(await self.rejection(of: older, dialling: grace) == .staleBoot)
        await older.transport.shutdown()
        let clone = try await Node.start(1, boot: 5, nonce: 999)
        #expect(await self.rejection(of: clone, dialling: grace) == .staleBoot)
        await clone.transport.shutdown()
        let restarted = try await Node.start(1, boot: 6)
        restarted.connect(to: grace)
        await restarted.isConnected(to: grace)
        await restarted.transport.shutdown()
        await grace.transport.shutdown()
    }

    private struct Registry: PeerDirectory {
        var boots: [NodeID: BootCounter] = [:]
        var removed: Set<NodeID> = []
        func knownBoot(of node: NodeID) -> BootCounter? { self.boots[node] }
        func knownNonce(of node: NodeID) -> UInt64? { nil }
        func isRemoved(_ node: NodeID) -> Bool { self.removed.contains(node) }
    }

    @Test func `the registry refuses removed nodes and old boots`() async throws {
        let ada = try await Node.start(1, boot: 3)
        let removing = try await Node.start(2, directory: Registry(removed: [ada.id]))
        #expect(await self.rejection(of: ada, dialling: removing) == .removed)
        ada.recorder.forget()
        let remembering = try await Node.start(3, directory: Registry(boots: [ada.id: BootCounter(4)]))
        #expect(await self.rejection(of: ada, dialling: remembering) == .staleBoot)
        for node in [ada, removing, remembering] { await node.transport.shutdown() }
    }

    @Test func `a probe sees who is there, also itself`() async throws {
        let ada = try await Node.start(1, isEmpty: true)
        let grace = try await Node.start(2)
        let seen = try await ada.transport.probe(grace.address).get()
        #expect(seen.standing == .member(Node.cluster, grace.id, BootCounter(1)))
        #expect(seen.address == grace.address)
        #expect(seen.seedListHash == 5)
        let back = try await grace.transport.probe(ada.address).get()
        #expect(back.standing == .empty)
        let mirror = try await ada.transport.probe(ada.address).get()
        #expect(mirror.nonce == (1 << 8 | 1))
        await grace.transport.shutdown()
        #expect(await ada.transport.probe(grace.address) == .failure(.refused))
        await ada.transport.shutdown()
    }

    @Test func `a peer that dies is closed, then refused, and found again when it is back`() async throws {
        let ada = try await Node.start(1)
        let grace = try await Node.start(2)
        ada.connect(to: grace)
        await ada.isConnected(to: grace)
        ada.recorder.forget()
        await grace.transport.shutdown()
        await ada.recorder.wait { record in
            record.events.contains(.refused(grace.id))
                && ConnectionKind.allCases.allSatisfy { record.events.contains(.closed(grace.id, $0)) }
        }
        #expect(ada.transport.send([1], to: grace.id, on: .control) == .notConnected)
        let events = ada.recorder.record.events
        let closed = try #require(events.firstIndex(of: .closed(grace.id, .control)))
        let refused = try #require(events.firstIndex(of: .refused(grace.id)))
        #expect(closed < refused)
        ada.recorder.forget()
        let back = try await Node.start(2, boot: 2, listen: grace.address)
        await ada.isConnected(to: back)
        #expect(ada.transport.send([1], to: grace.id, on: .control) == .queued)
        await back.recorder.wait { $0.messages == [[1]] }
        await ada.transport.shutdown()
        await back.transport.shutdown()
    }

    @Test func `a peer that moved is dialled at its new address`() async throws {
        let ada = try await Node.start(1)
        let grace = try await Node.start(2)
        ada.connect(to: grace)
        await ada.isConnected(to: grace)
        await grace.transport.shutdown()
        ada.recorder.forget()
        let moved = try await Node.start(2, boot: 2)
        ada.connect(to: moved)
        await ada.isConnected(to: moved)
        await ada.transport.shutdown()
        await moved.transport.shutdown()
    }

    @Test func `disconnect hangs up and stays so`() async throws {
        let ada = try await Node.start(1)
        let grace = try await Node.start(2)
        ada.connect(to: grace)
        await ada.isConnected(to: grace)
        ada.transport.disconnect(grace.id)
        #expect(ada.transport.send([1], to: grace.id, on: .calls) == .notConnected)
        await ada.recorder.wait { record in
            ConnectionKind.allCases.allSatisfy { record.events.contains(.closed(grace.id, $0)) }
        }
        // Also in the middle of a dial; a second start finds the way again.
        ada.recorder.forget()
        for _ in 0..<20 {
            ada.connect(to: grace)
            ada.transport.disconnect(grace.id)
        }
        ada.connect(to: grace)
        await ada.isConnected(to: grace)
        await ada.transport.shutdown()
        await grace.transport.shutdown()
    }

    @Test func `a full outbox refuses by name and takes no megabyte too many`() async throws {
        let ada = try await Node.start(1) { $0.outboxBytesMax = { _ in 10_000 } }
        let grace = try await Node.start(2)
        ada.connect(to: grace)
        await ada.isConnected(to: grace)
        #expect(ada.transport.send([UInt8](repeating: 0, count: 10_001), to: grace.id, on: .bulk) == .overflow)
        #expect(
            ada.transport.send([UInt8](repeating: 0, count: PeerFrame.payloadBytesMax + 1), to: grace.id, on: .bulk)
                == .tooLarge)
        #expect(ada.transport.send([7], to: grace.id, on: .bulk) == .queued)
        await grace.recorder.wait { $0.messages == [[7]] }
        #expect(ada.transport.statistics.overflowedMessages == 1)
        await ada.transport.shutdown()
        await grace.transport.shutdown()
    }

    @Test func `too many inbound connections are turned away before TLS`() async throws {
        let grace = try await Node.start(2) { $0.inboundMax = 2 }
        let ada = try await Node.start(1)
        ada.connect(to: grace)
        let isOpened: @Sendable (PeerEvent) -> Bool = { if case .opened = $0 { true } else { false } }
        await ada.recorder.wait { $0.events.filter(isOpened).count >= 2 }
        #expect(grace.transport.statistics.inboundConnections <= 2)
        await ada.transport.shutdown()
        await grace.transport.shutdown()
        #expect(grace.transport.statistics.inboundConnections == 0)
    }
}
