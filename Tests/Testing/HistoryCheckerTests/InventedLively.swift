import HistoryChecker

/// A run of a lively channel that never happened and is right: people post, name each other, answer in threads, edit,
/// delete, react, pin, take back, follow and read, some answers get lost, and one member is put out and comes back.
/// Tests break it in one place.
///
/// It keeps its own books while it goes, so that a sound run is not sound because the checker says so.
struct InventedLively {
    static let clients: [UInt32] = [0, 1, 2, 3]
    static let wanderer: UInt32 = 3
    static let sources = ["n1", "n2", "n3"].flatMap {
        [LivelySource(node: $0, .linearizable), LivelySource(node: $0, .local)]
    }
    private static let emoji = ["wave", "eyes", "👍🏽"]

    var channel = LivelyChannel(id: "chn_square")
    private var log: [LivelyEvent] = []
    private var generator: SplitMix
    private var counts: [UInt32: UInt32] = [:]

    // The books.
    private struct Message {
        let author: UInt32
        var text: LivelyText
        /// Members whom the text named when it was written.
        var named: Set<UInt32>
        var root: UInt64?
        var pinnedAt: UInt64?
        var isDeleted = false
        var reactions: [(emoji: String, client: UInt32)] = []
        /// Emoji in the order in which they began.
        var order: [String] = []
    }
    private var messages: [UInt64: Message] = [:]
    /// By root, with replies in their order.
    private var threads: [UInt64: [UInt64]] = [:]
    private struct Reader: Hashable {
        let root: UInt64
        let client: UInt32
    }
    private var follows: [Reader: (isOn: Bool, readSeq: UInt64)] = [:]
    private var pins: [UInt64] = []
    private var inboxes: [UInt32: (mentions: [UInt64], replies: [UInt64])] = [:]
    private var markers: [UInt32: UInt64] = [:]
    private var members: Set<UInt32> = []

    init(seed: UInt64, steps: Int = 120) {
        self.generator = SplitMix(seed: seed)
        for client in Self.clients { self.join(client) }
        for step in 0..<steps {
            let client = self.pick(Self.clients.filter { self.members.contains($0) })
            switch self.roll(100) {
            case 0..<22: self.post(by: client)
            case 22..<38: self.reply(by: client)
            case 38..<48: self.edit(by: client)
            case 48..<54: self.delete(by: client)
            case 54..<74: self.react(by: client)
            case 74..<82: self.pin(by: client)
            case 82..<90: self.useThread(by: client)
            default: self.read(by: client)
            }
            if step == steps / 3 { self.leave(Self.wanderer) }
            if step == steps / 2 { self.join(Self.wanderer) }
        }
        // Something for everybody to find at the end, whatever the seed.
        self.post(by: 0, text: "@2 @channel")
        let root = self.newest(by: 0)
        for client in [UInt32(1), 2, 1] { self.reply(by: client, to: root, text: "well") }
        for message in [root, root + 1] { self.pin(by: Self.pinner(of: message), message, puts: true) }
        self.post(by: 1, text: "@2 @0")
        for client in [UInt32(2), 3, 0] { self.react(by: client, to: self.newest(by: 1), with: "wave", adds: true) }
        self.react(by: 2, to: self.newest(by: 1), with: "eyes", adds: true)
        self.finish()
    }

    // MARK: Chance

    private mutating func roll(_ bound: UInt64) -> UInt64 { self.generator.next() % bound }
    private mutating func pick<Value>(_ values: [Value]) -> Value { values[Int(self.roll(UInt64(values.count)))] }

    // MARK: Steps

    private mutating func nextKey(of client: UInt32) -> MessageKey {
        let number = self.counts[client, default: 0]
        self.counts[client] = number + 1
        return MessageKey(client: client, number: number)
    }

    @discardableResult
    private mutating func write(_ client: UInt32, root: UInt64? = nil, _ body: LivelyEvent.Body) -> UInt64 {
        let seq = UInt64(self.log.count) + 1
        self.log.append(LivelyEvent(seq: seq, client: client, at: Self.time(seq), root: root, body))
        return seq
    }

    /// When the event at `seq` happened.
    static func time(_ seq: UInt64) -> UInt64 { 1_700_000_000_000 + seq }
    static func pinner(of message: UInt64) -> UInt32 { UInt32(message % 3) }

