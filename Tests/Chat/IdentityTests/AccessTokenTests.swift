import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import Crypto
import JWTKit
import Synchronization
import Testing

@testable import Identity

/// A directory and a clock that a test moves.
final class TestDirectory: Sendable {
    let secrets = ClusterSecrets.generate()
    let time = Mutex(Timestamp(milliseconds: 1_800_000_000_000))
    let revoked = Mutex<Set<SessionID>>([])

    func authenticator() -> Authenticator {
        Authenticator(
            directory: {
                DirectorySnapshot(
                    secrets: self.secrets, registration: .open, revokedSessions: self.revoked.withLock { $0 },
                    registry: .empty)
            }, now: { self.time.withLock { $0 } })
    }

    func advance(seconds: Int64) { self.time.withLock { $0 = $0.advanced(byMilliseconds: seconds * 1_000) } }
    var now: Timestamp { self.time.withLock { $0 } }
}

@Suite struct AccessTokenTests {
    private let directory = TestDirectory()
    private let actor = Actor(
        user: UserID(high: 1, low: 2), role: .member, session: SessionID(high: 3, low: 4))

    private func claims(_ change: (inout AccessTokens.Claims) -> Void = { _ in }) -> AccessTokens.Claims {
        let now = self.directory.now.milliseconds / 1_000
        var claims = AccessTokens.Claims(
            iss: "roost", aud: "roost", sub: self.actor.user.description, sid: self.actor.session.description,
            role: "member", iat: now, exp: now + 900, nbf: nil, jti: "tok_1")
        change(&claims)
        return claims
    }

    private func part(_ json: String) -> String { Base64.encode(Array(json.utf8), .url) }

    /// Signed with the cluster's own key, over whatever header and payload.
    private func signed(header: String, payload: String) throws -> String {
        let input = self.part(header) + "." + self.part(payload)
        let key = try P256.Signing.PrivateKey(rawRepresentation: self.directory.secrets.tokenSigningKey)
        let signature = try key.signature(for: Array(input.utf8))
        return input + "." + Base64.encode(Array(signature.rawRepresentation), .url)
    }

