import ArgumentParser

/// `roost-load`: clients by the dozen in one process. Without a subcommand it measures.
@main
struct RoostLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roost-load", abstract: "Load for a running cluster, and judgement of what its clients saw.",
        subcommands: [
            MeasureCommand.self, LogCommand.self, HistoryCommand.self, CheckCommand.self, PictureCommand.self,
        ],
        defaultSubcommand: MeasureCommand.self)
}

/// A node's client port: on loopback or, in namespaces of a test's own, at a private address. A load client is no toy
/// for other people's machines.
struct Endpoint: Sendable, Hashable {
    /// For people; `n1` unless it was given.
    let name: String
    let host: String
    let port: Int

    init?(_ text: some StringProtocol, name: String = "") {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let port = Int(parts[1]), (1...65_535).contains(port) else { return nil }
        let host = parts[0] == "localhost" ? "127.0.0.1" : String(parts[0])
        guard Self.isOurs(host) else { return nil }
        self.name = name.isEmpty ? String(text) : name
        self.host = host
        self.port = port
    }

    var http: String { "http://\(self.host):\(self.port)" }

    /// `[name=]host:port,…`; nameless ones are n1, n2, … in their order.
    static func list(_ text: String) throws -> [Endpoint] {
        try text.split(separator: ",").enumerated().map { index, item in
            let parts = item.split(separator: "=", maxSplits: 1)
            let name = parts.count == 2 ? String(parts[0]) : "n\(index + 1)"
            guard let address = parts.last, let endpoint = Endpoint(address, name: name) else {
                throw ValidationError("'\(item)' is no loopback or private address of the form host:port")
            }
            return endpoint
        }
    }

    /// 127/8, 10/8, 172.16/12 or 192.168/16.
    private static func isOurs(_ host: String) -> Bool {
        let bytes = host.split(separator: ".", omittingEmptySubsequences: false).compactMap { UInt8($0) }
        guard bytes.count == 4 else { return false }
        return switch (bytes[0], bytes[1]) {
        case (127, _), (10, _), (172, 16...31), (192, 168): true
        default: false
        }
    }
}
