import HistoryChecker
import Testing

@Suite struct `The history format` {
    private func written(_ records: [HistoryRecord]) -> String {
        var bytes: [UInt8] = []
        for record in records { record.write(to: &bytes) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static let key = MessageKey(client: 3, number: 17)
    private static let digest = TextDigest(of: "3-17 ahoy".utf8)
    private static let head: [HistoryRecord] = [
        .client(3, user: "usr_\"3\""),
        .channel(5, id: "chn_a", name: "harbour", shard: 12, isPrivate: true),
    ]

    @Test func `an attempt and its outcome become one append`() throws {
        let text = self.written(
            Self.head + [
                .send(at: 100, channel: 5, Self.key, Self.digest, node: "n1"),
                .unknown(at: 130, channel: 5, Self.key, reason: "the \"connection\" was lost"),
                .send(at: 150, channel: 5, Self.key, Self.digest, node: "n2"),
                .refused(at: 160, channel: 5, Self.key, code: "unavailable", isDenied: false),
                .send(at: 170, channel: 5, Self.key, Self.digest, node: "n2"),
                .ack(at: 180, channel: 5, Self.key, seq: 9, shown: Self.digest),
            ])
        var reader = HistoryReader()
        try reader.read(text, name: "client-3")
        let channel = try #require(reader.history().channels.first)
        #expect(channel.id == "chn_a" && channel.shard == 12 && channel.isPrivate)
        #expect(
            channel.appends == [
                Append(key: Self.key, digest: Self.digest, begin: 100, end: 130, outcome: .unknown),
                Append(key: Self.key, digest: Self.digest, begin: 150, end: 160, outcome: .refused),
                Append(
                    key: Self.key, digest: Self.digest, begin: 170, end: 180,
                    outcome: .acked(seq: 9, shown: Self.digest)),
            ])
        #expect(reader.samples.map(\.latency) == [0, 0, 80])
        #expect(reader.samples.map(\.isRetry) == [false, true, true])
    }

    @Test func `every kind of record comes back as it was written`() throws {
        let entries = [
            LogEntry(seq: 1, .joined(client: 3)), LogEntry(seq: 2, .message(Self.key, Self.digest)),
            LogEntry(seq: 3, .left(client: 4)), LogEntry(seq: 4, .other(TextDigest(rawValue: 9))),
        ]
        let events: [Delivery.Event] =
            [.began(after: 0), .joined(seq: 1), .reset(head: 4), .left, .ended(last: 4)]
            + entries.map { .event($0) }
        let row = SidebarRow(client: 3, node: "n1", head: 4, readSeq: 1, unread: 3)
        let members = MemberList(node: "n1", clients: [3, 8])
        let interest = HookInterest(hook: "whk", afterSeq: 1)
        let hooked = HookDelivery(hook: "whk", deliveryID: "m", seq: 2, key: Self.key, hasValidSignature: true)
        let change = MembershipChange(subject: 4, adds: false, begin: 5, end: 6, outcome: .unknown)
        let nodeEvents: [NodeEvent] = [
            .leader(group: 1, incarnation: 2, term: 3, node: "n1"),
            .committed(group: 1, incarnation: 2, node: "n1", boot: 4, index: 5),
            .stateHash(group: 1, incarnation: 2, node: "n1", index: 5, hash: .max),
        ]
        let reads: [Read.Outcome] = [
            .entries(entries, reachesHead: true), .entries([], reachesHead: false), .denied, .failed,
        ]
        var records = Self.head + events.map { .delivery(at: 7, channel: 5, $0, node: "n1") }
        records += reads.map {
            .read(
                channel: 5,
                Read(client: 3, node: "n2", begin: 1, end: 2, consistency: .session, outcome: $0))
        }
        records += [.change(channel: 5, change), .sidebar(channel: 5, row), .members(channel: 5, members)]
        records += [.hook(channel: 5, interest), .hookDelivery(channel: 5, hooked)] + nodeEvents.map { .node($0) }
        for half in [entries[..<2], entries[2...]] {
            records.append(
                .logPage(
                    channel: 5,
                    FinalLog(node: "n1", consistency: .local, isFull: true, entries: Array(half))))
        }
        records.append(.logEnd(channel: 5, node: "n1", .local, isFull: true))
        records.append(.logMissing(channel: 5, node: "n2", reason: "gone"))

        var reader = HistoryReader()
        try reader.read(self.written(records), name: "all")
        let history = reader.history()
        let channel = try #require(history.channels.first)
        #expect(channel.deliveries.map(\.event) == events)
        #expect(channel.deliveries.allSatisfy { $0.client == 3 && $0.at == 7 })
        #expect(channel.changes == [change])
        #expect(channel.sidebars == [row])
        #expect(channel.memberLists == [members])
        #expect(channel.hooks == [interest])
        #expect(channel.hookDeliveries == [hooked])
        #expect(history.nodeEvents == nodeEvents)
        #expect(channel.finals.count == 1)
        #expect(channel.finals.first?.entries == entries)
        #expect(channel.reads.count == 4)
        for (read, outcome) in zip(channel.reads, reads) { #expect("\(read.outcome)" == "\(outcome)") }
        #expect(reader.remarks.count == 1)
    }

    @Test func `a file cut anywhere is read up to its last whole line`() throws {
        let text = self.written(
            Self.head + [
                .send(at: 100, channel: 5, Self.key, Self.digest, node: "n1"),
                .ack(at: 180, channel: 5, Self.key, seq: 9, shown: Self.digest),
            ])
        let bytes = Array(text.utf8)
        for length in bytes.indices {
            var reader = HistoryReader()
            try bytes[..<length].withUnsafeBufferPointer { try reader.read($0, name: "cut") }
            #expect(reader.truncatedTails == (length == 0 || bytes[length - 1] == 0x0A ? 0 : 1))
        }
        var reader = HistoryReader()
        try reader.read(String(decoding: bytes.dropLast(1), as: UTF8.self), name: "cut")
        #expect(reader.history().channels.first?.appends.map(\.outcome) == [.unknown])
    }

    @Test(arguments: [
        "{\"e\":\"send\"}", "{\"e\":\"nonsense\",\"c\":5}", "{", "[]", "{\"e\":}",
        "{\"e\":\"event\",\"t\":1,\"c\":5,\"s\":-1}",
        "{\"e\":\"ack\",\"t\":1,\"c\":5,\"k\":\"3-18\",\"s\":1,\"h\":1}",
        "{\"e\":\"event\",\"t\":1,\"c\":6,\"s\":1,\"h\":2}",
        "{\"e\":\"event\",\"t\":1,\"c\":5,\"s\":99999999999999999999,\"h\":2}", "{\"e\":\"read\",\"items\":[[1,2]]}",
        "{\"e\":\"log\",\"items\":[[", "{\"e\":\"event\\\"", "{\"e\":\"event\" \"t\":1}", "{\"e\":\"event\",\"t\":1}x",
    ])
    func `a line that is wrong is refused with its number`(line: String) throws {
        var reader = HistoryReader()
        let text = self.written(Self.head) + line + "\n"
        let error = try #require(throws: HistoryFormatError.self) { try reader.read(text, name: "f") }
        #expect(error.line == 3 && error.file == "f")
    }

    @Test func `no bytes make the reader trap`() {
        var generator = SplitMix(seed: 11)
        let sound = Array(
            self.written(Self.head + [.send(at: 100, channel: 5, Self.key, Self.digest, node: "n1")]).utf8)
        for _ in 0..<20_000 {
            var bytes = sound
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            var reader = HistoryReader()
            _ = try? bytes.withUnsafeBufferPointer { try reader.read($0, name: "noise") }
            _ = reader.history()
        }
    }

    @Test func `the key of a text is its first word`() {
        #expect(MessageKey(text: "3-17 ahoy".utf8) == Self.key)
        #expect(MessageKey(text: "3-17".utf8) == Self.key)
        for text in ["", "3", "3-", "-17", "3-17x", "a-1", "3--1", "4294967296-1", "99999999999-1"] {
            #expect(MessageKey(text: text.utf8) == nil, "\(text)")
        }
    }
}
