import ClusterModel
import Foundation
import Logging
import NIOCore
import NIOPosix
import PeerTransport

/// Two transports on loopback, TLS and all: a message there and back.
enum TransportBenchmarks {
    private final class Echo: PeerReceiver {
        func received(_ message: [UInt8], from node: NodeID, on kind: ConnectionKind, path: any ReturnPath) {
            _ = path.send(message)
        }
        func peerChanged(_ event: PeerEvent) {}
    }

    private final class Counter: PeerReceiver {
        let arrivals = Arrivals()
        let isOpen = Arrivals()
        func received(_ message: [UInt8], from node: NodeID, on kind: ConnectionKind, path: any ReturnPath) {
            self.arrivals.add(1)
        }
        func peerChanged(_ event: PeerEvent) { if case .connected = event { self.isOpen.add(1) } }
    }

    static func run(_ harness: Harness) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let key = ClusterKey.generate()
        let cluster = ClusterID(high: 1, low: 1)
        func transport(_ number: UInt64, _ receiver: any PeerReceiver) async throws -> (PeerTransport, PeerAddress) {
            let transport = try PeerTransport(
                settings: PeerTransportSettings(
                    listen: PeerAddress(host: "127.0.0.1", port: 0), key: key, nodeName: "n\(number)", nonce: number,
                    seedListHash: 0),
                group: group, logger: Logger(label: "benchmarks"))
            transport.attach(receiver)
            transport.become(.member(cluster, NodeID(high: 1, low: number), BootCounter(1)))
            return (transport, try await transport.start())
        }
        let counter = Counter()
        let (near, _) = try await transport(1, counter)
        let (far, address) = try await transport(2, Echo())
        let node = NodeID(high: 1, low: 2)
        near.connect(to: node, at: address)
        self.wait(counter.isOpen)
        let message = [UInt8](repeating: 7, count: 512)
        for count in [1, 64, 1_024] {
            self.roundTrips(harness, count, near, node, message, counter.arrivals)
        }
        await near.shutdown()
        await far.shutdown()
        try await group.shutdownGracefully()
    }

    private static func wait(_ arrivals: Arrivals) { arrivals.wait() }

    private static func roundTrips(
        _ harness: Harness, _ count: Int, _ near: PeerTransport, _ node: NodeID, _ message: [UInt8],
        _ arrivals: Arrivals
    ) {
        harness.measure("transport: 512 bytes there and back, \(count) outstanding", operations: count) { rounds in
            for _ in 0..<rounds {
                for _ in 0..<count { _ = near.send(message, to: node, on: .calls) }
                for _ in 0..<count { arrivals.wait() }
            }
        }
    }
}
