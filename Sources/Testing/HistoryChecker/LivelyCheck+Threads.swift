// C12 of lively channels, continued: threads, pins, and whom inboxes tell of what.

extension LivelyCheck {
    // MARK: Messages

    /// What a message shows of its thread, and whether it is pinned.
    mutating func checkPlace(
        of message: LivelyPages.Message, _ state: LivelyState, _ due: LivelyState.Message, _ source: LivelySource
    ) {
        if message.root != due.root {
            self.found.append(.rootWrong(source, seq: message.seq, shown: message.root, due: due.root))
        }
        if message.pinnedAt != due.pin?.at {
            self.found.append(.pinWrong(source, seq: message.seq, shown: message.pinnedAt, due: due.pin?.at))
        }
        let summary = state.summary(of: message.seq)
        if message.summary != summary {
            self.found.append(.summaryWrong(source, root: message.seq, shown: message.summary, due: summary))
        }
    }

    mutating func checkPins(_ state: LivelyState) {
        let due = state.pins
        for list in self.channel.pins {
            self.figures.pins += list.messages.count
            if list.messages != due { self.found.append(.pinsWrong(list.source, shown: list.messages, due: due)) }
        }
    }

    // MARK: Threads

    mutating func checkThreads(_ courses: ThreadCourses, _ state: LivelyState) {
        // The same question for every node.
        var ends: [ThreadCourses.Name: Set<ThreadCourse.Follow?>] = [:]
        for thread in self.channel.threads {
            self.figures.threadViews += 1
            guard let view = thread.view else {
                if state.members[thread.client] != nil {
                    self.found.append(.threadLacks(thread.source, root: thread.root, client: thread.client))
                }
                continue
            }
            let summary = state.summary(of: thread.root)
            if view.summary != summary {
                self.found.append(
                    .summaryWrong(thread.source, root: thread.root, shown: view.summary, due: summary))
            }
            let replies = state.threads[thread.root] ?? []
            if view.replies != replies {
                self.found.append(.repliesWrong(thread.source, root: thread.root, shown: view.replies, due: replies))
            }
            let name = ThreadCourses.Name(root: thread.root, client: thread.client)
            let course = courses.course(name)
            if course.isOpen {
                if view.readSeq > course.head || !course.mayFollow(view.follows) {
                    self.found.append(
                        .followWrong(thread.source, root: thread.root, client: thread.client, shown: view))
                }
            } else {
                if ends[name] == nil {
                    let possible = course.ends()
                    ends[name] = possible
                    if possible.isEmpty {
                        self.found.append(.threadAnswersWrong(root: thread.root, client: thread.client))
                    }
                }
                let possible = ends[name] ?? []
                let isPossible = possible.contains {
                    ($0?.follows ?? false) == view.follows && course.readSeq(of: $0) == view.readSeq
                }
                if !possible.isEmpty, !isPossible {
                    self.found.append(
                        .followWrong(thread.source, root: thread.root, client: thread.client, shown: view))
                }
            }
            let unread =
                view.follows ? state.unread(in: thread.root, by: thread.client, beyond: view.readSeq) : 0
            if view.unread != unread {
                self.found.append(
                    .threadUnreadWrong(
                        thread.source, root: thread.root, client: thread.client, shown: view, due: unread))
            }
        }
    }

    // MARK: Inboxes

    mutating func checkInboxes(_ courses: ThreadCourses, _ log: [LivelyEvent], _ state: LivelyState) {
        let due = InboxDues(log, state, courses, clients: Set(self.channel.inboxes.map(\.client)))
        for inbox in self.channel.inboxes {
            self.figures.inboxEntries += inbox.mentions.count + inbox.replies.count
            self.compare(inbox, inbox.mentions, due.mentions[inbox.client] ?? [:], "mention", due)
            self.compare(inbox, inbox.replies, due.replies[inbox.client] ?? [:], "reply", due)
        }
    }

    private mutating func compare(
        _ inbox: LivelyInbox, _ shown: [UInt64], _ due: [UInt64: ClosedRange<Int>], _ kind: String, _ dues: InboxDues
    ) {
        var counts: [UInt64: Int] = [:]
        for seq in shown { counts[seq, default: 0] += 1 }
        for seq in Set(counts.keys).union(due.keys).sorted() {
            let (count, range) = (counts[seq] ?? 0, due[seq] ?? 0...0)
            // What an erased text said is not known; its author is told of nothing in any case.
            if dues.erased[seq].map({ $0 != inbox.client }) ?? false { continue }
            if count < range.lowerBound, inbox.isWhole {
                self.found.append(.inboxLacks(inbox.source, client: inbox.client, seq: seq, kind))
            } else if count > range.upperBound {
                self.found.append(.inboxHasMore(inbox.source, client: inbox.client, seq: seq, kind))
            }
        }
    }
}

