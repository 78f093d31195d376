/// The check of one channel. The log that it judges by is the first full linearizable final log, or any full one;
/// the others are held against it.
struct ChannelCheck {
    /// What became of a key over all its attempts.
    struct KeyRecord {
        var digest: TextDigest
        var firstBegin: Microseconds
        var attempts: UInt32 = 0
        var notApplied: UInt32 = 0
        var denied: UInt32 = 0
        /// `.max`: not acknowledged.
        var ackedAt: UInt64 = .max
        var firstAck: Microseconds = .max
        /// 0: not in the log.
        var position: UInt64 = 0
        var isJudged = false
    }

    let history: ChannelHistory
    let index: Int
    /// By seq - 1.
    var log: [LogEntry.Content?] = []
    /// Messages at seqs up to and including the index.
    var messagesUpTo: [UInt32] = []
    var keys: [MessageKey: Int] = [:]
    var records: [KeyRecord] = []
    /// By seq - 1: when the message there was first sent; `.max` where no attempt is known.
    var sentAt: [Microseconds] = []
    /// By seq - 1: when somebody first knew that it stands there, by an ack, a read or a delivery.
    var knownAt: [Microseconds] = []
    var found: [Violation] = []
    var figures = Figures()
    var remarks: [String] = []

    init(_ history: ChannelHistory, index: Int) {
        self.history = history
        self.index = index
    }

    var head: UInt64 { UInt64(self.log.count) }

    func content(at seq: UInt64) -> LogEntry.Content? {
        seq >= 1 && seq <= self.head ? self.log[Int(seq) - 1] : nil
    }

    mutating func run(into findings: inout Findings) {
        self.foldAppends()
        if self.placeLog() {
            self.checkPresence()
            self.gatherTimes()
            self.checkOrder()
            self.checkReplicas()
            self.checkReads()
            self.checkSessions()
            let memberships = Memberships(log: self.log, changes: self.history.changes)
            self.checkDeliveries(memberships)
            if self.history.isPrivate { self.checkAccess(memberships) }
            self.checkHooks()
            self.checkDerived(memberships)
        } else {
            self.found.append(.noFinalLog)
        }
        for record in self.records { self.count(record) }
        for violation in self.found { findings.add(violation, channel: self.index) }
        findings.remarks += self.remarks
        findings.figures.add(self.figures)
    }

    // MARK: C2, C3, C4, C5

    private mutating func foldAppends() {
        self.keys.reserveCapacity(self.history.appends.count)
        self.records.reserveCapacity(self.history.appends.count)
        for append in self.history.appends {
            let place: Int
            if let known = self.keys[append.key] {
                place = known
            } else {
                place = self.records.count
                self.keys[append.key] = place
                self.records.append(KeyRecord(digest: append.digest, firstBegin: append.begin))
            }
            self.fold(append, into: place)
        }
        self.figures.attempts = self.history.appends.count
    }

    private mutating func fold(_ append: Append, into place: Int) {
        self.records[place].attempts += 1
        self.records[place].firstBegin = min(self.records[place].firstBegin, append.begin)
        switch append.outcome {
        case .acked(let seq, _):
            let before = self.records[place].ackedAt
            if before == .max {
                self.records[place].ackedAt = seq
            } else if before != seq {
                self.found.append(.ackedTwice(append.key, seq: before, again: seq))
            }
            self.records[place].firstAck = min(self.records[place].firstAck, append.end)
        case .refused:
            self.figures.refused += 1
            self.records[place].notApplied += 1
        case .denied:
            self.figures.denied += 1
            self.records[place].denied += 1
            self.records[place].notApplied += 1
        case .unknown: self.figures.unknown += 1
        }
    }

    /// False where there is no full log.
    private mutating func placeLog() -> Bool {
        let full = self.history.finals.filter(\.isFull)
        self.figures.finalLogs = self.history.finals.count
        guard let judge = full.first(where: { $0.consistency == .linearizable }) ?? full.first else { return false }
        self.log.reserveCapacity(judge.entries.count)
        for entry in judge.entries {
            let due = self.head + 1
            if entry.seq == due {
                self.log.append(entry.content)
                continue
            }
            self.found.append(.logGap(source: .replica(judge.node), after: self.head, next: entry.seq))
            // Small holes stay holes, so that the rest is judged at its place; anything else can have none.
            guard entry.seq > due, entry.seq - due < 100_000 else { continue }
            self.log.append(contentsOf: repeatElement(nil, count: Int(entry.seq - due)))
            self.log.append(entry.content)
        }
        self.messagesUpTo.reserveCapacity(self.log.count + 1)
        self.messagesUpTo.append(0)
        var messages: UInt32 = 0
        for content in self.log {
            if case .message = content { messages += 1 }
            self.messagesUpTo.append(messages)
        }
        self.figures.messages = Int(messages)
        return true
    }

