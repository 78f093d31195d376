import AsyncHTTPClient
import Foundation
import HistoryChecker
import NIOCore
import NIOHTTP1

/// REST as a history run needs it: one request, one answer, and the truth about what became of it.
struct RestCalls: Sendable {
    struct Answer: Sendable {
        let status: Int
        let body: ByteBuffer

        var code: String { self.body.withUnsafeReadableBytes { FrameScan($0).string("\"code\":\"") ?? "" } }
        /// Not applied, because the caller may not.
        var isDenied: Bool { self.status == 403 || self.status == 404 }
        var isOK: Bool { (200..<300).contains(self.status) }
        /// The answer says that nothing was applied.
        var isRefusal: Bool { !self.isOK && self.code != "outcome_unknown" && self.status != 500 }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let client: HTTPClient

    init() {
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .seconds(2)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 16
        self.client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// - Throws: Whatever ended the request before its answer: the outcome is unknown.
    func ask(
        _ method: HTTPMethod, _ path: String, at endpoint: Endpoint, token: String?, body: [String: String]? = nil,
        limit: TimeAmount = .seconds(5)
    ) async throws -> Answer {
        let json = try body.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
        return try await self.ask(method, path, at: endpoint, token: token, json: json, limit: limit)
    }

    /// - Throws: Whatever ended the request before its answer: the outcome is unknown.
    func ask(
        _ method: HTTPMethod, _ path: String, at endpoint: Endpoint, token: String?, json: String?, limit: TimeAmount
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: endpoint.http + path)
        request.method = method
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        if let json {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: json))
        }
        let response = try await self.client.execute(request, timeout: limit)
        return Answer(status: Int(response.status.code), body: try await response.body.collect(upTo: 8 << 20))
    }

    /// For what must succeed while nothing is broken yet: a few tries, at one node after the other.
    func demand<Value: Decodable>(
        _ method: HTTPMethod, _ path: String, at endpoints: [Endpoint], first: Int, token: String?,
        body: [String: String], as type: Value.Type
    ) async throws -> Value {
        let answer = try await self.demand(method, path, at: endpoints, first: first, token: token, body: body)
        return try JSONDecoder().decode(Value.self, from: Data(answer.body.readableBytesView))
    }

    @discardableResult
    func demand(
        _ method: HTTPMethod, _ path: String, at endpoints: [Endpoint], first: Int, token: String?,
        body: [String: String]?
    ) async throws -> Answer {
        var last = ""
        for attempt in 0..<6 {
            let endpoint = endpoints[(first + attempt) % endpoints.count]
            if attempt > 0 { try await Task.sleep(for: .milliseconds(200 << attempt)) }
            do {
                let answer = try await self.ask(
                    method, path, at: endpoint, token: token, body: body, limit: .seconds(20))
                if answer.isOK { return answer }
                last = "\(answer.status) \(String(buffer: answer.body).prefix(300))"
                guard answer.status >= 500 || answer.status == 429 else { break }
            } catch { last = "\(error)" }
        }
        throw Failure(description: "\(method) \(path): \(last)")
    }
}

/// Results in the order of the indices, so many at a time.
func concurrently<Value: Sendable>(
    _ count: Int, atOnce: Int, _ body: @escaping @Sendable (Int) async throws -> Value
) async throws -> [Value] {
    try await withThrowingTaskGroup(of: (Int, Value).self) { tasks in
        var results = [Value?](repeating: nil, count: count)
        for index in 0..<count {
            if index >= atOnce, let (done, value) = try await tasks.next() { results[done] = value }
            tasks.addTask { (index, try await body(index)) }
        }
        for try await (done, value) in tasks { results[done] = value }
        return results.compactMap { $0 }
    }
}
