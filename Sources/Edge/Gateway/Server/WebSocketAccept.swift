import Crypto

/// `Sec-WebSocket-Accept`: proof that the handshake was understood (RFC 6455, section 4.2.2). SHA-1 is not there
/// for security.
enum WebSocketAccept {
    private static let salt = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func value(for key: String) -> String {
        Self.base64(Array(Insecure.SHA1.hash(data: Array((key + Self.salt).utf8))))
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let rest = bytes[start..<min(start + 3, bytes.count)]
            var group = UInt32(0)
            for offset in 0..<3 {
                group = group << 8 | (offset < rest.count ? UInt32(rest[start + offset]) : 0)
            }
            for place in 0..<4 {
                let isPadding = place > rest.count
                text.append(
                    isPadding ? UInt8(ascii: "=") : Self.alphabet[Int(group >> UInt32(18 - 6 * place)) & 63])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
