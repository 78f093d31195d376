import ClusterModel

extension RaftReplica {
    /// The same node with the same disk is given the group again, under a new id: its term, vote and log go on.
    ///
    /// Ids exist to tell a replica that lost its disk from its predecessor; this one lost nothing, so whatever
    /// it has promised still holds. A log of an older incarnation is void and does not go on: hand the message to
    /// the replica as it is, and it answers with `.superseded`.
    ///
    /// - Returns: whether the replica now has this id; false for an id that is not newer, another incarnation, or
    ///   a leader, which nobody can have removed yet.
    @discardableResult
    package mutating func readmit(as id: ReplicaID, incarnation: GroupIncarnation? = nil) -> Bool {
        guard id > self.id, self.role != .leader, !self.isSuperseded,
            incarnation.map({ $0 == self.incarnation }) ?? true
        else { return id == self.id }
        self.id = id
        return true
    }
}
