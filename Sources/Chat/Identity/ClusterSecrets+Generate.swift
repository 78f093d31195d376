import ChatModel
import ClusterModel
import Crypto

extension ClusterSecrets {
    /// New secrets from the system's generator: what the founder puts into the directory's log, once.
    package static func generate() -> ClusterSecrets {
        let signingKey = P256.Signing.PrivateKey()
        let thumbprint = SHA256.hash(data: signingKey.publicKey.x963Representation)
        var generator = SystemRandomNumberGenerator()
        return ClusterSecrets(
            tokenSigningKey: Array(signingKey.rawRepresentation),
            tokenKeyID: Base64.encode(thumbprint.prefix(12).map { $0 }, .url),
            macKey: (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    /// A key for one purpose only, so that no MAC of one kind is ever good as another.
    func derivedKey(for purpose: StaticString) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: self.macKey), info: Array(purpose.description.utf8),
            outputByteCount: 32)
    }
}
