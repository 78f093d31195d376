import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import Identity
import Telemetry

/// One line of the table of routes.
struct RestRoute: Sendable {
    enum Access: Sendable, Hashable {
        /// For everyone.
        case open
        /// With a good access token.
        case bearer
        case admin
    }

    typealias Handler = @Sendable (RestCall) async throws -> RestAnswer

    let method: HTTPRequest.Method
    let path: String
    let access: Access
    let handler: Handler

    init(_ method: HTTPRequest.Method, _ path: String, _ access: Access, _ handler: @escaping Handler) {
        self.method = method
        self.path = path
        self.access = access
        self.handler = handler
    }
}

/// The REST side of a node as a router that a listener serves.
///
/// - Parameters:
///   - requests: the budget of each user; give the sockets the same one and they share it.
///   - now: the wall clock, for tokens and limits.
package func buildRouter(
    service: any ChatService, authenticator: Authenticator, passwords: PasswordHasher,
    settings: RestSettings = RestSettings(), metrics: Metrics = .shared,
    requests: RateLimiter<UserID> = RateLimiter(.requests), now: @escaping @Sendable () -> Timestamp
) -> Router<RestContext> {
    let rest = RestService(
        chat: service, authenticator: authenticator, passwords: passwords, settings: settings, metrics: metrics,
        requests: requests, now: now)
    let router = Router(context: RestContext.self, options: .autoGenerateHeadEndpoints)
    router.add(middleware: RestEnvelope(meter: RestMeter(metrics)))
    let routes = rest.routes
    for route in routes {
        router.on(RouterPath(route.path), method: route.method) { request, context in
            try await rest.respond(to: request, context, by: route)
        }
    }
    addMethodRefusals(to: router, routes)
    return router
}

/// A known path under another method is a 405 that names the methods it has.
private func addMethodRefusals(to router: Router<RestContext>, _ routes: [RestRoute]) {
    let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options, .trace]
    for (path, routes) in Dictionary(grouping: routes, by: \.path) {
        var allowed = routes.map(\.method)
        if allowed.contains(.get) { allowed.append(.head) }
        let allow = allowed.map(\.rawValue).sorted().joined(separator: ", ")
        for method in methods where !allowed.contains(method) {
            router.on(RouterPath(path), method: method) { _, context in
                var answer = RestAnswer.problem(Problem(.methodNotAllowed), requestID: context.requestID)
                answer.headers[.allow] = allow
                return answer.response
            }
        }
    }
}

extension RestService {
    /// All routes. A path stands here exactly as clients see it, with `:name` for a part that varies.
    var routes: [RestRoute] {
        self.openRoutes + self.sessionRoutes + self.userRoutes + self.channelRoutes + self.memberRoutes
            + self.messageRoutes + self.clusterRoutes
    }

    fileprivate func respond(to request: Request, _ context: RestContext, by route: RestRoute) async throws -> Response
    {
        let actor = route.access == .open ? nil : try await self.authenticate(request, context)
        if route.access == .admin, actor?.role != .admin { throw Problem(.forbidden) }
        let call = try RestCall(request: request, context: context, actor: actor)
        return try await route.handler(call).response
    }

    private func authenticate(_ request: Request, _ context: RestContext) async throws -> Actor {
        let header = request.headers[.authorization]
        switch await self.authenticator.authenticate(authorization: header) {
        case .failure(let failure):
            throw failure.problem
        case .success(let authenticated):
            try self.spend(authenticated.actor.user, context)
            return authenticated.actor
        }
    }

    private func spend(_ user: UserID, _ context: RestContext) throws(Problem) {
        guard self.settings.rateLimits else { return }
        let allowance = self.requests.take(user, at: self.now())
        context.allowance.set(allowance)
        guard allowance.isAllowed else {
            throw Problem(.rateLimited, retryAfterSeconds: Int(allowance.retryAfterSeconds))
        }
    }
}
