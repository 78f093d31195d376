import HistoryChecker
import NIOHTTP1

/// A lively channel of a run.
struct LivelyRoom: Sendable {
    /// Among the lively channels.
    let number: Int
    let id: String
    /// Client numbers; the first one owns it, the last one is put out and comes back.
    let members: [Int]
    let board = LivelyBoard()

    /// Who pins this message and takes it back: one member for each, so that what became of it has an order.
    func isPinner(_ client: Int, of message: UInt64) -> Bool {
        self.members[Int(message % UInt64(self.members.count))] == client
    }
}

/// What the clients of a lively channel know of its messages: enough to choose what to do next.
actor LivelyBoard {
    private var messages: [(seq: UInt64, author: Int)] = []
    /// Messages that are no replies, deleted ones too.
    private var firsts: [UInt64] = []
    /// Messages that are answered: few, so that people meet in their threads.
    private var roots: [UInt64] = []
    private(set) var head: UInt64 = 0

    private static let rootsMax = 8

    func posted(_ seq: UInt64, by author: Int, isReply: Bool) {
        self.messages.append((seq, author))
        if !isReply { self.firsts.append(seq) }
        self.head = max(self.head, seq)
    }

    func deleted(_ seq: UInt64) { self.messages.removeAll { $0.seq == seq } }

    /// A message to answer: one that has been answered, or now and then a new one, as long as there is room for more.
    func rootToAnswer() -> UInt64? {
        if self.roots.count < Self.rootsMax, self.roots.isEmpty || Int.random(in: 0..<4) == 0,
            let new = self.firsts.suffix(6).randomElement(), !self.roots.contains(new)
        {
            self.roots.append(new)
            return new
        }
        return self.root()
    }

    /// A message that was answered, also one that is deleted since.
    func root() -> UInt64? { self.roots.randomElement() }

    /// One of the newest messages that fit.
    func any(where fits: (UInt64) -> Bool) -> UInt64? {
        self.messages.filter { fits($0.seq) }.suffix(6).randomElement()?.seq
    }

    /// One of the newest messages, so that people meet on it; now and then any.
    func any(by author: Int? = nil) -> UInt64? {
        let own = self.messages.filter { author == nil || $0.author == author }
        return (Int.random(in: 0..<5) == 0 ? own[...] : own.suffix(6)).randomElement()?.seq
    }
}

extension HistorySetting {
    private struct Made: Decodable { let id: String }

    /// The name that a text mentions a client by.
    func username(_ client: Int) -> String { "history-\(self.run)-\(client)" }

    /// Makes the lively channels, every other one private, and writes down who was put into them.
    func livelyRooms(
        _ count: Int, width: Int, accounts: [HistoryAccount], run readers: HistoryReaders
    ) async throws -> [LivelyRoom] {
        let rooms = try await concurrently(count, atOnce: 4) { index in
            let members = (0..<min(width, accounts.count)).map { (index * width + $0) % accounts.count }
            let made = try await self.rest.demand(
                .POST, "/v1/channels", at: self.endpoints, first: index, token: accounts[members[0]].token,
                body: ["name": "lively-\(self.run)-\(index)", "type": index % 2 == 0 ? "public" : "private"],
                as: Made.self)
            for member in members.dropFirst() {
                try await self.rest.demand(
                    .PUT, "/v1/channels/\(made.id)/members/\(accounts[member].user)", at: self.endpoints,
                    first: index + member, token: accounts[members[0]].token, body: ["role": "member"])
            }
            return LivelyRoom(number: index, id: made.id, members: members)
        }
        try await readers.onLoop { run in
            for client in run.clients {
                for room in rooms { client.file.append(.lively(.channel(room.number, id: room.id))) }
            }
            for room in rooms {
                let owner = run.clients[room.members[0]]
                let now = MonotonicClock.now()
                for member in room.members {
                    let key = owner.nextKey()
                    owner.file.append(
                        .lively(
                            .asked(
                                at: now, channel: room.number, key, .add(client: UInt32(member)), node: "any node")))
                    owner.file.append(
                        .lively(.answered(at: now, channel: room.number, key, .done(seq: 0), why: "")))
                }
            }
        }
        return rooms
    }
}
