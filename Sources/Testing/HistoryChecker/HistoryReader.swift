/// Puts the files of a run together: attempts with their outcomes, pages of logs to logs.
///
/// One thread. A file that ends in the middle of a line lost its writer there; that tail is left out and counted.
package struct HistoryReader {
    fileprivate struct OpenAttempt {
        let channel: Int
        let digest: TextDigest
        let begin: Microseconds
    }
    private struct LogName: Hashable {
        let channel: Int
        let node: String
        let consistency: Read.Consistency
        let isFull: Bool
    }

    private var channels: [ChannelHistory] = []
    var lively = LivelyReader()
    /// Where a channel's number stands in `channels`.
    private var slots: [Int: Int] = [:]
    private var nodeEvents: [NodeEvent] = []
    private var pages: [LogName: [LogEntry]] = [:]
    private var endedLogs: [LogName] = []
    package private(set) var remarks: [String] = []
    package private(set) var truncatedTails = 0
    /// Times of outcomes, for figures over time.
    package private(set) var samples: [Sample] = []

    /// One outcome of an attempt.
    package struct Sample: Sendable {
        package enum Kind: Sendable { case acked, failed, unknown }
        package let at: Microseconds
        package let kind: Kind
        /// Its index in the history.
        package let channel: Int32
        /// From the first attempt of the key to its ack, microseconds; 0 for what is no ack.
        package let latency: UInt32
        package let isRetry: Bool
    }

    package init() {}

    /// Reads one file.
    ///
    /// - Parameter name: For errors.
    package mutating func read(
        _ bytes: UnsafeBufferPointer<UInt8>, name: String
    ) throws(HistoryFormatError) {
        var file = FileReader(bytes: bytes, name: name)
        var low = 0
        while low < bytes.count {
            guard let high = Self.newline(in: bytes, from: low) else {
                self.truncatedTails += 1
                break
            }
            file.line += 1
            if high > low {
                guard file.fields.parse(low, high) else { throw file.error("not a JSON object of one line") }
                try self.take(&file)
            }
            low = high + 1
        }
        // What was sent and has no outcome is unknown: its writer was killed, or the run ended.
        for (key, attempt) in file.open {
            self.add(key, attempt, end: attempt.begin, .unknown)
        }
    }

    package mutating func read(_ text: String, name: String) throws(HistoryFormatError) {
        let bytes = Array(text.utf8)
        let result: Result<Void, HistoryFormatError> = bytes.withUnsafeBufferPointer { buffer in
            do throws(HistoryFormatError) { return .success(try self.read(buffer, name: name)) } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    package func history(faults: [Fault] = []) -> History {
        var history = History(faults: faults)
        history.channels = self.channels
        for name in self.endedLogs {
            guard let slot = self.slots[name.channel] else { continue }
            history.channels[slot].finals.append(
                FinalLog(
                    node: name.node, consistency: name.consistency, isFull: name.isFull,
                    entries: self.pages[name] ?? []))
        }
        history.nodeEvents = self.nodeEvents
        history.lively = self.lively.channels
        return history
    }

    private static func newline(in bytes: UnsafeBufferPointer<UInt8>, from low: Int) -> Int? {
        var at = low
        while at < bytes.count {
            if bytes[at] == 0x0A { return at }
            at += 1
        }
        return nil
    }

    // MARK: Lines

    struct FileReader {
        var fields: LineFields
        let name: String
        var line = 0
        var client: UInt32 = .max
        fileprivate var open: [MessageKey: OpenAttempt] = [:]
        var firstBegin: [MessageKey: Microseconds] = [:]

        init(bytes: UnsafeBufferPointer<UInt8>, name: String) {
            self.fields = LineFields(bytes)
            self.name = name
        }

        func error(_ reason: String) -> HistoryFormatError {
            HistoryFormatError(file: self.name, line: self.line, reason: reason)
        }

        func need<Value>(_ value: Value?, _ name: String) throws(HistoryFormatError) -> Value {
            guard let value else { throw self.error("'\(name)' is missing or wrong") }
            return value
        }

        func time() throws(HistoryFormatError) -> Microseconds { try self.need(self.fields.integer(.t), "t") }
        func end() throws(HistoryFormatError) -> Microseconds { try self.need(self.fields.integer(.u), "u") }
        func channel() throws(HistoryFormatError) -> Int { try self.need(self.fields.integer(.c), "c") }
        func seq() throws(HistoryFormatError) -> UInt64 { try self.need(self.fields.integer(.s), "s") }
        func key() throws(HistoryFormatError) -> MessageKey { try self.need(self.fields.key(.k), "k") }
        func digest() throws(HistoryFormatError) -> TextDigest { try self.need(self.fields.digest(.h), "h") }
        func node() throws(HistoryFormatError) -> String { try self.need(self.fields.string(.n), "n") }
        func consistency() throws(HistoryFormatError) -> Read.Consistency {
            try self.need(self.fields.string(.how).flatMap { Read.Consistency(rawValue: $0) }, "how")
        }
    }

    private mutating func take(_ file: inout FileReader) throws(HistoryFormatError) {
        guard let event = file.fields.raw(.e) else { throw file.error("'e' is missing") }
        switch LineFields.Name(event) {
        case .event: try self.takeDelivered(file)
        case .send:
            let key = try file.key()
            let begin = try file.time()
            // A second attempt begins only when the first has an outcome, or will never have one.
            if let open = file.open[key] { self.add(key, open, end: open.begin, .unknown) }
            let channel = try file.channel()
            guard self.slots[channel] != nil else { throw file.error("channel \(channel) was not declared") }
            file.open[key] = OpenAttempt(channel: channel, digest: try file.digest(), begin: begin)
            if file.firstBegin[key] == nil { file.firstBegin[key] = begin }
        case .ack: try self.close(&file, .acked(seq: try file.seq(), shown: try file.digest()), .acked)
        case .refused: try self.close(&file, .refused, .failed)
        case .denied: try self.close(&file, .denied, .failed)
        case .unknown: try self.close(&file, .unknown, .unknown)
        case .began: try self.deliver(file, .began(after: try file.need(file.fields.integer(.after), "after")))
        case .joined: try self.deliver(file, .joined(seq: try file.seq()))
        case .reset: try self.deliver(file, .reset(head: try file.need(file.fields.integer(.head), "head")))
        case .left: try self.deliver(file, .left)
        case .ended: try self.deliver(file, .ended(last: try file.need(file.fields.integer(.last), "last")))
        case .read: try self.takeRead(file)
        case .add: try self.takeChange(file, adds: true)
        case .remove: try self.takeChange(file, adds: false)
        case .client:
            let format: Int = try file.need(file.fields.integer(.format), "format")
            guard format == HistoryRecord.format else { throw file.error("format \(format) is not known") }
            file.client = try file.need(file.fields.integer(.client), "client")
        case .channel:
            let number = try file.channel()
            guard self.slots[number] == nil else { return }
            self.slots[number] = self.channels.count
            self.channels.append(
                ChannelHistory(
                    id: try file.need(file.fields.string(.id), "id"), shard: file.fields.integer(.shard) ?? 0,
                    isPrivate: file.fields.bool(.isPrivate) ?? false))
        default: try self.takeEpilogue(file, LineFields.Name(event))
        }
    }

    private mutating func takeEpilogue(
        _ file: FileReader, _ event: LineFields.Name
    ) throws(HistoryFormatError) {
        switch event {
        case .log:
            let entries = try file.need(file.fields.entries(.items), "items")
            self.pages[try self.logName(file), default: []] += entries
        case .logEnd: self.endedLogs.append(try self.logName(file))
        case .noLog:
            let channel = try file.channel()
            self.remarks.append(
                "\(try file.node()) gave no log of channel \(channel): \(file.fields.string(.why) ?? "no reason")")
        case .sidebar:
            let row = SidebarRow(
                client: try file.need(file.fields.integer(.client), "client"), node: try file.node(),
                head: try file.need(file.fields.integer(.head), "head"),
                readSeq: try file.need(file.fields.integer(.read), "read"),
                unread: try file.need(file.fields.integer(.unread), "unread"),
                mentions: file.fields.integer(.mentions) ?? 0)
            try self.update(file) { $0.sidebars.append(row) }
        case .members:
            let list = MemberList(
                node: try file.node(), clients: Set(try file.need(file.fields.clients(.items), "items")))
            try self.update(file) { $0.memberLists.append(list) }
        case .hook:
            let interest = HookInterest(
                hook: try file.need(file.fields.string(.hook), "hook"),
                afterSeq: try file.need(file.fields.integer(.after), "after"))
            try self.update(file) { $0.hooks.append(interest) }
        case .hooked:
            let delivery = HookDelivery(
                hook: try file.need(file.fields.string(.hook), "hook"),
                deliveryID: try file.need(file.fields.string(.id), "id"), seq: try file.seq(), key: try file.key(),
                hasValidSignature: try file.need(file.fields.bool(.valid), "valid"))
            try self.update(file) { $0.hookDeliveries.append(delivery) }
        case .leader, .committed, .state: self.nodeEvents.append(try Self.nodeEvent(file, event))
        default:
            guard try self.lively.take(file, event) else { throw file.error("'e' is none that is known") }
        }
    }

    private static func nodeEvent(
        _ file: FileReader, _ event: LineFields.Name
    ) throws(HistoryFormatError) -> NodeEvent {
        let group: Int = try file.need(file.fields.integer(.group), "g")
        let incarnation: UInt64 = file.fields.integer(.incarnation) ?? 0
        let node = try file.node()
        if event == .leader {
            let term: UInt64 = try file.need(file.fields.integer(.term), "term")
            return .leader(group: group, incarnation: incarnation, term: term, node: node)
        }
        let index: UInt64 = try file.need(file.fields.integer(.index), "index")
        if event == .committed {
            return .committed(
                group: group, incarnation: incarnation, node: node, boot: file.fields.integer(.boot) ?? 0,
                index: index)
        }
        let hash = try file.need(file.fields.string(.hash).flatMap { UInt64($0, radix: 16) }, "hash")
        return .stateHash(group: group, incarnation: incarnation, node: node, index: index, hash: hash)
    }

    private func logName(_ file: FileReader) throws(HistoryFormatError) -> LogName {
        LogName(
            channel: try file.channel(), node: try file.node(), consistency: try file.consistency(),
            isFull: try file.need(file.fields.bool(.full), "full"))
    }

    private mutating func close(
        _ file: inout FileReader, _ outcome: Append.Outcome, _ kind: Sample.Kind
    ) throws(HistoryFormatError) {
        let key = try file.key()
        let end = try file.time()
        guard let attempt = file.open.removeValue(forKey: key) else {
            throw file.error("\(key) has an outcome and no attempt before it")
        }
        self.add(key, attempt, end: end, outcome)
        let first = file.firstBegin[key] ?? attempt.begin
        self.samples.append(
            Sample(
                at: end, kind: kind, channel: Int32(truncatingIfNeeded: self.slots[attempt.channel] ?? -1),
                latency: kind == .acked ? UInt32(clamping: end - first) : 0, isRetry: first != attempt.begin))
        if kind == .acked { file.firstBegin[key] = nil }
    }

    private mutating func add(
        _ key: MessageKey, _ attempt: OpenAttempt, end: Microseconds, _ outcome: Append.Outcome
    ) {
        guard let slot = self.slots[attempt.channel] else { return }
        self.channels[slot].appends.append(
            Append(key: key, digest: attempt.digest, begin: attempt.begin, end: end, outcome: outcome))
    }

    private mutating func takeDelivered(_ file: FileReader) throws(HistoryFormatError) {
        let fields = file.fields
        let content: LogEntry.Content
        if let key = fields.key(.k) {
            content = .message(key, try file.digest())
        } else if let client: UInt32 = fields.integer(.plus) {
            content = .joined(client: client)
        } else if let client: UInt32 = fields.integer(.minus) {
            content = .left(client: client)
        } else {
            content = .other(try file.digest())
        }
        try self.deliver(file, .event(LogEntry(seq: try file.seq(), content)))
    }

    private mutating func deliver(_ file: FileReader, _ event: Delivery.Event) throws(HistoryFormatError) {
        let delivery = Delivery(client: file.client, at: try file.time(), event)
        try self.update(file) { $0.deliveries.append(delivery) }
    }

    private mutating func takeRead(_ file: FileReader) throws(HistoryFormatError) {
        let outcome: Read.Outcome
        if let entries = file.fields.entries(.items) {
            outcome = .entries(entries, reachesHead: file.fields.bool(.tohead) ?? false)
        } else {
            outcome = file.fields.string(.result) == "denied" ? .denied : .failed
        }
        let read = Read(
            client: file.fields.integer(.client) ?? file.client, node: try file.node(), begin: try file.time(),
            end: try file.end(), consistency: try file.consistency(), outcome: outcome)
        try self.update(file) { $0.reads.append(read) }
    }

    private mutating func takeChange(_ file: FileReader, adds: Bool) throws(HistoryFormatError) {
        let outcome = try file.need(
            file.fields.string(.result).flatMap { MembershipChange.Outcome(rawValue: $0) }, "result")
        let change = MembershipChange(
            subject: try file.need(file.fields.integer(.who), "who"), adds: adds, begin: try file.time(),
            end: try file.end(), outcome: outcome)
        try self.update(file) { $0.changes.append(change) }
    }

    private mutating func update(
        _ file: FileReader, _ body: (inout ChannelHistory) -> Void
    ) throws(HistoryFormatError) {
        let number = try file.channel()
        guard let slot = self.slots[number] else { throw file.error("channel \(number) was not declared") }
        body(&self.channels[slot])
    }
}

extension LineFields.Name {
    static let e = Self("e")
    static let t = Self("t")
    static let u = Self("u")
    static let c = Self("c")
    static let s = Self("s")
    static let k = Self("k")
    static let h = Self("h")
    static let n = Self("n")
    static let group = Self("g")
    static let incarnation = Self("i")
    static let how = Self("how")
    static let why = Self("why")
    static let who = Self("who")
    static let id = Self("id")
    static let shard = Self("shard")
    static let isPrivate = Self("private")
    static let format = Self("format")
    static let client = Self("client")
    static let channel = Self("channel")
    static let send = Self("send")
    static let ack = Self("ack")
    static let refused = Self("refused")
    static let denied = Self("denied")
    static let unknown = Self("unknown")
    static let event = Self("event")
    static let began = Self("began")
    static let joined = Self("joined")
    static let reset = Self("reset")
    static let left = Self("left")
    static let ended = Self("ended")
    static let read = Self("read")
    static let add = Self("add")
    static let remove = Self("remove")
    static let log = Self("log")
    static let logEnd = Self("logend")
    static let noLog = Self("nolog")
    static let sidebar = Self("sidebar")
    static let members = Self("members")
    static let hook = Self("hook")
    static let hooked = Self("hooked")
    static let leader = Self("leader")

    static let committed = Self("commit")
    static let state = Self("state")
    static let after = Self("after")
    static let head = Self("head")
    static let last = Self("last")
    static let full = Self("full")
    static let items = Self("items")
    static let tohead = Self("tohead")
    static let result = Self("result")
    static let unread = Self("unread")
    static let mentions = Self("mentions")
    static let valid = Self("valid")
    static let plus = Self("plus")
    static let minus = Self("minus")
    static let term = Self("term")
    static let index = Self("index")
    static let hash = Self("hash")
    static let boot = Self("boot")
}
