import ChatModel
import ClusterModel
import Crypto

extension ClusterSecrets {
    /// The id of what a user makes under an idempotency key: the same for every repetition, on every node, so that
    /// all of them make the same thing. Under a MAC, since some ids are all that protects what they name.
    package func derivedID<ID: PrefixedID>(_ type: ID.Type = ID.self, user: UserID, idempotencyKey: String) -> ID {
        var writer = ByteWriter()
        writer.write("roost id by idempotency key 1")
        writer.write(ID.prefix)
        writer.write(user)
        writer.write(idempotencyKey)
        let code = HMAC<SHA256>.authenticationCode(for: writer.bytes, using: SymmetricKey(data: self.macKey))
        var words: [UInt64] = [0, 0]
        for (place, byte) in code.prefix(16).enumerated() { words[place / 8] = words[place / 8] << 8 | UInt64(byte) }
        return ID(high: words[0], low: words[1])
    }
}
