import HistoryChecker
import Testing

// The checker's own test: one thing made wrong in a right run must be reported, under its rule. A checker that
// reports nothing is worth nothing.

@Suite struct `Injected anomalies` {
    /// A sound run, changed, must break this rule.
    private func expect(
        _ rule: Rule, seed: UInt64 = 1, _ change: (inout InventedRun) throws -> Void,
        sourceLocation: SourceLocation = #_sourceLocation
    ) rethrows {
        var run = InventedRun(seed: seed)
        try change(&run)
        let findings = run.findings
        #expect(findings.count(rule) > 0, "\(findings.violations)", sourceLocation: sourceLocation)
    }

    /// Changes the entries that every final log shows.
    private static func rewriteLogs(_ run: inout InventedRun, _ change: ([LogEntry]) -> [LogEntry]) {
        run.channel.finals = run.channel.finals.map { final in
            FinalLog(
                node: final.node, consistency: final.consistency, isFull: final.isFull,
                entries: change(final.entries))
        }
    }

    private static func swapped(_ entries: [LogEntry], _ one: UInt64, _ other: UInt64) -> [LogEntry] {
        guard let first = entries.firstIndex(where: { $0.seq == one }),
            let second = entries.firstIndex(where: { $0.seq == other })
        else { return entries }
        var entries = entries
        entries[first] = LogEntry(seq: one, entries[second].content)
        entries[second] = LogEntry(seq: other, entries[first].content)
        return entries
    }

    /// Places of two messages, the second far behind the first.
    private static func twoMessages(_ run: InventedRun) throws -> (UInt64, UInt64) {
        let seqs = run.log.filter(\.isMessage).map(\.seq)
        return (try #require(seqs.dropFirst(5).first), try #require(seqs.dropFirst(40).first))
    }

    @Test(arguments: UInt64(1)...200)
    func `a sound run has no violation`(seed: UInt64) {
        let run = InventedRun(seed: seed, messages: 20 + Int(seed % 60))
        let findings = run.findings
        #expect(findings.isClean, "\(findings.violations)")
        #expect(findings.figures.acked == run.log.count { $0.isMessage })
        #expect(findings.figures.denied == 1)
    }

    @Test func `1: an acknowledged message that no log has is lost`() {
        self.expect(.ackedIsPresent) { run in
            // The last one, so that no hole gives it away.
            let last = run.log.count
            Self.rewriteLogs(&run) { $0.filter { Int($0.seq) < last } }
            run.channel.deliveries.removeAll { $0.event == .ended(last: UInt64(last)) }
        }
    }

    @Test func `2: a key that stands at two places is doubled`() {
        self.expect(.keyOnce) { run in
            let again = LogEntry(seq: UInt64(run.log.count) + 1, run.log[10].content)
            Self.rewriteLogs(&run) { $0 + [again] }
        }
    }

    @Test func `2b: a key that was acknowledged at two places is doubled`() throws {
        try self.expect(.keyOnce) { run in
            let append = try #require(
                run.channel.appends.first { if case .acked = $0.outcome { true } else { false } })
            run.channel.appends.append(
                Append(
                    key: append.key, digest: append.digest, begin: append.begin, end: append.end + 10_000,
                    outcome: .acked(seq: 44, shown: append.digest)))
        }
    }

    @Test func `3: a message that stands elsewhere than it was acknowledged has moved`() throws {
        try self.expect(.ackedIsPresent) { run in
            let (one, other) = try Self.twoMessages(run)
            Self.rewriteLogs(&run) { Self.swapped($0, one, other) }
        }
    }

    @Test func `4: replicas with two messages swapped diverge`() throws {
        try self.expect(.oneContent) { run in
            let (one, other) = try Self.twoMessages(run)
            let last = run.channel.finals.removeLast()
            run.channel.finals.append(
                FinalLog(
                    node: last.node, consistency: last.consistency, isFull: last.isFull,
                    entries: Self.swapped(last.entries, one, other)))
        }
    }

    @Test func `5: a message that nobody sent is a phantom`() {
        self.expect(.presentWasSent) { run in
            let digest = TextDigest(of: "boo".utf8)
            let ghost = LogEntry(seq: UInt64(run.log.count) + 1, .message(.foreign(digest), digest))
            Self.rewriteLogs(&run) { $0 + [ghost] }
        }
    }

