// The distributed actors of a node: thin shells, pinned to the replication loop, round the router and the host.

import ChatModel
import ChatService
import ClusterActors
import ClusterModel
import Distributed
import Logging
import Membership
import Placement
import Presence
import Replication

/// Takes other nodes' commands for shards led here, and the results of this node's own (design: RoutingActor).
package distributed actor RoutingActor {
    package typealias ActorSystem = ClusterActorSystem
    private let router: Router

    package init(router: Router, actorSystem: ClusterActorSystem) {
        self.actorSystem = actorSystem
        self.router = router
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        guard __isLocalActor(self), let executor = actorSystem.executor(for: id) else {
            return buildDefaultDistributedRemoteActorExecutor(self)
        }
        return executor.asUnownedSerialExecutor()
    }

    package distributed func submit(_ batch: CommandBatch) { self.router.received(batch) }
    package distributed func results(_ batch: ResultBatch) { self.router.received(batch) }
}

/// The node's inbox for events, and its ear for what other nodes want to hear (design: ConnectionActor).
package distributed actor ConnectionActor {
    package typealias ActorSystem = ClusterActorSystem
    private let router: Router

    package init(router: Router, actorSystem: ClusterActorSystem) {
        self.actorSystem = actorSystem
        self.router = router
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        guard __isLocalActor(self), let executor = actorSystem.executor(for: id) else {
            return buildDefaultDistributedRemoteActorExecutor(self)
        }
        return executor.asUnownedSerialExecutor()
    }

    package distributed func deliver(_ batch: FeedBatch) { self.router.received(batch) }
    package distributed func interest(_ batch: InterestBatch) { self.router.received(batch) }
}

/// One a shard: reads, wherever the caller is (design: PersistenceActor). Its Raft messages travel with those of all
/// other shards, one batch per peer and turn, straight to the host's loop; calls from other nodes go there too, without a
/// task and a change of threads for each, since people wait for them.
package distributed actor PersistenceActor {
    package typealias ActorSystem = ClusterActorSystem
    private let router: Router

    package init(router: Router, actorSystem: ClusterActorSystem) {
        self.actorSystem = actorSystem
        self.router = router
    }

    package distributed func read(_ request: ReadRequest) async -> ReadReply { await self.router.serve(request) }
}

/// Who is here and who types, as nodes tell each other (design: PresenceActor). The router hops to its loop by itself:
/// this is no traffic of the hot path.
package distributed actor PresenceActor {
    package typealias ActorSystem = ClusterActorSystem
    private let router: Router

    package init(router: Router, actorSystem: ClusterActorSystem) {
        self.actorSystem = actorSystem
        self.router = router
    }

    package distributed func report(_ batch: PresenceReportBatch) { self.router.received(batch) }
    package distributed func watch(_ batch: PresenceWatchBatch) { self.router.received(batch) }
    package distributed func update(_ batch: PresenceUpdateBatch) { self.router.received(batch) }
    package distributed func typing(_ batch: TypingBatch) { self.router.received(batch) }
    /// How people are whose shards are led here.
    package distributed func ask(_ question: PresenceQuestion) async -> PresenceReply {
        await self.router.answer(question)
    }
}

/// The node as others see it: which groups it leads, and what concerns many of them at once.
package distributed actor HostActor {
    package typealias ActorSystem = ClusterActorSystem
    private let router: Router

    package init(router: Router, actorSystem: ClusterActorSystem) {
        self.actorSystem = actorSystem
        self.router = router
    }

    package distributed func groups() async -> GroupList { GroupList(groups: await self.router.groupsLedHere()) }
    package distributed func find(_ batch: SearchBatch) async -> SearchReply { await self.router.serve(batch) }
    package distributed func rebuildIndices() async -> RebuildReply {
        RebuildReply(shards: UInt16(clamping: await self.router.rebuildIndicesHere()))
    }
}

/// Lets new nodes in, by the directory's log (design: MembershipActor; its gossip goes straight to the SWIM shell).
package distributed actor MembershipActor {
    package typealias ActorSystem = ClusterActorSystem
    private let router: Router

    package init(router: Router, actorSystem: ClusterActorSystem) {
        self.actorSystem = actorSystem
        self.router = router
    }

    package distributed func join(_ request: JoinRequest) async -> JoinAnswer {
        await self.router.admit(request)
    }

    /// Whom this node's gossip believes gone.
    package distributed func deadMembers() async -> NodeIDList { await self.router.deadMembers() }
}

