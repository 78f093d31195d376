import Foundation
import HistoryChecker
import NIOCore
import NIOWebSocket

/// One account of a history run with one socket at a time: it sends, keeps what is unknown and tries it again at
/// another node under the same key, and takes deliveries, resuming where it was.
///
/// Confined to the run's event loop.
final class HistoryClient {
    /// A message on its way to a verdict.
    struct Send {
        let key: MessageKey
        let channel: Int
        let text: String
        let digest: TextDigest
        var attempts = 0
        /// When the attempt under way began.
        var begin: Microseconds = 0
    }

    enum Request {
        case send(Send)
        case fetch(EventLoopPromise<ByteBuffer>, deadline: Microseconds)
    }

    enum Link {
        case down(since: Microseconds)
        case dialing(number: Int, deadline: Microseconds, channel: (any Channel)?)
        /// Upgraded; the sign-in has no answer yet.
        case signingIn(HistorySocket, deadline: Microseconds)
        case live(HistorySocket)
    }

    /// What stands still longer than a client waits is measured by the client's patience, so it has little.
    static let sendLimit: Microseconds = 2_000_000
    static let silenceLimit: Microseconds = 2_000_000
    static let pingAfter: Microseconds = 1_000_000
    static let dialLimit: Microseconds = 2_000_000

    let number: UInt32
    let file: HistoryFile
    unowned let run: HistoryRun
    var account: HistoryAccount
    /// Where this client posts by its socket.
    var postingChannels: [Int] = []
    var node: Int
    var link: Link = .down(since: 0)
    var dials = 0
    var connects = 0
    /// Refusals in a row without an ack: the node has no majority, and another one may.
    var refusalsInARow = 0
    /// The last seq of each channel that was given; resuming begins behind it.
    var last: [Int: UInt64] = [:]
    var pending: [Int: Request] = [:]
    var again: [(due: Microseconds, send: Send)] = []
    private var nextRef = 1
    private var nextNumber: UInt32 = 0
    private var heardAt: Microseconds = 0
    private var pingedAt: Microseconds = 0
    private var downs = 0
    private let padding: String

    init(number: UInt32, account: HistoryAccount, file: HistoryFile, run: HistoryRun, node: Int) {
        self.number = number
        self.account = account
        self.file = file
        self.run = run
        self.node = node
        let letters = "the quick brown fox jumps over the lazy dog while nobody looks "
        self.padding = String(repeating: letters, count: run.settings.size / letters.count + 1)
    }

    /// Messages without a verdict.
    var unsettled: Int {
        self.again.count + self.pending.values.count { if case .send = $0 { true } else { false } }
    }

    var isLive: Bool { if case .live = self.link { true } else { false } }
    var nodeName: String { self.run.endpoints[self.node].name }

    // MARK: Sending

    func nextKey() -> MessageKey {
        defer { self.nextNumber += 1 }
        return MessageKey(client: self.number, number: self.nextNumber)
    }

    func text(of key: MessageKey) -> String {
        let head = "\(key) "
        return head + self.padding.prefix(max(self.run.settings.size - head.utf8.count, 1))
    }

    /// A new message; it is on the wire after `flush`.
    func post(to channel: Int) {
        let key = self.nextKey()
        let text = self.text(of: key)
        self.transmit(Send(key: key, channel: channel, text: text, digest: TextDigest(of: text.utf8)))
    }

    private func transmit(_ send: Send) {
        guard case .live(let socket) = self.link else {
            self.again.append((0, send))
            return
        }
        var send = send
        send.attempts += 1
        send.begin = MonotonicClock.now()
        let ref = self.takeRef()
        self.pending[ref] = .send(send)
        self.file.append(
            .send(at: send.begin, channel: send.channel, send.key, send.digest, node: self.nodeName))
        let channel = self.run.channels[send.channel].id
        socket.write(
            #"{"type":"send","ref":\#(ref),"channel_id":"\#(channel)","text":"\#(send.text)","client_id":"\#(send.key)"}"#
        )
    }

    /// What was sent is in the history's file before it is on the wire: nobody can know of it before the file does.
    func flush() {
        self.file.flush()
        switch self.link {
        case .live(let socket), .signingIn(let socket, _): socket.flush()
        case .down, .dialing: break
        }
    }

