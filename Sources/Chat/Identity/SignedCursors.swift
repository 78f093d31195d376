import ChatModel
import ClusterModel
import Crypto

/// The opaque `cursor` of lists: a position under a MAC that also binds it to one reader and one list.
///
/// A cursor of another list, another reader or another hand does not open: 422.
package struct SignedCursors: Sendable {
    private static let macBytes = 16
    private static let textBytesMax = 1_024

    private let key: SymmetricKey

    package init(_ secrets: ClusterSecrets) {
        self.key = secrets.derivedKey(for: "roost list cursor 1")
    }

    /// - Parameters:
    ///   - position: where the next page begins, at most some hundred bytes.
    ///   - list: names the list with everything that shapes it, for example its query.
    package func cursor(at position: String, list: String, reader: UserID) -> String {
        let position = Array(position.utf8)
        return Base64.encode(self.mac(position, list, reader) + position, .url)
    }

    /// - Returns: nil for a cursor that was not made for this list and reader.
    package func position(of cursor: String, list: String, reader: UserID) -> String? {
        guard cursor.utf8.count <= Self.textBytesMax, let bytes = Base64.decode(cursor.utf8, .url),
            bytes.count >= Self.macBytes
        else { return nil }
        let position = Array(bytes.dropFirst(Self.macBytes))
        guard ConstantTime.equal(self.mac(position, list, reader), Array(bytes.prefix(Self.macBytes))) else {
            return nil
        }
        return String(validating: position, as: UTF8.self)
    }

    private func mac(_ position: [UInt8], _ list: String, _ reader: UserID) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(list)
        writer.write(reader)
        writer.write(position)
        return Array(HMAC<SHA256>.authenticationCode(for: writer.bytes, using: self.key).prefix(Self.macBytes))
    }
}

enum ConstantTime {
    /// Looks at every byte, wherever the first difference is. Lengths are no secret.
    static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }
}

extension ChannelID {
    /// The id of the channel that `user` creates under an idempotency key: the same for every repetition, on
    /// every node, so that all of them meet the same channel.
    package static func derived(user: UserID, idempotencyKey: String) -> ChannelID {
        var writer = ByteWriter()
        writer.write("roost channel by idempotency key 1")
        writer.write(user)
        writer.write(idempotencyKey)
        var reader = ByteReader(Array(SHA256.hash(data: writer.bytes)))
        guard let high = try? reader.read(UInt64.self), let low = try? reader.read(UInt64.self) else {
            preconditionFailure("SHA-256 has 32 bytes")
        }
        return ChannelID(high: high, low: low)
    }
}