    private mutating func checkPresence() {
        for (offset, content) in self.log.enumerated() {
            guard case .message(let key, let digest) = content else { continue }
            let seq = UInt64(offset) + 1
            guard let place = self.keys[key] else {
                self.found.append(.phantom(key, seq: seq))
                continue
            }
            let record = self.records[place]
            if record.position != 0 {
                self.found.append(.keyTwice(key, seq: record.position, again: seq))
                continue
            }
            self.records[place].position = seq
            if record.digest != digest { self.found.append(.otherText(key, seq: seq)) }
            if record.notApplied == record.attempts { self.found.append(.refusedButPresent(key, seq: seq)) }
        }
        // In the order of the attempts, so that a report is the same for the same history.
        for append in self.history.appends {
            if case .acked(let seq, let shown) = append.outcome, shown != append.digest {
                self.found.append(
                    .divergence(
                        source: .ack(client: append.key.client), seq: seq, shown: .message(append.key, shown),
                        inLog: self.content(at: seq)))
            }
            guard let place = self.keys[append.key], !self.records[place].isJudged else { continue }
            self.records[place].isJudged = true
            let record = self.records[place]
            guard record.ackedAt != .max, record.position != record.ackedAt else { continue }
            if record.position == 0 {
                self.found.append(.lost(append.key, ackedAt: record.ackedAt))
            } else {
                self.found.append(.moved(append.key, ackedAt: record.ackedAt, foundAt: record.position))
            }
        }
    }

    private mutating func count(_ record: KeyRecord) {
        if record.attempts > 1 { self.figures.retried += 1 }
        if record.ackedAt != .max {
            self.figures.acked += 1
        } else if record.notApplied < record.attempts {
            self.figures.unresolved += 1
            if record.position != 0 { self.figures.unresolvedPresent += 1 }
        } else if record.denied == 0 {
            self.figures.refusedKeys += 1
        }
    }

    // MARK: C1 over the replicas

    private mutating func checkReplicas() {
        for final in self.history.finals {
            var last: UInt64 = 0
            var missing = 0
            var firstMissing: UInt64 = 0
            func note(_ count: Int, from seq: UInt64) {
                guard count > 0 else { return }
                if missing == 0 { firstMissing = self.firstMessage(from: seq) }
                missing += count
            }
            for entry in final.entries {
                guard entry.seq > last else {
                    self.found.append(.logGap(source: .replica(final.node), after: last, next: entry.seq))
                    continue
                }
                note(self.messages(after: last, before: entry.seq), from: last + 1)
                if self.content(at: entry.seq) != entry.content {
                    self.found.append(
                        .divergence(
                            source: .replica(final.node), seq: entry.seq, shown: entry.content,
                            inLog: self.content(at: entry.seq)))
                }
                last = entry.seq
            }
            note(self.messages(after: last, before: self.head + 1), from: last + 1)
            if missing > 0 {
                self.found.append(.replicaLacks(node: final.node, seq: firstMissing, missing: missing))
            }
        }
    }

    /// How many messages the log has strictly between two seqs.
    func messages(after: UInt64, before: UInt64) -> Int {
        guard before > after + 1 else { return 0 }
        let low = Int(min(after, self.head))
        let high = Int(min(before - 1, self.head))
        return high > low ? Int(self.messagesUpTo[high] - self.messagesUpTo[low]) : 0
    }

    /// The first message's seq from `seq` on; beyond the head where there is none.
    func firstMessage(from seq: UInt64) -> UInt64 {
        var seq = max(seq, 1)
        while seq <= self.head {
            if case .message = self.log[Int(seq) - 1] { return seq }
            seq += 1
        }
        return seq
    }
}

extension Figures {
    mutating func add(_ other: Figures) {
        self.attempts += other.attempts
        self.acked += other.acked
        self.retried += other.retried
        self.unknown += other.unknown
        self.refused += other.refused
        self.refusedKeys += other.refusedKeys
        self.denied += other.denied
        self.unresolved += other.unresolved
        self.unresolvedPresent += other.unresolvedPresent
        self.messages += other.messages
        self.reads += other.reads
        self.failedReads += other.failedReads
        self.deliveries += other.deliveries
        self.resets += other.resets
        self.finalLogs += other.finalLogs
        self.operations += other.operations
        self.operationsRefused += other.operationsRefused
        self.operationsUnknown += other.operationsUnknown
        self.livelyEvents += other.livelyEvents
        self.sidebarRows += other.sidebarRows
        self.livelyMessages += other.livelyMessages
        self.reactionGroups += other.reactionGroups
        self.memberLists += other.memberLists
        self.threadViews += other.threadViews
        self.pins += other.pins
        self.inboxEntries += other.inboxEntries
    }
}
