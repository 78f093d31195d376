import ChatModel
import ClusterModel

// The seam between the edge (HTTP, WebSocket) and the cluster. The edge knows nothing of shards, leaders
// and logs; whoever implements this finds them.

/// Why no answer came from a shard. Each case says what the client may do.
package enum ServiceError: Error, Hashable, Sendable {
    /// Nothing was applied; no majority can be reached, or the node drains. 503 with Retry-After.
    case unavailable(retryAfterSeconds: Int)
    /// It may or may not have been applied: repeat with the same idempotency key. 503 `outcome_unknown`.
    case outcomeUnknown
    /// The queue in front of the shard is full. 503 with Retry-After, nothing applied.
    case overloaded
    /// The leader's disk is full, and nobody with room has taken over yet. 507, nothing applied.
    case storageFull
}

package enum Consistency: Hashable, Sendable {
    /// ReadIndex at the leader.
    case linearizable
    /// Whatever the nearest replica has applied.
    case local
}

/// What the edge asks of the cluster. Thread-safe; callable from any thread or task.
package protocol ChatService: Sendable {
    /// This node.
    var nodeID: NodeID { get }

    /// The hot path: never suspends and never blocks. `completion` runs once, on any thread, and must not block.
    func perform(_ command: Command, completion: @escaping @Sendable (Result<CommandResult, ServiceError>) -> Void)

    /// Answers from the shard's state; throws only `ServiceError`, refusals are answers.
    func answer(_ query: Query, consistency: Consistency) async throws(ServiceError) -> QueryAnswer

    /// The shard of a channel, for grouping `Query.channels`.
    func shard(of channel: ChannelID) -> ShardID

    /// What every node's own copy of the directory says now; cheap, no wait.
    var directory: DirectorySnapshot { get }

    /// Liveness of the cluster side, for /ready.
    var readiness: Readiness { get }

    /// For `GET /v1/cluster`.
    func clusterStatus() async -> ClusterStatus

    /// Has every node make its index of texts anew; until a shard's is whole again, a search there is not complete.
    /// Returns when each has been told or did not answer.
    func rebuildSearch() async -> SearchRebuild

    /// Where the feed of this node asks for events; see `FeedSource`.
    var feeds: any FeedSource { get }

    /// Who is here and who types; see `PresenceSource`.
    var presence: any PresenceSource { get }
}

extension ChatService {
    package func perform(_ command: Command) async throws(ServiceError) -> CommandResult {
        let result: Result<CommandResult, ServiceError> = await withCheckedContinuation { continuation in
            self.perform(command) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }
}

/// The local replica of the directory, as far as the edge needs it. A value: take it once per request.
package struct DirectorySnapshot: Sendable {
    /// nil until this node has the founder's first command.
    package let secrets: ClusterSecrets?
    package let registration: Registration
    /// Sessions that ended less than an access token's life ago.
    package let revokedSessions: Set<SessionID>
    package let registry: NodeRegistry
    package let accounts: AccountTable
    package let workspace: WorkspaceSettings

    package init(
        secrets: ClusterSecrets?, registration: Registration, revokedSessions: Set<SessionID>, registry: NodeRegistry,
        accounts: AccountTable = .empty, workspace: WorkspaceSettings = .initial
    ) {
        self.secrets = secrets
        self.registration = registration
        self.revokedSessions = revokedSessions
        self.registry = registry
        self.accounts = accounts
        self.workspace = workspace
    }
}

package struct Readiness: Sendable, Hashable {
    package let isReady: Bool
    /// One short sentence for each thing that is missing.
    package let reasons: [String]
    package let condition: NodeCondition

    package init(isReady: Bool, reasons: [String], condition: NodeCondition = NodeCondition()) {
        self.isReady = isReady
        self.reasons = reasons
        self.condition = condition
    }
}

/// What an operator wants to know of a node beside whether it serves. Nothing here makes a node unready by itself.
package struct NodeCondition: Sendable, Hashable {
    /// A disk that failed ends the process, so nobody can ask for it here.
    package enum Disk: String, Sendable, Hashable, CaseIterable {
        case ok
        /// Writes wait: others lead meanwhile.
        case slow
        case full
    }

    package var disk = Disk.ok
    /// Copies of shards on their way from here and to here.
    package var snapshotsSending = 0
    package var snapshotsReceiving = 0
    /// Shards that are not served with what this disk has of them: an operator decides.
    package var shardsRefused: [ShardID] = []
    /// Replicas whose log has lost entries, until their group has given them back.
    package var shardsDamaged = 0
    /// Replicas that wait for a copy of the shard's state.
    package var shardsBehind = 0
    /// Nil where nobody counts.
    package var descriptors: Descriptors?

    package struct Descriptors: Sendable, Hashable {
        package var open: Int
        package var limit: Int
        /// Connections not let in for the lack of descriptors, since the start.
        package var refused: UInt64

        package init(open: Int, limit: Int, refused: UInt64) {
            self.open = open
            self.limit = limit
            self.refused = refused
        }
    }

    package init() {}
}

/// Who makes the index of texts anew.
package struct SearchRebuild: Sendable, Hashable {
    package let told: [NodeID]
    /// Those that did not answer: their indices stay as they are.
    package let missing: [NodeID]

    package init(told: [NodeID], missing: [NodeID]) {
        self.told = told
        self.missing = missing
    }
}

/// The cluster as one node sees it.
package struct ClusterStatus: Sendable, Hashable {
    package struct Node: Sendable, Hashable {
        package let record: NodeRecord
        /// What gossip says: alive, suspect, dead; empty when it says nothing.
        package let gossip: String
        package init(record: NodeRecord, gossip: String) {
            self.record = record
            self.gossip = gossip
        }
    }
    package struct ReplicaStatus: Sendable, Hashable {
        package let node: NodeID
        package let isVoter: Bool
        /// Entries behind the leader's log end; nil when this node does not know.
        package let lag: UInt64?
        package init(node: NodeID, isVoter: Bool, lag: UInt64?) {
            self.node = node
            self.isVoter = isVoter
            self.lag = lag
        }
    }
    package struct Shard: Sendable, Hashable {
        package let id: ShardID
        package let leader: NodeID?
        package let term: Term
        package let replicas: [ReplicaStatus]
        /// The nodes that should vote, the preferred leader first.
        package let ideal: [NodeID]
        package init(id: ShardID, leader: NodeID?, term: Term, replicas: [ReplicaStatus], ideal: [NodeID] = []) {
            self.ideal = ideal
            self.id = id
            self.leader = leader
            self.term = term
            self.replicas = replicas
        }
    }

    package struct Versions: Sendable, Hashable {
        package let active: FeatureVersion
        package let supported: FeatureVersion?
        package init(active: FeatureVersion, supported: FeatureVersion?) {
            self.active = active
            self.supported = supported
        }
    }

    package let cluster: ClusterID?
    package let epoch: RingEpoch
    /// What leaders may propose, and the highest that every member supports; nil while one has not said.
    package let versions: Versions
    package let nodes: [Node]
    package let shards: [Shard]
    package init(
        cluster: ClusterID?, epoch: RingEpoch, versions: Versions = Versions(active: .first, supported: nil),
        nodes: [Node], shards: [Shard]
    ) {
        self.versions = versions
        self.cluster = cluster
        self.epoch = epoch
        self.nodes = nodes
        self.shards = shards
    }
}
