// Records as JSON lines. Written by hand: a client of a busy run writes ten thousand of them a second.

extension HistoryRecord {
    /// Appends the line with its newline.
    package func write(to bytes: inout [UInt8]) {
        var line = LineWriter(bytes: bytes)
        bytes = []  // The writer owns the storage meanwhile, so that nothing is copied.
        switch self {
        case .client(let number, let user):
            line.begin("client")
            line.add("format", Self.format)
            line.add("client", number)
            line.add("user", user)
        case .channel(let number, let id, let name, let shard, let isPrivate):
            line.begin("channel")
            line.add("c", number)
            line.add("id", id)
            line.add("name", name)
            line.add("shard", shard)
            line.add("private", isPrivate)
        case .send(let at, let channel, let key, let digest, let node):
            line.begin("send", at: at, channel: channel)
            line.add("k", key)
            line.add("h", digest.rawValue)
            line.add("n", node)
        case .ack(let at, let channel, let key, let seq, let shown):
            line.begin("ack", at: at, channel: channel)
            line.add("k", key)
            line.add("s", seq)
            line.add("h", shown.rawValue)
        case .refused(let at, let channel, let key, let code, let isDenied):
            line.begin(isDenied ? "denied" : "refused", at: at, channel: channel)
            line.add("k", key)
            line.add("why", code)
        case .unknown(let at, let channel, let key, let reason):
            line.begin("unknown", at: at, channel: channel)
            line.add("k", key)
            line.add("why", reason)
        case .delivery(let at, let channel, let event, let node):
            Self.write(event, at: at, channel: channel, node: node, to: &line)
        case .read(let channel, let read): Self.write(read, channel: channel, to: &line)
        case .change(let channel, let change):
            line.begin(change.adds ? "add" : "remove", at: change.begin, channel: channel)
            line.add("u", change.end)
            line.add("who", change.subject)
            line.add("result", change.outcome.rawValue)
        case .lively(let record): record.write(to: &line)
        case .logPage, .logEnd, .logMissing, .sidebar, .members, .hook, .hookDelivery, .node:
            self.writeEpilogue(to: &line)
        }
        line.end()
        bytes = line.bytes
    }

    private func writeEpilogue(to line: inout LineWriter) {
        switch self {
        case .logPage(let channel, let log):
            line.begin("log")
            line.add("c", channel)
            line.add("n", log.node)
            line.add("how", log.consistency.rawValue)
            line.add("full", log.isFull)
            line.add("items", log.entries)
        case .logEnd(let channel, let node, let consistency, let isFull):
            line.begin("logend")
            line.add("c", channel)
            line.add("n", node)
            line.add("how", consistency.rawValue)
            line.add("full", isFull)
        case .logMissing(let channel, let node, let reason):
            line.begin("nolog")
            line.add("c", channel)
            line.add("n", node)
            line.add("why", reason)
        case .sidebar(let channel, let row):
            line.begin("sidebar")
            line.add("c", channel)
            line.add("client", row.client)
            line.add("n", row.node)
            line.add("head", row.head)
            line.add("read", row.readSeq)
            line.add("unread", row.unread)
            line.add("mentions", row.mentions)
        case .members(let channel, let list):
            line.begin("members")
            line.add("c", channel)
            line.add("n", list.node)
            line.add("items", list.clients.sorted())
        case .hook(let channel, let interest):
            line.begin("hook")
            line.add("c", channel)
            line.add("hook", interest.hook)
            line.add("after", interest.afterSeq)
        case .hookDelivery(let channel, let delivery):
            line.begin("hooked")
            line.add("c", channel)
            line.add("hook", delivery.hook)
            line.add("id", delivery.deliveryID)
            line.add("s", delivery.seq)
            line.add("k", delivery.key)
            line.add("valid", delivery.hasValidSignature)
        case .node(let event): Self.write(event, to: &line)
        case .client, .channel, .send, .ack, .refused, .unknown, .delivery, .read, .change, .lively:
            preconditionFailure("written by write(to:)")
        }
    }

    private static func write(
        _ event: Delivery.Event, at: Microseconds, channel: Int, node: String, to line: inout LineWriter
    ) {
        switch event {
        case .began(let after):
            line.begin("began", at: at, channel: channel)
            line.add("after", after)
            line.add("n", node)
        case .joined(let seq):
            line.begin("joined", at: at, channel: channel)
            line.add("s", seq)
            line.add("n", node)
        case .event(let entry):
            line.begin("event", at: at, channel: channel)
            line.add("s", entry.seq)
            switch entry.content {
            case .message(let key, let digest):
                line.add("k", key)
                line.add("h", digest.rawValue)
            case .joined(let client): line.add("plus", client)
            case .left(let client): line.add("minus", client)
            case .other(let digest): line.add("h", digest.rawValue)
            }
        case .reset(let head):
            line.begin("reset", at: at, channel: channel)
            line.add("head", head)
            line.add("n", node)
        case .left: line.begin("left", at: at, channel: channel)
        case .ended(let last):
            line.begin("ended", at: at, channel: channel)
            line.add("last", last)
        }
    }

