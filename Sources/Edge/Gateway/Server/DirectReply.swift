import ClientProtocol
import NIOCore
import NIOHTTP1

/// An answer that the listener gives itself, before any route: always a problem, always the last of its connection.
struct DirectReply: Sendable {
    let problem: Problem
    let status: HTTPResponseStatus
    let extraHeaders: [(String, String)]

    init(_ problem: Problem, status: HTTPResponseStatus? = nil, extraHeaders: [(String, String)] = []) {
        self.problem = problem
        self.status = status ?? HTTPResponseStatus(statusCode: problem.code.status)
        self.extraHeaders = extraHeaders
    }

    static let unparsable = DirectReply(Problem(.malformed))
    static let headersTooLarge = DirectReply(Problem(.headersTooLarge))
    static let addressTooLong = DirectReply(Problem(.addressTooLong))
    static let timeout = DirectReply(Problem(.timeout))
    static let foreignOrigin = DirectReply(Problem(.forbidden, detail: "The page's origin may not open a socket."))
    static let draining = DirectReply(Problem(.unavailable, detail: "The node drains."))
    static let overloaded = DirectReply(Problem(.overloaded, detail: "Too many connections."))
    static let badHandshake = DirectReply(Problem(.malformed, detail: "This is no WebSocket handshake."))
    static let upgradeRequired = DirectReply(
        Problem(.malformed, detail: "This address speaks WebSocket, version 13."), status: .upgradeRequired,
        extraHeaders: [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")])

    /// - Parameter requestID: what the client can name when it asks for help.
    func parts(requestID: String, allocator: ByteBufferAllocator) -> (HTTPResponseHead, ByteBuffer) {
        let body = allocator.buffer(bytes: self.problem.body(requestID: requestID))
        var headers = HTTPHeaders([
            ("Content-Type", "application/problem+json"), ("Content-Length", "\(body.readableBytes)"),
            ("Cache-Control", "no-store"), ("Connection", "close"), ("Request-Id", requestID),
            ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
            ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
            ("Cross-Origin-Resource-Policy", "same-origin"), ("Strict-Transport-Security", "max-age=31536000"),
        ])
        if let seconds = self.problem.retryAfterSeconds { headers.add(name: "Retry-After", value: "\(seconds)") }
        for (name, value) in self.extraHeaders { headers.add(name: name, value: value) }
        return (HTTPResponseHead(version: .http1_1, status: self.status, headers: headers), body)
    }
}
