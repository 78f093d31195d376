import HistoryChecker

/// A run of one private channel that never happened and is right: a simulated total order, with the acks, reads,
/// deliveries and removals that a correct cluster could have shown. Tests break it in one place.
struct InventedRun {
    var channel = ChannelHistory(id: "chn_harbour", shard: 7, isPrivate: true)
    var log: [LogEntry] = []
    private var generator: SplitMix
    private var now: Microseconds = 1_000
    private var counts: [UInt32: UInt32] = [:]

    static let clients: [UInt32] = [0, 1, 2, 3]
    /// The one who is removed and comes back.
    static let guest: UInt32 = 3
    static let nodes = ["n1", "n2", "n3"]

    init(seed: UInt64, messages: Int = 60) {
        self.generator = SplitMix(seed: seed)
        for client in Self.clients { self.join(client) }
        for client in Self.clients { self.begin(client) }
        for step in 0..<messages {
            self.post(by: self.pick([0, 1, 2]))
            if step % 3 == 0 { self.read(by: self.pick([0, 1, 2]), .linearizable) }
            if step % 4 == 0 { self.read(by: self.pick([0, 1, 2]), .session) }
            if step % 5 == 0 { self.read(by: self.pick([0, 1, 2]), .local) }
            if step == messages / 3 { self.removeGuest() }
            if step == messages / 2 { self.bringGuestBack() }
        }
        let head = UInt64(self.log.count)
        for client in Self.clients { self.deliver(client, .ended(last: head)) }
        self.finish()
    }

    private mutating func finish() {
        self.channel.finals.append(FinalLog(node: "n1", consistency: .linearizable, isFull: true, entries: self.log))
        for node in Self.nodes {
            self.channel.finals.append(
                FinalLog(node: node, consistency: .local, isFull: false, entries: self.log.filter(\.isMessage)))
        }
        let head = UInt64(self.log.count)
        let own = self.log.last { $0.key?.client == 0 }?.seq ?? 4
        let unread = self.log.count { $0.seq > own && $0.isMessage }
        self.channel.sidebars = [SidebarRow(client: 0, node: "n1", head: head, readSeq: own, unread: UInt64(unread))]
        self.channel.memberLists = [MemberList(node: "n2", clients: Set(Self.clients))]
        let last = self.log.suffix(20)
        self.channel.hooks = [HookInterest(hook: "whk_1", afterSeq: last[last.startIndex].seq - 1)]
        self.channel.hookDeliveries = last.compactMap { entry in
            entry.key.map {
                HookDelivery(
                    hook: "whk_1", deliveryID: "msg_\(entry.seq)", seq: entry.seq, key: $0, hasValidSignature: true)
            }
        }
    }

    // MARK: Steps

    mutating func wait(_ time: Microseconds = 100) { self.now += time + Microseconds(self.generator.next() % 50) }
    private mutating func pick<Value>(_ values: [Value]) -> Value {
        values[Int(self.generator.next() % UInt64(values.count))]
    }

    private mutating func write(_ content: LogEntry.Content) -> LogEntry {
        let entry = LogEntry(seq: UInt64(self.log.count) + 1, content)
        self.log.append(entry)
        return entry
    }

    private mutating func join(_ client: UInt32) {
        let begin = self.now
        self.wait()
        _ = self.write(.joined(client: client))
        self.channel.changes.append(
            MembershipChange(subject: client, adds: true, begin: begin, end: self.now, outcome: .done))
        self.wait()
    }

    private mutating func begin(_ client: UInt32) { self.deliver(client, .began(after: UInt64(self.log.count))) }

    private mutating func deliver(_ client: UInt32, _ event: Delivery.Event) {
        self.channel.deliveries.append(Delivery(client: client, at: self.now, event))
    }

    mutating func nextKey(of client: UInt32) -> MessageKey {
        let number = self.counts[client, default: 0]
        self.counts[client] = number + 1
        return MessageKey(client: client, number: number)
    }

    private mutating func post(by client: UInt32) {
        let key = self.nextKey(of: client)
        let digest = TextDigest(of: "\(key) hello".utf8)
        let begin = self.now
        self.wait()
        // Now and then an attempt is refused, or its fate unknown, and the key tried again.
        if self.generator.next() % 6 == 0 {
            self.attempt(key, digest, begin, .refused)
            self.wait()
        }
        var again = self.now
        let entry = self.write(.message(key, digest))
        if self.generator.next() % 6 == 0 {
            self.attempt(key, digest, again, .unknown)
            self.wait()
            again = self.now
        }
        self.wait()
        let isMember = self.guestIsMember
        for member in Self.clients where member != Self.guest || isMember { self.deliver(member, .event(entry)) }
        self.attempt(key, digest, again, .acked(seq: entry.seq, shown: digest))
        self.wait()
    }

    private mutating func attempt(
        _ key: MessageKey, _ digest: TextDigest, _ begin: Microseconds, _ outcome: Append.Outcome
    ) {
        self.channel.appends.append(Append(key: key, digest: digest, begin: begin, end: self.now, outcome: outcome))
    }

    private mutating func read(by client: UInt32, _ consistency: Read.Consistency) {
        let begin = self.now
        self.wait()
        let messages = self.log.filter(\.isMessage)
        let lag = consistency == .local ? Int(self.generator.next() % 3) : 0
        let page = messages.dropLast(lag).suffix(10)
        self.wait()
        self.channel.reads.append(
            Read(
                client: client, node: self.pick(Self.nodes), begin: begin, end: self.now, consistency: consistency,
                outcome: .entries(Array(page), reachesHead: true)))
        self.wait()
    }

    private var guestIsMember: Bool {
        let turns: [Bool] = self.log.compactMap { entry in
            switch entry.content {
            case .joined(Self.guest): true
            case .left(Self.guest): false
            default: nil
            }
        }
        return turns.last ?? false
    }

    private mutating func removeGuest() {
        let begin = self.now
        self.wait()
        let entry = self.write(.left(client: Self.guest))
        for client in Self.clients { self.deliver(client, .event(entry)) }
        self.deliver(Self.guest, .left)
        self.channel.changes.append(
            MembershipChange(subject: Self.guest, adds: false, begin: begin, end: self.now, outcome: .done))
        self.wait()
        self.attempt(self.nextKey(of: Self.guest), TextDigest(of: "let me in".utf8), self.now, .denied)
        self.channel.reads.append(
            Read(
                client: Self.guest, node: "n2", begin: self.now, end: self.now + 10, consistency: .local,
                outcome: .denied))
        self.wait()
    }

    private mutating func bringGuestBack() {
        let begin = self.now
        self.wait()
        let entry = self.write(.joined(client: Self.guest))
        for client in Self.clients where client != Self.guest { self.deliver(client, .event(entry)) }
        self.deliver(Self.guest, .joined(seq: entry.seq))
        self.channel.changes.append(
            MembershipChange(subject: Self.guest, adds: true, begin: begin, end: self.now, outcome: .done))
        self.wait()
    }

    // MARK: Findings

    var findings: Findings { HistoryCheck.check(History(channels: [self.channel])) }
}

/// SplitMix64, so that a seed gives the same run everywhere.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { self.state = seed }
    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