    private static func write(_ read: Read, channel: Int, to line: inout LineWriter) {
        line.begin("read", at: read.begin, channel: channel)
        line.add("u", read.end)
        line.add("client", read.client)
        line.add("n", read.node)
        line.add("how", read.consistency.rawValue)
        switch read.outcome {
        case .entries(let entries, let reachesHead):
            line.add("tohead", reachesHead)
            line.add("items", entries)
        case .denied: line.add("result", "denied")
        case .failed: line.add("result", "failed")
        }
    }

    private static func write(_ event: NodeEvent, to line: inout LineWriter) {
        switch event {
        case .leader(let group, let incarnation, let term, let node):
            line.begin("leader")
            line.add("g", group)
            line.add("i", incarnation)
            line.add("term", term)
            line.add("n", node)
        case .committed(let group, let incarnation, let node, let boot, let index):
            line.begin("commit")
            line.add("g", group)
            line.add("i", incarnation)
            line.add("n", node)
            line.add("boot", boot)
            line.add("index", index)
        case .stateHash(let group, let incarnation, let node, let index, let hash):
            line.begin("state")
            line.add("g", group)
            line.add("i", incarnation)
            line.add("n", node)
            line.add("index", index)
            line.add("hash", String(hash, radix: 16))
        }
    }
}

/// Writes one flat JSON object.
struct LineWriter {
    var bytes: [UInt8]

    mutating func begin(_ event: StaticString) {
        self.raw("{\"e\":\"")
        self.raw(event)
        self.bytes.append(0x22)
    }

    mutating func begin(_ event: StaticString, at time: Microseconds, channel: Int) {
        self.begin(event)
        self.add("t", time)
        self.add("c", channel)
    }

    mutating func end() {
        self.bytes.append(0x7D)
        self.bytes.append(0x0A)
    }

    mutating func add(_ name: StaticString, _ value: some BinaryInteger) {
        self.name(name)
        self.number(value)
    }

    mutating func add(_ name: StaticString, _ value: Bool) {
        self.name(name)
        self.raw(value ? "true" : "false")
    }

    mutating func add(_ name: StaticString, _ key: MessageKey) {
        self.name(name)
        self.key(key)
    }

    mutating func add(_ name: StaticString, _ text: String) {
        self.name(name)
        self.bytes.append(0x22)
        for byte in text.utf8 {
            if byte == 0x22 || byte == 0x5C {
                self.bytes.append(0x5C)
                self.bytes.append(byte)
            } else {
                // Control characters have no place in names and reasons.
                self.bytes.append(byte < 0x20 ? 0x20 : byte)
            }
        }
        self.bytes.append(0x22)
    }

    mutating func add(_ name: StaticString, _ numbers: [some BinaryInteger]) {
        self.name(name)
        self.bytes.append(0x5B)
        for (index, number) in numbers.enumerated() {
            if index > 0 { self.bytes.append(0x2C) }
            self.number(number)
        }
        self.bytes.append(0x5D)
    }

    /// `[[seq,"3-17",digest],[seq,"+",client],[seq,"-",client],[seq,"?",digest]]`
    mutating func add(_ name: StaticString, _ entries: [LogEntry]) {
        self.name(name)
        self.bytes.append(0x5B)
        for (index, entry) in entries.enumerated() {
            if index > 0 { self.bytes.append(0x2C) }
            self.bytes.append(0x5B)
            self.number(entry.seq)
            switch entry.content {
            case .message(let key, let digest):
                self.bytes.append(0x2C)
                self.key(key)
                self.bytes.append(0x2C)
                self.number(digest.rawValue)
            case .joined(let client):
                self.raw(",\"+\",")
                self.number(client)
            case .left(let client):
                self.raw(",\"-\",")
                self.number(client)
            case .other(let digest):
                self.raw(",\"?\",")
                self.number(digest.rawValue)
            }
            self.bytes.append(0x5D)
        }
        self.bytes.append(0x5D)
    }

    private mutating func key(_ key: MessageKey) {
        self.bytes.append(0x22)
        self.number(key.client)
        self.bytes.append(0x2D)
        self.number(key.number)
        self.bytes.append(0x22)
    }

    private mutating func name(_ name: StaticString) {
        self.raw(",\"")
        self.raw(name)
        self.raw("\":")
    }

    private mutating func raw(_ text: StaticString) {
        self.bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func number(_ value: some BinaryInteger) {
        var rest = value.magnitude
        if value < 0 { self.bytes.append(0x2D) }
        let start = self.bytes.count
        repeat {
            self.bytes.append(0x30 + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        self.bytes[start...].reverse()
    }
}
