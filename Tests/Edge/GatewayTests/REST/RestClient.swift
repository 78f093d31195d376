import ChatModel
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import Identity
import Logging
import NIOCore
import NIOEmbedded
import Synchronization
import Telemetry
import Testing

@testable import Gateway

/// A node's REST side without a listener: requests go straight into the router.
final class RestNode: Sendable {
    let service: MachineService
    let authenticator: Authenticator
    private let responder: RouterResponder<RestContext>

    /// Passwords are hashed at the lowest cost: what they cost is not what is tested here.
    static let passwords = PasswordHasher(
        threadCount: 1, cost: ScryptCost(logRounds: 1, blockSize: 1, parallelism: 1))

    convenience init(registration: Registration = .open, rateLimits: Bool = false) {
        self.init(MachineService(registration: registration), rateLimits: rateLimits)
    }

    /// One of several nodes of one cluster.
    init(_ service: MachineService, rateLimits: Bool = false) {
        self.service = service
        self.authenticator = Authenticator(directory: { service.directory }, now: { service.now })
        self.responder = buildRouter(
            service: service, authenticator: self.authenticator, passwords: Self.passwords,
            settings: RestSettings(rateLimits: rateLimits), metrics: Metrics(), now: { service.now }
        ).buildResponder()
    }

    /// The table of routes.
    var routes: [RestRoute] {
        RestService(
            chat: self.service, authenticator: self.authenticator, passwords: Self.passwords, settings: RestSettings(),
            metrics: Metrics(), requests: RateLimiter(.requests), now: { .zero }
        ).routes
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ json: String? = nil, token: String? = nil,
        headers: [HTTPField.Name: String] = [:], body: RequestBody? = nil
    ) async throws -> RestReply {
        var fields = HTTPFields()
        if json != nil { fields[.contentType] = "application/json" }
        if let token { fields[.authorization] = "Bearer \(token)" }
        for (name, value) in headers { fields[name] = value }
        let head = HTTPRequest(
            method: method, scheme: "http", authority: "localhost", path: path, headerFields: fields)
        let channel = NIOAsyncTestingChannel()
        let context = RestContext(
            source: ApplicationRequestContextSource(channel: channel, logger: Logger(label: "test")))
        let request = Request(head: head, body: body ?? RequestBody(buffer: ByteBuffer(string: json ?? "")))
        let response = try await self.responder.respond(to: request, context: context)
        let collector = BodyCollector()
        try await response.body.write(collector)
        return RestReply(status: response.status.code, headers: response.headers, bytes: collector.bytes)
    }

    /// Signs up and gives the tokens.
    func register(_ username: String) async throws -> (access: String, refresh: String, id: String) {
        let reply = try await self.send(
            .post, "/auth/register", #"{"username":"\#(username)","password":"correct horse"}"#)
        try #require(reply.status == 201, "\(reply.text)")
        let user = try #require(reply.json["user"]?.asObject)
        return (
            try #require(reply.json["access_token"]?.asString), try #require(reply.json["refresh_token"]?.asString),
            try #require(user["id"]?.asString)
        )
    }

    func createChannel(_ name: String, type: String = "public", token: String) async throws -> String {
        let reply = try await self.send(.post, "/v1/channels", #"{"name":"\#(name)","type":"\#(type)"}"#, token: token)
        try #require(reply.status == 201, "\(reply.text)")
        return try #require(reply.json["id"]?.asString)
    }
}

struct RestReply: Sendable {
    let status: Int
    let headers: HTTPFields
    let bytes: [UInt8]

    var text: String { String(decoding: self.bytes, as: UTF8.self) }
    var json: JSONObject { (try? JSONValue(parsing: self.bytes))?.asObject ?? JSONObject() }
    var code: String? { self.json["code"]?.asString }
    var items: [JSONObject] { (self.json["items"]?.asArray ?? []).compactMap(\.asObject) }
}

private final class BodyCollector: ResponseBodyWriter {
    private let box = Mutex<[UInt8]>([])
    var bytes: [UInt8] { self.box.withLock { $0 } }
    func write(_ buffer: ByteBuffer) async throws { self.box.withLock { $0 += Array(buffer.readableBytesView) } }
    func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