package struct GroupList: Wire {
    package let groups: [GroupStatus]

    package init(groups: [GroupStatus]) { self.groups = groups }
    package func encode(into writer: inout ByteWriter) { writer.write(self.groups) }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(groups: try reader.readArray(bytesEach: 5))
    }
}

extension Router {
    /// Registers a node that has proved the cluster key.
    package func admit(_ request: JoinRequest) async -> JoinAnswer {
        guard request.record.state == .joining else { return .refused(Refusal.invalid.rawValue) }
        // The directory replaces a node of the same address at once: only when that one's process is gone.
        let isTaken = self.directory.registry.nodes.contains { node in
            (node.address == request.record.address || node.name == request.record.name)
                && node.id != request.record.id && node.state != .removed
                && (node.id == self.nodeID || self.links.isConnected(node.id))
        }
        guard !isTaken else {
            self.logger.warning(
                "A node asks to join under the address of one that runs",
                metadata: ["address": "\(request.record.address)", "member": "\(request.record.id.short)"])
            return .later
        }
        do throws(ServiceError) {
            switch try await self.perform(.registerNode(request.record)) {
            case .refused(let refusal): return .refused(refusal.rawValue)
            case .done, .reserved, .user, .session, .channel, .membership, .message, .account, .invite, .workspace,
                .flag, .profile, .settings, .keyed, .scheduled, .reminder, .notificationsRead, .view, .reactions,
                .opened, .read, .thread, .flagged, .emoji, .channelView:
                return .welcome(self.directory.registry, shardCount: UInt16(self.shardMap.shardCount))
            }
        } catch {
            return .later
        }
    }
}

/// All actors of one node, at the places where other nodes look for them.
package struct NodeActors: Sendable {
    package let routing: RoutingActor
    package let connection: ConnectionActor
    package let host: HostActor
    package let membership: MembershipActor
    package let persistence: [PersistenceActor]
    package let presence: PresenceActor

    /// Makes the actors and registers their calls. Before the first peer connects.
    package init(router: Router, system: ClusterActorSystem) {
        system.register(.routingSubmit, on: RoutingActor.self) { try await $0.submit($1) }
        system.register(.routingResults, on: RoutingActor.self) { try await $0.results($1) }
        system.register(.connectionDeliver, on: ConnectionActor.self) { try await $0.deliver($1) }
        system.register(.connectionInterest, on: ConnectionActor.self) { try await $0.interest($1) }
        system.registerDirectCall(.persistenceRead) { (_, request: ReadRequest, answer) in
            router.serve(request) { reply in
                // Long answers are not written on the loop that all shards share.
                guard router.isOnLoop else { return answer.answer(reply) }
                Task { answer.answer(reply) }
            }
        }
        system.register(.presenceReport, on: PresenceActor.self) { try await $0.report($1) }
        system.register(.presenceWatch, on: PresenceActor.self) { try await $0.watch($1) }
        system.register(.presenceUpdate, on: PresenceActor.self) { try await $0.update($1) }
        system.register(.ephemeralTyping, on: PresenceActor.self) { try await $0.typing($1) }
        system.register(.presenceAsk, on: PresenceActor.self) { try await $0.ask($1) }
        system.register(.hostGroups, on: HostActor.self) { try await $0.groups() }
        system.register(.hostFind, on: HostActor.self) { try await $0.find($1) }
        system.register(.hostRebuildIndices, on: HostActor.self) { try await $0.rebuildIndices() }
        system.register(.membershipDead, on: MembershipActor.self) { try await $0.deadMembers() }
        system.register(.membershipJoin, on: MembershipActor.self) { try await $0.join($1) }
        self.routing = system.host(.routing) { RoutingActor(router: router, actorSystem: system) }
        self.connection = system.host(.connection) { ConnectionActor(router: router, actorSystem: system) }
        self.host = system.host(.host) { HostActor(router: router, actorSystem: system) }
        self.membership = system.host(.membership) { MembershipActor(router: router, actorSystem: system) }
        self.presence = system.host(.presence) { PresenceActor(router: router, actorSystem: system) }
        self.persistence = router.shardMap.shardsAndDirectory.map { shard in
            system.host(.persistence, instance: UInt64(shard.rawValue)) {
                PersistenceActor(router: router, actorSystem: system)
            }
        }
    }
}
