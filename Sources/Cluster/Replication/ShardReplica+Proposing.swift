// Data's way, steps 5–6: what one turn has gathered becomes entries, and finds its askers again when they are applied.

import ChatModel
import ClusterModel
import Raft

extension ShardReplica {
    func propose(_ proposed: consuming ProposedCommand, _ complete: @escaping (ProposeOutcome) -> Void) {
        guard self.isLeader else { return complete(.notLeader(self.leaderNode)) }
        let host = self.host
        if let refusal = host.refusalOfDisk(for: self) { return complete(refusal) }
        // Only a well-formed command is sure to decode from the log again, on every replica.
        guard proposed.isWellFormed else { return complete(.applied(.refused(.invalid))) }
        guard self.proposalsWaiting < self.pendingProposalsMax, !host.isProjectionBehind else {
            return complete(.overloaded)
        }
        self.proposalsWaiting += 1
        self.queuedProposals.append(QueuedProposal(proposed, complete: complete))
        host.markDirty(self)
    }

    /// Hands the core what was queued in this turn, posts that follow each other as one entry.
    func proposeQueued() {
        let queued = self.queuedProposals
        self.queuedProposals.removeAll(keepingCapacity: true)
        let host = self.host
        var proposals: [Proposal] = []
        var place = 0
        while place < queued.count {
            let entry = self.entry(of: queued, from: place)
            let token = host.nextToken()
            for proposal in queued[place..<entry.end] { proposal.entered() }
            self.proposalsAtCore.append((token, Array(queued[place..<entry.end])))
            proposals.append(Proposal(token: token, payload: entry.bytes))
            place = entry.end
        }
        self.step(.propose(proposals))
    }

    /// The bytes of one entry, and where the proposals end that it holds.
    private func entry(of queued: [QueuedProposal], from first: Int) -> (bytes: [UInt8], end: Int) {
        var capacity = 0
        var end = first
        while end < queued.count, capacity < self.batchBytesMax, let bytes = queued[end].postBytes {
            capacity += bytes
            end += 1
        }
        guard end - first > 1 else {
            guard let alone = queued[first].proposed else { preconditionFailure("a proposal enters the log twice") }
            var writer = ByteWriter(reservingCapacity: max(capacity, 128))
            alone.encode(into: &writer)
            return (writer.bytes, first + 1)
        }
        var batch = LoggedBatch(reservingCapacity: capacity)
        for place in first..<end {
            guard let proposed = queued[place].proposed, batch.append(proposed, bytesMax: self.batchBytesMax) else {
                return (batch.bytes, place)
            }
        }
        return (batch.bytes, end)
    }

    func accepted(_ token: UInt64, _ index: LogIndex, _ term: Term) {
        // What an earlier leadership of this replica had put at or above this index is gone here. Others may have it.
        while let last = self.acceptedProposals.last, last.index >= index {
            self.acceptedProposals.removeLast()
            self.complete(last.proposals, .lost)
        }
        guard let proposals = self.takeProposals(token) else { return }
        self.acceptedProposals.append(AcceptedProposals(index: index, term: term, proposals: proposals))
    }

    private func takeProposals(_ token: UInt64) -> [QueuedProposal]? {
        // Nearly always the first: the core answers in their order.
        if self.proposalsAtCore.first?.token == token { return self.proposalsAtCore.removeFirst().proposals }
        guard let place = self.proposalsAtCore.firstIndex(where: { $0.token == token }) else { return nil }
        return self.proposalsAtCore.remove(at: place).proposals
    }

    func refused(_ token: UInt64, _ refusal: ProposalRefusal) {
        guard let proposals = self.takeProposals(token) else { return }
        switch refusal {
        case .notLeader(let leader): self.complete(proposals, .notLeader(leader?.node))
        case .transferring: self.complete(proposals, .notLeader(nil))
        case .overloaded: self.complete(proposals, .overloaded)
        case .tooLarge: self.complete(proposals, .tooLarge)
        }
    }

    /// The proposals that this replica made at `entry`'s place, if the entry is its own; those that another leader's
    /// entry has displaced are answered here.
    func takeProposals(for entry: Entry) -> [QueuedProposal]? {
        guard let first = self.acceptedProposals.first, first.index <= entry.index else { return nil }
        self.acceptedProposals.removeFirst()
        guard first.index == entry.index, first.term == entry.term else {
            self.complete(first.proposals, .notLeader(self.leaderNode))
            return nil
        }
        self.proposalsWaiting -= first.proposals.count
        return first.proposals
    }

    /// For all that are not applied.
    func complete(_ proposals: [QueuedProposal], _ outcome: ProposeOutcome) {
        self.proposalsWaiting -= proposals.count
        for proposal in proposals { proposal.complete(outcome) }
    }
}

extension ShardReplica.QueuedProposal {
    /// Of a post, about as many bytes as it takes in a `LoggedBatch`: only posts come so thick that several arrive in a
    /// turn, and an entry of the directory gives its index to what it changes.
    fileprivate var postBytes: Int? {
        switch self.proposed {
        case .post(let post, _): return 16 + post.byteCount
        case nil: return nil
        case .command(let logged):
            guard case .postMessage(_, let content, _, _) = logged.command else { return nil }
            return 160 + content.text.utf8.count
        }
    }
}
