/// Which pages may open a socket: those of the node itself and those that the settings name.
///
/// Browsers send `Origin` with every WebSocket handshake and scripts can not change it, so this is what keeps a
/// foreign page from using a signed-in person's browser. Programs send none and are let through: their token
/// decides.
struct OriginRule: Sendable {
    private let allowed: Set<String>

    init(allowed: [String]) {
        self.allowed = Set(allowed.map { Self.normal($0) })
    }

    /// This rule, and those that administrators have added while the node runs.
    func adding(_ origins: [String]) -> OriginRule {
        origins.isEmpty ? self : OriginRule(allowed: Array(self.allowed) + origins)
    }

    /// - Parameter origins: the values of all `Origin` fields; more than one is never good.
    /// - Parameter host: the `Host` field of the same request.
    func admits(origins: [String], host: String?) -> Bool {
        guard let origin = origins.first else { return true }
        guard origins.count == 1 else { return false }
        let normal = Self.normal(origin)
        if self.allowed.contains(normal) { return true }
        // The node's own: whatever name the browser reached it by stands in both fields. The scheme is not
        // compared, because a proxy in front may end TLS.
        guard let host, !host.isEmpty, let authority = Self.authority(of: normal) else { return false }
        return authority == Self.withoutDefaultPort(host.lowercased(), of: normal)
    }

    private static func normal(_ origin: String) -> String {
        let lower = origin.lowercased()
        return Self.withoutDefaultPort(lower, of: lower)
    }

    private static func withoutDefaultPort(_ text: String, of origin: String) -> String {
        if origin.hasPrefix("https://"), text.hasSuffix(":443") { return String(text.dropLast(4)) }
        if origin.hasPrefix("http://"), text.hasSuffix(":80") { return String(text.dropLast(3)) }
        return text
    }

    private static func authority(of origin: String) -> String? {
        for scheme in ["https://", "http://"] where origin.hasPrefix(scheme) {
            let rest = origin.dropFirst(scheme.count)
            return rest.isEmpty || rest.contains("/") ? nil : String(rest)
        }
        return nil
    }
}