    /// Asks for a channel's events behind `after`.
    func fetch(_ channel: Int, after: UInt64) -> EventLoopFuture<ByteBuffer> {
        self.fetch(self.run.channels[channel].id, after: after)
    }

    func fetch(_ id: String, after: UInt64) -> EventLoopFuture<ByteBuffer> {
        let promise = self.run.loop.makePromise(of: ByteBuffer.self)
        guard case .live(let socket) = self.link else {
            promise.fail(HistoryRun.NotConnected())
            return promise.futureResult
        }
        let ref = self.takeRef()
        self.pending[ref] = .fetch(promise, deadline: MonotonicClock.now() + 5_000_000)
        socket.write(#"{"type":"fetch","ref":\#(ref),"channel_id":"\#(id)","after":\#(after),"limit":200}"#)
        self.flush()
        return promise.futureResult
    }

    private func takeRef() -> Int {
        defer { self.nextRef += 1 }
        return self.nextRef
    }

    // MARK: Verdicts

    func acked(_ send: Send, _ message: FrameScan.Message) {
        let now = MonotonicClock.now()
        self.refusalsInARow = 0
        self.file.append(
            .ack(at: now, channel: send.channel, send.key, seq: message.seq, shown: message.digest))
        self.run.counters.acked += 1
    }

    /// An `error` frame. docs/errors.md has the codes.
    func refused(_ send: Send, code: String) {
        let now = MonotonicClock.now()
        switch code {
        case "outcome_unknown", "internal": self.unknown(send, reason: code, at: now)
        case "not_found", "forbidden":
            self.file.append(.refused(at: now, channel: send.channel, send.key, code: code, isDenied: true))
            self.run.counters.denied += 1
        case "unavailable", "overloaded", "not_ready", "draining", "rate_limited", "disk_full":
            self.file.append(.refused(at: now, channel: send.channel, send.key, code: code, isDenied: false))
            self.run.counters.refused += 1
            self.refusalsInARow += 1
            self.tryAgain(send, at: now)
            if self.refusalsInARow >= 8 { self.leaveNode() }
        default:
            self.file.append(.refused(at: now, channel: send.channel, send.key, code: code, isDenied: false))
            self.run.counters.refused += 1
            say("client \(self.number): a send was refused with \(code) and given up")
        }
    }

    func unknown(_ send: Send, reason: String, at now: Microseconds) {
        self.file.append(.unknown(at: now, channel: send.channel, send.key, reason: reason))
        self.run.counters.unknown += 1
        self.tryAgain(send, at: now)
    }

    /// After 50 ms, and twice as long with every attempt, up to 1 s.
    private func tryAgain(_ send: Send, at now: Microseconds) {
        let pause = Microseconds(50_000) << Microseconds(min(send.attempts - 1, 5))
        self.again.append((now + min(pause, 1_000_000), send))
    }

    // MARK: Time

    /// Called every 20 ms.
    func tick(_ now: Microseconds) {
        switch self.link {
        case .down(let since):
            if now - since >= Self.pause(after: self.downs) { self.dial(now) }
        case .dialing(_, let deadline, let channel):
            if now > deadline {
                channel?.close(promise: nil)
                self.lost(nil, "no connection to \(self.nodeName)")
            }
        case .signingIn(let socket, let deadline):
            if now > deadline { self.lost(socket, "no answer to the sign-in at \(self.nodeName)") }
        case .live(let socket): self.tickLive(now, socket)
        }
        self.file.flush()
    }

    private func tickLive(_ now: Microseconds, _ socket: HistorySocket) {
        let isOverdue = self.pending.values.contains { request in
            switch request {
            case .send(let send): now - send.begin > Self.sendLimit
            case .fetch(_, let deadline): now > deadline
            }
        }
        if isOverdue || now - self.heardAt > Self.silenceLimit {
            self.lost(socket, isOverdue ? "no answer in time" : "silence")
            return
        }
        if now - max(self.heardAt, self.pingedAt) > Self.pingAfter {
            self.pingedAt = now
            socket.write(#"{"type":"ping","ref":0}"#)
        }
        if !self.again.isEmpty {
            let due = self.again.filter { $0.due <= now }
            self.again.removeAll { $0.due <= now }
            for item in due { self.transmit(item.send) }
        }
        self.flush()
    }

    /// 30 ms at first, so that resuming is quick; up to 1 s where every node is away.
    private static func pause(after downs: Int) -> Microseconds {
        min(30_000 << Microseconds(min(downs, 6)), 1_000_000)
    }

    // MARK: The connection

    private func dial(_ now: Microseconds) {
        self.dials += 1
        let number = self.dials
        self.link = .dialing(number: number, deadline: now + Self.dialLimit, channel: nil)
        let bound = NIOLoopBound(self, eventLoop: self.run.loop)
        let dialed = SocketDial.open(
            self.run.endpoints[self.node], on: self.run.loop, limit: .microseconds(Self.dialLimit),
            connected: { channel in
                if case .dialing(number, let deadline, _) = bound.value.link {
                    bound.value.link = .dialing(number: number, deadline: deadline, channel: channel)
                } else {
                    channel.close(promise: nil)
                }
            },
            upgraded: { channel in
                let socket = HistorySocket(client: bound.value)
                try channel.pipeline.syncOperations.addHandler(socket)
                bound.value.upgraded(socket, dial: number)
            })
        // A turn later, when the HTTP handlers have left the pipeline.
        dialed.hop(to: self.run.loop).whenComplete { result in
            switch result {
            case .success: bound.value.signIn()
            case .failure(let error): bound.value.failed(dial: number, error)
            }
        }
    }

    private func upgraded(_ socket: HistorySocket, dial number: Int) {
        guard case .dialing(number, _, _) = self.link else {
            socket.abandon()
            return
        }
        self.link = .signingIn(socket, deadline: MonotonicClock.now() + Self.dialLimit)
    }

    private func signIn() {
        guard case .signingIn(let socket, _) = self.link else { return }
        let resume = self.last.sorted { $0.key < $1.key }
            .map { #""\#(self.run.channels[$0.key].id)":\#($0.value)"# }.joined(separator: ",")
        socket.write(#"{"type":"auth","token":"\#(self.account.token)","resume":{\#(resume)}}"#)
        socket.flush()
    }

    private func failed(dial number: Int, _ error: any Error) {
        switch self.link {
        case .dialing(number, _, _): self.lost(nil, "\(error)")
        case .down, .dialing, .signingIn, .live: break
        }
    }

    func signedIn(_ socket: HistorySocket) {
        self.link = .live(socket)
        self.heardAt = MonotonicClock.now()
        self.connects += 1
        self.downs = 0
        self.refusalsInARow = 0
    }

    func heard() { self.heardAt = MonotonicClock.now() }

    /// The token was renewed: the socket lives as long as its token.
    func renew(_ account: HistoryAccount) {
        self.account = account
        guard case .live(let socket) = self.link else { return }
        socket.write(#"{"type":"auth","ref":0,"token":"\#(account.token)"}"#)
        self.flush()
    }

    private func leaveNode() {
        self.refusalsInARow = 0
        if case .live(let socket) = self.link { self.lost(socket, "the node only refuses") }
    }

    /// The connection is gone, or given up: everything in flight is unknown, and the next node is asked.
    func lost(_ socket: HistorySocket?, _ reason: String) {
        switch (self.link, socket) {
        case (.down, _): return
        case (.signingIn(let current, _), let socket?), (.live(let current), let socket?):
            guard current === socket else { return }
        case (.signingIn, nil), (.live, nil): return
        case (.dialing, _): break
        }
        let now = MonotonicClock.now()
        self.link = .down(since: now)
        self.downs += 1
        self.node = (self.node + 1) % self.run.endpoints.count
        socket?.abandon()
        let pending = self.pending
        self.pending = [:]
        for ref in pending.keys.sorted() {
            switch pending[ref] {
            case .send(let send): self.unknown(send, reason: reason, at: now)
            case .fetch(let promise, _): promise.fail(HistoryRun.NotConnected())
            case nil: break
            }
        }
    }
}
