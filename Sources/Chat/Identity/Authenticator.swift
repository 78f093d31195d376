import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import Synchronization

/// Why someone is not let in. All are a 401, or close 4401; `revoked` is close 4403 on an open socket.
package enum AuthFailure: Error, Sendable, Hashable, CaseIterable {
    /// No token at all.
    case missing
    /// Not one of ours, or not in form.
    case invalid
    case expired
    /// The session has ended.
    case revoked
    /// This node has no keys yet: 503.
    case notReady

    package var problem: Problem {
        switch self {
        case .missing: Problem(.unauthenticated)
        case .invalid: Problem(.invalidToken)
        case .expired: Problem(.invalidToken, detail: "The access token has expired.")
        case .revoked: Problem(.sessionEnded)
        case .notReady: Problem(.notReady)
        }
    }
}

/// Tells who a token belongs to, and makes new tokens. Thread-safe; one a node.
///
/// A token is proven once and then remembered by its hash; that it has expired or that its session was
/// revoked is asked at every use, against the node's own copy of the directory.
package final class Authenticator: Sendable {
    private struct State {
        var tokens: AccessTokens?
        var verified: VerifiedTokens
    }

    private let directory: @Sendable () -> DirectorySnapshot
    private let now: @Sendable () -> Timestamp
    private let state: Mutex<State>

    package init(
        directory: @escaping @Sendable () -> DirectorySnapshot, now: @escaping @Sendable () -> Timestamp,
        cachedTokensMax: Int = 20_000
    ) {
        self.directory = directory
        self.now = now
        self.state = Mutex(State(verified: VerifiedTokens(generationCountMax: max(cachedTokensMax / 2, 1))))
    }

    // MARK: Who asks

    /// Never suspends: nil when the token was not proven lately and `authenticate` must be awaited.
    /// For event loops, before they start a task.
    package func authenticateIfKnown(token: String) -> Result<Authenticated, AuthFailure>? {
        guard token.utf8.count <= AccessTokens.tokenBytesMax else { return .failure(.invalid) }
        let directory = self.directory()
        guard let secrets = directory.secrets else { return .failure(.notReady) }
        let key = VerifiedTokens.key(token)
        let known = self.state.withLock { state in
            state.tokens?.keyID == secrets.tokenKeyID ? state.verified.find(key) : nil
        }
        guard let known else { return nil }
        return self.current(known, in: directory)
    }

    package func authenticate(token: String) async -> Result<Authenticated, AuthFailure> {
        if let known = self.authenticateIfKnown(token: token) { return known }
        let directory = self.directory()
        guard let secrets = directory.secrets, let tokens = await self.tokens(for: secrets) else {
            return .failure(.notReady)
        }
        switch await tokens.verify(token) {
        case .failure(let failure): return .failure(failure)
        case .success(let authenticated):
            let key = VerifiedTokens.key(token)
            self.state.withLock { state in
                guard state.tokens?.keyID == tokens.keyID else { return }
                state.verified.insert(authenticated, for: key)
            }
            return self.current(authenticated, in: directory)
        }
    }

    /// Takes the value of an `Authorization` header; the scheme is `Bearer`, in any case (RFC 6750).
    package func authenticate(authorization header: String?) async -> Result<Authenticated, AuthFailure> {
        guard let header else { return .failure(.missing) }
        guard let token = Self.bearerToken(header) else { return .failure(.invalid) }
        return await self.authenticate(token: token)
    }

    package static func bearerToken(_ header: String) -> String? {
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }

    /// Whether someone who was let in earlier still may be: for long-lived sockets.
    package func isRevoked(_ session: SessionID) -> Bool {
        self.directory().revokedSessions.contains(session)
    }

    /// The token proves who asks. What they may do is the account's: a role that was taken away ends with it, and not
    /// with the token. Who is not in the directory's copy yet has just signed up, and is what the token says.
    private func current(
        _ authenticated: Authenticated, in directory: DirectorySnapshot
    ) -> Result<Authenticated, AuthFailure> {
        if let failure = AccessTokens.check(authenticated, at: self.now()) { return .failure(failure) }
        let actor = authenticated.actor
        if directory.revokedSessions.contains(actor.session) { return .failure(.revoked) }
        guard let account = directory.accounts[actor.user] else { return .success(authenticated) }
        if account.deactivatedAt != nil { return .failure(.revoked) }
        guard account.role != actor.role else { return .success(authenticated) }
        return .success(
            Authenticated(
                actor: Actor(user: actor.user, role: account.role, session: actor.session),
                issuedAt: authenticated.issuedAt, expiresAt: authenticated.expiresAt))
    }

    // MARK: Tokens

    /// Seconds that a new access token is good for: `expires_in`.
    package static let accessTokenSeconds = AccessTokens.lifetimeSeconds

    /// A new access token for who has just proven to be `actor`.
    package func issueAccessToken(for actor: Actor) async throws(AuthFailure) -> String {
        guard let secrets = self.directory().secrets, let tokens = await self.tokens(for: secrets) else {
            throw .notReady
        }
        let now = self.now()
        var generator = SystemRandomNumberGenerator()
        let id = TokenID(now: now, using: &generator)
        do {
            return try await tokens.sign(actor, id: id, at: now)
        } catch {
            // Signing fails only with a key that can not sign, and then the node can not serve.
            throw .notReady
        }
    }

    /// The body of `/.well-known/jwks.json`; nil while the node has no keys.
    package func keySet() async -> [UInt8]? {
        guard let secrets = self.directory().secrets else { return nil }
        return await self.tokens(for: secrets)?.keySet
    }

    /// The signer of `secrets`, made at their first use; a new key forgets what an older one had proven.
    private func tokens(for secrets: ClusterSecrets) async -> AccessTokens? {
        let present = self.state.withLock { $0.tokens }
        if let present, present.keyID == secrets.tokenKeyID { return present }
        guard let made = try? await AccessTokens(secrets) else { return nil }
        self.state.withLock { state in
            guard state.tokens?.keyID != made.keyID else { return }
            state.tokens = made
            state.verified.removeAll()
        }
        return made
    }
}
