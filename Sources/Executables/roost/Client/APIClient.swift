import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// The REST side of a command line client: one request at a time, to the first server that takes the connection.
///
/// A server that refuses the connection, or answers 503 to say that nothing was applied, is passed over for the
/// next one; every other answer is final.
struct APIClient: Sendable {
    let servers: [ServerURL]
    /// A bound for every request, retries on other servers not counted.
    var timeout: TimeAmount = .seconds(15)
    /// Answers above it are refused; a page of 200 long messages fits.
    static let answerBytesMax = 16 << 20

    struct Answer {
        let status: Int
        let body: Data
        /// The server that answered.
        let server: ServerURL
    }

    func get<Value: Decodable>(_ path: String, token: String?, as type: Value.Type = Value.self) async throws -> Value {
        try self.decode(try await self.request(.GET, path, token: token, body: nil))
    }

    func post<Value: Decodable>(
        _ path: String, token: String?, body: [String: String], idempotencyKey: String? = nil,
        as type: Value.Type = Value.self
    ) async throws -> Value {
        let bytes = try JSONEncoder().encode(body)
        return try self.decode(
            try await self.request(.POST, path, token: token, body: bytes, idempotencyKey: idempotencyKey))
    }

    /// For actions that answer 204.
    func act(_ path: String, token: String) async throws {
        _ = try await self.request(.POST, path, token: token, body: nil)
    }

    /// - Throws: `ClientFailure` for an unreachable cluster and for every status of 400 and above.
    func request(
        _ method: HTTPMethod, _ path: String, token: String?, body: Data?, idempotencyKey: String? = nil
    ) async throws -> Answer {
        var last = ClientFailure.unreachable(servers: self.servers, reason: "no server is named")
        for server in self.servers {
            var request = HTTPClientRequest(url: server.description + path)
            request.method = method
            if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
            if let idempotencyKey { request.headers.add(name: "Idempotency-Key", value: idempotencyKey) }
            if let body {
                request.headers.add(name: "Content-Type", value: "application/json")
                request.body = .bytes(ByteBuffer(bytes: body))
            }
            let answer: Answer
            do {
                let response = try await HTTPClient.shared.execute(request, timeout: self.timeout)
                let buffer = try await response.body.collect(upTo: Self.answerBytesMax)
                answer = Answer(
                    status: Int(response.status.code), body: Data(buffer.readableBytesView), server: server)
            } catch {
                // Only a GET or a keyed POST is safe to repeat when it is unknown whether the first was applied.
                last = .unreachable(servers: self.servers, reason: String(describing: error))
                guard method == .GET || idempotencyKey != nil || Self.neverConnected(error) else { throw last }
                continue
            }
            if answer.status < 400 { return answer }
            let failure = Self.problem(answer)
            if case .refused(503, let code, _) = failure, code != "outcome_unknown" || idempotencyKey != nil {
                last = failure
                continue
            }
            throw failure
        }
        throw last
    }

    private func decode<Value: Decodable>(_ answer: Answer) throws -> Value {
        do {
            return try JSONDecoder().decode(Value.self, from: answer.body)
        } catch {
            throw ClientFailure.malformedAnswer("\(Value.self): \(error)")
        }
    }

    private static func neverConnected(_ error: any Error) -> Bool {
        if error is NIOConnectionError || error is ChannelError { return true }
        return (error as? HTTPClientError) == .connectTimeout
    }

    private static func problem(_ answer: Answer) -> ClientFailure {
        struct Problem: Decodable {
            let code: String?
            let title: String?
            let detail: String?
        }
        let problem = try? JSONDecoder().decode(Problem.self, from: answer.body)
        return .refused(
            status: answer.status, code: problem?.code ?? problem?.title ?? "no code", detail: problem?.detail ?? "")
    }

    /// A path segment or a query value with everything but unreserved characters escaped.
    static func escape(_ text: String) -> String {
        var unreserved = CharacterSet(charactersIn: "-._~")
        unreserved.insert(charactersIn: "a"..."z")
        unreserved.insert(charactersIn: "A"..."Z")
        unreserved.insert(charactersIn: "0"..."9")
        return text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? text
    }
}
