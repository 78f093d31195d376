import ChatModel
import ChatService
import ClientProtocol
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Telemetry

/// Round every route, and round their absence: names the request, turns errors into problems, sets the headers
/// that every answer has, counts and logs.
struct RestEnvelope: RouterMiddleware {
    typealias Context = RestContext

    let meter: RestMeter

    func handle(
        _ request: Request, context: RestContext, next: (Request, RestContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.requestID = RequestLabel.label(for: request.headers[.requestID])
        context.logger[metadataKey: "request.id"] = .string(context.requestID)
        let start = ContinuousClock.now
        var response: Response
        do {
            response = try await next(request, context)
        } catch {
            let problem = Self.problem(of: error, logger: context.logger)
            response = RestAnswer.problem(problem, requestID: context.requestID).response
            // What was not read of the body is not worth reading: the connection ends with this answer.
            switch problem.code {
            case .tooLarge, .timeout: response.headers[.connection] = "close"
            default: break
            }
        }
        self.seal(&response, context)
        let elapsed = ContinuousClock.now - start
        self.meter.record(request.method, response.status, elapsed)
        context.logger.debug(
            "answered",
            metadata: [
                "http.method": "\(request.method)", "http.route": "\(context.endpointPath ?? "")",
                "http.status": "\(response.status.code)", "http.duration": "\(elapsed)",
            ])
        return response
    }

    /// Everything that a handler may throw. What is not foreseen is a 500 that says nothing.
    private static func problem(of error: any Error, logger: Logger) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case let error as ServiceError: return Problem(error)
        case let error as HTTPError where error.status == .notFound: return Problem(.notFound)
        case let error as HTTPError where error.status == .contentTooLarge: return Problem(.tooLarge)
        case is NIOTooManyBytesError: return Problem(.tooLarge)
        default:
            logger.error("a request failed", metadata: ["error.type": "\(type(of: error))", "error": "\(error)"])
            return Problem(.internal)
        }
    }

    private func seal(_ response: inout Response, _ context: RestContext) {
        response.headers[.requestID] = context.requestID
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        response.headers[.xContentTypeOptions] = "nosniff"
        response.headers[.referrerPolicy] = "no-referrer"
        response.headers[.crossOriginResourcePolicy] = "same-origin"
        // Also over plain HTTP, where browsers ignore it: TLS may end at a proxy in front of the node.
        response.headers[.strictTransportSecurity] = "max-age=31536000"
        if response.headers[.contentSecurityPolicy] == nil {
            response.headers[.contentSecurityPolicy] = "default-src 'none'; frame-ancestors 'none'"
        }
        if let allowance = context.allowance.value {
            response.headers[.rateLimitPolicy] = allowance.policyField
            response.headers[.rateLimit] = allowance.field
        }
    }
}

extension Problem {
    package init(_ error: ServiceError) {
        switch error {
        case .unavailable(let seconds): self.init(.unavailable, retryAfterSeconds: max(seconds, 1))
        // The type is named, since the error has cases of the same names and would call itself for ever.
        case .outcomeUnknown: self.init(ProblemCode.outcomeUnknown)
        case .overloaded: self.init(ProblemCode.overloaded)
        case .storageFull: self.init(ProblemCode.diskFull)
        }
    }
}

/// The name of a request in its answer and in every log line.
enum RequestLabel {
    static let bytesMax = 128

    /// The client's own name where it is short and of harmless letters, else a new one.
    static func label(for name: String?) -> String {
        guard let name, (1...Self.bytesMax).contains(name.utf8.count), name.utf8.allSatisfy(Self.isHarmless) else {
            return Self.new()
        }
        return name
    }

    private static func new() -> String {
        var generator = SystemRandomNumberGenerator()
        return "req_" + Base32.text(generator.next(), generator.next())
    }

    private static func isHarmless(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

/// Counts answers by method and class of status.
struct RestMeter: Sendable {
    private static let methods: [HTTPRequest.Method] = [.get, .post, .put, .patch, .delete, .head]
    private let counters: [Counter]
    private let seconds: Histogram

    init(_ metrics: Metrics) {
        let help = "Answered HTTP requests by method and class of status."
        self.counters = (Self.methods.map(\.rawValue) + ["other"]).flatMap { method in
            (1...5).map { status in
                metrics.counter(
                    "roost_http_requests_total", help, labels: ["method": method, "status": "\(status)xx"])
            }
        }
        self.seconds = metrics.histogram("roost_http_request_seconds", "Time from a request's head to its answer.")
    }

    func record(_ method: HTTPRequest.Method, _ status: HTTPResponse.Status, _ elapsed: Duration) {
        let row = Self.methods.firstIndex(of: method) ?? Self.methods.count
        let column = min(max(status.code / 100, 1), 5) - 1
        self.counters[row * 5 + column].increment()
        self.seconds.record(elapsed)
    }
}
