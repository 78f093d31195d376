import ChatModel
import ChatService
import ClientProtocol
import ClusterModel

// What a node says of itself and of the cluster, and how it refuses.

extension Component {
    /// RFC 9457.
    static let problemSchema = Schema.object([
        .init("type", .described(.text(pattern: "^urn:roost:error:[a-z_]+$"), "Ends with the code.")),
        .init("title", .text),
        .init("status", .integer(400...599)),
        .init("code", .choice(ProblemCode.allCases.filter { $0 != .unknownType }.map(\.rawValue))),
        .init("detail", .described(.text, "For people; it may change.")),
        .init("request_id", .text),
        .sometimes(
            "errors",
            .described(.array(.object([.init("field", .text), .init("detail", .text)])), "Every field that is wrong.")),
    ])

    static let clusterStatusSchema = Schema.object([
        .init("cluster_id", .nullable(.text)),
        .init("epoch", .count),
        .init("versions", .object([.init("active", .count), .init("supported", .nullable(.count))])),
        .init("nodes", .array(.ref(.clusterNode))),
        .init("shards", .array(.ref(.clusterShard))),
    ])

    static let clusterNodeSchema = Schema.object([
        .init("id", .text),
        .init("name", .text),
        .init("address", .described(.text, "Where the other nodes reach it.")),
        .init("client_address", .described(.text, "Where clients reach it.")),
        .init("state", .choice { (state: NodeState) in state.name }),
        .init("gossip", .described(.text, "alive, suspect or dead; empty when nothing was heard.")),
        .init("boot", .count),
        .init("versions", .object([.init("lowest", .count), .init("highest", .count)])),
    ])

    static let clusterShardSchema = Schema.object([
        .init("id", .count),
        .init("leader", .nullable(.text)),
        .init("term", .count),
        .init(
            "replicas",
            .array(
                .object([
                    .init("node_id", .text),
                    .init("role", .choice(["voter", "learner"])),
                    .init("lag", .nullable(.described(.count, "Entries behind the leader; null when not known."))),
                ]))),
        .init("ideal", .described(.array(.text), "The nodes that it should be on.")),
    ])

    static let readinessSchema = Schema.object([
        .init("status", .choice(["ready"])),
        .init("node_id", .text),
        .init("disk", .choice { (disk: NodeCondition.Disk) in disk.rawValue }),
        .init("snapshots", .object([.init("sending", .count), .init("receiving", .count)])),
        .init("shards", .object([.init("refused", .count), .init("damaged", .count), .init("behind", .count)])),
        .sometimes(
            "descriptors", .object([.init("open", .count), .init("limit", .count), .init("refused", .count)])),
    ])

    /// RFC 7517.
    static let keySetSchema = Schema.object([
        .init(
            "keys",
            .array(
                .object([
                    .init("kty", .choice(["EC"])), .init("crv", .choice(["P-256"])), .init("use", .choice(["sig"])),
                    .init("alg", .choice(["ES256"])), .init("kid", .text), .init("x", .text), .init("y", .text),
                ])))
    ])
}
