import ChatModel
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import NIOCore
import Testing

@testable import Gateway

@Suite struct RestEnvelopeTests {
    @Test(arguments: ["/health", "/nothing/here", "/v1/users/me", "/.well-known/jwks.json"])
    func `every answer is sealed`(path: String) async throws {
        let reply = try await RestNode().send(.get, path, headers: [.requestID: "abc-1"])
        #expect(reply.headers[.requestID] == "abc-1")
        #expect(reply.headers[.xContentTypeOptions] == "nosniff")
        #expect(reply.headers[.contentSecurityPolicy]?.contains("frame-ancestors 'none'") == true)
        #expect(reply.headers[.referrerPolicy] == "no-referrer")
        #expect(reply.headers[.strictTransportSecurity] != nil)
        #expect(reply.headers[.accessControlAllowOrigin] == nil)
        if reply.status != 200 {
            #expect(reply.headers[.cacheControl] == "no-store")
            #expect(reply.headers[.contentType] == "application/problem+json")
            #expect(reply.json["request_id"] == .string("abc-1"))
        }
    }

    @Test(arguments: ["", "with space", "<script>", String(repeating: "x", count: 129)])
    func `a request's name of other letters is replaced`(name: String) async throws {
        let reply = try await RestNode().send(.get, "/health", headers: [.requestID: name])
        #expect(reply.headers[.requestID]?.hasPrefix("req_") == true)
    }

    @Test func `an unknown route is a 404 and a known one under another method a 405`() async throws {
        let node = RestNode()
        #expect(try await node.send(.get, "/v1/nothing").code == "not_found")
        let reply = try await node.send(.delete, "/v1/messages")
        #expect(reply.status == 405)
        #expect(reply.headers[.allow] == "GET, HEAD, POST")
        #expect(try await node.send(.head, "/health").status == 200)
    }

    @Test(arguments: ["QUERY", "PROPFIND", "CONNECT", "M-SEARCH"])
    func `a method that no route has is a 405 where there is a path, and a 404 where there is none`(name: String)
        async throws
    {
        let method = try #require(HTTPRequest.Method(name))
        let node = RestNode()
        let reply = try await node.send(method, "/v1/messages")
        #expect(reply.status == 405)
        #expect(reply.code == "method_not_allowed")
        #expect(reply.headers[.allow] == "GET, HEAD, POST")
        #expect(try await node.send(method, "/v1/nothing").status == 404)
    }

    @Test func `bodies of other types, encodings and sizes are refused`() async throws {
        let node = RestNode()
        let path = "/auth/login"
        #expect(try await node.send(.post, path, "{", headers: [:]).status == 400)
        #expect(try await node.send(.post, path, "{}", headers: [.contentType: "text/plain"]).status == 415)
        #expect(try await node.send(.post, path, body: .init(buffer: .init(string: "{}"))).status == 415)
        #expect(try await node.send(.post, path, "{}", headers: [.contentEncoding: "gzip"]).status == 415)
        let declared = try await node.send(.post, path, "{}", headers: [.contentLength: "1048577"])
        #expect(declared.status == 413)
        #expect(declared.headers[.connection] == "close")
        let chunk = ByteBuffer(repeating: 0x20, count: 400_000)
        let chunks = AsyncStream<ByteBuffer> { stream in
            for _ in 0..<4 { stream.yield(chunk) }
            stream.finish()
        }
        let undeclared = try await node.send(
            .post, path, headers: [.contentType: "application/json; charset=utf-8"],
            body: .init(asyncSequence: chunks))
        #expect(undeclared.status == 413)
        #expect(try await node.send(.get, "/health?q=%zz").status == 400)
    }

    @Test func `a budget shows in headers and its end is a 429`() async throws {
        let node = RestNode(rateLimits: true)
        let ada = try await node.register("ada")
        let first = try await node.send(.get, "/v1/users/me", token: ada.access)
        #expect(first.headers[.rateLimitPolicy] == #""requests";q=300;w=10"#)
        #expect(first.headers[.rateLimit] == #""requests";r=299;t=1"#)
        for _ in 2...300 { _ = try await node.send(.get, "/v1/users/me", token: ada.access) }
        let over = try await node.send(.get, "/v1/users/me", token: ada.access)
        #expect(over.status == 429)
        #expect(over.headers[.retryAfter] == "1")
        #expect(over.headers[.rateLimit]?.contains("r=0") == true)
        node.service.advance(milliseconds: 1_000)
        #expect(try await node.send(.get, "/v1/users/me", token: ada.access).status == 200)
    }

    @Test func `the cluster is shown to admins and counts to everyone`() async throws {
        let node = RestNode()
        let ada = try await node.register("ada")
        let bob = try await node.register("bob")
        let cluster = try await node.send(.get, "/v1/cluster", token: ada.access)
        #expect(cluster.status == 200)
        #expect(cluster.json["shards"]?.asArray?.count == 1)
        #expect(try await node.send(.get, "/v1/cluster", token: bob.access).status == 403)
        let metrics = try await node.send(.get, "/metrics")
        #expect(metrics.text.contains(#"roost_http_requests_total{method="POST",status="2xx"} 2"#))
        #expect(try await node.send(.get, "/ready").status == 200)
    }

    @Test func `the key set has the public key alone`() async throws {
        let keys = try await RestNode().send(.get, "/.well-known/jwks.json").json["keys"]?.asArray
        let key = try #require(keys?.first?.asObject)
        #expect(key["kty"] == .string("EC"))
        #expect(key["d"] == nil)
        #expect(key["x"]?.asString?.count == 43)
        #expect(key["y"]?.asString?.count == 43)
    }
}
