import AsyncHTTPClient
import ChatModel
import Foundation
import NIOCore
import NIOHTTP1

/// What one socket works with.
struct SocketPlan: Sendable {
    let endpoint: Endpoint
    let token: String
    let user: UserID
    let channels: [String]
}

/// Makes the accounts and channels of a run over REST.
struct Preparation: Sendable {
    let endpoints: [Endpoint]
    private let run = String(UInt32.random(in: 0 ... .max), radix: 36)

    init(endpoints: [Endpoint]) { self.endpoints = endpoints }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }
    private struct Grant: Decodable {
        struct User: Decodable { let id: String }
        let accessToken: String
        let user: User
        enum CodingKeys: String, CodingKey {
            case accessToken = "access_token"
            case user
        }
    }
    private struct Made: Decodable { let id: String }

    /// Every socket gets its share of the channels; where there are fewer channels than sockets, it joins one.
    func plans(sockets: Int, channels: Int) async throws -> [SocketPlan] {
        let accounts = try await self.concurrently(sockets) { index in
            let grant: Grant = try await self.post(
                "/auth/register", index, token: nil,
                ["username": "load-\(self.run)-\(index)", "password": "only for measuring \(self.run)"])
            guard let user = UserID(grant.user.id) else { throw Failure(description: "no user id: \(grant.user.id)") }
            return (token: grant.accessToken, user: user)
        }
        let made = try await self.concurrently(channels) { index in
            let channel: Made = try await self.post(
                "/v1/channels", index, token: accounts[index % sockets].token,
                ["name": "load-\(self.run)-\(index)", "type": "public"])
            return channel.id
        }
        if channels < sockets {
            _ = try await self.concurrently(sockets - channels) { offset in
                let socket = channels + offset
                let path = "/v1/channels/\(made[socket % channels])/join"
                _ = try await self.send(path, socket, token: accounts[socket].token, [:])
            }
        }
        return (0..<sockets).map { socket in
            let own =
                channels < sockets
                ? [made[socket % channels]] : stride(from: socket, to: channels, by: sockets).map { made[$0] }
            return SocketPlan(
                endpoint: self.endpoints[socket % self.endpoints.count], token: accounts[socket].token,
                user: accounts[socket].user, channels: own)
        }
    }

    /// Results in the order of the indices, sixteen at a time.
    private func concurrently<Value: Sendable>(
        _ count: Int, _ body: @escaping @Sendable (Int) async throws -> Value
    ) async throws -> [Value] {
        try await withThrowingTaskGroup(of: (Int, Value).self) { tasks in
            var results = [Value?](repeating: nil, count: count)
            for index in 0..<count {
                if index >= 16, let (done, value) = try await tasks.next() { results[done] = value }
                tasks.addTask { (index, try await body(index)) }
            }
            for try await (done, value) in tasks { results[done] = value }
            return results.compactMap { $0 }
        }
    }

    private func post<Value: Decodable>(
        _ path: String, _ index: Int, token: String?, _ body: [String: String]
    ) async throws -> Value {
        try JSONDecoder().decode(Value.self, from: try await self.send(path, index, token: token, body))
    }

    private func send(_ path: String, _ index: Int, token: String?, _ body: [String: String]) async throws -> Data {
        let endpoint = self.endpoints[index % self.endpoints.count]
        var request = HTTPClientRequest(url: "http://\(endpoint.host):\(endpoint.port)\(path)")
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let answer = Data(try await response.body.collect(upTo: 1 << 20).readableBytesView)
        guard response.status.code < 300 else {
            throw Failure(
                description: "POST \(path): \(response.status.code) \(String(decoding: answer, as: UTF8.self))")
        }
        return answer
    }
}
