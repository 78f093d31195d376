// What the node that leads the directory does for the others: the shell round `DirectorySteward`.

import ChatMachine
import ChatModel
import ChatService
import ClusterModel
import Logging
import NIOCore
import Placement
import Replication

/// What the steward has been told by other nodes, and when it asks again. Lives while this node leads the directory.
struct Stewarding {
    var steward: DirectorySteward
    private var views: [NodeID: (at: UInt64, dead: Set<NodeID>)] = [:]
    private var groups: [NodeID: (at: UInt64, led: [GroupStatus])] = [:]
    private var viewsAskedAt: UInt64?
    private var groupsAskedAt: UInt64?

    /// Groups are asked for this often while a node drains; an answer counts for three times as long.
    static let groupsMilliseconds: UInt64 = 500

    init(_ settings: StewardSettings) { self.steward = DirectorySteward(settings: settings) }

    mutating func isTimeForViews(_ now: UInt64) -> Bool {
        if let last = self.viewsAskedAt, now - last < self.steward.settings.viewMilliseconds { return false }
        self.viewsAskedAt = now
        return true
    }

    mutating func isTimeForGroups(_ now: UInt64) -> Bool {
        if let last = self.groupsAskedAt, now - last < Self.groupsMilliseconds { return false }
        self.groupsAskedAt = now
        return true
    }

    mutating func take(_ dead: Set<NodeID>, from node: NodeID, _ now: UInt64) { self.views[node] = (now, dead) }
    mutating func take(_ led: [GroupStatus], from node: NodeID, _ now: UInt64) { self.groups[node] = (now, led) }

    /// Answers that are not too old to stand for now.
    func views(_ now: UInt64) -> [NodeID: Set<NodeID>] {
        self.views.filter { now - $0.value.at <= 3 * self.steward.settings.viewMilliseconds }.mapValues(\.dead)
    }

    /// Who votes anywhere; nil unless every group's leader has spoken.
    func voting(_ now: UInt64, of map: ShardMap) -> Set<NodeID>? {
        var latest: [ShardID: GroupStatus] = [:]
        for answer in self.groups.values where now - answer.at <= 3 * Self.groupsMilliseconds {
            for group in answer.led where group.term >= latest[group.shard]?.term ?? .zero {
                latest[group.shard] = group
            }
        }
        guard map.shardsAndDirectory.allSatisfy({ latest[$0] != nil }) else { return nil }
        return Set(latest.values.flatMap { $0.replicas.filter(\.isVoter).map(\.node) })
    }
}

extension Router {
    /// On the loop, a few times a second.
    func steward() {
        guard let standing = self.host.directoryStanding, let machine = self.host.directoryMachine else {
            self.stewarding = nil
            return
        }
        let now = UInt64(self.loop.now.uptimeNanoseconds / 1_000_000)
        var stewarding = self.stewarding ?? Stewarding(self.settings.steward)
        let registry = machine.registry
        stewarding.take(self.deadMembers(of: registry), from: self.nodeID, now)
        let mustAskViews = stewarding.isTimeForViews(now)
        let mustAskGroups = registry.nodes.contains { $0.state == .draining } && stewarding.isTimeForGroups(now)
        if mustAskGroups { stewarding.take(self.host.groups(ledOnly: true), from: self.nodeID, now) }
        let steps = stewarding.steward.step(
            StewardView(
                nowMilliseconds: now, wallClock: self.settings.now(), registry: registry,
                isInitialised: machine.secrets != nil, directoryVoters: standing.voters,
                caughtUp: standing.caughtUp, deadInViewOf: stewarding.views(now),
                voting: stewarding.voting(now, of: self.shardMap)))
        self.stewarding = stewarding
        if mustAskViews { self.askViews(of: standing.voters, registry) }
        if mustAskGroups { self.askGroups(of: registry) }
        for step in steps { self.propose(step) }
    }

    /// The members that this node's gossip believes gone.
    func deadMembers(of registry: NodeRegistry) -> Set<NodeID> {
        Set(
            registry.members.map(\.id).filter { node in
                node != self.nodeID && ["dead", "left"].contains(self.links.gossip(about: node))
            })
    }

    private func askViews(of voters: [NodeID], _ registry: NodeRegistry) {
        for voter in voters where voter != self.nodeID && self.links.isConnected(voter) {
            self.links.deadMembers(seenBy: voter) { [weak self] dead in
                guard let self, let dead else { return }
                self.onLoop { self.stewarding?.take(dead, from: voter, self.nowMilliseconds) }
            }
        }
    }

    private func askGroups(of registry: NodeRegistry) {
        for node in registry.members.map(\.id) where node != self.nodeID && self.links.isConnected(node) {
            self.links.groups(ledBy: node) { [weak self] led in
                guard let self, let led else { return }
                self.onLoop { self.stewarding?.take(led, from: node, self.nowMilliseconds) }
            }
        }
    }

    private var nowMilliseconds: UInt64 { UInt64(self.loop.now.uptimeNanoseconds / 1_000_000) }

    private func propose(_ step: StewardStep) {
        let command: Command
        switch step {
        case .activate(let nodes):
            command = .activateNodes(nodes)
            self.logger.info("Letting nodes in", metadata: ["members": "\(nodes.map(\.short))"])
        case .bury(let node):
            command = .buryNode(node)
            self.logger.warning("Giving a node up", metadata: ["member": "\(node.short)"])
        case .remove(let node):
            command = .removeNode(node)
            self.logger.info("A drained node is empty", metadata: ["member": "\(node.short)"])
        }
        let logger = self.logger
        // What fails comes again with the steward's next look but one.
        self.begin(command, self.loop.now + self.settings.commandDeadline) { result in
            if case .success(.refused(let refusal)) = result {
                logger.info("The directory refused", metadata: ["command": "\(command.kind)", "refusal": "\(refusal)"])
            }
        }
    }

    /// Any thread: which members this node believes gone, for the leader of the directory.
    package func deadMembers() async -> NodeIDList {
        let dead = try? await self.loop.submit {
            self.deadMembers(of: self.host.directoryMachine?.registry ?? .empty)
        }.get()
        return NodeIDList(nodes: (dead ?? []).sorted())
    }
}

package struct NodeIDList: Wire {
    package let nodes: [NodeID]

    package init(nodes: [NodeID]) { self.nodes = nodes }
    package func encode(into writer: inout ByteWriter) { writer.write(self.nodes) }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(nodes: try reader.readArray(bytesEach: 16))
    }
}
