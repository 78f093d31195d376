// What a node knows of the others' starts: the defence against data directories that were rolled back or cloned.

import ClusterModel

/// What the registry of nodes says to a handshake.
package enum DirectoryVerdict: Sendable, Hashable {
    case accepted
    case staleBoot
    case removed
    /// A process of this node, told by its address, is connected still.
    case twin
}

/// One start of a node, as its hello tells it.
package struct PeerStart: Sendable, Hashable {
    package let boot: BootCounter
    /// Random in each process.
    package let nonce: UInt64
    /// Where the process says that it can be dialled; no two processes can have the same.
    package let address: PeerAddress

    package init(boot: BootCounter, nonce: UInt64, address: PeerAddress) {
        self.boot = boot
        self.nonce = nonce
        self.address = address
    }
}

/// The durable half of the memory of nodes, given by the host. Called on event loops: must not block.
package protocol PeerDirectory: Sendable {
    /// The highest boot counter that the registry holds of `node`, nil when it does not know the node, which may be
    /// one that wants to join.
    func knownBoot(of node: NodeID) -> BootCounter?
    /// The nonce of the process that the registry's boot counter is of; nil when it does not know.
    func knownNonce(of node: NodeID) -> UInt64?
    /// Was the node removed for good?
    func isRemoved(_ node: NodeID) -> Bool
}

/// Knows nobody: for nodes without a registry yet, and for tests.
package struct EmptyPeerDirectory: PeerDirectory {
    package init() {}
    package func knownBoot(of node: NodeID) -> BootCounter? { nil }
    package func knownNonce(of node: NodeID) -> UInt64? { nil }
    package func isRemoved(_ node: NodeID) -> Bool { false }
}

/// The boots that this process has seen itself. Entries are one for each node that ever proved the cluster key, so
/// their number is bounded by the cluster's history.
///
/// - SeeAlso: docs/peer-protocol.md, "Boot counters".
struct KnownBoots: Sendable {
    private var starts: [NodeID: PeerStart] = [:]

    /// Judges a hello and remembers it when it is accepted.
    ///
    /// - Parameters:
    ///   - durable: What the registry knows of the node's last start; its nonce is nil where it does not know it.
    ///   - isConnected: Do messages go to the process that was accepted last?
    mutating func judge(
        _ node: NodeID, _ start: PeerStart, durable: (boot: BootCounter, nonce: UInt64?)?, isConnected: Bool
    ) -> DirectoryVerdict {
        if let durable {
            guard start.boot >= durable.boot else { return .staleBoot }
            if start.boot == durable.boot, let nonce = durable.nonce, nonce != start.nonce { return .staleBoot }
        }
        if let known = self.starts[node], known.nonce != start.nonce {
            guard start.boot > known.boot else { return .staleBoot }
            // It counts up as a restart does, but the process that it would follow is here: the disk was copied.
            guard !isConnected || known.address == start.address else { return .twin }
        } else if let known = self.starts[node], start.boot < known.boot {
            return .staleBoot
        }
        self.starts[node] = start
        return .accepted
    }
}
