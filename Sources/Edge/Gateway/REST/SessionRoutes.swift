import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird
import Identity
import Logging

// Signing up, in and out.

extension RestService {
    var sessionRoutes: [RestRoute] {
        [
            RestRoute(.post, "/auth/register", .open, doc: .register) { try await self.register($0) },
            RestRoute(.post, "/auth/login", .open, doc: .login) { try await self.login($0) },
            RestRoute(.post, "/auth/refresh", .open, doc: .refresh) { try await self.refresh($0) },
            RestRoute(.post, "/auth/logout", .bearer, doc: .logout) { try await self.logout($0) },
            RestRoute(.post, "/auth/introspect", .bearer, doc: .introspect) { try await self.introspect($0) },
        ]
    }

    /// A session lives this long after its last refresh.
    static let sessionMilliseconds: Int64 = 30 * 86_400_000

    // MARK: Register

    private func register(_ call: RestCall) async throws -> RestAnswer {
        let request = try RegisterRequest(try await call.object())
        if self.settings.rateLimits {
            let allowance = self.registrations.take(call.address, at: self.now())
            call.context.allowance.set(allowance)
            guard allowance.isAllowed else {
                throw Problem(.rateLimited, retryAfterSeconds: Int(allowance.retryAfterSeconds))
            }
        }
        let user = try await self.createUser(request, call)
        return try await self.startSession(of: user, nil, call, status: .created)
    }

    /// The saga of a new account: hash, reserve the name in the directory, create the user in its shard, confirm
    /// the name. The hash comes first, since nothing may be held while a password waits for its turn.
    ///
    /// Where a step's outcome stays unknown the name stays reserved, and the directory's leader decides it later.
    private func createUser(_ request: RegisterRequest, _ call: RestCall) async throws -> UserRecord {
        let hash = try await self.hash(request.password)
        let id: UserID = self.newID()
        let name = UniqueName(kind: .user, name: request.username)
        let role = try await self.reserve(name, for: id, request)
        // Only the directory knows who becomes an administrator, and it has said so just now.
        if let complaint = ReservedUsername.complaint(about: request.username, of: role) {
            _ = try await self.performRepeatedly(.releaseName(name, .user(id)))
            throw Problem([FieldError(field: "username", detail: complaint)])
        }
        let record = UserRecord(
            id: id, username: request.username, displayName: request.displayName, email: request.email, role: role,
            passwordHash: hash, createdAt: self.now())
        let user: UserRecord
        do {
            user =
                if case .user(let user) = try await self.performRepeatedly(.createUser(record)) { user } else { record }
        } catch let problem as Problem {
            await self.hasten(.releaseName(name, .user(id)), call.context.logger)
            throw problem
        }
        _ = try await self.performRepeatedly(.confirmName(name, .user(id)))
        return user
    }

    private func reserve(_ name: UniqueName, for id: UserID, _ request: RegisterRequest) async throws -> Role {
        // What is no id names an invite that nobody has: the directory says whether one was needed at all.
        let invite = request.invite.map { InviteID($0) ?? InviteID(high: 0, low: 0) }
        let command = Command.reserveAccount(name, id, displayName: request.displayName, invite: invite)
        guard case .reserved(let role) = try await self.performRepeatedly(command) else { throw Problem(.internal) }
        return role
    }

    private func hash(_ password: String) async throws(Problem) -> String {
        do throws(PasswordError) { return try await self.passwords.hash(password) } catch { throw Problem(error) }
    }

    // MARK: Login

    private func login(_ call: RestCall) async throws -> RestAnswer {
        let request = try LoginRequest(try await call.object())
        let account = request.username
        if self.settings.rateLimits,
            case .refuse(let seconds) = self.signIns.begin(account: account, address: call.address, at: self.now())
        {
            throw Problem(.rateLimited, detail: "Too many wrong passwords.", retryAfterSeconds: seconds)
        }
        let (user, isRight) = try await self.check(request, call)
        guard let user, isRight else { throw Problem(.invalidCredentials) }
        // The shard of a person hears of a deactivation a moment after the directory has decided it.
        let isDeactivated = user.deactivatedAt != nil || self.chat.directory.accounts[user.id]?.deactivatedAt != nil
        guard !isDeactivated else { throw Problem(.userDeactivated) }
        let (_, profile) = try await self.profile(of: user.id)
        return try await self.startSession(of: user, profile, call, status: .ok)
    }