    @Test func `5b: a message with another text than was sent is reported`() throws {
        try self.expect(.presentWasSent) { run in
            let (one, _) = try Self.twoMessages(run)
            guard case .message(let key, _) = run.log[Int(one) - 1].content else { return }
            Self.rewriteLogs(&run) { entries in
                entries.map {
                    $0.seq == one ? LogEntry(seq: one, .message(key, TextDigest(of: "else".utf8))) : $0
                }
            }
        }
    }

    @Test func `6: a message that was refused and is there is reported`() {
        self.expect(.presentWasSent) { run in
            let key = run.nextKey(of: 0)
            let digest = TextDigest(of: "refused".utf8)
            run.channel.appends.append(Append(key: key, digest: digest, begin: 5_000, end: 6_000, outcome: .refused))
            let entry = LogEntry(seq: UInt64(run.log.count) + 1, .message(key, digest))
            Self.rewriteLogs(&run) { $0 + [entry] }
        }
    }

    @Test func `7: a message that was sent after another's ack and stands before it is out of order`() throws {
        try self.expect(.realTimeOrder) { run in
            let (early, late) = try Self.twoMessages(run)
            let end = try #require(Self.ackEnd(run, at: late))
            // The earlier place goes to a message that was first sent after the later one's ack.
            let key = try #require(run.log[Int(early) - 1].key)
            run.channel.appends = run.channel.appends.map { append in
                guard append.key == key else { return append }
                return Append(
                    key: key, digest: append.digest, begin: end + 5, end: end + 50, outcome: append.outcome)
            }
        }
    }

    @Test func `8: a linearizable read that misses an acknowledged message is stale`() throws {
        try self.expect(.reads) { run in
            let (early, late) = try Self.twoMessages(run)
            let end = try #require(Self.ackEnd(run, at: late))
            let page = run.log.filter { $0.isMessage && $0.seq <= early }
            run.channel.reads.append(
                Read(
                    client: 2, node: "n3", begin: end + 1, end: end + 9, consistency: .linearizable,
                    outcome: .entries(page, reachesHead: true)))
        }
    }

    @Test func `9: a session that reads less at its next node is reported`() throws {
        try self.expect(.reads) { run in
            let (early, late) = try Self.twoMessages(run)
            let end = run.channel.reads.map(\.end).max() ?? 0
            for (node, seq, time) in [("n1", late, end + 10), ("n2", early, end + 30)] {
                let page = run.log.filter { $0.isMessage && $0.seq <= seq }
                run.channel.reads.append(
                    Read(
                        client: 77, node: node, begin: time, end: time + 5, consistency: .session,
                        outcome: .entries(page, reachesHead: true)))
            }
        }
    }

    @Test func `9b: a session that does not read its own write is reported`() throws {
        try self.expect(.reads) { run in
            let (early, _) = try Self.twoMessages(run)
            let end = run.channel.appends.map(\.end).max() ?? 0
            run.channel.reads.append(
                Read(
                    client: 1, node: "n2", begin: end + 1, end: end + 5, consistency: .session,
                    outcome: .entries(run.log.filter { $0.isMessage && $0.seq <= early }, reachesHead: true)))
        }
    }

    @Test func `10: a delivery that is left out is a gap`() throws {
        try self.expect(.delivery) { run in
            let (one, _) = try Self.twoMessages(run)
            run.channel.deliveries.removeAll { $0.client == 2 && $0.event == .event(run.log[Int(one) - 1]) }
        }
    }

