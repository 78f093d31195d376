import HistoryChecker
import Testing

// The checker's own test for lively channels: one thing made wrong in a right run must be reported, under its rule.

@Suite struct `Injected anomalies of lively channels` {
    private static var source: LivelySource { InventedLively.sources[3] }

    private func faults(_ run: InventedLively) -> [LivelyFault] {
        run.findings.violations.compactMap { if case .lively(_, let fault) = $0.violation { fault } else { nil } }
    }

    /// A sound run, changed, must break this rule, and no other one.
    private func expect(
        _ rule: Rule, seeds: ClosedRange<UInt64> = 1...20, _ change: (inout InventedLively) throws -> Void,
        sourceLocation: SourceLocation = #_sourceLocation
    ) rethrows {
        for seed in seeds {
            var run = InventedLively(seed: seed)
            try change(&run)
            let rules = Set(self.faults(run).map(\.rule))
            #expect(rules.contains(rule), "seed \(seed): \(self.faults(run))", sourceLocation: sourceLocation)
        }
    }

    private func change(
        _ run: inout InventedLively, countOf client: UInt32, _ change: (LivelyCount.Row) -> LivelyCount.Row
    ) {
        for index in run.channel.counts.indices {
            let count = run.channel.counts[index]
            guard count.source == Self.source, count.client == client, let row = count.row else { continue }
            run.channel.counts[index] = LivelyCount(count.source, client: client, change(row))
        }
    }

    private func change(
        _ run: inout InventedLively, groupsOf seq: UInt64, _ change: (inout [LivelyGroup]) -> Void
    ) {
        for index in run.channel.pages.indices where run.channel.pages[index].source == Self.source {
            for place in run.channel.pages[index].messages.indices
            where run.channel.pages[index].messages[place].seq == seq {
                change(&run.channel.pages[index].messages[place].groups)
            }
        }
    }

    @Test(arguments: UInt64(1)...300)
    func `a sound run has no violation`(seed: UInt64) {
        let run = InventedLively(seed: seed, steps: 40 + Int(seed))
        let findings = run.findings
        #expect(findings.isClean, "\(self.faults(run))")
        #expect(findings.figures.sidebarRows == 24 && findings.figures.memberLists == 6)
        #expect(findings.figures.reactionGroups > 0 && findings.figures.pins >= 12)
        #expect(findings.figures.threadViews >= 24 && findings.figures.inboxEntries > 0)
    }

    // MARK: What nodes show

    @Test func `a reaction that one node lost`() {
        self.expect(.derived) { run in
            let seq = run.newest(by: 1)
            self.change(&run, groupsOf: seq) { groups in
                let first = groups[0]
                groups[0] = LivelyGroup(
                    emoji: first.emoji, count: first.count - 1, clients: Array(first.clients.dropLast()))
            }
        }
    }

    @Test func `a reaction that one node has twice`() {
        self.expect(.derived) { run in
            self.change(&run, groupsOf: run.newest(by: 1)) { groups in
                let first = groups[0]
                groups[0] = LivelyGroup(
                    emoji: first.emoji, count: first.count + 1, clients: first.clients + first.clients.suffix(1))
            }
        }
    }

    @Test func `a count that is not the number of people in the group`() {
        self.expect(.derived) { run in
            self.change(&run, groupsOf: run.newest(by: 1)) { groups in
                groups[0] = LivelyGroup(
                    emoji: groups[0].emoji, count: groups[0].count + 1, clients: groups[0].clients)
            }
        }
    }

    @Test func `groups in another order than they began`() {
        self.expect(.derived) { run in
            self.change(&run, groupsOf: run.newest(by: 1)) { $0.swapAt(0, 1) }
        }
    }

    @Test func `a mention count that is one too high`() {
        self.expect(.derived) { run in
            self.change(&run, countOf: 2) {
                .init(head: $0.head, readSeq: $0.readSeq, unread: $0.unread, mentions: $0.mentions + 1)
            }
        }
    }

    @Test func `an unread count that is one too low`() {
        self.expect(.derived) { run in
            self.change(&run, countOf: 2) {
                .init(head: $0.head, readSeq: $0.readSeq, unread: $0.unread - 1, mentions: $0.mentions)
            }
        }
    }

    @Test func `a mention count that reading did not lower`() {
        self.expect(.derived) { run in
            let head = run.row(of: 2).head
            let key = MessageKey(client: 2, number: 9_000)
            run.channel.operations.append(LivelyOperation(key: key, .read(seq: head), attempts: [.done(seq: 0)]))
            // Every node shows the marker and nothing unread, but one has kept the mentions.
            for index in run.channel.counts.indices where run.channel.counts[index].client == 2 {
                let source = run.channel.counts[index].source
                let mentions = source == Self.source ? run.channel.counts[index].row?.mentions ?? 0 : 0
                run.channel.counts[index] = LivelyCount(
                    source, client: 2, .init(head: head, readSeq: head, unread: 0, mentions: mentions))
            }
        }
    }