    /// Answered at once, after attempts that were refused or lost, or never though it was done.
    private mutating func note(
        _ key: MessageKey, _ action: LivelyOperation.Action, seq: UInt64 = 0, mayBeLost: Bool = true
    ) {
        let attempts: [LivelyOperation.Outcome] =
            switch self.roll(12) {
            case 0: [.refused, .done(seq: seq)]
            case 1: [.unknown, .done(seq: seq)]
            case 2 where mayBeLost: [.unknown]
            case 3 where mayBeLost: [.unknown, .refused]
            default: [.done(seq: seq)]
            }
        self.channel.operations.append(LivelyOperation(key: key, action, attempts: attempts))
    }

    private mutating func text(_ key: MessageKey, _ fixed: String?) -> LivelyText {
        var words = ["\(key)"]
        if let fixed {
            words.append(fixed)
        } else {
            for client in Self.clients where self.roll(3) == 0 { words.append("@\(client)") }
            if self.roll(4) == 0 { words.append("`@2`") }
            if self.roll(10) == 0 { words.append("@channel") }
        }
        let users = Dictionary(uniqueKeysWithValues: Self.clients.map { ("\($0)", $0) })
        return LivelyText(words.joined(separator: " "), users: users)
    }

    private mutating func post(by client: UInt32, text fixed: String? = nil) {
        let key = self.nextKey(of: client)
        let text = self.text(key, fixed)
        let seq = self.write(client, .created(text))
        self.messages[seq] = Message(author: client, text: text, named: self.members.intersection(text.names))
        self.markers[client] = seq
        self.mention(self.named(by: text), seq, by: client)
        self.note(key, .post(text.digest), seq: seq)
    }

    private func named(by text: LivelyText) -> Set<UInt32> {
        self.members.filter { text.namesAll || text.names.contains($0) }
    }

    private mutating func mention(_ clients: Set<UInt32>, _ seq: UInt64, by author: UInt32) {
        for client in clients where client != author { self.inboxes[client, default: ([], [])].mentions.append(seq) }
    }

    private mutating func reply(by client: UInt32) {
        // Threads of three messages, the first of which may be deleted meanwhile.
        let roots = self.messages.filter { $0.value.root == nil }.keys.sorted().prefix(3)
        guard !roots.isEmpty else { return }
        self.reply(by: client, to: self.pick(Array(roots)), text: nil)
    }

    private mutating func reply(by client: UInt32, to root: UInt64, text fixed: String?) {
        let key = self.nextKey(of: client)
        let text = self.text(key, fixed)
        let seq = self.write(client, root: root, .created(text))
        self.messages[seq] = Message(
            author: client, text: text, named: self.members.intersection(text.names), root: root)
        self.threads[root, default: []].append(seq)
        self.markers[client] = seq
        let starter = self.messages[root]?.author ?? 0
        let named: [(UInt32, UInt64)] = text.names.map { ($0, seq - 1) }
        for (follower, readSeq) in [(client, seq), (starter, 0)] + named {
            let reader = Reader(root: root, client: follower)
            if self.members.contains(follower), self.follows[reader] == nil { self.follows[reader] = (true, readSeq) }
        }
        let told = self.named(by: text)
        self.mention(told, seq, by: client)
        for follower in self.members where follower != client && !told.contains(follower) {
            guard self.follows[Reader(root: root, client: follower)]?.isOn ?? false else { continue }
            self.inboxes[follower, default: ([], [])].replies.append(seq)
        }
        self.note(key, .reply(root: root, text.digest), seq: seq)
    }

    private mutating func useThread(by client: UInt32) {
        guard !self.threads.isEmpty else { return }
        let root = self.pick(self.threads.keys.sorted())
        let reader = Reader(root: root, client: client)
        let key = self.nextKey(of: client)
        let head = UInt64(self.log.count)
        switch self.roll(3) {
        case 0:
            if !(self.follows[reader]?.isOn ?? false) { self.follows[reader] = (true, head) }
            self.note(key, .follow(root: root), seq: self.readSeq(of: client, in: root))
        case 1:
            self.follows[reader] = (false, self.follows[reader]?.readSeq ?? 0)
            self.note(key, .unfollow(root: root))
        default:
            // Also beyond the head.
            let seq = root + self.roll(head - root + 5)
            if let known = self.follows[reader] {
                self.follows[reader] = (known.isOn, max(self.readSeq(of: client, in: root), min(seq, head)))
            }
            self.note(key, .readThread(root: root, seq: seq), seq: self.readSeq(of: client, in: root))
        }
    }

