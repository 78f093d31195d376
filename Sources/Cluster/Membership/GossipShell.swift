import ClusterModel
import Logging
import NIOCore
import SWIM
import Synchronization

/// How gossip reaches another node. Lossy. Called on the gossip loop.
package protocol GossipLinks: Sendable {
    func send(_ message: SWIMMessage, to node: NodeID)
}

/// The shell round `SWIMInstance`: ticks it, obeys it, and shows its members to any thread.
///
/// Threading: the instance lives on `loop`, which is the replication loop, not the clients': a node that
/// is busy with its clients must not look dead. `@unchecked Sendable` is true for that reason; what other
/// threads see is a copy behind a lock.
package final class GossipShell: @unchecked Sendable {
    private let loop: any EventLoop
    private let links: any GossipLinks
    private let logger: Logger
    private var instance: SWIMInstance
    private var effects: [SWIMEffect] = []
    private var ticking: RepeatedTask?
    private let view = Mutex<[NodeID: GossipMember]>([:])
    /// Set before `start`; called on the loop.
    package var onChange: ((GossipMember, MemberStatus?) -> Void)?

    package init(
        own: GossipMember, cluster: ClusterID, loop: any EventLoop, links: any GossipLinks, logger: Logger
    ) {
        self.loop = loop
        self.links = links
        self.logger = logger
        self.instance = SWIMInstance(self: own, cluster: cluster, seed: .random(in: .min ... .max))
    }

    package func start() {
        self.loop.execute {
            let interval = TimeAmount.milliseconds(50)
            self.ticking = self.loop.scheduleRepeatedTask(initialDelay: .zero, delay: interval) { [weak self] _ in
                self?.step(.tick(nowMilliseconds: NIODeadline.now().uptimeNanoseconds / 1_000_000))
            }
        }
    }

    /// Says goodbye, and ticks on for a moment so that it is heard.
    package func leave() async {
        self.loop.execute { self.step(.leave) }
        try? await Task.sleep(for: .milliseconds(300))
        self.loop.execute { self.ticking?.cancel() }
    }

    // MARK: Any thread

    package func received(_ message: SWIMMessage, from node: NodeID) {
        self.loop.execute { self.step(.received(message, from: node)) }
    }

    package func contact(_ node: NodeID, _ address: PeerAddress) {
        self.loop.execute { self.step(.contact(node, address)) }
    }

    package func connectionLost(_ node: NodeID) {
        self.loop.execute { self.step(.connectionLost(node)) }
    }

    /// What this node believes of another; nil when it never heard of it.
    package func status(of node: NodeID) -> MemberStatus? { self.view.withLock { $0[node]?.status } }

    // MARK: On the loop

    private func step(_ input: SWIMInput) {
        self.effects.removeAll(keepingCapacity: true)
        self.instance.step(input, into: &self.effects)
        let effects = self.effects
        for effect in effects { self.perform(effect) }
    }

    private func perform(_ effect: SWIMEffect) {
        switch effect {
        case .send(let message, let node, _):
            self.links.send(message, to: node)
        case .changed(let member, let previous):
            self.view.withLock { $0[member.id] = member }
            self.logger.info(
                "Member changed",
                metadata: [
                    "member": "\(member.id.short)", "member.address": "\(member.address)",
                    "swim.status": "\(member.status)", "swim.previous": "\(previous.map { "\($0)" } ?? "unknown")",
                    "swim.incarnation": "\(member.incarnation)",
                ])
            self.onChange?(member, previous)
        case .refuted(let incarnation):
            self.logger.info("Refuted a suspicion", metadata: ["swim.incarnation": "\(incarnation)"])
        case .rivalBoot(let incarnation):
            self.logger.error(
                "A later boot of this very node is about: a copy of its data directory may be running",
                metadata: ["swim.incarnation": "\(incarnation)"])
        case .healthChanged(let multiplier):
            self.logger.info("Own health changed", metadata: ["swim.multiplier": "\(multiplier)"])
        case .foreignCluster(let cluster, let node):
            self.logger.warning(
                "Gossip of another cluster dropped",
                metadata: ["cluster": "\(cluster)", "member": "\(node.short)"])
        }
    }
}

extension MemberStatus {
    package var name: String {
        switch self {
        case .alive: "alive"
        case .suspect: "suspect"
        case .dead: "dead"
        case .left: "left"
        }
    }
}