    private var goodHeader: String { #"{"alg":"ES256","typ":"at+jwt","kid":"\#(self.directory.secrets.tokenKeyID)"}"# }
    private func payload(_ extra: String = "", iat: String? = nil, exp: String? = nil) -> String {
        let now = self.directory.now.milliseconds / 1_000
        return
            #"{"iss":"roost","aud":"roost","sub":"\#(self.actor.user)","sid":"\#(self.actor.session)","role":"member","#
            + #""iat":\#(iat ?? "\(now)"),"exp":\#(exp ?? "\(now + 900)"),"jti":"x"\#(extra)}"#
    }

    @Test func `a token proves its actor, the second time without a proof`() async throws {
        let authenticator = self.directory.authenticator()
        let token = try await authenticator.issueAccessToken(for: self.actor)
        #expect(authenticator.authenticateIfKnown(token: token) == nil)
        let proven = try await authenticator.authenticate(token: token).get()
        #expect(proven.actor == self.actor)
        #expect(try authenticator.authenticateIfKnown(token: token)?.get() == proven)
        #expect(try await authenticator.authenticate(authorization: "bearer \(token)").get() == proven)
        #expect(await authenticator.authenticate(authorization: nil) == .failure(.missing))
        #expect(await authenticator.authenticate(authorization: "Basic \(token)") == .failure(.invalid))
    }

    @Test func `hand-made tokens of the right form are taken, so the refusals below mean something`() async throws {
        let token = try self.signed(header: self.goodHeader, payload: self.payload())
        #expect(try await self.directory.authenticator().authenticate(token: token).get().actor == self.actor)
    }

    @Test func `expiry has a minute of patience`() async throws {
        let authenticator = self.directory.authenticator()
        let token = try await authenticator.issueAccessToken(for: self.actor)
        for (seconds, isGood) in [(Int64(900), true), (59, true), (2, false)] {
            self.directory.advance(seconds: seconds)
            let result = await authenticator.authenticate(token: token)
            #expect(((try? result.get()) != nil) == isGood)
        }
    }

    @Test func `a revoked session is refused although its token was proven`() async throws {
        let authenticator = self.directory.authenticator()
        let token = try await authenticator.issueAccessToken(for: self.actor)
        _ = try await authenticator.authenticate(token: token).get()
        self.directory.revoked.withLock { _ = $0.insert(self.actor.session) }
        #expect(await authenticator.authenticate(token: token) == .failure(.revoked))
        #expect(authenticator.isRevoked(self.actor.session))
    }

    @Test(arguments: ["none", "None", "nOnE", "", "HS256", "RS256", "ES384"])
    func `another algorithm is refused under whatever signature`(algorithm: String) async throws {
        let header = self.goodHeader.replacing("ES256", with: algorithm)
        let authenticator = self.directory.authenticator()
        let unsigned = self.part(header) + "." + self.part(self.payload()) + "."
        #expect(await authenticator.authenticate(token: unsigned) == .failure(.invalid))
        let signed = try self.signed(header: header, payload: self.payload())
        #expect(await authenticator.authenticate(token: signed) == .failure(.invalid))
    }

    @Test func `the public key is no HMAC secret`() async throws {
        let key = try P256.Signing.PrivateKey(rawRepresentation: self.directory.secrets.tokenSigningKey)
        let input = self.part(self.goodHeader.replacing("ES256", with: "HS256")) + "." + self.part(self.payload())
        let secret = SymmetricKey(data: Array(key.publicKey.pemRepresentation.utf8))
        let mac = Array(HMAC<SHA256>.authenticationCode(for: Array(input.utf8), using: secret))
        let token = input + "." + Base64.encode(mac, .url)
        #expect(await self.directory.authenticator().authenticate(token: token) == .failure(.invalid))
    }

    @Test func `a foreign key, a foreign kid, a missing kid and critical extensions are refused`() async throws {
        let authenticator = self.directory.authenticator()
        let stranger = TestDirectory()
        let foreign = try await stranger.authenticator().issueAccessToken(for: self.actor)
        #expect(await authenticator.authenticate(token: foreign) == .failure(.invalid))
        for header in [
            #"{"alg":"ES256","typ":"at+jwt"}"#, #"{"alg":"ES256","typ":"at+jwt","kid":"other"}"#,
            self.goodHeader.replacing("}", with: #","crit":["exp"]}"#),
            self.goodHeader.replacing("at+jwt", with: "JWT"),
            self.goodHeader.replacing("{", with: #"{"alg":"none","#), "[]", "{",
        ] {
            let token = try self.signed(header: header, payload: self.payload())
            #expect(await authenticator.authenticate(token: token) == .failure(.invalid), "\(header)")
        }
    }

    @Test func `claims of other types and parties are refused`() async throws {
        let authenticator = self.directory.authenticator()
        let now = self.directory.now.milliseconds / 1_000
        for payload in [
            self.payload(exp: "1e400"), self.payload(exp: #""\#(now + 900)""#), self.payload(exp: "-5"),
            self.payload(exp: "null"), self.payload(exp: "9223372036854775807"),
            self.payload(iat: "\(now + 3_600)", exp: "\(now + 7_200)"),
            self.payload(#","nbf":\#(now + 3_600)"#),
            self.payload().replacing(#""aud":"roost""#, with: #""aud":"other""#),
            self.payload().replacing(#""aud":"roost""#, with: #""aud":["roost","other"]"#),
            self.payload().replacing(#""iss":"roost""#, with: #""iss":"evil""#),
            self.payload().replacing(#""role":"member""#, with: #""role":"root""#),
            self.payload().replacing(#""sub""#, with: #""sup""#), "{}", "[]", "17",
        ] {
            let token = try self.signed(header: self.goodHeader, payload: payload)
            let result = await authenticator.authenticate(token: token)
            #expect((try? result.get()) == nil, "\(payload)")
        }
    }

    @Test(arguments: ["", ".", "..", "a.b", "a.b.c", "a.b.c.d", "%%%.%%%.%%%", "😀.😀.😀"])
    func `garbage is refused`(token: String) async {
        #expect(await self.directory.authenticator().authenticate(token: token) == .failure(.invalid))
    }

    @Test func `a changed signature and a huge token are refused`() async throws {
        let authenticator = self.directory.authenticator()
        let token = try await authenticator.issueAccessToken(for: self.actor)
        let signature = token.split(separator: ".")[2]
        let flipped = (signature.first == "A" ? "B" : "A") + signature.dropFirst()
        let changed = token.dropLast(signature.count) + flipped
        #expect(await authenticator.authenticate(token: String(changed)) == .failure(.invalid))
        let huge = token + String(repeating: "A", count: 100_000)
        #expect(authenticator.authenticateIfKnown(token: huge) == .failure(.invalid))
    }

    @Test func `proofs are remembered within their bound`() async throws {
        var verified = VerifiedTokens(generationCountMax: 10)
        let authenticated = Authenticated(actor: self.actor, issuedAt: .zero, expiresAt: .zero)
        let first = VerifiedTokens.key("first")
        verified.insert(authenticated, for: first)
        for number in 0..<100 {
            verified.insert(authenticated, for: VerifiedTokens.key("\(number)"))
            #expect(verified.count <= 20)
            if number < 50 { #expect(verified.find(first) != nil) }
        }
        #expect(verified.find(first) == nil)
        #expect(verified.find(VerifiedTokens.key("99")) != nil)
    }
}
