/// Why a peer's hello was not accepted. One byte on the wire; a number never changes its meaning.
package enum HandshakeRefusal: UInt8, Error, Sendable, Hashable, CaseIterable {
    /// Not our protocol, or a hello with impossible content.
    case malformed = 1
    /// No wire version in common: upgrade the older node first.
    case version = 2
    /// A member of another cluster, or of none, where a member of this one was wanted.
    case clusterMismatch = 3
    /// A lower boot counter than known, or the same from another process: a data directory that was rolled back
    /// or cloned. The node must come back as a new one.
    case staleBoot = 4
    /// The caller bears the id of the called: a clone of its data directory, or it dialled itself.
    case duplicateNode = 5
    /// The registry says that this node was removed; its id is refused for ever.
    case removed = 6
    /// The called node has not founded or joined yet. Try again later.
    case notReady = 7
    /// Another node answers at the address than the one that was dialled.
    case wrongNode = 8
    /// Another process runs with the caller's identity, at another address: one of the two is a copy. Where only an
    /// old connection has not been noticed as broken yet, the next try succeeds.
    case twin = 9

    /// Stands in logs and in the operator's tools.
    package var name: String {
        switch self {
        case .malformed: "malformed hello"
        case .version: "no common wire version"
        case .clusterMismatch: "cluster mismatch"
        case .staleBoot: "stale boot counter"
        case .duplicateNode: "duplicate node"
        case .removed: "removed node"
        case .notReady: "not ready"
        case .wrongNode: "another node answers there"
        case .twin: "another process has this identity"
        }
    }
}