    @Test func `11: a delivery that comes twice is reported`() throws {
        try self.expect(.delivery) { run in
            let (one, _) = try Self.twoMessages(run)
            let index = try #require(
                run.channel.deliveries.firstIndex { $0.client == 2 && $0.event == .event(run.log[Int(one) - 1]) })
            run.channel.deliveries.insert(run.channel.deliveries[index], at: index + 1)
        }
    }

    @Test func `11b: a delivery of something that was never committed diverges`() throws {
        try self.expect(.oneContent) { run in
            let (one, other) = try Self.twoMessages(run)
            let index = try #require(
                run.channel.deliveries.firstIndex { $0.client == 2 && $0.event == .event(run.log[Int(one) - 1]) })
            run.channel.deliveries[index] = Delivery(
                client: 2, at: run.channel.deliveries[index].at,
                .event(LogEntry(seq: one, run.log[Int(other) - 1].content)))
        }
    }

    @Test func `11c: a client that stays connected and misses the last events is reported`() {
        self.expect(.delivery) { run in
            let head = UInt64(run.log.count)
            run.channel.deliveries.removeAll { $0.client == 1 && $0.event == .ended(last: head) }
            run.channel.deliveries.append(Delivery(client: 1, at: 1_000_000, .ended(last: head - 1)))
        }
    }

    // MARK: 12, after a removal

    /// The first message behind the guest's removal, and the time of the removal's ack.
    private static func removed(_ run: InventedRun) throws -> (LogEntry, Microseconds) {
        let left = try #require(run.log.firstIndex { $0.content == .left(client: InventedRun.guest) })
        let end = try #require(run.channel.changes.first { !$0.adds }?.end)
        return (try #require(run.log[left...].first { $0.isMessage }), end)
    }

    @Test func `12: what is delivered to the removed is a disclosure`() throws {
        try self.expect(.authorisation) { run in
            let (entry, _) = try Self.removed(run)
            let index = try #require(
                run.channel.deliveries.firstIndex { $0.client == 0 && $0.event == .event(entry) })
            let at = run.channel.deliveries[index].at
            run.channel.deliveries.insert(
                Delivery(client: InventedRun.guest, at: at, .event(entry)), at: index + 1)
        }
    }

    @Test func `12b: a read by the removed is a disclosure`() throws {
        try self.expect(.authorisation) { run in
            let (_, acked) = try Self.removed(run)
            run.channel.reads.append(
                Read(
                    client: InventedRun.guest, node: "n3", begin: acked + 1, end: acked + 3,
                    consistency: .linearizable, outcome: .entries([], reachesHead: true)))
        }
    }

    @Test func `12b: a local read by the removed shows nothing behind the removal, and may show what was before`()
        throws
    {
        func reading(_ entry: LogEntry, _ run: inout InventedRun, after acked: Microseconds) {
            run.channel.reads.append(
                Read(
                    client: InventedRun.guest, node: "n3", begin: acked + 1, end: acked + 3, consistency: .local,
                    outcome: .entries([entry], reachesHead: false)))
        }
        try self.expect(.authorisation) { run in
            let (entry, acked) = try Self.removed(run)
            reading(entry, &run, after: acked)
        }
        var run = InventedRun(seed: 7)
        let (behind, acked) = try Self.removed(run)
        let before = try #require(run.log[..<Int(behind.seq - 1)].last { $0.isMessage })
        reading(before, &run, after: acked)
        #expect(run.findings.count(.authorisation) == 0)
    }

    @Test func `12c: a message by the removed is reported`() throws {
        try self.expect(.authorisation) { run in
            let (entry, _) = try Self.removed(run)
            let digest = TextDigest(of: "still here".utf8)
            let key = run.nextKey(of: InventedRun.guest)
            Self.rewriteLogs(&run) { entries in
                entries.map { $0.seq == entry.seq ? LogEntry(seq: entry.seq, .message(key, digest)) : $0 }
            }
        }
    }

    private static func takeGuestsPost(_ run: inout InventedRun, after acked: Microseconds) {
        let digest = TextDigest(of: "still here".utf8)
        run.channel.appends.append(
            Append(
                key: run.nextKey(of: InventedRun.guest), digest: digest, begin: acked + 1, end: acked + 3,
                outcome: .acked(seq: 9, shown: digest)))
    }

    @Test func `12d: a post that is taken after the removal is reported`() throws {
        try self.expect(.authorisation) { run in
            let (_, acked) = try Self.removed(run)
            Self.takeGuestsPost(&run, after: acked)
        }
    }

    @Test func `12d: an addition without an answer may be carried out behind a later removal`() throws {
        for (outcome, count) in [(MembershipChange.Outcome.unknown, 0), (.done, 1), (.refused, 1)] {
            var run = InventedRun(seed: 7)
            let (_, acked) = try Self.removed(run)
            Self.takeGuestsPost(&run, after: acked)
            let begin = try #require(run.channel.changes.first { !$0.adds }?.begin) - 2
            run.channel.changes.append(
                MembershipChange(
                    subject: InventedRun.guest, adds: true, begin: begin, end: begin + 1, outcome: outcome))
            #expect(run.findings.count(.authorisation) == count, "\(outcome)")
        }
    }

    private static func ackEnd(_ run: InventedRun, at seq: UInt64) -> Microseconds? {
        run.channel.appends.first { append in
            if case .acked(seq: let acked, _) = append.outcome { acked == seq } else { false }
        }?.end
    }
}
