import ClientProtocol
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// What belongs to one request beside its bytes.
package struct RestContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The peer's address. Headers that claim another one are not believed: no proxy is configured.
    let remoteAddress: SocketAddress?
    /// Taken from the request or made; set by `RestEnvelope` before anything else runs.
    var requestID = ""
    /// What the caller's budget looks like, for the `RateLimit` headers; filled while the request runs.
    let allowance = AllowanceBox()

    package init(source: ApplicationRequestContextSource) {
        self.coreContext = .init(source: source)
        self.remoteAddress = source.channel.remoteAddress
    }

    package var maxUploadSize: Int { RestBody.bytesMax }
}

/// An answer before it is HTTP: what the handlers of routes return.
struct RestAnswer: Sendable {
    var status: HTTPResponse.Status
    var contentType: String?
    var body: [UInt8]
    var headers = HTTPFields()

    static func json(_ status: HTTPResponse.Status = .ok, _ body: [UInt8]) -> RestAnswer {
        RestAnswer(status: status, contentType: "application/json", body: body)
    }

    static func json(_ status: HTTPResponse.Status = .ok, _ write: (inout JSONWriter) -> Void) -> RestAnswer {
        var writer = JSONWriter(reservingCapacity: 1_024)
        write(&writer)
        return .json(status, writer.bytes)
    }

    /// An answer with messages in it.
    ///
    /// - Parameter texts: about how many bytes they have. What takes milliseconds to parse and write is not written on the
    ///   connection's event loop, where others would wait for it.
    static func json(texts: Int, _ write: @Sendable (inout JSONWriter) -> Void) async -> RestAnswer {
        guard texts > Self.textBytesOnLoopMax else { return .json(.ok, write) }
        return await withTaskExecutorPreference(globalConcurrentExecutor) { .json(.ok, write) }
    }

    private static let textBytesOnLoopMax = 64 << 10

    static let noContent = RestAnswer(status: .noContent, contentType: nil, body: [])

    static func problem(_ problem: Problem, requestID: String) -> RestAnswer {
        var answer = RestAnswer(
            status: HTTPResponse.Status(code: problem.code.status), contentType: "application/problem+json",
            body: problem.body(requestID: requestID))
        if let seconds = problem.retryAfterSeconds { answer.headers[.retryAfter] = "\(seconds)" }
        if problem.code.status == 401 { answer.headers[.wwwAuthenticate] = "Bearer realm=\"roost\"" }
        return answer
    }

    var response: Response {
        var headers = self.headers
        if let contentType { headers[.contentType] = contentType }
        guard !self.body.isEmpty else { return Response(status: self.status, headers: headers) }
        return Response(
            status: self.status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: self.body)))
    }
}

extension HTTPField.Name {
    static let requestID = Self("Request-Id")!
    /// `local` where the answer may be past.
    static let consistency = Self("Roost-Consistency")!
    static let idempotencyKey = Self("Idempotency-Key")!
    static let rateLimit = Self("RateLimit")!
    static let rateLimitPolicy = Self("RateLimit-Policy")!
    static let referrerPolicy = Self("Referrer-Policy")!
    static let crossOriginResourcePolicy = Self("Cross-Origin-Resource-Policy")!
}
