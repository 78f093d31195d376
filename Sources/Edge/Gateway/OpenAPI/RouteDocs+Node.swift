import ChatModel
import ClientProtocol

// What the contract says of `OpenRoutes` and `ClusterRoutes`.

extension RouteDoc {
    static let getHealth = RouteDoc(
        "getHealth", .node, "Whether the process lives.",
        answers: [.ok(.object([.init("status", .choice(["ok"]))]))])

    static let getReadiness = RouteDoc(
        "getReadiness", .node, "Whether the node has joined and every shard of it knows a leader.",
        answers: [.ok(.ref(.readiness))], refusals: [.notReady])

    static let getKeySet = RouteDoc(
        "getKeySet", .node, "The keys by which access tokens are verified.", answers: [.ok(.ref(.keySet))],
        refusals: [.notReady])

    static let getContract = RouteDoc(
        "getContract", .node, "This document.",
        answers: [.ok(.object([.init("openapi", .text), .init("info", .map(.any)), .init("paths", .map(.any))]))])

    static let getMetrics = RouteDoc(
        "getMetrics", .node, "Figures in the text format of Prometheus.",
        answers: [
            Answer(status: 200, summary: "All metrics of the node.", schema: .text, contentType: "text/plain")
        ])

    static let getCluster = RouteDoc(
        "getCluster", .cluster, "Nodes with their states; shards with replicas, leader, term and lag.",
        answers: [.ok(.ref(.clusterStatus))])

    private static let node = Parameter.path("id", .text, "The node.")

    static let drainNode = RouteDoc(
        "drainNode", .cluster, "Moves everything off a node, which then serves nothing more.", [Self.node],
        answers: [.noContent], refusals: [.conflict])

    static let removeNode = RouteDoc(
        "removeNode", .cluster, "Gives a node up that is gone.", [Self.node],
        answers: [.noContent], refusals: [.conflict])

    static let finalizeUpgrade = RouteDoc(
        "finalizeUpgrade", .cluster, "Allows what only the newest version understands, once every node has it.",
        answers: [.noContent], refusals: [.conflict, .unsupportedVersion])
}
