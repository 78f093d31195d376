import ClusterModel
import PeerTransport

/// Whether this process may go on being the node that its data directory says: what peers' refusals mean.
///
/// A refusal of our hello comes from a node of our own cluster, which has proved the cluster's key. That it knows of a
/// later start than ours, or that we were removed, can not be mended by trying again. A twin may be an old connection
/// of our last process that nobody has noticed as broken, so it must last.
struct IdentityVerdict {
    enum Input {
        case accepted(by: NodeID)
        case refused(by: NodeID, HandshakeRefusal, at: ContinuousClock.Instant)
        /// A probe has found another process with our node id.
        case metTwin(at: PeerAddress)
    }

    /// Why the process must end.
    enum End: Equatable {
        case refused(String)
        /// An operator has drained this node, and it holds nothing any more.
        case drained
    }

    static let twinPatience = Duration.seconds(10)
    static let remedy =
        "a node that forgot what it promised can break what others rely on; empty the data directory and start again: "
        + "it joins as a new node and gets everything from the others"

    private var twinSince: [NodeID: ContinuousClock.Instant] = [:]
    private var isSpoken = false
    /// A node that was removed before this process began is told so as a failure, drained or not.
    private var wasAccepted = false

    /// - Parameter isLeaving: Does this node know that it drains?
    /// - Returns: why the process must end, once.
    mutating func step(_ input: Input, isLeaving: Bool = false) -> End? {
        guard let end = self.judge(input, isLeaving), !self.isSpoken else { return nil }
        self.isSpoken = true
        return end
    }

    private mutating func judge(_ input: Input, _ isLeaving: Bool) -> End? {
        switch input {
        case .accepted(let node):
            self.twinSince[node] = nil
            self.wasAccepted = true
            return nil
        case .metTwin(let address):
            return .refused(
                "another process runs with this node's identity at \(address): one data directory is a copy of the "
                    + "other; \(Self.remedy)")
        case .refused(_, .staleBoot, _):
            return .refused(Self.stale)
        case .refused(_, .removed, _):
            return isLeaving && self.wasAccepted ? .drained : .refused(Self.removed)
        case .refused(let node, .twin, let now):
            let since = self.twinSince[node] ?? now
            self.twinSince[node] = since
            guard now - since >= Self.twinPatience else { return nil }
            return .refused(
                "another process runs with this node's identity: one data directory is a copy of the other; "
                    + Self.remedy)
        case .refused(_, .malformed, _), .refused(_, .version, _), .refused(_, .clusterMismatch, _),
            .refused(_, .duplicateNode, _), .refused(_, .notReady, _), .refused(_, .wrongNode, _):
            return nil
        }
    }

    static let stale =
        "this data directory is older than what the cluster has seen of this node, or a copy of it (stale boot counter); "
        + remedy
    static let removed =
        "the cluster has removed this node; to let the machine in again, empty its data directory so that it joins as a "
        + "new node"
}