/// The courses of a channel's threads.
struct ThreadCourses {
    struct Name: Hashable {
        let root: UInt64
        let client: UInt32
    }

    private let state: LivelyState
    private let events: [UInt64: LivelyEvent]
    private let orders: [Name: [LivelyOperation]]
    /// By client, ascending: where it joined and left.
    private let comings: [UInt32: [(seq: UInt64, joins: Bool)]]

    init(_ log: [LivelyEvent], _ state: LivelyState, _ operations: [LivelyOperation]) {
        self.state = state
        self.events = Dictionary(log.map { ($0.seq, $0) }) { $1 }
        var orders: [Name: [LivelyOperation]] = [:]
        for operation in operations where !operation.isRefused {
            switch operation.action {
            case .follow(let root), .unfollow(let root), .readThread(let root, _):
                orders[Name(root: root, client: operation.key.client), default: []].append(operation)
            default: break
            }
        }
        self.orders = orders
        var comings: [UInt32: [(seq: UInt64, joins: Bool)]] = [:]
        for event in log {
            if case .member(let client, let joins) = event.body {
                comings[client, default: []].append((event.seq, joins))
            }
        }
        self.comings = comings
    }

    func course(_ name: Name) -> ThreadCourse {
        let comings = self.comings[name.client] ?? []
        var steps: [ThreadCourse.Step] = []
        for (seq, joins) in comings where !joins {
            steps.append(.init(seq: seq, kind: .left, isMember: false))
        }
        for seq in self.state.threads[name.root] ?? [] {
            guard let event = self.events[seq], case .created(let text) = event.body else { continue }
            let isMember = comings.last { $0.seq < seq }?.joins ?? false
            let kind: ThreadCourse.Step.Kind =
                event.client == name.client ? .own : .other(names: text.map { $0.names.contains(name.client) })
            steps.append(.init(seq: seq, kind: kind, isMember: isMember))
        }
        return ThreadCourse(
            isRootAuthor: self.state.messages[name.root]?.author == name.client,
            steps: steps.sorted { $0.seq < $1.seq }, head: self.state.head, orders: self.orders[name] ?? [])
    }
}

/// Whom a text reached when it was written: of those whom it names only who was a member then.
private struct Addressed {
    private let named: Set<UInt32>
    private let isToAll: Bool

    init(_ text: LivelyText, _ members: Set<UInt32>) {
        self.named = members.intersection(text.names)
        self.isToAll = text.namesAll
    }

    func reaches(_ client: UInt32) -> Bool { self.isToAll || self.named.contains(client) }
}

/// Which messages a client must find in its inbox, and how often.
private struct InboxDues {
    private(set) var mentions: [UInt32: [UInt64: ClosedRange<Int>]] = [:]
    private(set) var replies: [UInt32: [UInt64: ClosedRange<Int>]] = [:]
    /// Deleted messages and their authors.
    private(set) var erased: [UInt64: UInt32] = [:]

    init(_ log: [LivelyEvent], _ state: LivelyState, _ courses: ThreadCourses, clients: Set<UInt32>) {
        for (seq, message) in state.messages where message.isDeleted { self.erased[seq] = message.author }
        var members: Set<UInt32> = []
        var addressed: [UInt64: Addressed] = [:]
        for event in log {
            switch event.body {
            case .member(let client, let joins):
                if joins { members.insert(client) } else { members.remove(client) }
            case .created(let text?):
                addressed[event.seq] = Addressed(text, members)
                self.mention(members.filter { text.names($0) }, event.seq, by: event.client)
                guard let root = event.root else { continue }
                for client in clients where members.contains(client) && client != event.client && !text.names(client) {
                    self.tell(client, of: event.seq, by: courses.course(.init(root: root, client: client)))
                }
            case .edited(let message, let text?):
                let before = addressed[message]
                addressed[message] = Addressed(text, members)
                let new = members.filter { text.names($0) && !(before?.reaches($0) ?? false) }
                self.mention(new, message, by: event.client)
            case .created(nil), .edited(_, nil), .deleted, .reacted, .pinned, .other: break
            }
        }
    }

    private mutating func mention(_ clients: Set<UInt32>, _ seq: UInt64, by author: UInt32) {
        for client in clients where client != author {
            let count = (self.mentions[client]?[seq]?.upperBound ?? 0) + 1
            self.mentions[client, default: [:]][seq] = count...count
        }
    }

    private mutating func tell(_ client: UInt32, of seq: UInt64, by course: ThreadCourse) {
        // When orders to follow and to leave came is not known.
        let states = course.orders.isEmpty ? course.byLog()[seq] ?? [] : []
        let follows = Set(states.map { $0?.follows ?? false })
        let low = follows == [true] ? 1 : 0
        let high = follows == [false] ? 0 : 1
        self.replies[client, default: [:]][seq] = low...high
    }
}