    @Test func `a marker that a read did not move`() {
        self.expect(.derived) { run in
            let key = MessageKey(client: 2, number: 9_000)
            let head = run.row(of: 2).head
            run.channel.operations.append(LivelyOperation(key: key, .read(seq: head), attempts: [.done(seq: 0)]))
        }
    }

    @Test func `a mention count that the message's deletion did not lower`() throws {
        try self.expect(.derived) { run in
            let seq = run.newest(by: 1)
            let row = run.row(of: 2)
            let head = row.head + 1
            let log = try #require(run.channel.log)
            run.channel.log =
                log.map { $0.seq == seq ? LivelyEvent(seq: seq, client: 1, .created(nil)) : $0 }
                + [LivelyEvent(seq: head, client: 1, .deleted(message: seq))]
            run.channel.operations.append(
                LivelyOperation(
                    key: MessageKey(client: 1, number: 9_000), .delete(message: seq), attempts: [.done(seq: 0)]))
            for index in run.channel.pages.indices {
                run.channel.pages[index].messages = run.channel.pages[index].messages.map {
                    $0.seq == seq ? LivelyPages.Message(seq: seq, digest: nil, groups: []) : $0
                }
            }
            for index in run.channel.counts.indices {
                let count = run.channel.counts[index]
                guard let row = count.row else { continue }
                let isMentioned = count.client == 2 || (count.client == 0 && row.readSeq < seq)
                let isUnread: UInt64 = row.readSeq < seq && count.client != 1 ? 1 : 0
                // The stale one has forgotten the message and not the mention.
                let isStale = count.source == Self.source && count.client == 2
                run.channel.counts[index] = LivelyCount(
                    count.source, client: count.client,
                    .init(
                        head: head, readSeq: row.readSeq, unread: row.unread - isUnread,
                        mentions: row.mentions - (isMentioned && !isStale ? isUnread : 0)))
            }
            let others = self.faults(run).filter {
                if case .countsWrong(Self.source, 2, _, _, _) = $0 { false } else { true }
            }
            #expect(others.isEmpty, "\(others)")
        }
    }

    @Test func `a text, a message, a member or a sidebar's row that one node lacks`() {
        self.expect(.derived) { run in
            for index in run.channel.pages.indices where run.channel.pages[index].source == Self.source {
                let last = run.channel.pages[index].messages.count - 1
                run.channel.pages[index].messages[last] = .init(
                    seq: run.channel.pages[index].messages[last].seq, digest: TextDigest(of: "else".utf8),
                    groups: run.channel.pages[index].messages[last].groups)
            }
        }
        self.expect(.derived) { run in
            for index in run.channel.pages.indices where run.channel.pages[index].source == Self.source {
                run.channel.pages[index].messages.removeLast()
            }
        }
        self.expect(.derived) { run in
            run.channel.members[3] = LivelyMembers(run.channel.members[3].source, clients: [0, 1, 2])
        }
        self.expect(.derived) { run in
            run.channel.counts[5] = LivelyCount(run.channel.counts[5].source, client: 1, nil)
        }
    }

    // MARK: Operations

    @Test func `a reaction that was answered as done and is not in the log is lost`() {
        self.expect(.ackedIsPresent) { run in
            let seq = run.newest(by: 1)
            let key = MessageKey(client: 1, number: 9_000)
            run.channel.operations.append(
                LivelyOperation(key: key, .react(message: seq, emoji: "tada"), attempts: [.done(seq: 0)]))
        }
    }

    @Test func `a reaction that was refused and stands in the log is a phantom, one of unknown outcome is none`() {
        for attempts in [[LivelyOperation.Outcome.refused], [.unknown]] {
            var run = InventedLively(seed: 7)
            let seq = run.newest(by: 1)
            run.append(1, .reacted(message: seq, emoji: "tada", adds: true))
            run.channel.operations.append(
                LivelyOperation(
                    key: MessageKey(client: 1, number: 9_000), .react(message: seq, emoji: "tada"), attempts: attempts))
            let isPhantom = self.faults(run).contains { if case .phantom = $0 { true } else { false } }
            #expect(isPhantom == (attempts == [.refused]))
        }
    }

    @Test func `a reaction that the log has twice is doubled`() {
        self.expect(.keyOnce) { run in
            let seq = run.newest(by: 1)
            run.append(2, .reacted(message: seq, emoji: "wave", adds: true))
        }
    }