    /// Who has the name, and whether the password is that account's. The limiter hears of it either way.
    private func check(_ request: LoginRequest, _ call: RestCall) async throws -> (UserRecord?, isRight: Bool) {
        func end(_ isRight: Bool?) -> Bool {
            self.signIns.end(account: request.username, address: call.address, isRight: isRight, at: self.now())
        }
        let user: UserRecord?
        let isRight: Bool
        do {
            user = try await self.credentials(of: request.username)
            isRight = try await self.verify(request.password, against: user?.passwordHash)
        } catch {
            _ = end(nil)
            throw error
        }
        if end(isRight), self.settings.rateLimits { await self.recordLock(of: request.username, call) }
        return (user, isRight)
    }

    private func verify(_ password: String, against hash: String?) async throws(Problem) -> Bool {
        do throws(PasswordError) {
            return try await self.passwords.verify(password, against: hash)
        } catch {
            throw Problem(error)
        }
    }

    /// Writes into the audit log that an account was tried too often from an address.
    ///
    /// Also for names that nobody has, so that the time of an answer tells nothing; what breaks the rule of names is no
    /// name. At most twenty notes an address and window, since the address as a whole is locked then.
    private func recordLock(of account: String, _ call: RestCall) async {
        guard TextRule.username.complaint(about: account) == nil else { return }
        let address = call.context.remoteAddress?.ipAddress ?? ""
        let note = AuditNote(
            actor: nil, action: "session.lock", target: account,
            details: [AuditDetail(name: "address", value: address)], at: self.now())
        do {
            _ = try await self.performRepeatedly(.recordAudit(note))
        } catch {
            // The lock holds all the same; only its note is missing, which the node's log says.
            call.context.logger.warning("a lock is not in the audit log", metadata: ["error": "\(error)"])
        }
    }

    /// nil for a name that nobody has, and for one whose creation is not finished.
    private func credentials(of username: String) async throws -> UserRecord? {
        // What breaks the rule of names can have no owner; asking would only carry the text into a shard.
        guard TextRule.username.complaint(about: username) == nil,
            case .nameOwner(.user(let id)) = try await self.answer(
                .nameOwner(UniqueName(kind: .user, name: username)))
        else { return nil }
        switch try await self.chat.answer(.credentials(id), consistency: .linearizable) {
        case .user(let user): return user
        case .refused(.notFound), .refused(.aborted): return nil
        case .refused(let refusal): throw Problem(refusal)
        default: throw Problem(.internal)
        }
    }

    private func startSession(
        of user: UserRecord, _ profile: ProfileExtra?, _ call: RestCall, status: HTTPResponse.Status
    ) async throws -> RestAnswer {
        let now = self.now()
        let session = SessionRecord(
            id: self.newID(), user: user.id, generation: 1, rotatedAt: now, createdAt: now,
            expiresAt: now.advanced(byMilliseconds: Self.sessionMilliseconds))
        let detail = SessionDetail(
            userAgent: (call.request.headers[.userAgent] ?? "").cut(to: FormLimits.userAgentBytesMax),
            address: call.context.remoteAddress?.ipAddress ?? "")
        let result = try await self.performRepeatedly(.startSessionOn(session, detail))
        let started = if case .session(let started) = result { started } else { session }
        return try await self.tokens(for: started, of: user, profile, status: status)
    }

    private func tokens(
        for session: SessionRecord, of user: UserRecord, _ profile: ProfileExtra?, status: HTTPResponse.Status
    ) async throws -> RestAnswer {
        let actor = Actor(user: user.id, role: user.role, session: session.id)
        let access: String
        do throws(AuthFailure) {
            access = try await self.authenticator.issueAccessToken(for: actor)
        } catch {
            throw error.problem
        }
        let refresh = RefreshTokens(try self.secrets()).token(for: RefreshClaim(session))
        return .json(status) { writer in
            writer.beginObject()
            writer.key("user")
            writer.user(user, profile, view: .full)
            writer.field("access_token", access)
            writer.field("token_type", "Bearer")
            writer.field("expires_in", Authenticator.accessTokenSeconds)
            writer.field("refresh_token", refresh)
            writer.endObject()
        }
    }