    private mutating func pin(by client: UInt32) {
        let own = self.messages.filter { Self.pinner(of: $0.key) == client && !$0.value.isDeleted }.keys.sorted()
        guard !own.isEmpty else { return }
        self.pin(by: client, self.pick(own), puts: self.roll(3) > 0)
    }

    private mutating func pin(by client: UInt32, _ message: UInt64, puts: Bool) {
        if puts != (self.messages[message]?.pinnedAt != nil) {
            let seq = self.write(client, .pinned(message: message, puts: puts))
            self.messages[message]?.pinnedAt = puts ? Self.time(seq) : nil
            self.pins.removeAll { $0 == message }
            if puts { self.pins.insert(message, at: 0) }
        }
        self.note(self.nextKey(of: client), puts ? .pin(message: message) : .unpin(message: message))
    }

    private mutating func edit(by client: UInt32) {
        let own = self.messages.filter { $0.value.author == client && !$0.value.isDeleted }.keys.sorted()
        guard !own.isEmpty else { return }
        let (seq, key) = (self.pick(own), self.nextKey(of: client))
        let text = self.text(key, nil)
        self.write(client, .edited(message: seq, text))
        let told = self.messages[seq].map { $0.text.namesAll ? self.members : $0.named } ?? []
        self.mention(self.named(by: text).subtracting(told), seq, by: client)
        self.messages[seq]?.text = text
        self.messages[seq]?.named = self.members.intersection(text.names)
        self.note(key, .edit(message: seq, text.digest))
    }

    private mutating func delete(by client: UInt32) {
        let own = self.messages.filter { $0.value.author == client && !$0.value.isDeleted }.keys.sorted()
        guard !own.isEmpty else { return }
        let seq = self.pick(own)
        self.write(client, .deleted(message: seq))
        self.messages[seq]?.isDeleted = true
        self.messages[seq]?.pinnedAt = nil
        self.pins.removeAll { $0 == seq }
        // What stood in the log of it has no text any more.
        self.log = self.log.map { event in
            switch event.body {
            case .created where event.seq == seq:
                LivelyEvent(seq: seq, client: event.client, at: event.at, root: event.root, .created(nil))
            case .edited(seq, _):
                LivelyEvent(seq: event.seq, client: event.client, at: event.at, .edited(message: seq, nil))
            default: event
            }
        }
        self.note(self.nextKey(of: client), .delete(message: seq))
    }

    private mutating func react(by client: UInt32) {
        let live = self.messages.filter { !$0.value.isDeleted }.keys.sorted().suffix(5)
        guard !live.isEmpty else { return }
        self.react(by: client, to: self.pick(Array(live)), with: self.pick(Self.emoji), adds: self.roll(3) > 0)
    }

    private mutating func react(by client: UInt32, to seq: UInt64, with emoji: String, adds: Bool) {
        let isThere = self.messages[seq]?.reactions.contains { $0 == (emoji, client) } ?? false
        if isThere != adds {
            self.write(client, .reacted(message: seq, emoji: emoji, adds: adds))
            if adds {
                if !(self.messages[seq]?.order.contains(emoji) ?? true) { self.messages[seq]?.order.append(emoji) }
                self.messages[seq]?.reactions.append((emoji, client))
            } else {
                self.messages[seq]?.reactions.removeAll { $0 == (emoji, client) }
                if !(self.messages[seq]?.reactions.contains { $0.emoji == emoji } ?? true) {
                    self.messages[seq]?.order.removeAll { $0 == emoji }
                }
            }
        }
        self.note(
            self.nextKey(of: client), adds ? .react(message: seq, emoji: emoji) : .unreact(message: seq, emoji: emoji))
    }

    private mutating func read(by client: UInt32) {
        let seq = 1 + self.roll(UInt64(self.log.count))
        self.markers[client] = max(seq, self.markers[client] ?? 0)
        self.note(self.nextKey(of: client), .read(seq: seq))
    }

    private mutating func join(_ client: UInt32) {
        self.markers[client] = self.write(client, .member(client, joins: true))
        self.members.insert(client)
        self.note(self.nextKey(of: 0), .add(client: client))
    }

