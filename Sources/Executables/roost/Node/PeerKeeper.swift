import ChatMachine
import ClusterModel
import Foundation
import Founding
import Logging
import Membership
import NIOCore
import PeerTransport
import Replication
import Routing
import Synchronization

/// Keeps connections to every node of the registry, and tells the parts of a member what becomes of them.
/// Any thread; decides inside its lock, acts outside.
final class PeerKeeper: PeerDirectory, Sendable {
    private struct State {
        var transport: PeerTransport?
        var node: NodeID?
        var registry = NodeRegistry.empty
        var boots: [NodeID: BootCounter] = [:]
        /// Whom calls can be sent to.
        var connected: Set<NodeID> = []
        var member: Parts?
        var founder: FounderGuard?
        var verdict = IdentityVerdict()
    }
    private struct Parts {
        let host: ReplicationHost
        let router: Router
        let gossip: GossipShell
        let links: NodeLinks
    }
    private let state = Mutex(State())
    private let logger: Logger
    /// The cluster does not want this process: told once, with the reason for a person.
    private let refused: @Sendable (IdentityVerdict.End) -> Void

    init(logger: Logger, refused: @escaping @Sendable (IdentityVerdict.End) -> Void) {
        self.logger = logger
        self.refused = refused
    }

    func use(_ transport: PeerTransport) { self.state.withLock { $0.transport = transport } }

    /// The parts hear of what is connected already: a join goes over a connection.
    func becameMember(node: NodeID, host: ReplicationHost, router: Router, gossip: GossipShell, links: NodeLinks) {
        let connected = self.state.withLock { state in
            state.node = node
            state.member = Parts(host: host, router: router, gossip: gossip, links: links)
            return state.connected
        }
        for peer in connected {
            links.set(peer, isConnected: true)
            router.peerChanged(peer, isConnected: true)
        }
    }

    // MARK: PeerDirectory

    func knownBoot(of node: NodeID) -> BootCounter? { self.state.withLock { $0.registry[node]?.boot } }
    func knownNonce(of node: NodeID) -> UInt64? {
        self.state.withLock { state in
            state.registry[node].flatMap { $0.life.nonce == 0 ? nil : $0.life.nonce }
        }
    }
    func isRemoved(_ node: NodeID) -> Bool { self.state.withLock { $0.registry[node]?.state == .removed } }

    // MARK: Whom to dial

    func directoryChanged(_ registry: NodeRegistry) {
        let (transport, own, gossip) = self.state.withLock { state in
            state.registry = registry
            return (state.transport, state.node, state.member?.gossip)
        }
        for record in registry.nodes where record.id != own {
            if record.state == .removed {
                transport?.expel(record.id)
            } else {
                transport?.connect(to: record.id, at: record.address)
                gossip?.contact(record.id, record.address)
            }
        }
    }

    /// After a start the registry may be old: whoever answers at a seed's address is dialled too.
    func dial(seeds: [PeerAddress]) {
        guard let transport = self.state.withLock({ $0.transport }) else { return }
        for seed in seeds {
            Task {
                guard case .success(let hello) = await transport.probe(seed),
                    case .member(let cluster, let node, _) = hello.standing, cluster == transport.standing.cluster
                else { return }
                if node == transport.standing.node {
                    if hello.nonce != transport.nonce { self.judge(.metTwin(at: seed)) }
                    return
                }
                transport.connect(to: node, at: hello.address)
            }
        }
    }

    // MARK: What happens to connections

    func handle(_ event: PeerEvent) {
        let (transport, parts) = self.state.withLock { state in
            switch event {
            case .opened(let node, .calls): state.connected.insert(node)
            case .closed(let node, .calls): state.connected.remove(node)
            case .opened, .closed, .connected, .refused, .met, .rejected, .claimed: break
            }
            return (state.transport, state.member)
        }
        switch event {
        case .opened(let node, .calls):
            self.judge(.accepted(by: node))
            parts?.links.set(node, isConnected: true)
            parts?.router.peerChanged(node, isConnected: true)
        case .closed(let node, .calls):
            parts?.links.set(node, isConnected: false)
            parts?.router.peerChanged(node, isConnected: false)
        case .refused(let node):
            parts?.host.peerUnreachable(node)
            parts?.gossip.connectionLost(node)
        case .met(let node, let hello, _):
            transport?.connect(to: node, at: hello.address)
            parts?.gossip.contact(node, hello.address)
            if let boot = hello.standing.boot, self.isNewBoot(boot, of: node) { parts?.host.peerRestarted(node) }
        case .rejected(let node, let refusal, let isByPeer):
            self.logger.warning(
                "Peer handshake refused", metadata: ["member": "\(node.short)", "refusal": "\(refusal)"])
            if isByPeer { self.judge(.refused(by: node, refusal, at: .now)) }
        case .claimed(let cluster):
            if let parts { self.claimed(by: cluster, parts) }
        case .opened, .closed, .connected:
            break
        }
    }

    /// The second line of defence of founding (reliability 3.2, rule 4): a first seed that was wiped and has founded
    /// anew is dialled by the members of the cluster that it belonged to.
    private func claimed(by rival: ClusterID, _ parts: Parts) {
        let logger = self.logger
        parts.host.loop.execute {
            guard let directory = parts.host.directoryMachine else { return }
            let isYoung = directory.holdsOnlyBootstrapEntries
            let own = parts.host.cluster
            let effects = self.state.withLock { state in
                var founder =
                    state.founder ?? FounderGuard(cluster: own, holdsOnlyBootstrapEntries: isYoung)
                if !isYoung { _ = founder.step(.holdsData) }
                defer { state.founder = founder }
                return founder.step(.metMember(of: rival, listsMyAddress: true))
            }
            for effect in effects {
                switch effect {
                case .stop(let cluster):
                    logger.critical(
                        "This node seems to be a wiped member of another cluster; empty its data directory again and start it with that cluster's seeds",
                        metadata: ["cluster": "\(own)", "cluster.rival": "\(cluster)"])
                    exit(1)
                case .alarm(let cluster):
                    logger.error(
                        "Two clusters claim this address and both hold data; they are never merged",
                        metadata: ["cluster": "\(own)", "cluster.rival": "\(cluster)"])
                }
            }
        }
    }

    private func judge(_ input: IdentityVerdict.Input) {
        let end = self.state.withLock { state in
            let own = state.node.flatMap { state.registry[$0]?.state }
            return state.verdict.step(input, isLeaving: own == .draining || own == .removed)
        }
        if let end { self.refused(end) }
    }

    private func isNewBoot(_ boot: BootCounter, of node: NodeID) -> Bool {
        self.state.withLock { state in
            defer { state.boots[node] = boot }
            return state.boots[node].map { $0 < boot } ?? false
        }
    }
}
