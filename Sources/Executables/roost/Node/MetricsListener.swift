import ClusterModel
import Hummingbird
import Logging
import NIOCore
import Telemetry

/// `/metrics` on a port of its own, for networks where the clients' port is open to the world.
enum MetricsListener {
    /// - Returns: nil without an address; else the task that serves until it is cancelled.
    static func start(_ address: PeerAddress?, group: any EventLoopGroup) async throws -> Task<Void, Never>? {
        guard let address else { return nil }
        let router = Hummingbird.Router()
        router.get("/metrics") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4"],
                body: .init(byteBuffer: ByteBuffer(string: await Metrics.shared.exposition())))
        }
        var logger = Logger(label: "roost.metrics")
        logger.logLevel = .warning
        let application = Application(
            router: router,
            configuration: .init(address: .hostname(address.host, port: Int(address.port)), serverName: nil),
            eventLoopGroupProvider: .shared(group), logger: logger)
        return Task {
            do {
                try await application.run()
            } catch is CancellationError {
                return
            } catch {
                logger.error("The metrics port failed", metadata: ["error": "\(error)"])
            }
        }
    }
}
