/// One channel as a terminal client follows it: a pure state machine, told of frames and typed lines, that says
/// what to send and what to show.
///
/// It keeps two promises across any number of connections: a line that was typed is sent again, under the same
/// `client_id`, until an answer to it arrives; and an event is shown once, in the order of its seq.
struct Conversation {
    enum Input {
        case connected(token: String)
        case frame(ServerFrame)
        case typed(String, clientID: String)
        /// Standard input ended: leave once nothing is unanswered.
        case inputEnded
        case disconnected(code: Int, reason: String)
    }

    enum Effect: Hashable {
        case transmit(ClientRequest)
        case showMessage(at: String, userID: String, text: String)
        case showNotice(String)
        case showMembership(at: String, userID: String, joined: Bool)
        /// Read the messages of the channel after the first seq, up to the second, over REST and show them.
        case showHistory(after: UInt64, through: UInt64)
        /// Dial the next server after a pause.
        case reconnect(afterMilliseconds: Int)
        /// A person must act: say why, exit with 1.
        case fail(code: Int, reason: String)
        case leave
    }

    private struct Unanswered {
        let ref: String
        let text: String
        let clientID: String
    }

    /// Messages of the past shown at the start.
    static let historyAtStart: UInt64 = 20
    /// Codes after which the same connection attempt would only fail again (api.md, close codes).
    private static let finalCodes: Set<Int> = [1002, 1003, 1007, 1008, 1009, 4400, 4401, 4403]

    let channelID: String
    private var shownSeq: UInt64?
    /// The highest seq that an own message was given; leaving waits until it was shown.
    private var ownSeq: UInt64 = 0
    private var isLive = false
    private var inputHasEnded = false
    private var unanswered: [Unanswered] = []
    private var nextRef: UInt64 = 1
    private var attempts = 0
    private var askedDelay: Int?

    init(channelID: String) { self.channelID = channelID }

    mutating func step(_ input: Input) -> [Effect] {
        switch input {
        case .connected(let token):
            let resume = self.shownSeq.map { [self.channelID: $0] } ?? [:]
            return [.transmit(.auth(token: token, resume: resume))]
        case .frame(let frame):
            return self.receive(frame)
        case .typed(let text, let clientID):
            let line = Unanswered(ref: "s\(self.nextRef)", text: text, clientID: clientID)
            self.nextRef += 1
            self.unanswered.append(line)
            return self.isLive ? [.transmit(self.request(line))] : []
        case .inputEnded:
            self.inputHasEnded = true
            return self.leaveIfDone()
        case .disconnected(let code, let reason):
            self.isLive = false
            if Self.finalCodes.contains(code) { return [.fail(code: code, reason: reason)] }
            let delay = self.askedDelay ?? min(100 << min(self.attempts, 5), 2_000)
            self.askedDelay = nil
            self.attempts += 1
            return [.reconnect(afterMilliseconds: delay)]
        }
    }

    private mutating func receive(_ frame: ServerFrame) -> [Effect] {
        switch frame.type {
        case "ready": return self.becomeLive(frame)
        case "ok":
            self.ownSeq = max(self.ownSeq, frame.message?.seq ?? 0)
            return self.settle(frame.ref, complaint: nil)
        case "error": return self.refuse(frame)
        case "reconnect":
            self.askedDelay = frame.delayMilliseconds
            return []
        case "channel.reset" where frame.channelID == self.channelID:
            guard let head = frame.seq else { return [] }
            let shown = min(self.shownSeq ?? 0, head)
            self.shownSeq = head
            return [.showHistory(after: shown, through: head)] + self.leaveIfDone()
        case "channel.left" where frame.channelID == self.channelID:
            return [.fail(code: 0, reason: "you are no longer a member of this channel")]
        default: return self.show(frame)
        }
    }

    private mutating func becomeLive(_ frame: ServerFrame) -> [Effect] {
        // A second `ready` answers a renewed token on a live socket.
        guard !self.isLive else { return [] }
        self.isLive = true
        self.attempts = 0
        var effects: [Effect] = []
        if self.shownSeq == nil, let channel = frame.channels?.first(where: { $0.id == self.channelID }) {
            self.shownSeq = channel.seq
            let past = channel.seq > Self.historyAtStart ? channel.seq - Self.historyAtStart : 0
            effects.append(.showHistory(after: past, through: channel.seq))
        }
        effects += self.unanswered.map { .transmit(self.request($0)) }
        return effects
    }

    private mutating func refuse(_ frame: ServerFrame) -> [Effect] {
        let code = frame.code ?? "error"
        // Nobody knows whether it was applied, or it was not for a passing reason: the same key settles it.
        let passing = ["outcome_unknown", "unavailable", "overloaded", "rate_limited"]
        if passing.contains(code), let line = self.unanswered.first(where: { $0.ref == frame.ref }) {
            return [.transmit(self.request(line))]
        }
        return self.settle(frame.ref, complaint: "not sent (\(code)): \(frame.detail ?? "")")
    }

    private mutating func settle(_ ref: String?, complaint: String?) -> [Effect] {
        guard let index = self.unanswered.firstIndex(where: { $0.ref == ref }) else { return [] }
        self.unanswered.remove(at: index)
        return (complaint.map { [.showNotice($0)] } ?? []) + self.leaveIfDone()
    }

    private func leaveIfDone() -> [Effect] {
        self.inputHasEnded && self.unanswered.isEmpty && self.shownSeq ?? 0 >= self.ownSeq ? [.leave] : []
    }

    private mutating func show(_ frame: ServerFrame) -> [Effect] {
        guard frame.channelID == self.channelID, let seq = frame.seq, let at = frame.at else { return [] }
        guard seq > self.shownSeq ?? 0 else { return [] }
        self.shownSeq = seq
        return self.line(frame, at: at) + self.leaveIfDone()
    }

    private func line(_ frame: ServerFrame, at: String) -> [Effect] {
        switch frame.type {
        case "message.created":
            guard let message = frame.message else { return [] }
            return [.showMessage(at: at, userID: message.userID, text: message.text ?? "")]
        case "member.joined", "member.left":
            guard let member = frame.member else { return [] }
            return [.showMembership(at: at, userID: member.userID, joined: frame.type == "member.joined")]
        default: return []
        }
    }

    private func request(_ line: Unanswered) -> ClientRequest {
        .send(ref: line.ref, channel: self.channelID, text: line.text, clientID: line.clientID)
    }
}
