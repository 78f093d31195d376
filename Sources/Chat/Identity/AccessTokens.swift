import ChatModel
import ClientProtocol
import ClusterModel
import Crypto
import JWTKit

/// Who a request comes from, as its access token proves.
package struct Authenticated: Sendable, Hashable {
    package let actor: Actor
    package let issuedAt: Timestamp
    /// When the token ends; a socket that lives longer must have shown another one.
    package let expiresAt: Timestamp

    package init(actor: Actor, issuedAt: Timestamp, expiresAt: Timestamp) {
        self.actor = actor
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
    }
}

/// Signs and verifies access tokens: JWTs of the profile of RFC 9068, ES256 only, under one key.
///
/// Everything about the header is decided before the library sees the token: the algorithm is ours and not
/// the token's, so `none`, HMAC under a public key, foreign keys and remote key sets have no way in.
struct AccessTokens: Sendable {
    /// Seconds that a token is good for.
    static let lifetimeSeconds: Int64 = 900
    /// Seconds that the clocks of nodes may differ.
    static let skewSeconds: Int64 = 60
    /// Longer texts are refused unread.
    static let tokenBytesMax = 8_192
    static let issuer = "roost"
    static let audience = "roost"
    static let headerType = "at+jwt"

    let keyID: String
    private let keys: JWTKeyCollection
    private let publicKeyBytes: [UInt8]

    /// - Throws: when the directory's key is none of P-256.
    init(_ secrets: ClusterSecrets) async throws {
        let key = try P256.Signing.PrivateKey(rawRepresentation: secrets.tokenSigningKey)
        self.keyID = secrets.tokenKeyID
        self.publicKeyBytes = Array(key.publicKey.x963Representation)
        self.keys = JWTKeyCollection()
        await self.keys.add(ecdsa: try ES256PrivateKey(backing: key), kid: JWKIdentifier(string: secrets.tokenKeyID))
    }

    // MARK: Signing

    func sign(_ actor: Actor, id: TokenID, at now: Timestamp) async throws -> String {
        let issuedAt = now.milliseconds / 1_000
        let claims = Claims(
            iss: Self.issuer, aud: Self.audience, sub: actor.user.description, sid: actor.session.description,
            role: actor.role.name, iat: issuedAt, exp: issuedAt + Self.lifetimeSeconds, nbf: nil,
            jti: id.description)
        return try await self.sign(claims)
    }

    func sign(_ claims: Claims) async throws -> String {
        var header = JWTHeader()
        header.alg = "ES256"
        header.typ = Self.headerType
        return try await self.keys.sign(claims, kid: JWKIdentifier(string: self.keyID), header: header)
    }

    // MARK: Verifying

    /// Proves the signature and reads the claims. Whether the time is right is asked at each use, by `check`.
    func verify(_ token: String) async -> Result<Authenticated, AuthFailure> {
        guard token.utf8.count <= Self.tokenBytesMax, self.hasOwnHeader(token) else { return .failure(.invalid) }
        do {
            let claims = try await self.keys.verify(token, as: Claims.self)
            return claims.authenticated.map { .success($0) } ?? .failure(.invalid)
        } catch {
            // Why a foreign token is wrong is nobody's business but its maker's.
            return .failure(.invalid)
        }
    }

    /// Exactly three parts, and a header that says what ours say.
    private func hasOwnHeader(_ token: String) -> Bool {
        let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }), let bytes = Base64.decode(parts[0], .url),
            let header = try? JSONValue(parsing: bytes).asObject
        else { return false }
        return header["alg"] == .string("ES256") && header["kid"] == .string(self.keyID)
            && header["typ"] == .string(Self.headerType) && header["crit"] == nil
    }

    /// Whether a proven token is good at `now`: from a minute before its issue to a minute after its end.
    static func check(_ authenticated: Authenticated, at now: Timestamp) -> AuthFailure? {
        if now > authenticated.expiresAt.advanced(byMilliseconds: Self.skewSeconds * 1_000) { return .expired }
        if now.advanced(byMilliseconds: Self.skewSeconds * 1_000) < authenticated.issuedAt { return .invalid }
        return nil
    }

    // MARK: Key set

    /// The JSON Web Key Set with the public key (RFC 7517).
    var keySet: [UInt8] {
        // An uncompressed point: 4, then 32 bytes of x and 32 of y.
        let coordinates = self.publicKeyBytes.dropFirst()
        return JSONWriter.object { writer in
            writer.key("keys")
            writer.beginArray()
            writer.beginObject()
            writer.field("kty", "EC")
            writer.field("crv", "P-256")
            writer.field("use", "sig")
            writer.field("alg", "ES256")
            writer.field("kid", self.keyID)
            writer.field("x", Base64.encode(coordinates.prefix(32), .url))
            writer.field("y", Base64.encode(coordinates.dropFirst(32), .url))
            writer.endObject()
            writer.endArray()
        }
    }
}

extension AccessTokens {
    /// The claims as they stand in the token, times in seconds. An array for `aud`, a fraction or a text for a
    /// time do not decode: the token was not made here.
    struct Claims: JWTPayload {
        var iss: String
        var aud: String
        var sub: String
        var sid: String
        var role: String
        var iat: Int64
        var exp: Int64
        var nbf: Int64?
        var jti: String

        /// Who it is, by `authenticated`; the library asks only for what could be wrong with the algorithm.
        func verify(using algorithm: some JWTAlgorithm) async throws {
            guard algorithm.name == "ES256" else {
                throw JWTError.claimVerificationFailure(failedClaim: nil, reason: "algorithm")
            }
        }

        var authenticated: Authenticated? {
            guard self.iss == AccessTokens.issuer, self.aud == AccessTokens.audience,
                let user = UserID(self.sub), let session = SessionID(self.sid), let role = Role(name: self.role),
                let issuedAt = Timestamp(seconds: self.iat), let expiresAt = Timestamp(seconds: self.exp),
                let notBefore = Timestamp(seconds: self.nbf ?? self.iat),
                issuedAt < expiresAt
            else { return nil }
            return Authenticated(
                actor: Actor(user: user, role: role, session: session), issuedAt: max(issuedAt, notBefore),
                expiresAt: expiresAt)
        }
    }
}

/// Names one access token.
struct TokenID: PrefixedID {
    static let prefix = "tok_"
    let high: UInt64
    let low: UInt64
}

extension Timestamp {
    /// - Returns: nil below 1970 and beyond what milliseconds can count.
    fileprivate init?(seconds: Int64) {
        let (milliseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        guard seconds >= 0, !overflow else { return nil }
        self.init(milliseconds: milliseconds)
    }
}
