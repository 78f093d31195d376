// Reads: ReadIndex at the leader, then the machine's memory, then, for history, the projection.

import ChatMachine
import ChatModel
import ClusterModel
import Projections

extension ShardReplica {
    /// The core has proved that this replica led when the read arrived: serve it once `index` is applied.
    func readReady(_ token: UInt64, _ index: LogIndex) {
        if let asker = self.membershipQuestions.removeValue(forKey: token) {
            return self.host.answerMembership(self, asker)
        }
        guard let read = self.readsByToken.removeValue(forKey: token) else { return }
        if index <= self.appliedIndex {
            self.serve(read)
        } else {
            self.readsAwaitingApply.append((index, read))
        }
    }

    func serveReadsAwaitingApply() {
        guard !self.readsAwaitingApply.isEmpty else { return }
        let waiting = self.readsAwaitingApply
        self.readsAwaitingApply.removeAll(keepingCapacity: true)
        for item in waiting {
            if item.index <= self.appliedIndex { self.serve(item.read) } else { self.readsAwaitingApply.append(item) }
        }
    }

    /// Answers from what this replica has applied, without asking anybody.
    func readLocally(_ query: Query, search: SearchErrand? = nil, _ complete: ReadCompletion) {
        self.serve(PendingRead(query: query, search: search, complete: complete), mayBePast: true)
    }

    private func serve(_ read: PendingRead, mayBePast: Bool = false) {
        // Whoever asked may have gone while the quorum was.
        if let search = read.search, !search.ticket.isWanted { return read.complete(.unavailable) }
        switch self.machine.answer(read.query) {
        case .answer(let answer):
            read.complete(.answer(answer))
        case .needsHistory(.search(let search)):
            self.serve(search, read)
        case .needsHistory(let request):
            let answer = { [self] in
                let projection = self.projection
                self.host.readProjection({ .answer(try projection.answer(request)) }, read.complete)
            }
            // Rows that find no room may wait for long. Messages that have theirs are shown to who asks for no more.
            if mayBePast, self.host.diskState == .full, request.isOfMessages { return answer() }
            self.whenProjected(self.appliedIndex, orElse: { read.complete(.notLeader(nil)) }, answer)
        }
    }

    /// On threads of its own: pages of history never wait for a search to end.
    private func serve(_ search: ShardSearch, _ read: PendingRead) {
        var search = search
        search.step = read.search?.step ?? .everything
        let request = search
        self.whenProjected(self.appliedIndex, orElse: { read.complete(.notLeader(nil)) }) { [self] in
            let projection = self.projection
            self.host.search(
                read.search?.ticket,
                {
                    guard request.step == .positions else { return .answer(try projection.answer(.search(request))) }
                    let found = try projection.positions(of: request)
                    return .positions(found.positions, isComplete: found.isComplete)
                }, read.complete)
        }
    }
}

extension HistoryRequest {
    /// Whether the newest may be missing in the answer without harm. Of events each must come, and none may be skipped.
    fileprivate var isOfMessages: Bool {
        switch self {
        case .messages, .message: true
        case .events, .views, .thread, .edits, .items, .search: false
        }
    }
}
