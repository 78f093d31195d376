import NIOHTTP1

/// A `GET /ws` that may become a socket (RFC 6455, section 4.2).
struct WebSocketHandshake: Sendable {
    /// The headers of the 101. No extension is ever agreed to, compression in particular.
    let reply: HTTPHeaders
    /// The token of an `Authorization: Bearer` header, in place of the first `auth` frame.
    let bearer: String?

    enum Refusal: Error {
        case notAHandshake
        case wrongVersion
        case foreignOrigin

        var reply: DirectReply {
            switch self {
            case .notAHandshake: .badHandshake
            case .wrongVersion: .upgradeRequired
            case .foreignOrigin: .foreignOrigin
            }
        }
    }

    static func read(_ head: HTTPRequestHead, origins: OriginRule) -> Result<WebSocketHandshake, Refusal> {
        let headers = head.headers
        // Without an Upgrade this is a person with a browser: 426 says what is spoken here.
        guard headers.contains(name: "Upgrade") else { return .failure(.wrongVersion) }
        guard head.method == .GET, head.version == .http1_1, Self.contains(headers, "Upgrade", "websocket"),
            Self.contains(headers, "Connection", "upgrade")
        else { return .failure(.notAHandshake) }
        guard headers["Sec-WebSocket-Version"] == ["13"] else { return .failure(.wrongVersion) }
        let keys = headers["Sec-WebSocket-Key"]
        guard keys.count == 1, let key = keys.first, Self.isKey(key) else { return .failure(.notAHandshake) }
        guard headers["Content-Length"].allSatisfy({ $0 == "0" }), !headers.contains(name: "Transfer-Encoding") else {
            return .failure(.notAHandshake)
        }
        guard origins.admits(origins: headers["Origin"], host: headers.first(name: "Host")) else {
            return .failure(.foreignOrigin)
        }
        let reply: HTTPHeaders = [
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": WebSocketAccept.value(for: key),
        ]
        return .success(WebSocketHandshake(reply: reply, bearer: Self.bearer(headers)))
    }

    /// 16 bytes in base 64.
    private static func isKey(_ key: String) -> Bool {
        let bytes = Array(key.utf8)
        return bytes.count == 24 && bytes.suffix(2) == [UInt8(ascii: "="), UInt8(ascii: "=")]
            && bytes.prefix(22).allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
                    true
                default: false
                }
            }
    }

    private static func contains(_ headers: HTTPHeaders, _ name: String, _ token: String) -> Bool {
        headers[canonicalForm: name].contains { $0.lowercased() == token }
    }

    private static func bearer(_ headers: HTTPHeaders) -> String? {
        let values = headers["Authorization"]
        guard values.count == 1, let value = values.first, value.lowercased().hasPrefix("bearer ") else { return nil }
        return String(value.dropFirst(7).drop { $0 == " " })
    }
}
