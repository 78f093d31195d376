/// The check of one lively channel: that what was answered as done stands in the log once, and what was refused does
/// not; and that every node shows what follows from the log.
struct LivelyCheck {
    let channel: LivelyChannel
    var found: [LivelyFault] = []
    var figures = Figures()

    init(_ channel: LivelyChannel) { self.channel = channel }

    mutating func run(into findings: inout Findings) {
        for operation in self.channel.operations {
            self.figures.operations += 1
            if operation.isRefused { self.figures.operationsRefused += 1 }
            if !operation.isDone, operation.unknownAttempts > 0 { self.figures.operationsUnknown += 1 }
        }
        if let log = self.channel.log {
            self.figures.livelyEvents = log.count
            let state = LivelyState(log)
            self.found += state.faults
            self.checkPosts(log)
            self.checkEdits(log)
            self.checkDeletions(log)
            self.checkToggles(log)
            self.checkCounts(state)
            self.checkPages(state)
            self.checkMembers(state)
            self.checkPins(state)
            let courses = ThreadCourses(log, state, self.channel.operations)
            self.checkThreads(courses, state)
            self.checkInboxes(courses, log, state)
        } else {
            self.found.append(.noLog)
        }
        findings.figures.add(self.figures)
        for fault in self.found { findings.add(.lively(channel: self.channel.id, fault), channel: nil) }
    }

    // MARK: Posts

    private mutating func checkPosts(_ log: [LivelyEvent]) {
        var asked: [MessageKey: LivelyOperation] = [:]
        for operation in self.channel.operations {
            if operation.posted != nil { asked[operation.key] = operation }
        }
        var created: [UInt64: LivelyEvent] = [:]
        var seqs: [MessageKey: UInt64] = [:]
        for event in log {
            guard case .created(let text) = event.body else { continue }
            created[event.seq] = event
            guard let text else { continue }
            guard let operation = asked[text.key], let posted = operation.posted, operation.key.client == event.client,
                !operation.isRefused
            else {
                self.found.append(.phantom(seq: event.seq, "the post \(text.key)"))
                continue
            }
            if posted.digest != text.digest { self.found.append(.otherText(seq: event.seq, text.key)) }
            if posted.root != event.root { self.found.append(.otherThread(seq: event.seq, text.key)) }
            if seqs.updateValue(event.seq, forKey: text.key) != nil {
                self.found.append(.doubled(seq: event.seq, "the post \(text.key)"))
            }
        }
        // A deleted message tells no key; what was answered about it does.
        var claimed = Set(seqs.values)
        var open: [UInt32: Int] = [:]
        for operation in self.channel.operations {
            guard let posted = operation.posted, !operation.isRefused else { continue }
            let told = Set(operation.attempts.compactMap { if case .done(let seq) = $0 { seq } else { nil } })
            for seq in told.sorted() {
                let isErased = created[seq].map {
                    $0.client == operation.key.client && $0.root == posted.root && $0.body == .created(nil)
                }
                if seqs[operation.key] == seq || isErased ?? false {
                    claimed.insert(seq)
                } else {
                    self.found.append(.lost(operation.key, operation.action))
                }
            }
            if told.count > 1, let last = told.max() {
                self.found.append(.doubled(seq: last, "the post \(operation.key)"))
            }
            if told.isEmpty, seqs[operation.key] == nil { open[operation.key.client, default: 0] += 1 }
        }
        for event in log where created[event.seq] != nil && !claimed.contains(event.seq) {
            open[event.client, default: 0] -= 1
            if open[event.client] ?? 0 < 0 {
                self.found.append(.phantom(seq: event.seq, "a post of client \(event.client), deleted since"))
            }
        }
    }

    // MARK: Edits

    private struct EditBooks {
        /// Edits that were answered as done, and are nowhere with their text.
        var missing: [LivelyOperation] = []
        /// Events that attempts allow beyond those that show their text.
        var allowed = 0
        /// Edits without a text: the message was deleted since.
        var erased = 0
        var lastErased: UInt64 = 0
    }

    /// An edit has no key in the contract: one that is done stands there once, and once more for each attempt without an
    /// answer, which a node that stood still may carry out behind a later edit. The same text twice in a row is no event.
    private mutating func checkEdits(_ log: [LivelyEvent]) {
        var asked: [MessageKey: LivelyOperation] = [:]
        for operation in self.channel.operations {
            if case .edit = operation.action { asked[operation.key] = operation }
        }
        var seen: [MessageKey: Int] = [:]
        var books: [UInt64: EditBooks] = [:]
        for event in log {
            guard case .edited(let message, let text) = event.body else { continue }
            guard let text else {
                books[message, default: EditBooks()].erased += 1
                books[message]?.lastErased = event.seq
                continue
            }
            guard let operation = asked[text.key], case .edit(message, let digest) = operation.action,
                operation.key.client == event.client, !operation.isRefused
            else {
                self.found.append(.phantom(seq: event.seq, "the edit \(text.key)"))
                continue
            }
            if digest != text.digest { self.found.append(.otherText(seq: event.seq, text.key)) }
            seen[text.key, default: 0] += 1
            if seen[text.key] ?? 0 > Self.effects(operation) {
                self.found.append(.doubled(seq: event.seq, "the edit \(text.key)"))
            }
        }
        for operation in self.channel.operations where !operation.isRefused {
            guard case .edit(let message, _) = operation.action else { continue }
            let count = seen[operation.key] ?? 0
            if operation.isDone, count == 0 { books[message, default: EditBooks()].missing.append(operation) }
            books[message, default: EditBooks()].allowed += max(Self.effects(operation) - count, 0)
        }
        for (message, book) in books.sorted(by: { $0.key < $1.key }) {
            for operation in book.missing.dropFirst(book.erased) {
                self.found.append(.lost(operation.key, operation.action))
            }
            if book.erased > book.allowed {
                self.found.append(.doubled(seq: book.lastErased, "an edit of message \(message)"))
            }
        }
    }

    /// How many events the attempts of an edit can have made.
    private static func effects(_ operation: LivelyOperation) -> Int {
        operation.unknownAttempts + (operation.isDone ? 1 : 0)
    }

    // MARK: Deletions

    private mutating func checkDeletions(_ log: [LivelyEvent]) {
        var asked: [UInt64: Set<UInt32>] = [:]
        for operation in self.channel.operations where !operation.isRefused {
            if case .delete(let message) = operation.action { asked[message, default: []].insert(operation.key.client) }
        }
        var deleted: Set<UInt64> = []
        for event in log {
            guard case .deleted(let message) = event.body else { continue }
            deleted.insert(message)
            if !(asked[message]?.contains(event.client) ?? false) {
                self.found.append(.phantom(seq: event.seq, "the deletion of message \(message)"))
            }
        }
        for operation in self.channel.operations where operation.isDone {
            if case .delete(let message) = operation.action, !deleted.contains(message) {
                self.found.append(.lost(operation.key, operation.action))
            }
        }
    }
}
