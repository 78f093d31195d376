// The one secret that all nodes share, and its text form.

import Crypto

/// The cluster key: 32 random bytes from which every node derives the cluster's certificate authority.
///
/// Who holds it can speak as any node. It is never sent, never logged and never part of an error; the
/// `fingerprint` may be shown.
package struct ClusterKey: Sendable, Equatable {
    package static let byteCount = 32
    /// In front of the text form. The number changes with the derivation.
    static let prefix = "roost-key-v1:"

    let bytes: [UInt8]

    /// - Parameter bytes: Exactly 32.
    init(bytes: [UInt8]) {
        precondition(bytes.count == Self.byteCount, "a cluster key of \(bytes.count) bytes")
        self.bytes = bytes
    }

    /// A new key from the system's random numbers.
    package static func generate() -> ClusterKey {
        var system = SystemRandomNumberGenerator()
        return ClusterKey(bytes: (0..<Self.byteCount).map { _ in UInt8.random(in: .min ... .max, using: &system) })
    }

    /// - Parameter text: `roost-key-v1:` and 43 digits of unpadded base64url; white space around it is ignored.
    /// - Returns: nil for anything else, a second spelling of the same bytes included.
    package init?(text: some StringProtocol) {
        let digits = text.utf8.drop(while: Self.isWhiteSpace).reversed().drop(while: Self.isWhiteSpace).reversed()
        guard digits.starts(with: Self.prefix.utf8) else { return nil }
        guard let bytes = Base64URL.decode(digits.dropFirst(Self.prefix.utf8.count)) else { return nil }
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// What `init(text:)` reads. A secret.
    package var text: String { Self.prefix + Base64URL.encode(self.bytes) }

    /// 16 hexadecimal digits that tell two keys apart and say nothing of their bytes.
    package var fingerprint: String {
        SHA256.hash(data: Array("roost key fingerprint v1".utf8) + self.bytes).prefix(8).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    private static func isWhiteSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || (0x09...0x0D).contains(byte)
    }
}

extension ClusterKey: CustomStringConvertible, CustomReflectable {
    /// The fingerprint: a key that slips into a log line must not be one.
    package var description: String { "cluster key \(self.fingerprint)" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// RFC 4648, section 5, without padding and with one spelling for each value.
enum Base64URL {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let word = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - group.count))
            for digit in 0...group.count {
                text.append(Self.digits[Int(word >> (18 - 6 * UInt32(digit)) & 63)])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// - Returns: nil for foreign digits, an impossible length, or unused bits that are not zero.
    static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var word: UInt32 = 0
        var bitCount: UInt32 = 0
        for digit in text {
            guard let value = Self.digits.firstIndex(of: digit) else { return nil }
            word = word << 6 | UInt32(value)
            bitCount += 6
            guard bitCount >= 8 else { continue }
            bitCount -= 8
            bytes.append(UInt8(truncatingIfNeeded: word >> bitCount))
            word &= (1 << bitCount) - 1
        }
        guard bitCount < 6, word == 0 else { return nil }
        return bytes
    }
}
