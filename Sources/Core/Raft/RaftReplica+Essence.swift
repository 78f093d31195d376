import ClusterModel

// For exhaustive exploration: two replicas with the same essence answer the same inputs alike, as long as no time
// passes. Timers, the generator of their deadlines, and the absolute numbers of writes are left out.

extension RaftReplica {
    package func hash(essenceInto hasher: inout Hasher) {
        hasher.combine(self.id)
        hasher.combine(self.term)
        hasher.combine(self.votedFor)
        hasher.combine(self.incarnation)
        hasher.combine(self.isDamaged)
        hasher.combine(self.commitIndex)
        hasher.combine(self.role)
        hasher.combine(self.leader)
        for ballot in self.ballots {
            hasher.combine(ballot.voter)
            hasher.combine(ballot.verdict)
        }
        self.log.hash(essenceInto: &hasher)
        self.storage.hash(essenceInto: &hasher)
        hasher.combine(self.termStart)
        for peer in self.peers { peer.hash(essenceInto: &hasher) }
    }
}

extension RaftLog {
    fileprivate func hash(essenceInto hasher: inout Hasher) {
        hasher.combine(self.baseIndex)
        hasher.combine(self.baseTerm)
        hasher.combine(self.lastIndex)
        var index = self.baseIndex.next()
        while index <= self.lastIndex {
            hasher.combine(self.term(at: index))
            index = index.next()
        }
        hasher.combine(self.configuration)
    }
}

extension Progress {
    fileprivate func hash(essenceInto hasher: inout Hasher) {
        hasher.combine(self.replica)
        switch self.state {
        case .probe(let isWaiting): hasher.combine(isWaiting ? 1 : 0)
        case .replicate: hasher.combine(2)
        case .snapshot: hasher.combine(3)
        }
        hasher.combine(self.match)
        hasher.combine(self.next)
        hasher.combine(self.commitSent)
        hasher.combine(self.fetch?.from)
        hasher.combine(self.isWhole)
    }
}

extension StorageMarks {
    fileprivate func hash(essenceInto hasher: inout Hasher) {
        hasher.combine(self.persistedIndex)
        hasher.combine(self.written)
        for (distance, lastIndex) in self.writesUnderWay {
            hasher.combine(distance)
            hasher.combine(lastIndex)
        }
        for (distance, held) in self.heldBack {
            hasher.combine(distance)
            switch held {
            case .message(let message): hasher.combine(message)
            case .ownVote(let term): hasher.combine(term)
            }
        }
    }
}
