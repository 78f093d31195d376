import ClusterModel

// Who takes part, and handing leadership over. Thesis, chapter 4 and section 3.10.
//
// Voters change through a joint configuration only; learners come and go by simple entries. A
// configuration is in force from the moment it stands in the log.

struct Transfer: Sendable {
    let target: ReplicaID
    var elapsed = 0
    var isAsked = false
}

extension RaftReplica {
    mutating func change(_ change: ConfigurationChange, _ effects: inout [RaftEffect]) {
        switch self.plan(change) {
        case .success(let configuration):
            self.appendConfiguration(configuration, &effects)
        case .failure(let failure):
            effects.append(.configurationRefused(failure.refusal))
        }
    }

    private struct Refused: Error {
        let refusal: ConfigurationRefusal
        init(_ refusal: ConfigurationRefusal) { self.refusal = refusal }
    }

    private func plan(_ change: ConfigurationChange) -> Result<Configuration, Refused> {
        let faults = self.settings.faults
        guard self.role == .leader else { return .failure(Refused(.notLeader(self.leader))) }
        guard self.transfer == nil else { return .failure(Refused(.transferring)) }
        guard self.hasStartedTerm || faults.contains(.changeBeforeTermStart) else {
            return .failure(Refused(.termNotStarted))
        }
        guard !self.isConfigurationChangePending || faults.contains(.twoPendingChanges) else {
            return .failure(Refused(.pending))
        }
        var next = self.configuration
        guard change.epoch >= next.epoch || faults.contains(.epochMayFall) else {
            return .failure(Refused(.staleEpoch(last: next.epoch)))
        }
        next.epoch = change.epoch
        switch change {
        case .addLearner(let node, _):
            if let member = next.member(on: node) { return .failure(Refused(.alreadyMember(member))) }
            if faults.contains(.reuseReplicaIDs), let id = next.unusedReplicaID {
                next.learners.append(Replica(id: id, node: node))
                break
            }
            next.learners.append(Replica(id: next.nextReplicaID, node: node))
            next.nextReplicaID = ReplicaID(next.nextReplicaID.rawValue + 1)
        case .removeLearner(let id, _):
            guard next.isLearner(id) else { return .failure(Refused(.unknownReplica(id))) }
            next.learners.removeAll { $0.id == id }
        case .replaceVoters(let ids, _):
            guard !ids.isEmpty, Set(ids).count == ids.count else { return .failure(Refused(.malformed)) }
            var voters: [Replica] = []
            for id in ids {
                guard let replica = next.member(id) else { return .failure(Refused(.unknownReplica(id))) }
                voters.append(replica)
            }
            guard voters != next.voters else { return .failure(Refused(.unchanged)) }
            // An order alone names another preferred leader and moves no quorum.
            let isSameSet = Set(voters) == Set(next.voters)
            let stay = voters.filter { next.voters.contains($0) }
            if faults.contains(.removeBeforeAdd), !stay.isEmpty, stay.count < next.voters.count {
                next.voters = stay
                break
            }
            if !isSameSet, !faults.contains(.swapWithoutJoint) { next.outgoing = next.voters }
            next.voters = voters
            next.learners.removeAll { ids.contains($0.id) }
        }
        return .success(next)
    }

    private mutating func appendConfiguration(_ configuration: Configuration, _ effects: inout [RaftEffect]) {
        let index = self.appendAsLeader(.configuration(configuration))
        self.peers.removeAll { configuration.member($0.replica.id) != $0.replica }
        for replica in configuration.members where replica.id != self.id && self.place(of: replica) == nil {
            self.peers.append(Progress(replica, next: index))
        }
        if let transfer = self.transfer, !configuration.isVoter(transfer.target) { self.transfer = nil }
        self.announceConfiguration(&effects)
        self.advanceCommitAsLeader(&effects)
    }

    /// After an append or a truncation: the configuration in force is another.
    mutating func announceConfiguration(_ effects: inout [RaftEffect]) {
        let index = self.log.configurationIndex
        self.incarnation = max(self.incarnation, self.configuration.incarnation)
        effects.append(
            .configurationChanged(self.configuration, at: index, committed: index > .zero && index <= self.commitIndex))
    }

    /// What a committed configuration asks of the leader, whoever began the change: leave a joint one, or
    /// leave office when the group goes on without it.
    ///
    /// Neither before a quorum of those who stay is known to lack nothing. Without that they could elect nobody if
    /// this leader were gone, however complete the logs of those are who have just left: a single voter that is
    /// damaged has nobody to ask.
    mutating func followConfiguration(_ effects: inout [RaftEffect]) {
        guard self.log.configurationIndex <= self.commitIndex else { return }
        if self.configuration.isJoint {
            var next = self.configuration
            next.outgoing = []
            guard self.isCarried(next) else { return }
            self.appendConfiguration(next, &effects)
        } else if !self.configuration.isVoter(self.id), self.isCarried(self.configuration) {
            self.isRetiring = true
        }
    }

    private func isCarried(_ configuration: Configuration) -> Bool {
        configuration.isQuorum { id in
            id == self.id || self.peers.contains { $0.replica.id == id && $0.isWhole }
        }
    }

    /// Leads no longer, since the group goes on without it: the others have just been told the commit
    /// index, and the best of them need not wait for its silence.
    mutating func retire(_ effects: inout [RaftEffect]) {
        let heir = self.peers.filter { self.configuration.isVoter($0.replica.id) && $0.match == self.lastIndex }
            .min { $0.ticksSinceHeard < $1.ticksSinceHeard }
        if let heir { self.send(.timeoutNow, to: heir.replica, &effects) }
        self.becomeFollower(self.term, leader: nil, &effects)
        self.noticeRemoval(&effects)
    }
}

// Handing leadership over: no proposals until the target has everything, then it campaigns at once.
extension RaftReplica {
    mutating func transferLeadership(to target: ReplicaID, _ effects: inout [RaftEffect]) {
        guard self.role == .leader, target != self.id, self.transfer?.target != target,
            self.configuration.voters.contains(where: { $0.id == target })
        else { return }
        self.transfer = Transfer(target: target)
        self.transferIfLevel(&effects)
    }

    mutating func transferIfLevel(_ effects: inout [RaftEffect]) {
        guard self.role == .leader, let transfer = self.transfer, !transfer.isAsked else { return }
        guard let peer = self.peers.first(where: { $0.replica.id == transfer.target }), peer.match == self.lastIndex
        else {
            return
        }
        self.transfer?.isAsked = true
        self.send(.timeoutNow, to: peer.replica, &effects)
    }

    /// - Returns: whether the transfer has taken longer than an election: this leader serves on.
    mutating func tickTransfer() -> Bool {
        guard self.transfer != nil else { return false }
        self.transfer?.elapsed += 1
        return (self.transfer?.elapsed ?? 0) >= self.settings.electionTicks.lowerBound
    }
}
