import ClusterModel

extension RaftReplica {
    /// The same node with the same disk is given the group again, under a new id: its term, vote and log go on.
    ///
    /// Ids exist to tell a replica that lost its disk from its predecessor; this one lost nothing, so whatever
    /// it has promised still holds. Ignored for an id that is not newer.
    package mutating func readmit(as id: ReplicaID) {
        guard id > self.id, self.role != .leader else { return }
        self.id = id
    }
}
