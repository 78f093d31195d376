import ClusterModel
import Raft

/// What must hold of a group whatever happens, checked from outside after every event.
///
/// The oracle keeps the one true log: an entry is in it from the moment that any replica hands it out as
/// committed. The numbers are those of Raft, figure 3: election safety, log matching, leader completeness
/// and state machine safety, and two of our own: nothing is promised before it is durable, and reads
/// see all that was acknowledged before they began.
///
/// There is one for each incarnation of the group.
struct RaftOracle {
    private(set) var log: [Entry] = []
    /// The term of the replica that first knew the entry committed.
    private var commitTerms: [Term] = []
    /// The state after each entry: a chain over all entries so far.
    private var states: [UInt64] = [0]
    /// The last committed one.
    private(set) var configuration: Configuration?
    private var leaders: [Term: Replica] = [:]
    private var votes: [Ballot: ReplicaID] = [:]
    private var operations: Set<UInt64> = []
    /// Where each replica id was seen, so that none is given twice.
    private var homes: [ReplicaID: NodeID] = [:]
    private var departed: Set<ReplicaID> = []
    private(set) var violation: String?

    private struct Ballot: Hashable {
        let voter: ReplicaID
        let term: Term
    }

    init() {}

    /// Of an incarnation that begins with everything in a survivor's log.
    init(following older: RaftOracle, survivor: SimulatedDisk.Contents) {
        for entry in older.log.prefix(Int(survivor.baseIndex.rawValue)) + survivor.entries {
            self.append(entry, committedIn: .zero)
        }
    }

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
        case .command(let bytes): hash.mix(Self.number(in: bytes))
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
        for place in max(0, Int(log.baseIndex.rawValue) - 1)..<max(Int(log.baseIndex.rawValue), self.log.count)
        where place < self.log.count && self.commitTerms[place] < term {
            let entry = self.log[place]
            let isThere =
                entry.index == log.baseIndex ? log.base?.term == entry.term : log.entry(at: entry.index) == entry
            if !isThere {
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
        self.append(entry, committedIn: term)
    }

    private mutating func append(_ entry: Entry, committedIn term: Term) {
        if let operation = Self.operation(entry), !self.operations.insert(operation).inserted {
            self.fail("operation \(operation) is in the log twice, again at \(entry.index)")
        }
        if case .configuration(let next) = entry.payload { self.changed(to: next, at: entry.index) }
        self.log.append(entry)
        self.commitTerms.append(term)
        self.states.append(Self.state(after: self.states[self.states.count - 1], entry))
    }

    /// A replica takes a received state for its own.
    mutating func installed(_ state: SimulatedState, by replica: Replica) {
        guard let point = state.point, point.index <= self.committedIndex else {
            return self.fail("\(replica) installed a state at \(state.index) of \(self.committedIndex)")
        }
        if self.log[Int(point.index.rawValue) - 1].term != point.term || self.state(at: point.index) != state.hash {
            self.fail("\(replica) installed another state at \(point.index)/\(point.term)")
        }
    }

    /// Raft, section 5.4.2: a leader first knows an entry committed together with one of its own term.
    mutating func advanced(to entry: Entry, by replica: Replica, asLeaderOf term: Term) {
        if entry.index > self.committedIndex, entry.term != term {
            self.fail("\(replica) of term \(term) committed \(entry.index) of term \(entry.term) by counting")
        }
    }

    /// Thesis, section 4.3: voters change through a joint configuration of the old and the new ones. Only an
    /// operator breaks with that, and a new incarnation begins.
    private mutating func changed(to next: Configuration, at index: LogIndex) {
        if let last = self.configuration, last.incarnation == next.incarnation {
            let isStep: Bool
            if last.isJoint {
                isStep = !next.isJoint && next.voters == last.voters
            } else if next.isJoint {
                isStep = next.outgoing == last.voters
            } else {
                isStep = Set(next.voters) == Set(last.voters)
            }
            if !isStep { self.fail("configuration \(index) does not follow from the one before it") }
        }
        if let last = self.configuration {
            if next.incarnation < last.incarnation { self.fail("configuration \(index) is of an older incarnation") }
            if next.epoch < last.epoch { self.fail("configuration \(index) has an older epoch than the one before it") }
            if next.nextReplicaID < last.nextReplicaID { self.fail("configuration \(index) gives replica ids again") }
            for member in last.members where !next.isMember(member.id) { self.departed.insert(member.id) }
        }
        for member in next.members {
            if self.departed.contains(member.id) || self.homes[member.id] ?? member.node != member.node {
                self.fail("configuration \(index) gives replica id \(member.id) again")
            }
            self.homes[member.id] = member.node
        }
        self.configuration = next
    }

    /// The number that a client put in front of its payload.
    static func operation(_ entry: Entry) -> UInt64? {
        guard case .command(let bytes) = entry.payload, bytes.count >= 8 else { return nil }
        return Self.number(in: bytes)
    }
    private static func number(in bytes: [UInt8]) -> UInt64 {
        bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    func contains(_ operation: UInt64) -> Bool { self.operations.contains(operation) }

    /// Nothing that promises durability leaves before it is durable.
    mutating func sent(_ message: RaftMessage, _ disk: SimulatedDisk) {
        switch message.body {
        case .voteReply(let verdict) where verdict != .denied:
            let synced = disk.synced.hardState
            if synced.term != message.term || synced.votedFor != message.to.id {
                self.fail("\(message.from) sent a vote for term \(message.term) before it was durable")
            }
            self.voted(message.from.id, message.term, for: message.to.id)
        case .vote:
            let synced = disk.synced.hardState
            if synced.term != message.term || synced.votedFor != message.from.id {
                self.fail("\(message.from) asked for votes in term \(message.term) before that was durable")
            }
            self.voted(message.from.id, message.term, for: message.from.id)
        case .appendAccepted(let match) where match > .zero:
            let isThere =
                match <= disk.synced.baseIndex
                || disk.synced.entry(at: match).map { disk.written.covers(match, $0.term) } ?? false
            if disk.synced.hardState.term != message.term || !isThere {
                self.fail("\(message.from) acknowledged \(match) before it was durable")
            }
        case .preVote, .preVoteReply, .voteReply, .append, .appendAccepted, .appendRejected, .heartbeat,
            .heartbeatReply, .commit, .timeoutNow, .newerTerm, .removed, .repairQuery, .repairTarget:
            break
        }
    }

    /// Raft, section 5.2: one vote a term, whatever happens to the process in between.
    private mutating func voted(_ voter: ReplicaID, _ term: Term, for candidate: ReplicaID) {
        let ballot = Ballot(voter: voter, term: term)
        if let other = self.votes[ballot], other != candidate {
            self.fail("\(voter) voted for \(other) and for \(candidate) in term \(term)")
        }
        self.votes[ballot] = candidate
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
    mutating func compare(_ left: SimulatedDisk.Contents, _ right: SimulatedDisk.Contents, above applied: LogIndex) {
        let floor = max(applied, left.baseIndex, right.baseIndex)
        var index = min(left.lastIndex, right.lastIndex)
        while index > floor, left.entry(at: index)?.term != right.entry(at: index)?.term { index = index.previous() }
        while index > floor {
            guard left.entry(at: index) == right.entry(at: index) else {
                return self.fail("logs agree after \(index) but differ at it")
            }
            index = index.previous()
        }
    }
}
