/// Puts the lines about lively channels together. Part of `HistoryReader`.
struct LivelyReader {
    private struct Place: Hashable {
        let channel: Int
        let source: LivelySource
    }

    private(set) var channels: [LivelyChannel] = []
    private var slots: [Int: Int] = [:]
    /// Where an operation stands in its channel.
    private var operations: [MessageKey: (slot: Int, index: Int)] = [:]
    private var logs: [Int: [LivelyEvent]] = [:]
    private var pages: [Place: [LivelyPages.Message]] = [:]

    /// False where the line is of another kind.
    mutating func take(
        _ file: HistoryReader.FileReader, _ event: LineFields.Name
    ) throws(HistoryFormatError) -> Bool {
        switch event {
        case .lively:
            let number = try file.channel()
            guard self.slots[number] == nil else { return true }
            self.slots[number] = self.channels.count
            self.channels.append(LivelyChannel(id: try file.need(file.fields.string(.id), "id")))
        case .asked: try self.takeAsked(file)
        case .answered: try self.takeAnswered(file)
        case .logged:
            let slot = try self.slot(file)
            self.logs[slot, default: []].append(try Self.event(file))
        case .liveLog:
            let slot = try self.slot(file)
            self.channels[slot].log = self.logs[slot] ?? []
        case .count:
            let slot = try self.slot(file)
            var row: LivelyCount.Row?
            if let head: UInt64 = file.fields.integer(.head) {
                row = LivelyCount.Row(
                    head: head, readSeq: try file.need(file.fields.integer(.read), "read"),
                    unread: try file.need(file.fields.integer(.unread), "unread"),
                    mentions: try file.need(file.fields.integer(.mentions), "mentions"))
            }
            let client: UInt32 = try file.need(file.fields.integer(.client), "client")
            self.channels[slot].counts.append(LivelyCount(try Self.source(file), client: client, row))
        case .shown:
            let place = Place(channel: try self.slot(file), source: try Self.source(file))
            self.pages[place, default: []].append(
                LivelyPages.Message(
                    seq: try Self.message(file), digest: file.fields.digest(.h), groups: [],
                    root: file.fields.integer(.re), pinnedAt: file.fields.integer(.pinned),
                    summary: try Self.summary(file) ?? .none))
        case .shownGroup: try self.takeGroup(file)
        case .showed:
            let place = Place(channel: try self.slot(file), source: try Self.source(file))
            self.channels[place.channel].pages.append(
                LivelyPages(place.source, messages: self.pages.removeValue(forKey: place) ?? []))
        case .folk:
            let slot = try self.slot(file)
            let clients = Set(try file.need(file.fields.clients(.items), "items"))
            self.channels[slot].members.append(LivelyMembers(try Self.source(file), clients: clients))
        default: return try self.takeThreads(file, event)
        }
        return true
    }

    /// False where the line is of another kind.
    private mutating func takeThreads(
        _ file: HistoryReader.FileReader, _ event: LineFields.Name
    ) throws(HistoryFormatError) -> Bool {
        switch event {
        case .pins:
            let slot = try self.slot(file)
            let messages: [UInt64] = try file.need(file.fields.integers(.items), "items")
            self.channels[slot].pins.append(LivelyPins(try Self.source(file), messages: messages))
        case .thread:
            let slot = try self.slot(file)
            var view: LivelyThread.View?
            if let summary = try Self.summary(file) {
                view = LivelyThread.View(
                    summary: summary, replies: try file.need(file.fields.integers(.items), "items"),
                    follows: try file.need(file.fields.bool(.follows), "follows"),
                    readSeq: try file.need(file.fields.integer(.read), "read"),
                    unread: try file.need(file.fields.integer(.unread), "unread"))
            }
            let client: UInt32 = try file.need(file.fields.integer(.client), "client")
            self.channels[slot].threads.append(
                LivelyThread(try Self.source(file), root: try Self.message(file), client: client, view))
        case .inbox:
            let slot = try self.slot(file)
            self.channels[slot].inboxes.append(
                LivelyInbox(
                    try Self.source(file), client: try file.need(file.fields.integer(.client), "client"),
                    mentions: try file.need(file.fields.integers(.mentions), "mentions"),
                    replies: try file.need(file.fields.integers(.items), "items"),
                    isWhole: try file.need(file.fields.bool(.full), "full")))
        default: return false
        }
        return true
    }

    private mutating func takeAsked(_ file: HistoryReader.FileReader) throws(HistoryFormatError) {
        let slot = try self.slot(file)
        let key = try file.key()
        if let place = self.operations[key] {
            self.channels[place.slot].operations[place.index].attempts.append(.unknown)
            return
        }
        self.operations[key] = (slot, self.channels[slot].operations.count)
        // Without an answer in the file it is unknown.
        self.channels[slot].operations.append(
            LivelyOperation(key: key, try Self.action(file), attempts: [.unknown]))
    }

    private mutating func takeAnswered(_ file: HistoryReader.FileReader) throws(HistoryFormatError) {
        let key = try file.key()
        guard let place = self.operations[key] else { throw file.error("\(key) has an answer and was not asked") }
        let outcome: LivelyOperation.Outcome
        switch file.fields.string(.result) {
        case "done": outcome = .done(seq: try file.seq())
        case "refused": outcome = .refused
        case "unknown": outcome = .unknown
        default: throw file.error("'result' is missing or wrong")
        }
        let last = self.channels[place.slot].operations[place.index].attempts.count - 1
        self.channels[place.slot].operations[place.index].attempts[last] = outcome
    }