    private mutating func leave(_ client: UInt32) {
        self.write(0, .member(client, joins: false))
        self.members.remove(client)
        self.follows = self.follows.filter { $0.key.client != client }
        self.note(self.nextKey(of: 0), .remove(client: client))
    }

    // MARK: The end

    /// The newest message of somebody.
    func newest(by client: UInt32) -> UInt64 { self.messages.filter { $0.value.author == client }.keys.max() ?? 0 }

    func row(of client: UInt32) -> LivelyCount.Row {
        let marker = self.markers[client] ?? 0
        let unread = self.messages.filter { $0.key > marker && $0.value.author != client && !$0.value.isDeleted }
        return LivelyCount.Row(
            head: UInt64(self.log.count), readSeq: marker, unread: UInt64(unread.count),
            mentions: UInt64(unread.values.count { $0.text.namesAll || $0.text.names.contains(client) }))
    }

    func groups(of seq: UInt64) -> [LivelyGroup] {
        guard let message = self.messages[seq], !message.isDeleted else { return [] }
        return message.order.map { emoji in
            let clients = message.reactions.filter { $0.emoji == emoji }.map(\.client)
            return LivelyGroup(emoji: emoji, count: clients.count, clients: clients)
        }
    }

    /// An own reply counts as having read so far.
    private func readSeq(of client: UInt32, in root: UInt64) -> UInt64 {
        guard let follow = self.follows[Reader(root: root, client: client)] else { return 0 }
        let own = (self.threads[root] ?? []).last { self.messages[$0]?.author == client } ?? 0
        return max(follow.readSeq, own)
    }

    func summary(of root: UInt64) -> LivelySummary {
        let replies = self.threads[root] ?? []
        let live = replies.filter { !(self.messages[$0]?.isDeleted ?? true) }
        var people: [UInt32] = []
        for author in replies.compactMap({ self.messages[$0]?.author }) where !people.contains(author) {
            people.append(author)
        }
        return LivelySummary(replies: live.count, lastAt: live.last.map(Self.time), people: people)
    }

    private func view(of root: UInt64, for client: UInt32) -> LivelyThread.View {
        let readSeq = self.readSeq(of: client, in: root)
        let isOn = self.follows[Reader(root: root, client: client)]?.isOn ?? false
        let unread = (self.threads[root] ?? []).count { seq in
            guard let message = self.messages[seq] else { return false }
            return isOn && seq > readSeq && message.author != client && !message.isDeleted
        }
        return LivelyThread.View(
            summary: self.summary(of: root), replies: self.threads[root] ?? [], follows: isOn, readSeq: readSeq,
            unread: UInt64(unread))
    }

    /// The thread that everybody answered at the end.
    var lastRoot: UInt64 { self.messages.keys.filter { self.threads[$0] != nil }.max() ?? 0 }

    private mutating func finish() {
        self.channel.log = self.log
        for source in Self.sources {
            let shown = self.messages.keys.sorted().map { seq in
                LivelyPages.Message(
                    seq: seq, digest: self.messages[seq].flatMap { $0.isDeleted ? nil : $0.text.digest },
                    groups: self.groups(of: seq), root: self.messages[seq]?.root,
                    pinnedAt: self.messages[seq]?.pinnedAt, summary: self.summary(of: seq))
            }
            self.channel.pages.append(LivelyPages(source, messages: shown))
            self.channel.members.append(LivelyMembers(source, clients: self.members))
            for client in Self.clients {
                self.channel.counts.append(LivelyCount(source, client: client, self.row(of: client)))
                for root in self.threads.keys.sorted() {
                    self.channel.threads.append(
                        LivelyThread(source, root: root, client: client, self.view(of: root, for: client)))
                }
                let inbox = self.inboxes[client] ?? ([], [])
                self.channel.inboxes.append(
                    LivelyInbox(
                        source, client: client, mentions: inbox.mentions.reversed(), replies: inbox.replies.reversed()))
            }
            self.channel.pins.append(LivelyPins(source, messages: self.pins))
        }
    }

    /// An event that nobody's operation explains yet and that no node shows.
    mutating func append(_ client: UInt32, root: UInt64? = nil, _ body: LivelyEvent.Body) {
        let seq = UInt64(self.channel.log?.count ?? 0) + 1
        self.channel.log?.append(LivelyEvent(seq: seq, client: client, at: Self.time(seq), root: root, body))
    }

    var findings: Findings { HistoryCheck.check(History(lively: [self.channel])) }
}
