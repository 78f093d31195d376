import ChatModel
import ClusterModel
import Crypto

/// Which turn of which session a refresh token stands for.
package struct RefreshClaim: Sendable, Hashable {
    package let user: UserID
    package let session: SessionID
    package let generation: UInt64

    package init(user: UserID, session: SessionID, generation: UInt64) {
        self.user = user
        self.session = session
        self.generation = generation
    }

    package init(_ session: SessionRecord) {
        self.init(user: session.user, session: session.id, generation: session.generation)
    }
}

/// Refresh tokens: `rt_` and base 64 of user, session and generation (40 bytes) under a MAC of 32 bytes.
///
/// Opaque to clients, and nothing need be stored: an authentic token of an older generation is recognised
/// by itself as used twice. Equal claims give equal tokens, so the retries of one rotation get the same one.
package struct RefreshTokens: Sendable {
    private static let prefix = "rt_"
    private static let claimBytes = 40
    private static let macBytes = 32

    private let key: SymmetricKey

    package init(_ secrets: ClusterSecrets) {
        self.key = secrets.derivedKey(for: "roost refresh token 1")
    }

    package func token(for claim: RefreshClaim) -> String {
        var writer = ByteWriter(reservingCapacity: Self.claimBytes + Self.macBytes)
        writer.write(claim.user)
        writer.write(claim.session)
        writer.write(claim.generation)
        let mac = HMAC<SHA256>.authenticationCode(for: writer.bytes, using: self.key)
        return Self.prefix + Base64.encode(writer.bytes + Array(mac), .url)
    }

    /// - Returns: nil for whatever was not made here. Compares the MAC in constant time, before reading.
    package func claim(of token: String) -> RefreshClaim? {
        guard token.utf8.count <= 128, token.hasPrefix(Self.prefix),
            let bytes = Base64.decode(token.utf8.dropFirst(Self.prefix.utf8.count), .url),
            bytes.count == Self.claimBytes + Self.macBytes
        else { return nil }
        let claim = Array(bytes.prefix(Self.claimBytes))
        let mac = bytes.suffix(Self.macBytes)
        guard HMAC<SHA256>.isValidAuthenticationCode(Array(mac), authenticating: claim, using: self.key) else {
            return nil
        }
        var reader = ByteReader(claim)
        guard let user = try? reader.read(UserID.self), let session = try? reader.read(SessionID.self),
            let generation = try? reader.read(UInt64.self)
        else { return nil }
        return RefreshClaim(user: user, session: session, generation: generation)
    }
}
