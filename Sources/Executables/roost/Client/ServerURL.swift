import Foundation

/// The address of one node's client port: `http://host:port` or `https://host:port`, nothing behind it.
struct ServerURL: Sendable, Hashable, CustomStringConvertible {
    let isSecure: Bool
    let host: String
    let port: Int

    /// - Returns: nil for anything but an http(s) address without a path, a query or a user.
    init?(_ text: String) {
        let withScheme = text.contains("://") ? text : "http://" + text
        guard let parts = URLComponents(string: withScheme), let host = parts.host, !host.isEmpty else { return nil }
        guard parts.path.isEmpty || parts.path == "/", parts.query == nil, parts.user == nil else { return nil }
        switch parts.scheme {
        case "http": self.isSecure = false
        case "https": self.isSecure = true
        default: return nil
        }
        let port = parts.port ?? (self.isSecure ? 443 : 80)
        guard (1...65_535).contains(port) else { return nil }
        // URLComponents keeps the brackets of an IPv6 host; a dialled host has none.
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        self.port = port
    }

    var authority: String { self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)" }
    var description: String { "\(self.isSecure ? "https" : "http")://\(self.authority)" }
}
