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
                let id = try self.node(call)
                return try await self.operate(
                    .drainNode(id), on: id, "node.drain", until: [.draining, .removed], call)
            },
            RestRoute(.post, "/v1/cluster/nodes/:id/remove", .admin, doc: .removeNode) {
                try await self.removeNode($0)
            },
            RestRoute(.post, "/v1/cluster/upgrade/finalize", .admin, doc: .finalizeUpgrade) {
                try await self.finalizeUpgrade($0)
            },
        ]
    }

    private func node(_ call: RestCall) throws(Problem) -> NodeID {
        guard let text = call.context.parameters.get("id"), let id = NodeID(text) else { throw Problem(.notFound) }
        return id
    }

    /// What an operator does to a node. It is written down first: what is done to the cluster must not go unseen, and
    /// what can be told beforehand to be refused, or to be so already, is not written down.
    private func operate(
        _ command: Command, on id: NodeID, _ action: String, until goals: [NodeState], _ call: RestCall
    ) async throws -> RestAnswer {
        let registry = self.chat.directory.registry
        guard let node = registry[id] else { throw Problem(.notFound) }
        let isDone = goals.contains(node.state)
        // A node whose drain was asked for by the first of these requests may be gone by now.
        if isDone, call.isRepetition { return .noContent }
        guard isDone || registry.active.contains(where: { $0 != id }) else { throw Self.lastNode }
        if !isDone {
            try await self.note(
                action, id.description, [("name", node.name), ("address", node.address.description)], call)
        }
        return try await self.operate(command, refusedAs: Self.lastNode)
    }

    private static let lastNode = Problem(.conflict, detail: "It is the last active node.")

    private func operate(_ command: Command, refusedAs conflict: Problem) async throws -> RestAnswer {
        do {
            _ = try await self.performRepeatedly(command)
        } catch let problem as Problem where problem.code == .conflict {
            throw conflict
        }
        return .noContent
    }

    private func note(
        _ action: String, _ target: String, _ details: [(String, String)], _ call: RestCall
    ) async throws {
        let note = AuditNote(
            actor: try call.actor.user, action: action, target: target,
            details: details.map {
                AuditDetail(name: $0.0, value: $0.1.prefix(bytes: FormLimits.auditValueBytesMax))
            },
            at: self.now())
        _ = try await self.perform(.recordAudit(note))
    }

    /// For nodes that are gone. A node that answers is drained instead: nothing of it is lost then.
    private func removeNode(_ call: RestCall) async throws -> RestAnswer {
        let id = try self.node(call)
        let status = await self.chat.clusterStatus()
        guard let node = status.nodes.first(where: { $0.record.id == id }) else { throw Problem(.notFound) }
        guard node.record.state == .removed || !["alive", "suspect"].contains(node.gossip) else {
            throw Problem(.conflict, detail: "The node is \(node.gossip); stop it first, or drain it.")
        }
        return try await self.operate(.removeNode(id), on: id, "node.remove", until: [.removed], call)
    }

    private func finalizeUpgrade(_ call: RestCall) async throws -> RestAnswer {
        let registry = self.chat.directory.registry
        guard let version = registry.supportedVersion else {
            throw Problem(.unsupportedVersion, detail: "A node has not said yet which versions it supports.")
        }
        guard version > registry.activeVersion else {
            // The first of these requests has raised it.
            if call.isRepetition { return .noContent }
            throw Problem(.conflict, detail: "Version \(version.rawValue) is the highest that every node supports.")
        }
        let versions = [("from", "\(registry.activeVersion.rawValue)"), ("to", "\(version.rawValue)")]
        try await self.note("cluster.upgrade", "", versions, call)
        return try await self.operate(
            .setActiveVersion(version), refusedAs: Problem(.conflict, detail: "A higher version is active already."))
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