    @Test func `a post, an edit, a deletion or a removal that was answered as done and is not there is lost`() {
        // Newest messages are live: an edit without a text might be the one that is missed.
        let actions: [@Sendable (InventedLively) -> LivelyOperation.Action] = [
            { _ in .post(TextDigest(of: "gone".utf8)) }, { _ in .remove(client: 2) },
            { .edit(message: $0.newest(by: 0), TextDigest(of: "gone".utf8)) },
        ]
        for action in actions {
            self.expect(.ackedIsPresent) { run in
                // An addition without an answer might be carried out after the removal; one that was answered was before.
                run.channel.operations += [.add(client: 2), action(run)].enumerated().map { number, action in
                    LivelyOperation(
                        key: MessageKey(client: 0, number: 9_000 + UInt32(number)), action,
                        attempts: [.done(seq: 9_999)])
                }
            }
        }
        self.expect(.ackedIsPresent) { run in
            run.channel.operations.append(
                LivelyOperation(
                    key: MessageKey(client: 1, number: 9_000), .delete(message: run.newest(by: 1)),
                    attempts: [.done(seq: 0)]))
        }
    }

    @Test func `a post that stands twice under its key is doubled, one that was refused is a phantom`() throws {
        try self.expect(.keyOnce) { run in
            let log = try #require(run.channel.log)
            let event = try #require(log.last { if case .created(_?) = $0.body { true } else { false } })
            run.append(event.client, event.body)
        }
        self.expect(.presentWasSent) { run in
            let text = LivelyText("0-9000 ahoy", users: [:])
            run.channel.operations.append(
                LivelyOperation(key: text.key, .post(text.digest), attempts: [.refused, .refused]))
            run.append(0, .created(text))
        }
    }

    @Test func `an edit that stands twice under its key is doubled, one that nobody asked for is a phantom`() throws {
        try self.expect(.keyOnce) { run in
            let log = try #require(run.channel.log)
            let event = try #require(log.last { if case .edited(_, _?) = $0.body { true } else { false } })
            // As often as its attempts allow, and once more.
            for _ in 0..<3 { run.append(event.client, event.body) }
        }
        self.expect(.presentWasSent) { run in
            let seq = run.newest(by: 1)
            run.append(1, .edited(message: seq, LivelyText("1-9000 boo", users: [:])))
        }
    }

    @Test func `a deletion that nobody asked for is a phantom`() {
        self.expect(.presentWasSent) { run in
            run.append(1, .deleted(message: run.newest(by: 1)))
        }
    }

    @Test func `an attempt without an answer may have its effect long after the next operation`() {
        // Put (no answer), put again (done), taken away (done), and then the first one arrives.
        var run = InventedLively(seed: 9)
        let seq = run.newest(by: 1)
        for puts in [true, false, true] { run.append(1, .reacted(message: seq, emoji: "tada", adds: puts)) }
        run.channel.operations += [
            LivelyOperation(
                key: MessageKey(client: 1, number: 9_000), .react(message: seq, emoji: "tada"),
                attempts: [.unknown, .done(seq: 0)]),
            LivelyOperation(
                key: MessageKey(client: 1, number: 9_001), .unreact(message: seq, emoji: "tada"),
                attempts: [.done(seq: 0)]),
        ]
        let operations = self.faults(run).filter { $0.rule != .derived }
        #expect(operations.isEmpty, "\(operations)")
        // Without the attempt that has no answer, the third event has no cause.
        run.channel.operations[run.channel.operations.count - 2].attempts = [.done(seq: 0)]
        #expect(self.faults(run).contains { if case .phantom = $0 { true } else { false } })
    }

    @Test(arguments: [false, true])
    func `an edit without an answer may come again behind a later one, also when all of it is erased`(isErased: Bool) {
        // A node stood still with the first attempts at both edits; its clients had them carried out elsewhere.
        var run = InventedLively(seed: 9)
        let seq = run.newest(by: 1)
        let texts = (0..<2).map { LivelyText("1-\(9_000 + $0) look", users: [:]) }
        for text in [texts[0], texts[1], texts[0], texts[1]] {
            run.append(1, .edited(message: seq, isErased ? nil : text))
        }
        if isErased { run.append(1, .deleted(message: seq)) }
        run.channel.operations += texts.map {
            LivelyOperation(key: $0.key, .edit(message: seq, $0.digest), attempts: [.unknown, .done(seq: 0)])
        }
        run.channel.operations.append(
            LivelyOperation(
                key: MessageKey(client: 1, number: 9_002), .delete(message: seq),
                attempts: isErased ? [.done(seq: 0)] : [.refused]))
        #expect(!self.faults(run).contains { $0.rule == .keyOnce }, "\(self.faults(run))")
        // With an answer to every attempt nothing explains the third and the fourth.
        let edits = run.channel.operations.count - 3
        run.channel.operations[edits].attempts = [.done(seq: 0)]
        run.channel.operations[edits + 1].attempts = [.done(seq: 0)]
        #expect(self.faults(run).contains { $0.rule == .keyOnce })
    }

