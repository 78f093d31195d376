import ClusterModel
import Logging
import NIOCore
import NIOPosix
import Synchronization

@testable import PeerTransport

/// Remembers what a transport tells, and lets a test wait for it without sleeping.
final class Recorder: PeerReceiver {
    struct Record {
        var events: [PeerEvent] = []
        var messageCount = 0
        /// By sender: the number in the last message, and how many did not follow their predecessor.
        var last: [NodeID: UInt64] = [:]
        var outOfOrderCount = 0
        var messages: [[UInt8]] = []
        /// Of those that came on the replication loop and of those that came elsewhere.
        var kindsOnRaftLoop: Set<ConnectionKind> = []
        var kindsElsewhere: Set<ConnectionKind> = []
    }
    private struct State {
        var record = Record()
        var waiters: [(condition: @Sendable (Record) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    }
    private let state = Mutex(State())
    private let echoes: Bool
    private let keepsMessages: Bool

    init(echoes: Bool = false, keepsMessages: Bool = true) {
        self.echoes = echoes
        self.keepsMessages = keepsMessages
    }

    var record: Record { self.state.withLock { $0.record } }

    func wait(until condition: @escaping @Sendable (Record) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isTrue = self.state.withLock { state in
                if condition(state.record) { return true }
                state.waiters.append((condition, continuation))
                return false
            }
            if isTrue { continuation.resume() }
        }
    }

    func forget() { self.state.withLock { $0.record = Record() } }

    private func change(_ body: (inout Record) -> Void) {
        let ready = self.state.withLock { state in
            body(&state.record)
            let record = state.record
            let ready = state.waiters.filter { $0.condition(record) }
            state.waiters.removeAll { $0.condition(record) }
            return ready
        }
        for waiter in ready { waiter.continuation.resume() }
    }

    func received(_ message: [UInt8], from node: NodeID, on kind: ConnectionKind, path: any ReturnPath) {
        if self.echoes { _ = path.send(message) }
        self.change { record in
            record.messageCount += 1
            if Node.raftLoop.inEventLoop {
                record.kindsOnRaftLoop.insert(kind)
            } else {
                record.kindsElsewhere.insert(kind)
            }
            if self.keepsMessages { record.messages.append(message) }
            guard message.count >= 8 else { return }
            var reader = ByteReader(message)
            guard let number = try? reader.read(UInt64.self) else { return }
            if number != (record.last[node] ?? 0) + 1 { record.outOfOrderCount += 1 }
            record.last[node] = number
        }
    }

    func peerChanged(_ event: PeerEvent) { self.change { $0.events.append(event) } }
}

/// A node with a transport and nothing above it.
struct Node {
    static let key = ClusterKey(bytes: [UInt8](repeating: 0x42, count: 32))
    static let cluster = ClusterID(high: 0xC1, low: 0xC1)
    static let group = MultiThreadedEventLoopGroup.singleton
    /// One for all nodes of all tests: what matters is that it is none of the group's.
    static let raftLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()
    static let loopback = PeerAddress(host: "127.0.0.1", port: 0)

    let id: NodeID
    let transport: PeerTransport
    let recorder: Recorder
    let address: PeerAddress

    static func start(
        _ number: UInt64, key: ClusterKey = key, cluster: ClusterID = cluster, boot: UInt64 = 1, nonce: UInt64? = nil,
        isEmpty: Bool = false, listen: PeerAddress = loopback, directory: any PeerDirectory = EmptyPeerDirectory(),
        recorder: Recorder = Recorder(), adjust: (inout PeerTransportSettings) -> Void = { _ in }
    ) async throws -> Node {
        let id = NodeID(high: 0x90DE, low: number)
        var settings = PeerTransportSettings(
            listen: listen, key: key, nodeName: "node-\(number)", nonce: nonce ?? (number << 8 | boot), seedListHash: 5,
            standing: isEmpty ? .empty : .member(cluster, id, BootCounter(boot)))
        settings.backoff = .milliseconds(10)...(.milliseconds(100))
        settings.raftLoop = Self.raftLoop
        adjust(&settings)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let transport = try PeerTransport(settings: settings, group: Self.group, logger: logger)
        transport.attach(recorder, directory: directory)
        return Node(id: id, transport: transport, recorder: recorder, address: try await transport.start())
    }

    func message(_ number: UInt64, bytes: Int = 8) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(number)
        return writer.bytes + [UInt8](repeating: 1, count: bytes - 8)
    }

    func connect(to other: Node) { self.transport.connect(to: other.id, at: other.address) }

    func isConnected(to other: Node) async {
        await self.recorder.wait { $0.events.contains(.connected(other.id)) }
    }
}
