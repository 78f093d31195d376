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
        /// Moderators and administrators.
        case moderator
        case admin

        /// - Parameter role: nil for who has not signed in, which only open routes allow.
        func allows(_ role: Role?) -> Bool {
            switch self {
            case .open: true
            case .bearer: role != nil
            case .moderator: role.map { $0 >= .moderator } ?? false
            case .admin: role == .admin
            }
        }
    }

    /// Who tells a repetition of a request from another one by its `Idempotency-Key`.
    enum Keying: Sendable, Hashable {
        /// Nobody: the header is ignored.
        case ignored
        /// The command that the request becomes.
        case byCommand
        /// The gateway, which keeps the first answer.
        case byGateway
    }

    typealias Handler = @Sendable (RestCall) async throws -> RestAnswer

    /// What the contract tells of it.
    let operation: RouteOperation
    let handler: Handler

    var method: HTTPRequest.Method { self.operation.method }
    var path: String { self.operation.path }
    var access: Access { self.operation.access }
    var keying: Keying { self.operation.keying }

    /// - Parameter keying: nil for what is usual: the gateway keeps the answers to what signed-in people post.
    init(
        _ method: HTTPRequest.Method, _ path: String, _ access: Access, keying: Keying? = nil, doc: RouteDoc,
        _ handler: @escaping Handler
    ) {
        self.init(
            RouteOperation(
                method: method, path: path, access: access,
                keying: keying ?? (method == .post && access != .open ? .byGateway : .ignored), doc: doc),
            handler)
    }

    init(_ operation: RouteOperation, _ handler: @escaping Handler) {
        self.operation = operation
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

/// Every method that there is (the IANA registry, and what the parser of HTTP/1 lets through beside it).
private let knownMethods: [HTTPRequest.Method] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY",
    "ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "COPY", "LABEL", "LINK", "LOCK", "M-SEARCH", "MERGE",
    "MKACTIVITY", "MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "NOTIFY", "ORDERPATCH", "PRI",
    "PROPFIND", "PROPPATCH", "PURGE", "REBIND", "REPORT", "SEARCH", "SOURCE", "SUBSCRIBE", "UNBIND", "UNCHECKOUT",
    "UNLINK", "UNLOCK", "UNSUBSCRIBE", "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL",
].compactMap { HTTPRequest.Method($0) }

/// A known path under another method is a 405 that names the methods it has.
private func addMethodRefusals(to router: Router<RestContext>, _ routes: [RestRoute]) {
    let methods = knownMethods
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
    /// All routes, and the one that tells of them. A path stands here exactly as clients see it, with `:name` for a
    /// part that varies.
    var routes: [RestRoute] {
        let routes = [
            self.openRoutes, self.sessionRoutes, self.sessionListRoutes, self.inviteRoutes,
            self.userRoutes, self.profileRoutes, self.ownSettingsRoutes, self.notificationRoutes, self.draftRoutes,
            self.scheduledRoutes, self.reminderRoutes, self.presenceRoutes,
            self.channelRoutes, self.memberRoutes, self.channelChangeRoutes, self.directRoutes, self.readRoutes,
            self.messageRoutes, self.messageChangeRoutes, self.reactionRoutes, self.pinRoutes, self.threadRoutes,
            self.flaggingRoutes, self.searchRoutes,
            self.accountRoutes, self.workspaceRoutes, self.auditRoutes, self.flagQueueRoutes, self.emojiRoutes,
            self.clusterRoutes,
        ].flatMap(\.self)
        return routes + [Self.contractRoute(beside: routes)]
    }

    fileprivate func respond(to request: Request, _ context: RestContext, by route: RestRoute) async throws -> Response
    {
        let actor = try await self.actor(of: request, context, for: route.access)
        guard route.access.allows(actor?.role) else { throw Problem(.forbidden) }
        let call = try RestCall(request: request, context: context, actor: actor)
        var answer = try await self.carryOut(call, by: route)
        // Whoever asks for what may be past learns that it is: a client can show it so.
        if request.method == .get, call.consistency == .local { answer.headers[.consistency] = "local" }
        return answer.response
    }

    /// Who asks; nil on open routes.
    ///
    /// A node's copy of the directory may be a moment old. That is good enough for what people do with their own
    /// things, and not for power over others: there the directory itself is asked.
    private func actor(
        of request: Request, _ context: RestContext, for access: RestRoute.Access
    ) async throws -> Actor? {
        switch access {
        case .open: return nil
        case .bearer: return try await self.authenticate(request, context)
        case .moderator, .admin:
            let actor = try await self.authenticate(request, context)
            let account = try await self.account(actor.user)
            guard account.deactivatedAt == nil else { throw AuthFailure.revoked.problem }
            return Actor(user: actor.user, role: account.role, session: actor.session)
        }
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
