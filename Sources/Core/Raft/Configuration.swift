import ClusterModel

/// Who takes part in a group: the payload of a configuration entry, in force from the moment that the
/// entry stands in a replica's log (thesis, section 4.1), and gone again when it is truncated.
///
/// Voters change only through a joint configuration: `outgoing` then holds the old voters, and every
/// election and commit needs a majority of both sets (thesis, section 4.3).
package struct Configuration: Hashable, Sendable {
    /// The voters, the preferred leader first.
    package var voters: [Replica]
    /// The voters before the change while the configuration is joint, else empty.
    package var outgoing: [Replica]
    /// Receive the log, never count.
    package var learners: [Replica]
    /// The registry epoch that the placement was computed from. Never falls along a group's log.
    package var epoch: RingEpoch
    /// The id that the next added replica gets. Ids are never reused.
    package var nextReplicaID: ReplicaID
    /// Rises only by an operator's hand, when a quorum is lost for good.
    package var incarnation: GroupIncarnation

    package init(
        voters: [Replica], outgoing: [Replica] = [], learners: [Replica] = [], epoch: RingEpoch,
        nextReplicaID: ReplicaID, incarnation: GroupIncarnation = .founding
    ) {
        self.voters = voters
        self.outgoing = outgoing
        self.learners = learners
        self.epoch = epoch
        self.nextReplicaID = nextReplicaID
        self.incarnation = incarnation
    }

    /// What a replica knows before its first configuration entry arrived: nobody, so it never campaigns.
    package static let empty = Configuration(voters: [], epoch: .zero, nextReplicaID: ReplicaID(1))

    /// The configuration of a new group whose only voter is `node`, with replica id 1.
    package static func founding(_ node: NodeID, epoch: RingEpoch) -> Configuration {
        Configuration(
            voters: [Replica(id: ReplicaID(1), node: node)], epoch: epoch, nextReplicaID: ReplicaID(2))
    }

    package var isJoint: Bool { !self.outgoing.isEmpty }

    /// Every replica that receives the log, each once: voters, then outgoing ones, then learners.
    package var members: [Replica] {
        self.voters + self.outgoing.filter { !self.voters.contains($0) } + self.learners
    }

    package func isVoter(_ id: ReplicaID) -> Bool {
        self.voters.contains { $0.id == id } || self.outgoing.contains { $0.id == id }
    }
    package func isLearner(_ id: ReplicaID) -> Bool { self.learners.contains { $0.id == id } }
    package func isMember(_ id: ReplicaID) -> Bool { self.isVoter(id) || self.isLearner(id) }
    package func member(_ id: ReplicaID) -> Replica? {
        self.voters.first { $0.id == id } ?? self.outgoing.first { $0.id == id }
            ?? self.learners.first { $0.id == id }
    }
    package func member(on node: NodeID) -> Replica? {
        self.voters.first { $0.node == node } ?? self.outgoing.first { $0.node == node }
            ?? self.learners.first { $0.node == node }
    }

    /// Whether the voters for which `agrees` holds are a majority of every set that counts.
    package func isQuorum(where agrees: (ReplicaID) -> Bool) -> Bool {
        Self.isMajority(of: self.voters, where: agrees)
            && (self.outgoing.isEmpty || Self.isMajority(of: self.outgoing, where: agrees))
    }

    /// The highest index that a majority of every set that counts has reached.
    package func quorumIndex(_ match: (ReplicaID) -> LogIndex) -> LogIndex {
        let incoming = Self.majorityIndex(of: self.voters, match)
        return self.outgoing.isEmpty ? incoming : min(incoming, Self.majorityIndex(of: self.outgoing, match))
    }

    /// Whether the lists make sense: foreign bytes may say anything.
    package var isWellFormed: Bool {
        guard !self.voters.isEmpty else { return false }
        let lists = [self.voters, self.outgoing, self.learners]
        for list in lists {
            for (place, replica) in list.enumerated() {
                guard replica.id < self.nextReplicaID, !list[..<place].contains(where: { $0.id == replica.id })
                else { return false }
            }
        }
        return !self.learners.contains { self.isVoter($0.id) }
    }

    private static func isMajority(of set: [Replica], where agrees: (ReplicaID) -> Bool) -> Bool {
        var count = 0
        for replica in set where agrees(replica.id) { count += 1 }
        return count > set.count / 2
    }

    /// Quadratic in a handful of voters, and without an allocation: this runs at every acknowledgement.
    private static func majorityIndex(of set: [Replica], _ match: (ReplicaID) -> LogIndex) -> LogIndex {
        var best = LogIndex.zero
        for candidate in set {
            let index = match(candidate.id)
            if index > best, Self.isMajority(of: set, where: { match($0) >= index }) { best = index }
        }
        return best
    }
}

extension Configuration: Wire {
    /// More than any cluster has; bounds what foreign bytes can make us hold.
    private static let replicasMax = 4096

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.voters)
        writer.write(self.outgoing)
        writer.write(self.learners)
        writer.write(self.epoch)
        writer.write(self.nextReplicaID)
        writer.write(self.incarnation)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            voters: try reader.readArray(bytesEach: 17, max: Self.replicasMax),
            outgoing: try reader.readArray(bytesEach: 17, max: Self.replicasMax),
            learners: try reader.readArray(bytesEach: 17, max: Self.replicasMax), epoch: try reader.read(),
            nextReplicaID: try reader.read(), incarnation: try reader.read())
    }
}

/// What a leader is asked to change. Each carries the registry epoch that it was planned at.
package enum ConfigurationChange: Hashable, Sendable {
    /// A new replica on `node`, with the group's next replica id.
    case addLearner(NodeID, RingEpoch)
    case removeLearner(ReplicaID, RingEpoch)
    /// The voters from now on, out of the voters and learners of today, the preferred leader first. Old
    /// voters that are not named leave the group when the joint configuration is left.
    case replaceVoters([ReplicaID], RingEpoch)

    package var epoch: RingEpoch {
        switch self {
        case .addLearner(_, let epoch), .removeLearner(_, let epoch), .replaceVoters(_, let epoch): return epoch
        }
    }
}

/// Why a configuration change was not proposed.
package enum ConfigurationRefusal: Hashable, Sendable {
    case notLeader(Replica?)
    /// Nothing of the leader's term is committed yet: ask again in a moment (thesis erratum, D4).
    case termNotStarted
    /// An earlier change is uncommitted or the configuration is joint: ask again in a moment.
    case pending
    case transferring
    /// The plan is older than the last configuration's epoch: compute it anew.
    case staleEpoch(last: RingEpoch)
    case unknownReplica(ReplicaID)
    case alreadyMember(Replica)
    /// The change names no voter, or one twice.
    case malformed
    /// The group is so already.
    case unchanged
}
