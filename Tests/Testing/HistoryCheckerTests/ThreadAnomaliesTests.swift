import HistoryChecker
import Testing

// The checker's own test for threads, pins and inboxes: one thing made wrong in a right run must be reported, as what it
// is.

@Suite struct `Injected anomalies of threads and pins` {
    private static var source: LivelySource { InventedLively.sources[3] }

    private func faults(_ run: InventedLively) -> [LivelyFault] {
        run.findings.violations.compactMap { if case .lively(_, let fault) = $0.violation { fault } else { nil } }
    }

    /// A sound run, changed, must show this fault.
    private func expect(
        _ rule: Rule, _ change: (inout InventedLively) throws -> Void, isSuch: (LivelyFault) -> Bool,
        sourceLocation: SourceLocation = #_sourceLocation
    ) rethrows {
        for seed in UInt64(1)...20 {
            var run = InventedLively(seed: seed)
            #expect(self.faults(run).isEmpty, sourceLocation: sourceLocation)
            try change(&run)
            let faults = self.faults(run)
            #expect(
                faults.contains { $0.rule == rule && isSuch($0) }, "seed \(seed): \(faults)",
                sourceLocation: sourceLocation)
        }
    }

    /// What one node shows of a message.
    private func change(_ run: inout InventedLively, message seq: UInt64, _ change: (inout LivelyPages.Message) -> Void)
    {
        for index in run.channel.pages.indices where run.channel.pages[index].source == Self.source {
            for place in run.channel.pages[index].messages.indices
            where run.channel.pages[index].messages[place].seq == seq {
                change(&run.channel.pages[index].messages[place])
            }
        }
    }

    /// What one node shows a client of the thread that everybody answered.
    private func change(_ run: inout InventedLively, viewOf client: UInt32, _ change: (inout LivelyThread.View) -> Void)
    {
        for index in run.channel.threads.indices {
            let thread = run.channel.threads[index]
            guard thread.source == Self.source, thread.root == run.lastRoot, thread.client == client,
                var view = thread.view
            else { continue }
            change(&view)
            run.channel.threads[index].view = view
        }
    }

    private func change(_ run: inout InventedLively, inboxOf client: UInt32, _ change: (inout LivelyInbox) -> Void) {
        for index in run.channel.inboxes.indices
        where run.channel.inboxes[index].source == Self.source && run.channel.inboxes[index].client == client {
            change(&run.channel.inboxes[index])
        }
    }

    // MARK: Roots

    @Test func `a number of replies that is off by one, at the root or in its thread`() {
        for step in [-1, 1] {
            self.expect(.derived) { run in
                self.change(&run, message: run.lastRoot) { $0.summary.replies += step }
            } isSuch: {
                if case .summaryWrong = $0 { true } else { false }
            }
            self.expect(.derived) { run in
                self.change(&run, viewOf: 1) { $0.summary.replies += step }
            } isSuch: {
                if case .summaryWrong = $0 { true } else { false }
            }
        }
    }

    /// The newest reply goes; every node shows that, and one still counts it, or still says that it was the last.
    @Test(arguments: [true, false])
    func `a deleted reply that is counted, or that is still the last one`(isCounted: Bool) throws {
        try self.expect(.derived) { run in
            let root = run.lastRoot
            let before = run.summary(of: root)
            let log = try #require(run.channel.log)
            let reply = try #require(log.last { $0.root == root })
            let left = try #require(log.last { $0.root == root && $0.seq < reply.seq })
            run.channel.log = log.map { event in
                event.seq == reply.seq
                    ? LivelyEvent(seq: event.seq, client: event.client, at: event.at, root: root, .created(nil)) : event
            }
            run.append(reply.client, .deleted(message: reply.seq))
            run.channel.operations.append(
                LivelyOperation(
                    key: MessageKey(client: reply.client, number: 9_000), .delete(message: reply.seq),
                    attempts: [.done(seq: 0)]))
            let after = LivelySummary(replies: before.replies - 1, lastAt: left.at, people: before.people)
            let stale = LivelySummary(
                replies: isCounted ? before.replies : after.replies, lastAt: isCounted ? left.at : before.lastAt,
                people: before.people)
            for index in run.channel.pages.indices {
                let shown = run.channel.pages[index].source == Self.source ? stale : after
                run.channel.pages[index].messages = run.channel.pages[index].messages.map { message in
                    var message = message
                    if message.seq == root { message.summary = shown }
                    return message.seq == reply.seq
                        ? LivelyPages.Message(seq: message.seq, digest: nil, groups: [], root: root) : message
                }
            }
            for index in run.channel.threads.indices where run.channel.threads[index].root == root {
                run.channel.threads[index].view?.summary = after
            }
            let summaries = self.faults(run).filter { if case .summaryWrong = $0 { true } else { false } }
            #expect(summaries.count == 1, "\(summaries)")
        } isSuch: {
            if case .summaryWrong(Self.source, _, _, _) = $0 { true } else { false }
        }
    }

    @Test func `a time of the last reply that one node does not have, and repliers in another order`() {
        self.expect(.derived) { run in
            self.change(&run, message: run.lastRoot) { $0.summary.lastAt = nil }
        } isSuch: {
            if case .summaryWrong = $0 { true } else { false }
        }
        self.expect(.derived) { run in
            self.change(&run, message: run.lastRoot) { $0.summary.people.reverse() }
        } isSuch: {
            if case .summaryWrong = $0 { true } else { false }
        }
        self.expect(.derived) { run in
            self.change(&run, message: run.lastRoot) { $0.summary.people.removeLast() }
        } isSuch: {
            if case .summaryWrong = $0 { true } else { false }
        }
    }

    @Test func `a reply that one node shows as a message of its own, lacks in its thread, or a thread that it lacks`() {
        self.expect(.derived) { run in
            self.change(&run, message: run.lastRoot + 1) { $0.root = nil }
        } isSuch: {
            if case .rootWrong = $0 { true } else { false }
        }
        self.expect(.derived) { run in
            self.change(&run, viewOf: 0) { $0.replies.removeLast() }
        } isSuch: {
            if case .repliesWrong = $0 { true } else { false }
        }
        self.expect(.derived) { run in
            let place = run.channel.threads.firstIndex { $0.source == Self.source && $0.client == 0 } ?? 0
            run.channel.threads[place].view = nil
        } isSuch: {
            if case .threadLacks = $0 { true } else { false }
        }
    }

    // MARK: Following

    @Test func `a follower whom one node forgot, and unread replies that are off by one`() {
        self.expect(.derived) { run in
            self.change(&run, viewOf: 0) {
                $0.follows = false
                $0.unread = 0
            }
        } isSuch: {
            if case .followWrong = $0 { true } else { false }
        }
        for unread in [UInt64(2), 4] {
            self.expect(.derived) { run in
                // The author of the root has read none of the three replies.
                self.change(&run, viewOf: 0) { $0.unread = unread }
            } isSuch: {
                if case .threadUnreadWrong = $0 { true } else { false }
            }
        }
    }

    @Test func `a marker of a thread that went back, with the unread replies that are behind it`() {
        self.expect(.derived) { run in
            self.change(&run, viewOf: 2) {
                $0.readSeq -= 1
            }
        } isSuch: {
            if case .followWrong(_, _, 2, _) = $0 { true } else { false }
        }
    }

    @Test func `a thread that was read, left or followed, as was answered, and is not`() {
        // The author of the root follows it, the wanderer does not.
        let orders: [(client: UInt32, order: (UInt64) -> LivelyOperation.Action)] = [
            (0, { .readThread(root: $0, seq: 9_999) }), (0, { .unfollow(root: $0) }), (3, { .follow(root: $0) }),
        ]
        for (client, order) in orders {
            self.expect(.derived) { run in
                let head = run.row(of: 0).head
                run.channel.operations.append(
                    LivelyOperation(
                        key: MessageKey(client: client, number: 9_000), order(run.lastRoot),
                        attempts: [.done(seq: head)]))
            } isSuch: {
                if case .followWrong(_, _, client, _) = $0 { true } else { false }
            }
        }
    }

    @Test func `an order about a thread that has no answer may have been carried out or not`() {
        for (action, isSeen) in [(false, false), (false, true), (true, false), (true, true)] {
            var run = InventedLively(seed: 5)
            let (root, head) = (run.lastRoot, run.row(of: 0).head)
            run.channel.operations.append(
                LivelyOperation(
                    key: MessageKey(client: 0, number: 9_000),
                    action ? .unfollow(root: root) : .readThread(root: root, seq: head), attempts: [.unknown]))
            if isSeen {
                for index in run.channel.threads.indices
                where run.channel.threads[index].root == root && run.channel.threads[index].client == 0 {
                    if action { run.channel.threads[index].view?.follows = false }
                    if !action { run.channel.threads[index].view?.readSeq = head }
                    run.channel.threads[index].view?.unread = 0
                }
            }
            #expect(self.faults(run).isEmpty, "\(self.faults(run))")
            // What follows from a marker holds even so.
            self.change(&run, viewOf: 0) { $0.unread += 1 }
            #expect(!self.faults(run).isEmpty)
        }
    }

    @Test func `an answer about a thread that fits no course of the log`() {
        self.expect(.derived) { run in
            run.channel.operations.append(
                LivelyOperation(
                    key: MessageKey(client: 0, number: 9_000), .readThread(root: run.lastRoot, seq: 3),
                    attempts: [.done(seq: 9_999)]))
        } isSuch: {
            if case .threadAnswersWrong = $0 { true } else { false }
        }
    }

    // MARK: Pins

    @Test func `a pin that one node lost, at the message or in the list, or has at another time`() {
        self.expect(.derived) { run in
            self.change(&run, message: run.lastRoot) { $0.pinnedAt = nil }
        } isSuch: {
            if case .pinWrong = $0 { true } else { false }
        }
        self.expect(.derived) { run in
            self.change(&run, message: run.lastRoot) { $0.pinnedAt = ($0.pinnedAt ?? 0) + 1 }
        } isSuch: {
            if case .pinWrong = $0 { true } else { false }
        }
        self.expect(.derived) { run in
            run.channel.pins[3].messages.removeLast()
        } isSuch: {
            if case .pinsWrong = $0 { true } else { false }
        }
        self.expect(.derived) { run in
            run.channel.pins[3].messages.swapAt(0, 1)
        } isSuch: {
            if case .pinsWrong = $0 { true } else { false }
        }
    }

    @Test func `a pin that the message's deletion did not take away`() throws {
        try self.expect(.derived) { run in
            let seq = run.lastRoot + 1
            let log = try #require(run.channel.log)
            let event = try #require(log.first { $0.seq == seq })
            run.append(event.client, .deleted(message: seq))
        } isSuch: {
            if case .pinsWrong = $0 { true } else { false }
        }
    }

    @Test func `a pin that was answered as done and is not in the log is lost, one that nobody asked for a phantom`() {
        self.expect(.ackedIsPresent) { run in
            let seq = run.newest(by: 1)
            run.channel.operations.append(
                LivelyOperation(
                    key: MessageKey(client: InventedLively.pinner(of: seq), number: 9_000), .pin(message: seq),
                    attempts: [.done(seq: 0)]))
        } isSuch: {
            if case .lost = $0 { true } else { false }
        }
        self.expect(.presentWasSent) { run in
            run.append(3, .pinned(message: run.newest(by: 1), puts: true))
        } isSuch: {
            if case .phantom = $0 { true } else { false }
        }
        self.expect(.keyOnce) { run in
            let root = run.lastRoot
            run.append(InventedLively.pinner(of: root), .pinned(message: root, puts: true))
        } isSuch: {
            if case .doubled = $0 { true } else { false }
        }
    }

    @Test func `a pin of unknown outcome may be there or not`() {
        for isThere in [true, false] {
            var run = InventedLively(seed: 3)
            let seq = run.newest(by: 1)
            let pinner = InventedLively.pinner(of: seq)
            if isThere { run.append(pinner, .pinned(message: seq, puts: true)) }
            run.channel.operations.append(
                LivelyOperation(
                    key: MessageKey(client: pinner, number: 9_000), .pin(message: seq), attempts: [.unknown]))
            #expect(!self.faults(run).contains { $0.rule != .derived }, "\(self.faults(run))")
        }
    }

    // MARK: Replies

    @Test func `a reply that stands in another thread than it was sent to, and one that answers a reply`() throws {
        try self.expect(.presentWasSent) { run in
            let root = run.lastRoot
            let log = try #require(run.channel.log)
            let first = try #require(
                log.first { if case .created = $0.body { $0.root == nil && $0.seq != root } else { false } })
            run.channel.log = log.map { event in
                event.root == root
                    ? LivelyEvent(seq: event.seq, client: event.client, at: event.at, root: first.seq, event.body)
                    : event
            }
        } isSuch: {
            if case .otherThread = $0 { true } else { false }
        }
        self.expect(.presentWasSent) { run in
            let text = LivelyText("1-9000 well", users: [:])
            run.channel.operations.append(
                LivelyOperation(
                    key: text.key, .reply(root: run.lastRoot + 1, text.digest),
                    attempts: [.done(seq: run.row(of: 1).head + 1)]))
            run.append(1, root: run.lastRoot + 1, .created(text))
        } isSuch: {
            if case .impossible = $0 { true } else { false }
        }
    }

    @Test func `a reply that was answered as done and is not there is lost`() {
        self.expect(.ackedIsPresent) { run in
            run.channel.operations.append(
                LivelyOperation(
                    key: MessageKey(client: 1, number: 9_000), .reply(root: run.lastRoot, TextDigest(of: "gone".utf8)),
                    attempts: [.done(seq: 9_999)]))
        } isSuch: {
            if case .lost = $0 { true } else { false }
        }
    }

    // MARK: Inboxes

    @Test func `an entry of an inbox that is missing, there twice, or has no cause`() throws {
        self.expect(.derived) { run in
            // The last post names client 2.
            self.change(&run, inboxOf: 2) { $0.mentions.removeFirst() }
        } isSuch: {
            if case .inboxLacks(_, 2, _, "mention") = $0 { true } else { false }
        }
        self.expect(.derived) { run in
            self.change(&run, inboxOf: 2) { $0.mentions.append($0.mentions[0]) }
        } isSuch: {
            if case .inboxHasMore(_, 2, _, "mention") = $0 { true } else { false }
        }
        self.expect(.derived) { run in
            // The author of the root follows it.
            self.change(&run, inboxOf: 0) { $0.replies.removeFirst() }
        } isSuch: {
            if case .inboxLacks(_, 0, _, "reply") = $0 { true } else { false }
        }
        self.expect(.derived) { run in
            self.change(&run, inboxOf: 0) { $0.replies.append($0.replies[0]) }
        } isSuch: {
            if case .inboxHasMore(_, 0, _, "reply") = $0 { true } else { false }
        }
        self.expect(.derived) { run in
            // Client 3 has nothing to do with the last thread.
            let reply = run.lastRoot + 1
            self.change(&run, inboxOf: 3) { $0.replies.append(reply) }
        } isSuch: {
            if case .inboxHasMore(_, 3, _, "reply") = $0 { true } else { false }
        }
    }

    @Test func `who was named while it was away is told by the edit that names it again`() {
        var channel = LivelyChannel(id: "chn_square")
        let users: [String: UInt32] = ["1": 1]
        channel.log = [
            LivelyEvent(seq: 1, client: 0, .member(0, joins: true)),
            LivelyEvent(seq: 2, client: 0, .created(LivelyText("0-1 @1", users: users))),
            LivelyEvent(seq: 3, client: 0, .member(1, joins: true)),
            LivelyEvent(seq: 4, client: 0, .edited(message: 2, LivelyText("0-2 @1", users: users))),
            // Named already.
            LivelyEvent(seq: 5, client: 0, .edited(message: 2, LivelyText("0-3 @1 again", users: users))),
        ]
        for count in 0...2 {
            let entries = [UInt64](repeating: 2, count: count)
            channel.inboxes = [LivelyInbox(Self.source, client: 1, mentions: entries, replies: [])]
            let faults = HistoryCheck.check(History(lively: [channel])).violations.filter {
                switch $0.violation {
                case .lively(_, .inboxLacks), .lively(_, .inboxHasMore): true
                default: false
                }
            }
            #expect(faults.isEmpty == (count == 1), "\(count)")
        }
    }

    @Test func `an inbox that is full may have dropped old entries`() {
        var run = InventedLively(seed: 4)
        for index in run.channel.inboxes.indices {
            let inbox = run.channel.inboxes[index]
            run.channel.inboxes[index] = LivelyInbox(
                inbox.source, client: inbox.client, mentions: Array(inbox.mentions.dropLast()), replies: [],
                isWhole: false)
        }
        #expect(self.faults(run).isEmpty)
    }
}
