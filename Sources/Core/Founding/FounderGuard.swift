// The second line of defence: a first seed that was wiped together with all other seeds, or was the only one, has
// founded a new cluster beside the old one. The members of the old one know its address.

import ClusterModel

/// Watches, in a node that founded its cluster, for members of another cluster that claim this node.
///
/// Kept by the host for as long as the process lives, also after a restart.
package struct FounderGuard: Sendable {
    package enum Input: Sendable, Hashable {
        /// Something beyond the bootstrap entries stands in the directory: a user, a channel, a second node.
        case holdsData
        /// A handshake met a member of `cluster`, whose registry does or does not list this node's address.
        case metMember(of: ClusterID, listsMyAddress: Bool)
    }

    package enum Effect: Sendable, Hashable {
        /// "I seem to be a wiped member of that cluster": exit with an error. Nothing is lost, nothing was stored.
        case stop(seemsWipedMemberOf: ClusterID)
        /// Both clusters hold data: tell people on both sides. Clusters never merge.
        case alarm(rival: ClusterID)
    }

    package let cluster: ClusterID
    private var isYoung: Bool
    private var alarmed: Set<ClusterID> = []

    /// - Parameter holdsOnlyBootstrapEntries: What the directory's log says at the start.
    package init(cluster: ClusterID, holdsOnlyBootstrapEntries: Bool) {
        self.cluster = cluster
        self.isYoung = holdsOnlyBootstrapEntries
    }

    package mutating func step(_ input: Input) -> [Effect] {
        switch input {
        case .holdsData:
            self.isYoung = false
            return []
        case .metMember(let cluster, let listsMyAddress):
            guard cluster != self.cluster, listsMyAddress else { return [] }
            if self.isYoung { return [.stop(seemsWipedMemberOf: cluster)] }
            return self.alarmed.insert(cluster).inserted ? [.alarm(rival: cluster)] : []
        }
    }
}
