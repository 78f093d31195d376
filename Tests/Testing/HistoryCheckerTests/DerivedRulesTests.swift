import HistoryChecker
import Testing

// C5, C10, C11, C12 and what is no violation.

@Suite struct `Further rules` {
    @Test func `a log with a hole is not gapless`() {
        var run = InventedRun(seed: 3)
        run.channel.finals = run.channel.finals.map { final in
            FinalLog(
                node: final.node, consistency: final.consistency, isFull: final.isFull,
                entries: final.entries.filter { $0.seq != 2 })
        }
        #expect(run.findings.count(.gapless) > 0)
    }

    @Test func `a replica that ends early lacks messages`() {
        var run = InventedRun(seed: 3)
        let last = run.channel.finals.removeLast()
        run.channel.finals.append(
            FinalLog(
                node: last.node, consistency: .local, isFull: false, entries: Array(last.entries.dropLast(3))))
        let violations = run.findings.violations.map(\.violation)
        #expect(violations == [.replicaLacks(node: "n3", seq: run.log[run.log.count - 3].seq, missing: 3)])
    }

    @Test func `without a full log nothing is judged, and that is said`() {
        var run = InventedRun(seed: 3)
        run.channel.finals.removeAll(where: \.isFull)
        #expect(run.findings.violations.map(\.violation) == [.noFinalLog])
    }

    @Test func `a seq far beyond the log is a gap and takes no memory`() {
        var run = InventedRun(seed: 3)
        let full = run.channel.finals[0]
        run.channel.finals = [
            FinalLog(
                node: full.node, consistency: full.consistency, isFull: true,
                entries: full.entries + [LogEntry(seq: 1 << 53, .joined(client: 0))])
        ]
        #expect(run.findings.count(.gapless) > 0)
    }

    @Test func `a key without a verdict may be there or not`() {
        for isThere in [true, false] {
            var run = InventedRun(seed: 4)
            let head = UInt64(run.log.count)
            let key = MessageKey(client: 0, number: 9_999)
            let digest = TextDigest(of: "maybe".utf8)
            run.channel.appends.append(
                Append(key: key, digest: digest, begin: 1_000_000, end: 1_000_000, outcome: .unknown))
            run.channel.deliveries.removeAll { $0.event == .ended(last: head) }
            run.channel.sidebars = []
            run.channel.hooks = []
            if isThere {
                run.channel.finals = run.channel.finals.map { final in
                    FinalLog(
                        node: final.node, consistency: final.consistency, isFull: final.isFull,
                        entries: final.entries + [LogEntry(seq: head + 1, .message(key, digest))])
                }
            }
            let findings = run.findings
            #expect(findings.isClean, "\(findings.violations)")
            #expect(findings.figures.unresolved == 1)
            #expect(findings.figures.unresolvedPresent == (isThere ? 1 : 0))
        }
    }

    @Test func `a message that someone was shown counts as known though nobody acknowledged it`() throws {
        // The ack of `early` comes late, but a delivery showed it before `late` was sent: they may not swap.
        let digest = TextDigest(of: "x".utf8)
        let first = MessageKey(client: 0, number: 0)
        let second = MessageKey(client: 1, number: 0)
        var channel = ChannelHistory(id: "chn_1")
        channel.appends = [
            Append(key: first, digest: digest, begin: 0, end: 0, outcome: .unknown),
            Append(key: second, digest: digest, begin: 50, end: 60, outcome: .acked(seq: 1, shown: digest)),
        ]
        let log = [LogEntry(seq: 1, .message(second, digest)), LogEntry(seq: 2, .message(first, digest))]
        channel.finals = [FinalLog(node: "n1", consistency: .linearizable, isFull: true, entries: log)]
        #expect(HistoryCheck.check(History(channels: [channel])).isClean)
        channel.deliveries = [Delivery(client: 5, at: 40, .event(log[1]))]
        #expect(HistoryCheck.check(History(channels: [channel])).count(.realTimeOrder) == 1)
    }

    @Test func `a rejoined client goes on behind its joining without a gap`() {
        // The sound run has exactly that; without the removal in the log it is a gap.
        var run = InventedRun(seed: 5)
        run.channel.finals = run.channel.finals.map { final in
            FinalLog(
                node: final.node, consistency: final.consistency, isFull: final.isFull,
                entries: final.entries.map { entry in
                    switch entry.content {
                    case .left, .joined(client: InventedRun.guest): LogEntry(seq: entry.seq, .joined(client: 0))
                    default: entry
                    }
                })
        }
        #expect(run.findings.count(.delivery) > 0)
    }

