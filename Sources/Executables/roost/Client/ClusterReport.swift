/// `GET /v1/cluster`, as far as an operator's tables need it.
struct ClusterReport: Codable, Sendable {
    struct Node: Codable, Sendable {
        let id: String
        let name: String
        let address: String
        let state: String
        /// What gossip says of it; absent where it says nothing.
        let gossip: String?
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
    }
    /// The shards in four figures.
    struct Summary: Codable, Sendable, Hashable {
        let shards: Int
        /// Shards led, by node id.
        let leaders: [String: Int]
        /// Shards with fewer voters than the active nodes allow (three at most).
        let underReplicated: Int
        let withoutLeader: Int
        enum CodingKeys: String, CodingKey {
            case shards, leaders
            case underReplicated = "under_replicated"
            case withoutLeader = "without_leader"
        }
    }

    let clusterID: String
    let epoch: UInt64
    let nodes: [Node]
    let shards: [Shard]

    enum CodingKeys: String, CodingKey {
        case epoch, nodes, shards
        case clusterID = "cluster_id"
    }

    var summary: Summary {
        let wanted = min(3, self.nodes.count { $0.state == "active" })
        return Summary(
            shards: self.shards.count,
            leaders: Dictionary(grouping: self.shards.compactMap(\.leader)) { $0 }.mapValues(\.count),
            underReplicated: self.shards.count { $0.replicas.count { $0.role == "voter" } < wanted },
            withoutLeader: self.shards.count { $0.leader == nil })
    }
}

extension ClusterReport {
    var nodeTable: TextTable {
        let led = self.summary.leaders
        return TextTable(
            header: ["NODE", "NAME", "ADDRESS", "STATE", "GOSSIP", "LEADS"],
            rows: self.nodes.map {
                [Self.short($0.id), $0.name, $0.address, $0.state, $0.gossip ?? "-", String(led[$0.id] ?? 0)]
            })
    }

    var shardTable: TextTable {
        TextTable(
            header: ["SHARD", "LEADER", "TERM", "REPLICAS", "LAG"],
            rows: self.shards.map { shard in
                [
                    String(shard.id), shard.leader.map(Self.short) ?? "none", String(shard.term),
                    shard.replicas.map { Self.short($0.nodeID) + ($0.role == "voter" ? "" : "(\($0.role))") }
                        .joined(separator: " "),
                    shard.replicas.map { $0.lag.map(String.init) ?? "?" }.joined(separator: " "),
                ]
            })
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
