import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// Someone with an account, speaking REST to whichever node a test names.
package struct TestPerson: Sendable {
    package struct Answer: Sendable {
        package let status: Int
        package let body: Data
        /// The top-level object; empty when the body is none.
        var json: [String: Any] { (try? JSONSerialization.jsonObject(with: self.body)) as? [String: Any] ?? [:] }
        /// A field of the top-level object, as text.
        package subscript(field: String) -> String? { self.json[field].map { "\($0)" } }
        /// That field of every item of a list.
        package func items(_ field: String) -> [String] {
            (self.json["items"] as? [[String: Any]] ?? []).compactMap { $0[field].map { "\($0)" } }
        }
    }

    private let token: String?

    /// Makes an account.
    package init(named name: String, on node: NodeProcess) async throws {
        let answer = try await TestPerson(token: nil).post(
            "/auth/register", ["username": name, "password": "correct horse battery staple"], on: node)
        guard answer.status == 201, let token = answer["access_token"] else {
            throw URLError(.userAuthenticationRequired)
        }
        self.token = token
    }

    private init(token: String?) { self.token = token }

    /// Waits until every group has a leader and `voters` voters, as `GET /v1/cluster` says: a node is ready before
    /// its groups have grown, and until then the founder's disk is the only one. This person must be an admin.
    package func waitForVoters(
        _ voters: Int, on node: NodeProcess, within limit: Duration = .seconds(90)
    ) async throws -> Bool {
        let deadline = ContinuousClock.now + limit
        while ContinuousClock.now < deadline {
            let status = try await self.get("/v1/cluster", on: node)
            let shards = status.json["shards"] as? [[String: Any]] ?? []
            let isGrown = shards.allSatisfy { shard in
                let replicas = shard["replicas"] as? [[String: Any]] ?? []
                return shard["leader"] is String && replicas.count { $0["role"] as? String == "voter" } == voters
            }
            if !shards.isEmpty, isGrown { return true }
            try await Task.sleep(for: .milliseconds(200))
        }
        return false
    }

    package func get(_ path: String, on node: NodeProcess) async throws -> Answer {
        try await self.ask(HTTPClientRequest(url: node.httpURL + path))
    }

    package func post(_ path: String, _ body: [String: String], on node: NodeProcess) async throws -> Answer {
        var request = HTTPClientRequest(url: node.httpURL + path)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
        return try await self.ask(request)
    }

    private func ask(_ request: HTTPClientRequest) async throws -> Answer {
        var request = request
        if let token = self.token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(15))
        let body = try await response.body.collect(upTo: 4 << 20)
        return Answer(status: Int(response.status.code), body: Data(body.readableBytesView))
    }
}
