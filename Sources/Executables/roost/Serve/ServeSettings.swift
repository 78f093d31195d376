import ChatModel
import ClusterModel
import Configuration
import Foundation
import Logging
import Placement
import SystemPackage

/// What a node runs with: command line, then environment, then file, then default; all of it checked.
struct ServeSettings: Sendable {
    var dataDirectory = "./roost-data"
    var listen = PeerAddress(host: "127.0.0.1", port: 8080)
    var peerListen = PeerAddress(host: "127.0.0.1", port: 7400)
    var peerAdvertise: PeerAddress?
    var seeds: [PeerAddress] = []
    var clusterKeyFile: String?
    var tls: (certificate: String, key: String)?
    var metricsListen: PeerAddress?
    var registration = Registration.invite
    var rateLimits = true
    var logLevel = Logger.Level.info
    var logsJSON = false
    var shardCount = ShardMap.defaultShardCount
    var steward = StewardSettings()
    var versions = FeatureRange.current

    var clusterKeyPath: String { self.clusterKeyFile ?? self.dataDirectory + "/cluster.key" }

    static func resolve(_ options: ServeOptions) async throws -> ServeSettings {
        let source = try await SettingsSource(options)
        var settings = ServeSettings()
        if let data = source["data", options.data] { settings.dataDirectory = data }
        guard !settings.dataDirectory.isEmpty else { throw UsageError("--data: an empty path") }
        if let text = source["listen", options.listen] { settings.listen = try address(text, "listen") }
        if let text = source["peer-listen", options.peerListen] {
            settings.peerListen = try address(text, "peer-listen")
        }
        if let text = source["peer-advertise", options.peerAdvertise] {
            settings.peerAdvertise = try address(text, "peer-advertise", anyPort: false)
        }
        guard settings.peerAdvertise != nil || !["0.0.0.0", "::"].contains(settings.peerListen.host) else {
            throw UsageError("--peer-advertise: other nodes can not dial \(settings.peerListen); say where they can")
        }
        if let text = source["seeds", options.seeds] {
            settings.seeds = try text.split(separator: ",", omittingEmptySubsequences: false).map {
                try address($0.trimmingCharacters(in: .whitespaces), "seeds", anyPort: false)
            }
            guard Set(settings.seeds).count == settings.seeds.count else {
                throw UsageError("--seeds: an address stands there twice")
            }
        }
        settings.clusterKeyFile = source["cluster-key-file", options.clusterKeyFile]
        switch (source["tls-cert", options.tlsCert], source["tls-key", options.tlsKey]) {
        case (nil, nil): break
        case (let certificate?, let key?):
            try Self.refuseReadableByOthers(key, "tls-key")
            settings.tls = (certificate, key)
        default: throw UsageError("--tls-cert and --tls-key go together")
        }
        if let text = source["metrics-listen", options.metricsListen] {
            settings.metricsListen = try address(text, "metrics-listen")
        }
        if let text = source["registration", options.registration] {
            guard let mode = Registration(name: text) else {
                throw UsageError("--registration: '\(text)' is not open, invite or closed")
            }
            settings.registration = mode
        }
        if let text = source["rate-limits", options.rateLimits] {
            settings.rateLimits = try Self.choice(text, "rate-limits", ["on": true, "off": false])
        }
        if let text = source["log-level", options.logLevel] {
            guard let level = Logger.Level(rawValue: text) else {
                throw UsageError("--log-level: '\(text)' is not trace, debug, info, notice, warning or error")
            }
            settings.logLevel = level
        }
        if let text = source["log-format", options.logFormat] {
            settings.logsJSON = try Self.choice(text, "log-format", ["json": true, "text": false])
        }
        if let text = source["shards", options.shards] {
            guard let count = Int(text), ShardMap.shardCounts.contains(count) else {
                throw UsageError("--shards: '\(text)' is not a number from 16 to 1024")
            }
            settings.shardCount = count
        }
        if let text = source["dead-after", options.deadAfter] {
            guard let seconds = UInt64(text), (1...86_400).contains(seconds) else {
                throw UsageError("--dead-after: '\(text)' is not a number of seconds from 1 to 86400")
            }
            settings.steward.deadAfterMilliseconds = seconds * 1_000
        }
        if let text = source["feature-versions", options.featureVersions] {
            let parts = text.split(separator: "-").compactMap { UInt16($0) }
            guard parts.count == 2, let range = FeatureRange(FeatureVersion(parts[0]), FeatureVersion(parts[1])) else {
                throw UsageError("--feature-versions: '\(text)' is not LOW-HIGH")
            }
            settings.versions = range
        }
        if let key = settings.clusterKeyFile { try Self.refuseReadableByOthers(key, "cluster-key-file") }
        return settings
    }

    private static func address(_ text: String, _ option: String, anyPort: Bool = true) throws -> PeerAddress {
        guard let address = PeerAddress(text, allowingAnyPort: anyPort) else {
            throw UsageError("--\(option): '\(text)' is not HOST:PORT")
        }
        return address
    }

    private static func choice(_ text: String, _ option: String, _ choices: [String: Bool]) throws -> Bool {
        guard let value = choices[text] else {
            throw UsageError("--\(option): '\(text)' is not \(choices.keys.sorted().joined(separator: " or "))")
        }
        return value
    }

    /// Secrets live in files of mode 0600, or the node does not start.
    private static func refuseReadableByOthers(_ path: String, _ option: String) throws {
        let facts: [FileAttributeKey: Any]
        do {
            facts = try FileManager.default.attributesOfItem(atPath: path)
        } catch {
            throw UsageError("--\(option): \(path): \(error.localizedDescription)")
        }
        let mode = (facts[.posixPermissions] as? NSNumber)?.intValue ?? 0o777
        guard mode & 0o077 == 0 else {
            throw UsageError("--\(option): \(path) can be read by others; run: chmod 600 \(path)")
        }
    }

    /// For `roost config print`.
    var rows: [(String, String)] {
        [
            ("data", self.dataDirectory), ("listen", "\(self.listen)"), ("peer-listen", "\(self.peerListen)"),
            ("peer-advertise", "\(self.peerAdvertise ?? self.peerListen)"),
            ("seeds", self.seeds.map(\.description).joined(separator: ",")),
            ("cluster-key-file", self.clusterKeyPath), ("tls-cert", self.tls?.certificate ?? ""),
            ("tls-key", self.tls == nil ? "" : "(set)"), ("metrics-listen", self.metricsListen.map { "\($0)" } ?? ""),
            ("registration", self.registration.name), ("rate-limits", self.rateLimits ? "on" : "off"),
            ("log-level", self.logLevel.rawValue), ("log-format", self.logsJSON ? "json" : "text"),
            ("shards", "\(self.shardCount)"), ("dead-after", "\(self.steward.deadAfterMilliseconds / 1_000)"),
        ]
    }
}

/// Environment and file behind the command line.
private struct SettingsSource {
    private let reader: ConfigReader

    init(_ options: ServeOptions) async throws {
        let environment = EnvironmentVariablesProvider().prefixKeys(with: "roost")
        guard let path = options.config ?? ConfigReader(provider: environment).string(forKey: "config") else {
            self.reader = ConfigReader(provider: environment)
            return
        }
        do {
            let file = try await FileProvider<JSONSnapshot>(filePath: FilePath(path))
            self.reader = ConfigReader(providers: [environment, file])
        } catch {
            throw UsageError("--config: \(path): \(error)")
        }
    }

    subscript(_ name: String, _ given: String?) -> String? {
        given ?? self.reader.string(forKey: ConfigKey([name]))
    }
}
