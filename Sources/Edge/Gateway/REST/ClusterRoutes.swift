import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird

// What an admin sees of the machine.

extension RestService {
    var clusterRoutes: [RestRoute] {
        [
            RestRoute(.get, "/v1/cluster", .admin, doc: .getCluster) { _ in
                let status = await self.chat.clusterStatus()
                return .json { $0.cluster(status) }
            },
            RestRoute(.post, "/v1/cluster/nodes/:id/drain", .admin, doc: .drainNode) { call in
                try await self.operate(.drainNode(try self.node(call)), "It is the last active node.")
            },
            RestRoute(.post, "/v1/cluster/nodes/:id/remove", .admin, doc: .removeNode) {
                try await self.removeNode($0)
            },
            RestRoute(.post, "/v1/cluster/upgrade/finalize", .admin, doc: .finalizeUpgrade) { _ in
                try await self.finalizeUpgrade()
            },
        ]
    }

    private func node(_ call: RestCall) throws(Problem) -> NodeID {
        guard let text = call.context.parameters.get("id"), let id = NodeID(text) else { throw Problem(.notFound) }
        return id
    }

    private func operate(_ command: Command, _ conflict: String) async throws -> RestAnswer {
        do {
            _ = try await self.perform(command)
        } catch let problem as Problem where problem.code == .conflict {
            throw Problem(.conflict, detail: conflict)
        }
        return .noContent
    }

    /// For nodes that are gone. A node that answers is drained instead: nothing of it is lost then.
    private func removeNode(_ call: RestCall) async throws -> RestAnswer {
        let id = try self.node(call)
        let status = await self.chat.clusterStatus()
        guard let node = status.nodes.first(where: { $0.record.id == id }) else { throw Problem(.notFound) }
        guard node.record.state == .removed || !["alive", "suspect"].contains(node.gossip) else {
            throw Problem(.conflict, detail: "The node is \(node.gossip); stop it first, or drain it.")
        }
        return try await self.operate(.removeNode(id), "It is the last active node.")
    }

    private func finalizeUpgrade() async throws -> RestAnswer {
        let registry = self.chat.directory.registry
        guard let version = registry.supportedVersion else {
            throw Problem(.unsupportedVersion, detail: "A node has not said yet which versions it supports.")
        }
        guard version > registry.activeVersion else {
            throw Problem(.conflict, detail: "Version \(version.rawValue) is the highest that every node supports.")
        }
        return try await self.operate(.setActiveVersion(version), "A higher version is active already.")
    }
}

extension JSONWriter {
    fileprivate mutating func cluster(_ status: ClusterStatus) {
        self.beginObject()
        self.field("cluster_id", status.cluster?.description)
        self.field("epoch", status.epoch.rawValue)
        self.key("versions")
        self.beginObject()
        self.field("active", UInt64(status.versions.active.rawValue))
        self.key("supported")
        if let version = status.versions.supported { self.value(UInt64(version.rawValue)) } else { self.null() }
        self.endObject()
        self.key("nodes")
        self.beginArray()
        for node in status.nodes { self.node(node) }
        self.endArray()
        self.key("shards")
        self.beginArray()
        for shard in status.shards { self.shard(shard) }
        self.endArray()
        self.endObject()
    }

    private mutating func node(_ node: ClusterStatus.Node) {
        self.beginObject()
        self.field("id", node.record.id.description)
        self.field("name", node.record.name)
        self.field("address", node.record.address.description)
        self.field("client_address", node.record.clientAddress)
        self.field("state", node.record.state.name)
        self.field("gossip", node.gossip)
        self.field("boot", node.record.boot.rawValue)
        self.key("versions")
        self.beginObject()
        self.field("lowest", UInt64(node.record.life.versions.lowest.rawValue))
        self.field("highest", UInt64(node.record.life.versions.highest.rawValue))
        self.endObject()
        self.endObject()
    }

    private mutating func shard(_ shard: ClusterStatus.Shard) {
        self.beginObject()
        self.field("id", shard.id.rawValue)
        self.field("leader", shard.leader?.description)
        self.field("term", shard.term.rawValue)
        self.key("replicas")
        self.beginArray()
        for replica in shard.replicas {
            self.beginObject()
            self.field("node_id", replica.node.description)
            self.field("role", replica.isVoter ? "voter" : "learner")
            self.key("lag")
            if let lag = replica.lag { self.value(lag) } else { self.null() }
            self.endObject()
        }
        self.endArray()
        self.key("ideal")
        self.beginArray()
        for node in shard.ideal { self.value(node.description) }
        self.endArray()
        self.endObject()
    }
}
