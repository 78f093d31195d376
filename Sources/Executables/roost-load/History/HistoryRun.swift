import HistoryChecker
import NIOCore

/// An account of the run.
struct HistoryAccount: Sendable {
    let user: String
    var token: String
    var refreshToken: String
}

/// A channel of the run.
struct HistoryChannel: Sendable {
    let id: String
    let name: String
    let shard: Int
    let isPrivate: Bool
    /// Client numbers; the first one owns it. In a private channel the last one is the guest, who is put out and
    /// comes back.
    let members: [Int]
}

struct HistorySettings: Sendable {
    let rate: Double
    /// Bytes of a text.
    let size: Int
    /// Messages without a verdict a client has at most.
    let window: Int
}

/// What all clients of a run share, and the pace of their sends. Confined to the run's event loop.
final class HistoryRun {
    struct NotConnected: Error {}
    struct Refused: Error { let code: String }

    struct Counters: Sendable {
        var acked = 0
        var refused = 0
        var denied = 0
        var unknown = 0
        var delivered = 0
        var reads = 0
        /// Of lively channels: what was done, and what nobody can say of.
        var changes = 0
        var openChanges = 0
        var closes: [UInt16: Int] = [:]
    }

    let loop: any EventLoop
    let endpoints: [Endpoint]
    let settings: HistorySettings
    private(set) var channels: [HistoryChannel] = []
    private(set) var channelNumbers: [String: Int] = [:]
    private(set) var userNumbers: [String: UInt32] = [:]
    private(set) var clients: [HistoryClient] = []
    var counters = Counters()
    /// Why the run must end: it could not write down what happened.
    private(set) var failure: String?
    private(set) var isSending = false
    private var isOver = false
    private var sendsDue = 0.0
    private var lastPaced: Microseconds = 0
    private var nextClient = 0
    private var ticks = 0
    private var generator = SystemRandomNumberGenerator()

    init(loop: any EventLoop, endpoints: [Endpoint], settings: HistorySettings) {
        self.loop = loop
        self.endpoints = endpoints
        self.settings = settings
    }

    func add(_ accounts: [HistoryAccount], files: [HistoryFile]) {
        for (index, account) in accounts.enumerated() {
            let client = HistoryClient(
                number: UInt32(index), account: account, file: files[index], run: self,
                node: index % self.endpoints.count)
            self.userNumbers[account.user] = client.number
            client.file.append(.client(client.number, user: account.user))
            self.clients.append(client)
        }
    }

    func add(_ channels: [HistoryChannel]) {
        self.channels = channels
        for (number, channel) in channels.enumerated() {
            self.channelNumbers[channel.id] = number
            for client in self.clients {
                client.file.append(
                    .channel(
                        number, id: channel.id, name: channel.name, shard: channel.shard,
                        isPrivate: channel.isPrivate))
            }
            // The guest speaks only where it is watched.
            let posting = channel.isPrivate ? Array(channel.members.dropLast()) : channel.members
            for member in posting { self.clients[member].postingChannels.append(number) }
        }
    }

    func entry(_ event: FrameScan.Event) -> LogEntry {
        switch event {
        case .message(let message): LogEntry(seq: message.seq, .message(message.key, message.digest))
        case .joined(let seq, let user): LogEntry(seq: seq, .joined(client: self.userNumbers[user] ?? .max))
        case .left(let seq, let user): LogEntry(seq: seq, .left(client: self.userNumbers[user] ?? .max))
        case .other(let seq, let digest): LogEntry(seq: seq, .other(digest))
        }
    }

    func stop(because reason: String) {
        if self.failure == nil { self.failure = reason }
    }

    // MARK: Time

    /// Connects everybody and keeps them connected until `end`.
    func begin() { self.turn() }

    func startSending() {
        self.isSending = true
        self.lastPaced = MonotonicClock.now()
    }

    func stopSending() { self.isSending = false }

    func end() {
        self.isOver = true
        for client in self.clients { client.flush() }
    }

    var unsettled: Int { self.clients.reduce(0) { $0 + $1.unsettled } }
    var liveClients: Int { self.clients.count { $0.isLive } }

    /// Every 2 ms: paces the sends; every tenth turn looks after the connections.
    private func turn() {
        guard !self.isOver else { return }
        let now = MonotonicClock.now()
        if self.isSending { self.pace(now) }
        if self.ticks % 10 == 0 {
            for client in self.clients { client.tick(now) }
            if let broken = self.clients.lazy.compactMap(\.file.failure).first { self.stop(because: "\(broken)") }
        }
        self.ticks += 1
        self.loop.assumeIsolated().scheduleTask(in: .milliseconds(2)) { self.turn() }
    }

    private func pace(_ now: Microseconds) {
        self.sendsDue += self.settings.rate * Double(now - self.lastPaced) / 1e6
        self.lastPaced = now
        // What could not be sent while nobody answered is not made up for.
        self.sendsDue = min(self.sendsDue, self.settings.rate / 5 + 1)
        var touched: [HistoryClient] = []
        while self.sendsDue >= 1, let client = self.nextFree() {
            guard let channel = client.postingChannels.randomElement(using: &self.generator) else { continue }
            client.post(to: channel)
            touched.append(client)
            self.sendsDue -= 1
        }
        for client in touched { client.flush() }
    }

    private func nextFree() -> HistoryClient? {
        for _ in self.clients.indices {
            self.nextClient = (self.nextClient + 1) % self.clients.count
            let client = self.clients[self.nextClient]
            if client.isLive, !client.postingChannels.isEmpty, client.unsettled < self.settings.window {
                return client
            }
        }
        return nil
    }
}
