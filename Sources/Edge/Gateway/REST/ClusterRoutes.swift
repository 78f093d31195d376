import ChatService
import ClientProtocol
import ClusterModel
import HTTPTypes
import Hummingbird

// What an admin sees of the machine.

extension RestService {
    var clusterRoutes: [RestRoute] {
        [
            RestRoute(.get, "/v1/cluster", .admin) { _ in
                let status = await self.chat.clusterStatus()
                return .json { $0.cluster(status) }
            }
        ]
    }
}

extension JSONWriter {
    fileprivate mutating func cluster(_ status: ClusterStatus) {
        self.beginObject()
        self.field("cluster_id", status.cluster?.description)
        self.field("epoch", status.epoch.rawValue)
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
        self.endObject()
    }
}
