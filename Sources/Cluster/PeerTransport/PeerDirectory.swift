// What a node knows of the others' starts: the defence against data directories that were rolled back or cloned.

import ClusterModel

/// What the registry of nodes says to a handshake.
package enum DirectoryVerdict: Sendable, Hashable {
    case accepted
    case staleBoot
    case removed
}

/// The durable half of the memory of nodes, given by the host. Called on event loops: must not block.
package protocol PeerDirectory: Sendable {
    /// The highest boot counter that the registry holds of `node`, nil when it does not know the node, which may be
    /// one that wants to join.
    func knownBoot(of node: NodeID) -> BootCounter?
    /// Was the node removed for good?
    func isRemoved(_ node: NodeID) -> Bool
}

/// Knows nobody: for nodes without a registry yet, and for tests.
package struct EmptyPeerDirectory: PeerDirectory {
    package init() {}
    package func knownBoot(of node: NodeID) -> BootCounter? { nil }
    package func isRemoved(_ node: NodeID) -> Bool { false }
}

/// The boots that this process has seen itself. Entries are one for each node that ever proved the cluster key, so
/// their number is bounded by the cluster's history.
///
/// - SeeAlso: docs/peer-protocol.md, "Boot counters".
struct KnownBoots: Sendable {
    private struct Boot: Sendable { var counter: BootCounter, nonce: UInt64 }
    private var boots: [NodeID: Boot] = [:]

    /// Judges a hello and remembers it when it is accepted.
    ///
    /// - Parameter durable: What the registry knows. Its nonce is not kept, so an equal counter passes there and is
    ///   told apart only by the memory of this process.
    mutating func judge(
        _ node: NodeID, _ counter: BootCounter, nonce: UInt64, durable: BootCounter?
    ) -> DirectoryVerdict {
        if let durable, counter < durable { return .staleBoot }
        if let known = self.boots[node] {
            guard counter >= known.counter else { return .staleBoot }
            guard counter > known.counter || nonce == known.nonce else { return .staleBoot }
        }
        self.boots[node] = Boot(counter: counter, nonce: nonce)
        return .accepted
    }
}
