/// What follows from a lively channel's log: a plain replay, which shares nothing with the server but what the contract
/// says of events.
struct LivelyState {
    struct Message {
        let author: UInt32
        /// Nil for a tombstone.
        var text: LivelyText?
        var isDeleted = false
        /// The root that it answers.
        var root: UInt64?
        /// Milliseconds since 1970.
        var at: UInt64 = 0
        /// The event that pinned it.
        var pin: (seq: UInt64, at: UInt64)?
        /// In the order in which they began: a group keeps its place until nobody is in it.
        var groups: [Group] = []
    }
    struct Group: Equatable {
        let emoji: String
        var clients: [UInt32]
    }

    private(set) var messages: [UInt64: Message] = [:]
    /// By root: all replies, deleted ones too, ascending.
    private(set) var threads: [UInt64: [UInt64]] = [:]
    /// By member: the seq of its joining.
    private(set) var members: [UInt32: UInt64] = [:]
    /// By author: the last message, also one that is deleted since.
    private(set) var lastOwn: [UInt32: UInt64] = [:]
    private(set) var head: UInt64 = 0
    /// What can stand in no log.
    private(set) var faults: [LivelyFault] = []

    init(_ log: [LivelyEvent]) {
        for event in log { self.take(event) }
        for (seq, message) in self.messages.sorted(by: { $0.key < $1.key })
        where !message.isDeleted && message.text == nil {
            self.faults.append(.textGone(seq: seq))
        }
    }

    private mutating func take(_ event: LivelyEvent) {
        if event.seq != self.head + 1 { self.faults.append(.logGap(after: self.head, next: event.seq)) }
        self.head = max(event.seq, self.head)
        switch event.body {
        case .created(let text):
            self.messages[event.seq] = Message(author: event.client, text: text, root: event.root, at: event.at)
            if let root = event.root { self.answer(event, root) }
            self.lastOwn[event.client] = event.seq
            // What a log that was trimmed or filled by others has is not judged here, but who wrote must be a member.
            if self.members[event.client] == nil { self.faults.append(.byStranger(seq: event.seq, event.client)) }
        case .edited(let seq, let text):
            guard let message = self.messages[seq], !message.isDeleted, message.author == event.client else {
                self.faults.append(.impossible(seq: event.seq, "an edit of message \(seq)"))
                return
            }
            self.messages[seq]?.text = text
        case .deleted(let seq):
            guard let message = self.messages[seq], !message.isDeleted else {
                self.faults.append(.doubled(seq: event.seq, "the deletion of message \(seq)"))
                return
            }
            self.messages[seq]?.isDeleted = true
            self.messages[seq]?.text = nil
            self.messages[seq]?.groups = []
            self.messages[seq]?.pin = nil
        case .reacted(let seq, let emoji, let adds): self.react(event, seq, emoji, adds)
        case .pinned(let seq, let puts): self.pin(event, seq, puts)
        case .member(let client, let joins):
            if joins == (self.members[client] != nil) {
                self.faults.append(
                    .doubled(seq: event.seq, "\(joins ? "the joining" : "the leaving") of client \(client)"))
            }
            self.members[client] = joins ? event.seq : nil
        case .other: break
        }
    }

    /// A deleted message may be answered, a reply may not.
    private mutating func answer(_ event: LivelyEvent, _ root: UInt64) {
        guard let first = self.messages[root], first.root == nil else {
            self.faults.append(.impossible(seq: event.seq, "a reply to message \(root)"))
            return
        }
        self.threads[root, default: []].append(event.seq)
    }

    private mutating func pin(_ event: LivelyEvent, _ seq: UInt64, _ puts: Bool) {
        guard let message = self.messages[seq], !message.isDeleted else {
            self.faults.append(.impossible(seq: event.seq, "\(puts ? "pinning" : "unpinning") message \(seq)"))
            return
        }
        if puts == (message.pin != nil) {
            self.faults.append(.doubled(seq: event.seq, "\(puts ? "pinning" : "unpinning") message \(seq)"))
        }
        self.messages[seq]?.pin = puts ? (event.seq, event.at) : nil
    }

    private mutating func react(_ event: LivelyEvent, _ seq: UInt64, _ emoji: String, _ adds: Bool) {
        guard var message = self.messages[seq], !message.isDeleted else {
            self.faults.append(.impossible(seq: event.seq, "a reaction to message \(seq)"))
            return
        }
        let place = message.groups.firstIndex { $0.emoji == emoji }
        let isIn = place.map { message.groups[$0].clients.contains(event.client) } ?? false
        guard isIn != adds else {
            let what = "\(adds ? "adding" : "removing") \(emoji) of client \(event.client) at message \(seq)"
            self.faults.append(.doubled(seq: event.seq, what))
            return
        }
        switch (place, adds) {
        case (nil, _): message.groups.append(Group(emoji: emoji, clients: [event.client]))
        case (let place?, true): message.groups[place].clients.append(event.client)
        case (let place?, false):
            message.groups[place].clients.removeAll { $0 == event.client }
            if message.groups[place].clients.isEmpty { message.groups.remove(at: place) }
        }
        self.messages[seq] = message
    }

    // MARK: What is shown

    /// Pinned messages, the last pinned first.
    var pins: [UInt64] {
        self.messages.compactMap { seq, message in message.pin.map { (at: $0.seq, seq: seq) } }
            .sorted { $0.at > $1.at }.map(\.seq)
    }

    func summary(of root: UInt64) -> LivelySummary {
        let replies = self.threads[root] ?? []
        let live = replies.filter { self.messages[$0]?.isDeleted == false }
        var people: [UInt32] = []
        for reply in replies {
            guard let author = self.messages[reply]?.author, people.count < 10, !people.contains(author) else {
                continue
            }
            people.append(author)
        }
        return LivelySummary(replies: live.count, lastAt: live.last.flatMap { self.messages[$0]?.at }, people: people)
    }

    /// Live replies of others beyond the marker.
    func unread(in root: UInt64, by client: UInt32, beyond marker: UInt64) -> UInt64 {
        UInt64(
            (self.threads[root] ?? []).count { seq in
                seq > marker && self.messages[seq]?.isDeleted == false && self.messages[seq]?.author != client
            })
    }

    // MARK: What is counted

    /// Where a member has read to, as far as the log knows: whoever joins or writes has read so far.
    func marker(of client: UInt32) -> UInt64 { max(self.members[client] ?? 0, self.lastOwn[client] ?? 0) }

    /// Live messages of others beyond the marker, and those of them that name the member or everybody.
    func unread(by client: UInt32, beyond marker: UInt64) -> (messages: UInt64, mentions: UInt64) {
        var (messages, mentions): (UInt64, UInt64) = (0, 0)
        for (seq, message) in self.messages where seq > marker && !message.isDeleted && message.author != client {
            messages += 1
            if message.text?.names(client) ?? false { mentions += 1 }
        }
        return (messages, mentions)
    }
}
