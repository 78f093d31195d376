import ClusterModel

// Linearizable reads without a log entry and without a clock: ReadIndex (thesis, section 6.4).
//
// A read is safe at the commit index of its arrival if this replica still led at some moment after the
// arrival. It did when a quorum answers, in this term, a heartbeat that was sent after the arrival, or has
// vouched for that term since (`ReadVoucher`).

/// Reads that wait for that proof. Rounds are numbered and a number is never used for two rounds; the
/// answer to a later heartbeat proves all earlier rounds, so a slow network completes reads too.
struct PendingReads: Sendable {
    struct Round: Sendable {
        let context: UInt64
        let index: LogIndex
        let tokens: [UInt64]
    }

    /// The number in the newest heartbeat.
    var context: UInt64 = 0
    /// Arrived, but no heartbeat has been sent since.
    var arrived: [UInt64] = []
    /// Oldest first.
    var rounds: [Round] = []

    var isEmpty: Bool { self.arrived.isEmpty && self.rounds.isEmpty }

    mutating func failAll(leader: Replica?, _ effects: inout [RaftEffect]) {
        for round in self.rounds {
            for token in round.tokens { effects.append(.readFailed(token: token, leader: leader)) }
        }
        for token in self.arrived { effects.append(.readFailed(token: token, leader: leader)) }
        self = PendingReads()
    }
}

extension RaftReplica {
    mutating func read(_ token: UInt64, _ voucher: ReadVoucher?, _ effects: inout [RaftEffect]) {
        guard self.role == .leader else {
            return effects.append(.readFailed(token: token, leader: self.leader))
        }
        if self.settings.faults.contains(.readWithoutQuorum) {
            return effects.append(.readReady(token: token, self.commitIndex))
        }
        if let voucher, self.mayServeReads, self.isProved(by: voucher) {
            return effects.append(.readReady(token: token, self.commitIndex))
        }
        self.reads.arrived.append(token)
        // While a round is under way the next one waits for it: all reads of that time share one.
        if self.reads.rounds.isEmpty { self.startReadRound(&effects) }
    }

    /// Until an entry of this term is committed, the commit index may be older than what an earlier
    /// leader has acknowledged; reads wait for it.
    private var mayServeReads: Bool {
        self.commitIndex >= self.termStart || self.settings.faults.contains(.readBeforeTermStart)
    }

    mutating func startReadRound(_ effects: inout [RaftEffect]) {
        guard self.beginReadRound() else { return }
        self.broadcastHeartbeat(&effects)
        self.completeReadRounds(&effects)
    }

    private mutating func beginReadRound() -> Bool {
        guard !self.reads.arrived.isEmpty, self.mayServeReads else { return false }
        self.nextReadContext()
        self.reads.rounds.append(
            PendingReads.Round(context: self.reads.context, index: self.commitIndex, tokens: self.reads.arrived))
        self.reads.arrived.removeAll(keepingCapacity: true)
        return true
    }

    /// With the periodic heartbeat: a lost round is proved by a later one.
    mutating func retryReads() {
        guard !self.reads.isEmpty else { return }
        if !self.beginReadRound(), !self.reads.rounds.isEmpty { self.nextReadContext() }
    }

    private mutating func nextReadContext() {
        if self.reads.context > 0, self.settings.faults.contains(.reuseReadContext) { return }
        self.reads.context += 1
    }

    mutating func confirmReads(fromPeerAt place: Int, _ context: UInt64, _ effects: inout [RaftEffect]) {
        guard context > self.peers[place].readContext, context <= self.reads.context else { return }
        self.peers[place].readContext = context
        guard !self.reads.rounds.isEmpty else { return }
        self.completeReadRounds(&effects)
        if self.reads.rounds.isEmpty { self.startReadRound(&effects) }
    }

    private mutating func completeReadRounds(_ effects: inout [RaftEffect]) {
        while let round = self.reads.rounds.first, self.isProved(round.context) {
            self.reads.rounds.removeFirst()
            for token in round.tokens { effects.append(.readReady(token: token, round.index)) }
        }
    }

    private func isProved(by voucher: ReadVoucher) -> Bool {
        guard voucher.incarnation == self.incarnation,
            voucher.term == self.term || self.settings.faults.contains(.vouchersOfAnyTerm)
        else { return false }
        return self.configuration.isQuorum { $0 == self.id || $0 == voucher.replica }
    }

    private func isProved(_ context: UInt64) -> Bool {
        self.configuration.isQuorum { id in
            id == self.id || self.peers.contains { $0.replica.id == id && $0.readContext >= context }
        }
    }
}
