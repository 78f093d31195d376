import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import Identity
import Logging
import NIOCore
import NIOPosix
import Synchronization

@testable import Gateway

/// A node's edge over a fake cluster, with people in it.
final class SocketScene: Sendable {
    let service = FakeChatService()
    let authenticator: Authenticator
    let server: GatewayServer
    let port: Int

    private init(settings: GatewaySettings) async throws {
        let service = self.service
        self.authenticator = Authenticator(directory: { service.directory }, now: { SocketServices.now().wall })
        let router = Router()
        router.get("hello") { _, _ in "hello" }
        router.post("echo") { request, _ in
            let body = try await request.body.collect(upTo: 100_000)
            return String(buffer: body)
        }
        // What says more than its method or its status lets it.
        router.head("talkative") { _, _ in Response(status: .notFound, body: .init(byteBuffer: .init(string: "no"))) }
        for status in [HTTPResponse.Status.noContent, .notModified] {
            router.get("talkative/\(status.code)") { _, _ in
                Response(status: status, body: .init(byteBuffer: .init(string: "no")))
            }
        }
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        self.server = GatewayServer(
            settings: settings, service: service, authenticator: self.authenticator,
            routes: router.buildResponder(), group: MultiThreadedEventLoopGroup.singleton, logger: logger)
        self.port = try await self.server.start().port
    }

    /// Runs `body` with a server of its own and stops it afterwards.
    static func run(
        _ change: (inout GatewaySettings) -> Void = { _ in }, _ body: (SocketScene) async throws -> Void
    ) async throws {
        var settings = GatewaySettings(host: "127.0.0.1", port: 0)
        settings.socket.closeMilliseconds = 400
        change(&settings)
        let scene = try await SocketScene(settings: settings)
        do {
            try await body(scene)
        } catch {
            await scene.server.stop()
            throw error
        }
        await scene.server.stop()
    }

    func actor(_ user: UserID, session: UInt64 = 1) -> Actor {
        Actor(user: user, role: .member, session: SessionID(high: user.low, low: session))
    }

    func token(_ user: UserID, session: UInt64 = 1) async throws -> String {
        try await self.authenticator.issueAccessToken(for: self.actor(user, session: session))
    }

    func auth(_ user: UserID, session: UInt64 = 1, resume: String? = nil) async throws -> String {
        let token = try await self.token(user, session: session)
        return #"{"type":"auth","token":"\#(token)"\#(resume.map { #","resume":\#($0)"# } ?? "")}"#
    }

    /// A socket that has got its `ready`.
    func enter(
        _ user: UserID, session: UInt64 = 1, resume: String? = nil, reads: Bool = true, receiveBuffer: Int? = nil
    ) async throws -> (client: SocketTestClient, ready: JSONObject) {
        let client = try await SocketTestClient.open(port: self.port, receiveBuffer: receiveBuffer)
        try await client.say(self.auth(user, session: session, resume: resume))
        let ready = try await client.read("ready")
        if !reads { try await client.setReading(false) }
        return (client, ready)
    }
}

extension JSONObject {
    func string(_ name: String) -> String? { self[name]?.asString }
    func int(_ name: String) -> Int64? { self[name]?.asInteger }
}
