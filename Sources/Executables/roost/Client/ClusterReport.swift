/// `GET /v1/cluster`, as far as an operator's tables need it.
struct ClusterReport: Codable, Sendable {
    struct Node: Codable, Sendable {
        let id: String
        let name: String
        let address: String
        let state: String
        /// What gossip says of it; absent where it says nothing.
        let gossip: String?
        /// How often it has started.
        let boot: UInt64?
        let versions: VersionRange?
    }
    struct VersionRange: Codable, Sendable {
        let lowest: UInt16
        let highest: UInt16
    }
    struct Versions: Codable, Sendable {
        /// What leaders may propose.
        let active: UInt16
        /// The highest that every member supports; absent while one has not said.
        let supported: UInt16?
    }
    struct Replica: Codable, Sendable {
        let nodeID: String
        let role: String
        /// Entries behind the leader; absent when the asked node does not know.
        let lag: UInt64?
        enum CodingKeys: String, CodingKey {
            case role, lag
            case nodeID = "node_id"
        }
    }
    struct Shard: Codable, Sendable {
        let id: UInt32
        let leader: String?
        let term: UInt64
        let replicas: [Replica]
        /// The nodes that should vote, the preferred leader first.
        let ideal: [String]?

        var voters: [String] { self.replicas.filter { $0.role == "voter" }.map(\.nodeID) }
        /// Do other nodes vote than should?
        var isMisplaced: Bool { self.ideal.map { Set($0) != Set(self.voters) } ?? false }
        var isLedElsewhere: Bool { self.ideal?.first.map { $0 != self.leader } ?? false }
        var lagMax: UInt64 { self.replicas.compactMap(\.lag).max() ?? 0 }
    }
    /// The shards in a few figures.
    struct Summary: Codable, Sendable, Hashable {
        let shards: Int
        /// Shards led, by node id.
        let leaders: [String: Int]
        /// Shards with fewer voters than the active nodes allow (three at most).
        let underReplicated: Int
        let withoutLeader: Int
        /// Shards whose voters are not where they should be.
        let misplaced: Int
        /// Shards that another node leads than should.
        let ledElsewhere: Int
        /// The largest distance of a replica from its leader, in entries.
        let lagMax: UInt64
        enum CodingKeys: String, CodingKey {
            case shards, leaders, misplaced
            case ledElsewhere = "led_elsewhere"
            case lagMax = "lag_max"
            case underReplicated = "under_replicated"
            case withoutLeader = "without_leader"
        }
    }

    let clusterID: String
    let epoch: UInt64
    let versions: Versions?
    let nodes: [Node]
    let shards: [Shard]

    enum CodingKeys: String, CodingKey {
        case epoch, versions, nodes, shards
        case clusterID = "cluster_id"
    }

    var summary: Summary {
        let wanted = min(3, self.nodes.count { $0.state == "active" })
        return Summary(
            shards: self.shards.count,
            leaders: Dictionary(grouping: self.shards.compactMap(\.leader)) { $0 }.mapValues(\.count),
            underReplicated: self.shards.count { $0.replicas.count { $0.role == "voter" } < wanted },
            withoutLeader: self.shards.count { $0.leader == nil },
            misplaced: self.shards.count(where: \.isMisplaced),
            ledElsewhere: self.shards.count(where: \.isLedElsewhere),
            lagMax: self.shards.map(\.lagMax).max() ?? 0)
    }
}

extension ClusterReport {
    var nodeTable: TextTable {
        let led = self.summary.leaders
        return TextTable(
            header: ["NODE", "NAME", "ADDRESS", "STATE", "GOSSIP", "LEADS", "VOTES", "BOOT", "VERSIONS"],
            rows: self.nodes.map { node in
                [
                    Self.short(node.id), node.name, node.address, node.state, node.gossip ?? "-",
                    String(led[node.id] ?? 0), String(self.votes(of: node.id)), node.boot.map(String.init) ?? "?",
                    node.versions.map { "\($0.lowest)-\($0.highest)" } ?? "?",
                ]
            })
    }

    /// A shard that is not as it should be says so in the last column.
    var shardTable: TextTable {
        TextTable(
            header: ["SHARD", "LEADER", "TERM", "REPLICAS", "LAG", "PLACE"],
            rows: self.shards.map { shard in
                [
                    String(shard.id), shard.leader.map(Self.short) ?? "none", String(shard.term),
                    shard.replicas.map { Self.short($0.nodeID) + ($0.role == "voter" ? "" : "(\($0.role))") }
                        .joined(separator: " "),
                    shard.replicas.map { $0.lag.map(String.init) ?? "?" }.joined(separator: " "),
                    shard.isMisplaced
                        ? "wanted " + (shard.ideal ?? []).map(Self.short).joined(separator: " ")
                        : shard.isLedElsewhere ? "led elsewhere" : "",
                ]
            })
    }

    func votes(of node: String) -> Int { self.shards.count { $0.voters.contains(node) } }

    /// The node that an operator means: by id or its beginning, by name or by address.
    func node(named text: String) throws -> Node {
        let exact = self.nodes.filter { $0.state != "removed" && [$0.id, $0.name, $0.address].contains(text) }
        if let node = exact.first { return node }
        let found = self.nodes.filter { $0.id.hasPrefix(text) || Self.short($0.id).hasPrefix(text) }
        guard let node = found.first, found.count == 1, !text.isEmpty else {
            throw ClientFailure.refused(
                status: 404, code: "not_found", detail: found.isEmpty ? "no node '\(text)'" : "'\(text)' means several")
        }
        return node
    }

    /// Enough of an id to tell nodes apart by eye.
    private static func short(_ id: String) -> String {
        let bare = id.split(separator: "_").last.map(String.init) ?? id
        return String(bare.prefix(8))
    }
}

/// Columns as wide as their widest cell.
struct TextTable {
    let header: [String]
    let rows: [[String]]

    var text: String {
        let all = [self.header] + self.rows
        let widths = self.header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            zip(row, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
                .joined(separator: "  ").trimmedAtEnd
        }.joined(separator: "\n")
    }
}

extension String {
    fileprivate var trimmedAtEnd: String {
        var text = self[...]
        while text.last == " " { text = text.dropLast() }
        return String(text)
    }
}