    // MARK: Refresh

    /// The session's shard decides: the current generation is rotated, the one before it gets the same successor
    /// for ten seconds, anything older ends the session.
    private func refresh(_ call: RestCall) async throws -> RestAnswer {
        let request = try RefreshRequest(try await call.object())
        guard let claim = RefreshTokens(try self.secrets()).claim(of: request.refreshToken) else {
            throw Problem(.invalidRefreshToken)
        }
        let command = Command.rotateSession(claim.user, claim.session, generation: claim.generation)
        guard case .session(let session) = try await Self.refusalsAsInvalidToken({ try await self.perform(command) })
        else { throw Problem(.internal) }
        let (user, profile) = try await Self.refusalsAsInvalidToken { try await self.profile(of: claim.user) }
        guard user.deactivatedAt == nil else { throw Problem(.userDeactivated) }
        return try await self.tokens(for: session, of: user, profile, status: .ok)
    }

    private static func refusalsAsInvalidToken<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let problem as Problem {
            switch problem.code {
            case .notFound, .sessionEnded, .invalid, .forbidden, .aborted: throw Problem(.invalidRefreshToken)
            default: throw problem
            }
        }
    }

    // MARK: Logout

    private func logout(_ call: RestCall) async throws -> RestAnswer {
        let actor = try call.actor
        var fields = FieldReader(try await RestBody.optionalObject(call.request))
        let token = fields.optionalString("refresh_token")
        if let problem = fields.problem { throw problem }
        var sessions: Set<SessionID> = [actor.session]
        if let token, let claim = RefreshTokens(try self.secrets()).claim(of: token), claim.user == actor.user {
            sessions.insert(claim.session)
        }
        for session in sessions { try await self.end(session, of: actor.user) }
        return .noContent
    }

    /// Its access tokens are refused on every node afterwards: the answer waits for the directory.
    private func end(_ session: SessionID, of user: UserID) async throws {
        do {
            _ = try await self.performRepeatedly(.endSession(user, session))
        } catch let problem as Problem where [.notFound, .sessionEnded].contains(problem.code) {
            // It has ended already, which is what is wanted.
        }
    }

    // MARK: Introspect

    /// RFC 7662. A token that is not good, of whatever kind, is `{"active":false}` and nothing else.
    private func introspect(_ call: RestCall) async throws -> RestAnswer {
        var fields = FieldReader(try await RestBody.formOrObject(call.request))
        let token = fields.string("token")
        if let problem = fields.problem { throw problem }
        guard let token, case .success(let found) = await self.authenticator.authenticate(token: token) else {
            return .json { writer in
                writer.beginObject()
                writer.field("active", false)
                writer.endObject()
            }
        }
        return .json { writer in
            writer.beginObject()
            writer.field("active", true)
            writer.field("sub", found.actor.user)
            writer.field("scope", found.actor.role.name)
            writer.field("sid", found.actor.session)
            writer.field("token_type", "Bearer")
            writer.field("iss", "roost")
            writer.field("aud", "roost")
            writer.field("iat", found.issuedAt.milliseconds / 1_000)
            writer.field("exp", found.expiresAt.milliseconds / 1_000)
            writer.endObject()
        }
    }
}

extension String {
    /// As many whole Unicode scalars as fit into `bytes` of UTF-8.
    fileprivate func cut(to bytes: Int) -> String {
        var text = String(String.UnicodeScalarView(self.unicodeScalars.prefix(bytes)))
        while text.utf8.count > bytes { text.unicodeScalars.removeLast() }
        return text
    }
}

extension Problem {
    init(_ error: PasswordError) {
        switch error {
        case .overloaded: self.init(.overloaded, retryAfterSeconds: 5)
        case .tooLong: self.init([FieldError(field: "password", detail: "must have at most 1024 bytes")])
        case .failed: self.init(.internal)
        }
    }
}
