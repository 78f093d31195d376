// How the node's parts reach other nodes: numbered calls of the actor system, each on its lane.

import ChatModel
import ClusterActors
import ClusterModel
import Distributed
import Logging
import Membership
import PeerTransport
import Presence
import Replication
import SWIM
import Synchronization

/// The links of replication, routing and gossip over one actor system. Any thread.
package final class NodeLinks: ReplicationLinks, RouterLinks, GossipLinks, Sendable {
    private let system: ClusterActorSystem
    private let connected = Mutex<Set<NodeID>>([])
    private let gossip = Mutex<GossipShell?>(nil)

    package init(system: ClusterActorSystem) { self.system = system }

    package func use(_ gossip: GossipShell) { self.gossip.withLock { $0 = gossip } }
    package func set(_ node: NodeID, isConnected: Bool) {
        self.connected.withLock { connected in
            if isConnected { connected.insert(node) } else { connected.remove(node) }
        }
    }

    // What can not be queued is dropped: Raft, SWIM and the router ask again, and the transport counts it.

    package func send(_ batch: RaftBatch, to node: NodeID, isControl: Bool) {
        _ = self.system.post(isControl ? .raftControl : .raftAppend, to: node, batch)
    }
    package func send(_ message: HostMessage, to node: NodeID) {
        _ = self.system.post(.raftBulk, to: node, message)
    }
    package func send(_ message: SWIMMessage, to node: NodeID) {
        _ = self.system.post(.gossip, to: node, message)
    }
    package func deliver(_ items: [FeedItem], to node: NodeID) {
        let from = self.system.node
        self.post(.connectionDeliver, .connection, items, to: node) { FeedBatch(from: from, items: $0) }
    }
    package func send(_ batch: CommandBatch, to node: NodeID) {
        self.post(.routingSubmit, .routing, batch.commands, to: node) { CommandBatch(from: batch.from, commands: $0) }
    }
    package func send(_ batch: ResultBatch, to node: NodeID) {
        self.post(.routingResults, .routing, batch.results, to: node) { ResultBatch(from: batch.from, results: $0) }
    }
    package func send(_ changes: [InterestChange], to node: NodeID) {
        let from = self.system.node
        self.post(.connectionInterest, .connection, changes, to: node) { InterestBatch(from: from, changes: $0) }
    }

    package var carriesPresence: Bool { true }
    package func send(_ batch: PresenceReportBatch, to node: NodeID) { self.post(.presenceReport, batch, to: node) }
    package func send(_ batch: PresenceWatchBatch, to node: NodeID) { self.post(.presenceWatch, batch, to: node) }
    package func send(_ batch: PresenceUpdateBatch, to node: NodeID) { self.post(.presenceUpdate, batch, to: node) }
    package func send(_ batch: TypingBatch, to node: NodeID) { self.post(.ephemeralTyping, batch, to: node) }

    private func post(_ target: CallTarget, _ batch: some Wire, to node: NodeID) {
        _ = self.system.post(target, to: ActorAddress(node: node, kind: .presence), bytes: batch.encoded)
    }

    package func ask(
        _ question: PresenceQuestion, at node: NodeID, completion: @escaping @Sendable (PresenceReply?) -> Void
    ) {
        self.ask(PresenceActor.self, at: ActorAddress(node: node, kind: .presence), completion) {
            try await $0.ask(question)
        }
    }

    /// One message, or as many as the frame limit asks for: a batch that is too large is halved until its parts
    /// fit. A single item always does, since a command's bytes are bounded far below a frame.
    private func post<Item, Batch: Wire>(
        _ target: CallTarget, _ kind: ActorKind, _ items: [Item], to node: NodeID, _ batch: ([Item]) -> Batch
    ) {
        let bytes = batch(items).encoded
        guard bytes.count > Self.batchBytesMax, items.count > 1 else {
            _ = self.system.post(target, to: ActorAddress(node: node, kind: kind), bytes: bytes)
            return
        }
        let half = items.count / 2
        self.post(target, kind, Array(items[..<half]), to: node, batch)
        self.post(target, kind, Array(items[half...]), to: node, batch)
    }

    /// Below the transport's frame limit of 1 MiB, with room for the message's head.
    private static let batchBytesMax = 900 << 10

    package func isConnected(_ node: NodeID) -> Bool { self.connected.withLock { $0.contains(node) } }

    package func read(
        _ request: ReadRequest, at node: NodeID, completion: @escaping @Sendable (ReadReply) -> Void
    ) {
        let address = ActorAddress(node: node, kind: .persistence, instance: UInt64(request.shard.rawValue))
        self.system.ask(.persistenceRead, at: address, request, timeout: .seconds(2)) { result in
            // Without an answer that can be read the router asks again, perhaps elsewhere.
            completion((try? result.get()).flatMap { try? ReadReply(encoded: $0) } ?? .unavailable)
        }
    }

    package func search(
        _ batch: SearchBatch, at node: NodeID, completion: @escaping @Sendable (SearchReply?) -> Void
    ) {
        let time = Duration.milliseconds(Int64(batch.millisecondsLeft))
        self.ask(HostActor.self, at: ActorAddress(node: node, kind: .host), within: time, completion) {
            try await $0.find(batch)
        }
    }

    package func rebuildIndices(at node: NodeID, completion: @escaping @Sendable (RebuildReply?) -> Void) {
        self.ask(HostActor.self, at: ActorAddress(node: node, kind: .host), completion) {
            try await $0.rebuildIndices()
        }
    }

    package func groups(ledBy node: NodeID) async -> [GroupStatus] {
        do {
            let actor = try self.system.reference(
                to: HostActor.self, at: ActorAddress(node: node, kind: .host))
            return try await CallOptions.$timeout.withValue(.seconds(1)) { try await actor.groups().groups }
        } catch {
            return []  // A status without that node's own word; its gossip says the rest.
        }
    }

    package func groups(ledBy node: NodeID, completion: @escaping @Sendable ([GroupStatus]?) -> Void) {
        self.ask(HostActor.self, at: ActorAddress(node: node, kind: .host), completion) { try await $0.groups().groups }
    }

    package func deadMembers(seenBy node: NodeID, completion: @escaping @Sendable (Set<NodeID>?) -> Void) {
        self.ask(MembershipActor.self, at: ActorAddress(node: node, kind: .membership), completion) {
            Set(try await $0.deadMembers().nodes)
        }
    }

    /// One question whose answer is bounded in time; no answer is an answer.
    private func ask<Place: DistributedActor, Answer: Sendable>(
        _ type: Place.Type, at address: ActorAddress, within time: Duration = .seconds(1),
        _ completion: @escaping @Sendable (Answer?) -> Void,
        _ question: @escaping @Sendable (Place) async throws -> Answer
    ) where Place.ActorSystem == ClusterActorSystem {
        Task {
            do {
                let actor = try self.system.reference(to: type, at: address)
                completion(try await CallOptions.$timeout.withValue(time) { try await question(actor) })
            } catch {
                completion(nil)
            }
        }
    }

    package func gossip(about node: NodeID) -> String {
        self.gossip.withLock { $0 }?.status(of: node)?.name ?? ""
    }
}