    @Test func `a read without an answer may have moved the marker or not`() {
        for isMoved in [true, false] {
            var run = InventedLively(seed: 5)
            let row = run.row(of: 2)
            run.channel.operations.append(
                LivelyOperation(
                    key: MessageKey(client: 2, number: 9_000), .read(seq: row.head), attempts: [.unknown]))
            if isMoved {
                for index in run.channel.counts.indices where run.channel.counts[index].client == 2 {
                    run.channel.counts[index] = LivelyCount(
                        run.channel.counts[index].source, client: 2,
                        .init(head: row.head, readSeq: row.head, unread: 0, mentions: 0))
                }
            }
            #expect(run.findings.isClean, "\(self.faults(run))")
        }
    }

    @Test func `without its log nothing of a lively channel is judged, and that is said`() {
        var run = InventedLively(seed: 5)
        run.channel.log = nil
        #expect(self.faults(run) == [.noLog])
    }

    // MARK: Texts and lines

    @Test func `a text names whom it names in words of their own, and nobody in code`() {
        let users: [String: UInt32] = ["history-a-3": 3, "history-a-31": 31]
        let text = LivelyText("7-12 look @history-a-31 `@history-a-3` @nobody mail@history-a-3", users: users)
        #expect(text.key == MessageKey(client: 7, number: 12))
        #expect(text.names == [31] && !text.namesAll)
        #expect(LivelyText("7-12 @channel", users: users).namesAll)
    }

    @Test func `a run comes back from its lines as it was written`() throws {
        let run = InventedLively(seed: 11)
        var records: [LivelyRecord] = [.channel(4, id: run.channel.id)]
        for operation in run.channel.operations {
            for attempt in operation.attempts {
                records.append(.asked(at: 5, channel: 4, operation.key, operation.action, node: "n1"))
                // What is cut off here has no answer.
                if attempt != .unknown {
                    records.append(.answered(at: 6, channel: 4, operation.key, attempt, why: ""))
                }
            }
        }
        records += (run.channel.log ?? []).map { .logged(channel: 4, $0) } + [.logEnd(channel: 4)]
        for pages in run.channel.pages {
            records += pages.messages.map { .shown(channel: 4, pages.source, $0) }
            records.append(.shownEnd(channel: 4, pages.source))
        }
        records += run.channel.members.map { .members(channel: 4, $0) }
        records += run.channel.pins.map { .pins(channel: 4, $0) }
        records += run.channel.threads.map { .thread(channel: 4, $0) }
        records.append(.thread(channel: 4, LivelyThread(Self.source, root: 5, client: 3, nil)))
        records += run.channel.inboxes.map { .inbox(channel: 4, $0) }
        records += run.channel.counts.map { .count(channel: 4, $0) }
        records.append(.count(channel: 4, LivelyCount(Self.source, client: 3, nil)))
        var bytes: [UInt8] = []
        HistoryRecord.client(0, user: "usr_0").write(to: &bytes)
        for record in records { HistoryRecord.lively(record).write(to: &bytes) }
        var reader = HistoryReader()
        try reader.read(String(decoding: bytes, as: UTF8.self), name: "all")
        let read = try #require(reader.history().lively.first)
        #expect(read.operations == run.channel.operations)
        #expect(read.log == run.channel.log)
        #expect(read.pages == run.channel.pages)
        #expect(read.members == run.channel.members)
        #expect(read.pins == run.channel.pins)
        #expect(read.threads.dropLast() == run.channel.threads[...] && read.threads.last?.view == nil)
        #expect(read.inboxes == run.channel.inboxes)
        #expect(read.counts.dropLast() == run.channel.counts[...])
        #expect(read.counts.last?.row == nil)
    }

    @Test(arguments: [
        #"{"e":"asked","t":1,"c":4,"k":"0-1","what":"post","h":1}"#, #"{"e":"lively","c":4}"#,
        #"{"e":"answered","t":1,"c":4,"k":"0-1","result":"done","s":1}"#,
        #"{"e":"shown","c":4,"n":"n1","how":"local"}"#,
    ])
    func `a line about a lively channel that is wrong is refused`(line: String) {
        var reader = HistoryReader()
        #expect(throws: HistoryFormatError.self) { try reader.read(line + "\n", name: "f") }
    }
}