    private mutating func takeGroup(_ file: HistoryReader.FileReader) throws(HistoryFormatError) {
        let place = Place(channel: try self.slot(file), source: try Self.source(file))
        let seq = try Self.message(file)
        guard let last = self.pages[place]?.indices.last, self.pages[place]?[last].seq == seq else {
            throw file.error("a group without its message")
        }
        let group = LivelyGroup(
            emoji: try Self.emoji(file), count: try file.need(file.fields.integer(.count), "count"),
            clients: try file.need(file.fields.clients(.items), "items"))
        self.pages[place]?[last].groups.append(group)
    }

    // MARK: Fields

    private func slot(_ file: HistoryReader.FileReader) throws(HistoryFormatError) -> Int {
        let number = try file.channel()
        guard let slot = self.slots[number] else { throw file.error("lively channel \(number) was not declared") }
        return slot
    }

    private static func source(_ file: HistoryReader.FileReader) throws(HistoryFormatError) -> LivelySource {
        LivelySource(node: try file.node(), try file.consistency())
    }

    /// Nil where the line has none.
    private static func summary(_ file: HistoryReader.FileReader) throws(HistoryFormatError) -> LivelySummary? {
        guard let replies: Int = file.fields.integer(.replies) else { return nil }
        return LivelySummary(
            replies: replies, lastAt: file.fields.integer(.last),
            people: try file.need(file.fields.clients(.people), "people"))
    }

    private static func message(_ file: HistoryReader.FileReader) throws(HistoryFormatError) -> UInt64 {
        try file.need(file.fields.integer(.m), "m")
    }

    private static func emoji(_ file: HistoryReader.FileReader) throws(HistoryFormatError) -> String {
        try file.need(file.fields.string(.emoji), "emoji")
    }

    private static func who(_ file: HistoryReader.FileReader) throws(HistoryFormatError) -> UInt32 {
        try file.need(file.fields.integer(.who), "who")
    }

    private static func action(
        _ file: HistoryReader.FileReader
    ) throws(HistoryFormatError) -> LivelyOperation.Action {
        switch file.fields.string(.what) {
        case "post": .post(try file.digest())
        case "reply": .reply(root: try self.message(file), try file.digest())
        case "edit": .edit(message: try self.message(file), try file.digest())
        case "delete": .delete(message: try self.message(file))
        case "react": .react(message: try self.message(file), emoji: try self.emoji(file))
        case "unreact": .unreact(message: try self.message(file), emoji: try self.emoji(file))
        case "pin": .pin(message: try self.message(file))
        case "unpin": .unpin(message: try self.message(file))
        case "follow": .follow(root: try self.message(file))
        case "unfollow": .unfollow(root: try self.message(file))
        case "peruse": .readThread(root: try self.message(file), seq: try file.seq())
        case "read": .read(seq: try file.seq())
        case "add": .add(client: try self.who(file))
        case "remove": .remove(client: try self.who(file))
        default: throw file.error("'what' is missing or wrong")
        }
    }

    private static func event(_ file: HistoryReader.FileReader) throws(HistoryFormatError) -> LivelyEvent {
        let body: LivelyEvent.Body
        switch file.fields.string(.what) {
        case "created": body = .created(try self.text(file))
        case "edited": body = .edited(message: try self.message(file), try self.text(file))
        case "deleted": body = .deleted(message: try self.message(file))
        case "added": body = .reacted(message: try self.message(file), emoji: try self.emoji(file), adds: true)
        case "removed": body = .reacted(message: try self.message(file), emoji: try self.emoji(file), adds: false)
        case "pinned": body = .pinned(message: try self.message(file), puts: true)
        case "unpinned": body = .pinned(message: try self.message(file), puts: false)
        case "joined": body = .member(try file.need(file.fields.integer(.client), "client"), joins: true)
        case "left": body = .member(try file.need(file.fields.integer(.client), "client"), joins: false)
        case "other": body = .other
        default: throw file.error("'what' is missing or wrong")
        }
        return LivelyEvent(
            seq: try file.seq(), client: try self.who(file), at: file.fields.integer(.at) ?? 0,
            root: file.fields.integer(.re), body)
    }

    private static func text(_ file: HistoryReader.FileReader) throws(HistoryFormatError) -> LivelyText? {
        guard let key = file.fields.key(.k) else { return nil }
        return LivelyText(
            key: key, digest: try file.digest(), names: try file.need(file.fields.clients(.items), "items"),
            namesAll: try file.need(file.fields.bool(.all), "all"))
    }
}

extension LineFields.Name {
    fileprivate static let m = Self("m")
    fileprivate static let lively = Self("lively")
    fileprivate static let asked = Self("asked")
    fileprivate static let answered = Self("answered")
    fileprivate static let logged = Self("logged")
    fileprivate static let liveLog = Self("livelog")
    fileprivate static let count = Self("count")
    fileprivate static let shown = Self("shown")
    fileprivate static let showed = Self("showed")
    fileprivate static let shownGroup = Self("group")
    fileprivate static let folk = Self("folk")
    fileprivate static let what = Self("what")
    fileprivate static let emoji = Self("emoji")
    fileprivate static let all = Self("all")
    fileprivate static let at = Self("at")
    fileprivate static let re = Self("re")
    fileprivate static let pins = Self("pins")
    fileprivate static let thread = Self("thread")
    fileprivate static let inbox = Self("inbox")
    fileprivate static let pinned = Self("pinned")
    fileprivate static let replies = Self("replies")
    fileprivate static let people = Self("people")
    fileprivate static let follows = Self("follows")
}