    @Test func `a reset excuses a jump, and may not go back`() {
        var run = InventedRun(seed: 6)
        let head = UInt64(run.log.count)
        let dropped = run.channel.deliveries.filter { $0.client == 2 }.suffix(12)
        let at = dropped.first?.at ?? 0
        let sound = run.channel.deliveries.filter { $0.client != 2 }
        let kept = run.channel.deliveries.filter { $0.client == 2 }.dropLast(12)
        run.channel.deliveries = sound + kept + [Delivery(client: 2, at: at, .reset(head: head))]
        #expect(run.findings.isClean, "\(run.findings.violations)")
        run.channel.deliveries.append(Delivery(client: 2, at: at, .reset(head: head - 1)))
        #expect(
            run.findings.violations.map(\.violation) == [.resetBehind(client: 2, had: head, head: head - 1)])
    }

    @Test func `a webhook that misses, reorders or renames a message is reported`() {
        let sound = InventedRun(seed: 7)
        var missing = sound
        missing.channel.hookDeliveries.remove(at: 4)
        #expect(missing.findings.count(.webhooks) == 1)
        var swapped = sound
        swapped.channel.hookDeliveries.swapAt(4, 5)
        #expect(swapped.findings.count(.webhooks) == 1)
        var renamed = sound
        let again = sound.channel.hookDeliveries[4]
        renamed.channel.hookDeliveries.append(again)
        #expect(renamed.findings.isClean, "a repeat under the same id is at-least-once delivery")
        renamed.channel.hookDeliveries.append(
            HookDelivery(
                hook: again.hook, deliveryID: "msg_other", seq: again.seq, key: again.key, hasValidSignature: true))
        #expect(renamed.findings.count(.webhooks) == 1)
        var unsigned = sound
        unsigned.channel.hookDeliveries.append(
            HookDelivery(
                hook: again.hook, deliveryID: again.deliveryID, seq: again.seq, key: again.key,
                hasValidSignature: false))
        #expect(unsigned.findings.count(.webhooks) == 1)
    }

    @Test func `sidebars and member lists must follow from the log`() {
        var run = InventedRun(seed: 8)
        let head = UInt64(run.log.count)
        let right = run.channel.sidebars[0]
        let wrong = right.unread + 1
        run.channel.sidebars = [
            SidebarRow(client: 0, node: "n1", head: head, readSeq: right.readSeq, unread: wrong)
        ]
        run.channel.memberLists = [MemberList(node: "n2", clients: [0, 1, 2, 9])]
        let violations = Set(run.findings.violations.map(\.violation))
        #expect(
            violations == [
                .sidebarWrong(client: 0, node: "n1", head: head, unread: wrong, mentions: 0, due: head),
                .membersWrong(node: "n2", missing: [3], extra: [9]),
            ])
    }

    @Test func `a term has one leader, commits rise, and states agree`() {
        var history = History()
        history.nodeEvents = [
            .leader(group: 1, incarnation: 1, term: 4, node: "n1"),
            .leader(group: 1, incarnation: 1, term: 4, node: "n1"),
            .leader(group: 1, incarnation: 1, term: 5, node: "n2"),
            .leader(group: 1, incarnation: 2, term: 4, node: "n3"),
            .committed(group: 1, incarnation: 1, node: "n1", boot: 1, index: 9),
            .committed(group: 1, incarnation: 1, node: "n1", boot: 2, index: 5),
            .stateHash(group: 1, incarnation: 1, node: "n1", index: 9, hash: 77),
            .stateHash(group: 1, incarnation: 1, node: "n2", index: 9, hash: 77),
        ]
        #expect(HistoryCheck.check(history).isClean)
        history.nodeEvents += [
            .leader(group: 1, incarnation: 1, term: 4, node: "n3"),
            .committed(group: 1, incarnation: 1, node: "n1", boot: 2, index: 4),
            .stateHash(group: 1, incarnation: 1, node: "n3", index: 9, hash: 78),
        ]
        #expect(HistoryCheck.check(history).count(.replicas) == 3)
    }
}
