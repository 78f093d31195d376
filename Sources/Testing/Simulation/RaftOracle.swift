import ClusterModel
import Raft

/// What must hold of a group whatever happens, checked from outside after every event.
///
/// The oracle keeps the one true log: an entry is in it from the moment that any replica hands it out as
/// committed. The numbers are those of Raft, figure 3: election safety, log matching, leader completeness
/// and state machine safety, and two of our own: nothing is promised before it is durable, and reads
/// see all that was acknowledged before they began.
struct RaftOracle {
    private(set) var log: [Entry] = []
    /// The term of the replica that first knew the entry committed.
    private var commitTerms: [Term] = []
    /// The state after each entry: a chain over all entries so far.
    private var states: [UInt64] = [0]
    /// The last committed one.
    private var configuration: Configuration?
    private var leaders: [Term: Replica] = [:]
    private var operations: Set<UInt64> = []
    private(set) var violation: String?

    var committedIndex: LogIndex { LogIndex(UInt64(self.log.count)) }
    func state(at index: LogIndex) -> UInt64 { self.states[Int(index.rawValue)] }

    mutating func fail(_ text: String) {
        if self.violation == nil { self.violation = text }
    }

    static func state(after state: UInt64, _ entry: Entry) -> UInt64 {
        var hash = TraceHash()
        hash.mix(state)
        hash.mix(entry.index.rawValue)
        hash.mix(entry.term.rawValue)
        switch entry.payload {
        case .noop: hash.mix(0)
        case .command(let bytes): hash.mix(bytes)
        case .configuration(let configuration): hash.mix(configuration.voters.count)
        }
        return hash.value
    }

    /// Election safety and leader completeness.
    mutating func elected(_ replica: Replica, _ term: Term, log: SimulatedDisk.Contents) {
        if let other = self.leaders[term], other != replica {
            self.fail("two leaders in term \(term): \(other) and \(replica)")
        }
        self.leaders[term] = replica
        for (place, entry) in self.log.enumerated() where self.commitTerms[place] < term {
            if log.entry(at: entry.index) != entry {
                return self.fail("\(replica) leads term \(term) without the committed entry \(entry.index)")
            }
        }
    }

    /// State machine safety: one entry per index, whoever applies it, and durable on a quorum when the
    /// first one knows. A step may commit by the configuration that it began with, and then by the one
    /// that it appended: leaving a joint configuration does both.
    mutating func committed(
        _ entry: Entry, by replica: Replica, _ term: Term, under configurations: [Configuration],
        isDurable: (Replica) -> Bool
    ) {
        let place = Int(entry.index.rawValue) - 1
        if place < self.log.count {
            if self.log[place] != entry {
                self.fail("\(replica) committed another entry at \(entry.index): \(entry), was \(self.log[place])")
            }
            return
        }
        guard place == self.log.count else {
            return self.fail("\(replica) committed \(entry.index) after \(self.log.count)")
        }
        let isOnQuorum = configurations.contains { configuration in
            configuration.isQuorum { id in configuration.member(id).map(isDurable) ?? false }
        }
        if !isOnQuorum { self.fail("\(replica) committed \(entry.index), which is not durable on a quorum") }
        if let operation = Self.operation(entry), !self.operations.insert(operation).inserted {
            self.fail("operation \(operation) is in the log twice, again at \(entry.index)")
        }
        if case .configuration(let next) = entry.payload { self.changed(to: next, at: entry.index) }
        self.log.append(entry)
        self.commitTerms.append(term)
        self.states.append(Self.state(after: self.states[place], entry))
    }

    /// Raft, section 5.4.2: a leader first knows an entry committed together with one of its own term.
    mutating func advanced(to entry: Entry, by replica: Replica, asLeaderOf term: Term) {
        if entry.index > self.committedIndex, entry.term != term {
            self.fail("\(replica) of term \(term) committed \(entry.index) of term \(entry.term) by counting")
        }
    }

    /// Thesis, section 4.3: voters change through a joint configuration of the old and the new ones.
    private mutating func changed(to next: Configuration, at index: LogIndex) {
        if let last = self.configuration {
            let isStep: Bool
            if last.isJoint {
                isStep = !next.isJoint && next.voters == last.voters
            } else if next.isJoint {
                isStep = next.outgoing == last.voters
            } else {
                isStep = Set(next.voters) == Set(last.voters)
            }
            if !isStep { self.fail("configuration \(index) does not follow from the one before it") }
            if next.epoch < last.epoch { self.fail("configuration \(index) has an older epoch than the one before it") }
            if next.nextReplicaID < last.nextReplicaID { self.fail("configuration \(index) gives replica ids again") }
        }
        self.configuration = next
    }

    /// The number that a client put in front of its payload.
    static func operation(_ entry: Entry) -> UInt64? {
        guard case .command(let bytes) = entry.payload else { return nil }
        var reader = ByteReader(bytes)
        return try? reader.read(UInt64.self)
    }
    func contains(_ operation: UInt64) -> Bool { self.operations.contains(operation) }

    /// Nothing that promises durability leaves before it is durable.
    mutating func sent(_ message: RaftMessage, _ disk: SimulatedDisk) {
        let synced = disk.synced
        switch message.body {
        case .voteReply(let verdict) where verdict != .denied:
            if synced.hardState.term != message.term || synced.hardState.votedFor != message.to.id {
                self.fail("\(message.from) sent a vote for term \(message.term) before it was durable")
            }
        case .vote:
            if synced.hardState.term != message.term || synced.hardState.votedFor != message.from.id {
                self.fail("\(message.from) asked for votes in term \(message.term) before that was durable")
            }
        case .appendAccepted(let match) where match > .zero:
            if synced.hardState.term != message.term || synced.entry(at: match) == nil
                || synced.entry(at: match)?.term != disk.written.entry(at: match)?.term
            {
                self.fail("\(message.from) acknowledged \(match) before it was durable")
            }
        case .preVote, .preVoteReply, .voteReply, .append, .appendAccepted, .appendRejected, .heartbeat,
            .heartbeatReply, .commit, .timeoutNow, .newerTerm, .removed, .repairQuery, .repairTarget:
            break
        }
    }

    /// Linearizable reads.
    mutating func read(_ index: LogIndex, arrivedAt floor: LogIndex, by replica: Replica, commitIndex: LogIndex) {
        if index < floor {
            self.fail("\(replica) served a read at \(index), but \(floor) was committed before the read began")
        }
        if index > commitIndex { self.fail("\(replica) served a read at \(index), which is not committed") }
    }

    /// Log matching: where two logs have the same term at an index, they are the same up to there. What both
    /// have applied is known to be the same.
    mutating func compare(_ left: [Entry], _ right: [Entry], above applied: LogIndex) {
        var place = min(left.count, right.count) - 1
        while place >= 0, left[place].term != right[place].term { place -= 1 }
        while place >= Int(applied.rawValue) {
            guard left[place] == right[place] else {
                return self.fail("logs agree after \(left[place].index) but differ at it")
            }
            place -= 1
        }
    }
}
