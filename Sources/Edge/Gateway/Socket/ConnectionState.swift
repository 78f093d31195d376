import ChatModel
import ClientProtocol
import ClusterModel
import Identity

/// Both clocks of an input: one that only goes forward, for deadlines, and the wall's, for tokens.
struct SocketTime: Sendable, Hashable {
    /// Milliseconds of the machine's uptime.
    let uptime: Int64
    let wall: Timestamp
}

/// One socket's life: what each frame, answer and second means. Pure.
///
/// ```
/// awaitingAuth ──auth──▶ authenticating ──ready──▶ live ◀─┐ auth again: a fresh token
///      │                       │                    │ └───┘
///      └───────────────────────┴────────┬───────────┘
///                                       ▼ close sent
///                                    closing ──peer's close, end of input or 5 s──▶ closed
/// ```
/// The shell (``ClientSocket``) carries the effects out in order and feeds back what came of them.
struct ConnectionState {
    enum Phase {
        /// Nothing but a good `auth` helps; follows: authenticating, closing.
        case awaitingAuth
        /// The token is being verified and the channels are loaded; frames wait. Follows: live, closing.
        case authenticating(waiting: [Waiting])
        /// Follows: closing.
        case live(Session)
        /// A close frame was sent. Follows: closed.
        case closing(since: Int64)
        case closed
    }

    struct Session {
        var actor: Actor
        /// When the socket ends unless a fresh token comes.
        var endsAt: Timestamp
        /// A fresh token is being verified, for the request with this ref.
        var renewing: [FrameRef?] = []
    }

    struct Waiting {
        let frame: ClientFrame
        let ref: FrameRef?
    }

    /// What the user's budget says of a frame.
    enum Allowance {
        case granted
        /// Over the limit: answer with an error.
        case refused
        /// Over the limit for long: 4029.
        case persistent
    }

    enum Input {
        case opened(bearer: String?)
        case received(WebSocketDecoder.Output, Allowance)
        case verified(Result<Authenticated, AuthFailure>)
        /// The channels are there; the payload of `ready`.
        case loaded([UInt8])
        case loadFailed(CloseCode)
        /// The answer of a request, payload of one frame.
        case answered([UInt8])
        /// Unsent bytes wait for the peer, or none do any more.
        case blocked
        case unblocked
        case tick
        /// Somebody else wants it closed: a drain, an eviction, a revocation, a backlog past its bound.
        case end(CloseCode)
        /// Something to tell the client that is no answer.
        case news([UInt8])
        case inputClosed
    }

    enum Effect {
        case verify(token: String)
        case load(Actor, resume: [ResumePoint])
        /// The user is in: take part in its channels. Comes right after `ready` is said.
        case enter
        /// The socket belongs to another session of the same user now.
        case rebind(Actor)
        /// One text frame.
        case say([UInt8])
        case post(MessageDraft, FrameRef?)
        case fetch(ChannelID, after: UInt64, limit: UInt32, FrameRef?)
        case subscribe([ChannelID], FrameRef?)
        case unsubscribe([ChannelID], FrameRef?)
        /// Whatever else a client asks for: edits and the like, reading, typing, presence.
        case carryOut(ClientFrame, FrameRef?)
        case ping
        case pong([UInt8])
        /// A close frame; nothing is said after it. `isFinal` when the peer's answer can not be understood.
        case close(code: UInt16, reason: String, isFinal: Bool)
        /// Once all is flushed, end the TCP connection.
        case cut
    }

    let settings: SocketSettings
    private(set) var phase = Phase.awaitingAuth
    private let openedAt: Int64
    private var lastFrameAt: Int64
    /// When the client last asked for anything but an answer to `ping`.
    private(set) var lastActiveAt: Int64
    private var pingedAt: Int64
    private var blockedSince: Int64?
    private var requestsOpen = 0
    private var resume: [ResumePoint] = []
    /// Who the verified token is, while the channels load.
    private var candidate: Session?
    private var strayControls = 0

    /// Frames that may wait for `ready`, and control frames that a stranger may send.
    private static let waitingMax = 64
    private static let strayControlsMax = 16
    /// A token that is accepted within the clocks' skew after its end is good for so long on a socket.
    private static let skewMilliseconds: Int64 = 60_000

    init(settings: SocketSettings, now: SocketTime) {
        self.settings = settings
        self.openedAt = now.uptime
        self.lastFrameAt = now.uptime
        self.lastActiveAt = now.uptime
        self.pingedAt = now.uptime
    }

    var session: Session? {
        if case .live(let session) = self.phase { session } else { nil }
    }

    /// No close was sent yet.
    var isOpen: Bool {
        switch self.phase {
        case .awaitingAuth, .authenticating, .live: true
        case .closing, .closed: false
        }
    }

    mutating func step(_ input: Input, at now: SocketTime, into effects: inout [Effect]) {
        switch input {
        case .opened(let bearer):
            guard let bearer else { return }
            self.verifyFirst(bearer, resume: [], into: &effects)
        case .received(let output, let allowance): self.receive(output, allowance, at: now, into: &effects)
        case .verified(let result): self.verified(result, at: now, into: &effects)
        case .loaded(let ready): self.loaded(ready, at: now, into: &effects)
        case .loadFailed(let code): self.close(code, at: now, into: &effects)
        case .answered(let frame):
            self.requestsOpen -= 1
            if self.isOpen { effects.append(.say(frame)) }
        case .blocked: self.blockedSince = self.blockedSince ?? now.uptime
        case .unblocked: self.blockedSince = nil
        case .tick: self.tick(at: now, into: &effects)
        case .end(let code): self.close(code, at: now, into: &effects)
        case .news(let frame): if self.isOpen { effects.append(.say(frame)) }
        case .inputClosed:
            self.phase = .closed
            effects.append(.cut)
        }
    }

    mutating func close(_ code: CloseCode, isFinal: Bool = false, at now: SocketTime, into effects: inout [Effect]) {
        guard self.isOpen else { return }
        self.phase = .closing(since: now.uptime)
        effects.append(.close(code: code.rawValue, reason: code.reason.description, isFinal: isFinal))
    }
}

// MARK: Frames

extension ConnectionState {
    private mutating func receive(
        _ output: WebSocketDecoder.Output, _ allowance: Allowance, at now: SocketTime, into effects: inout [Effect]
    ) {
        self.lastFrameAt = now.uptime
        switch output {
        case .violation(let code): self.close(code, isFinal: true, at: now, into: &effects)
        case .close(let code): self.peerClosed(code, into: &effects)
        case .ping, .pong, .text:
            guard self.isOpen else { return }
            if case .persistent = allowance { return self.close(.rateLimited, at: now, into: &effects) }
            switch output {
            case .text(let bytes): self.text(bytes, allowance, at: now, into: &effects)
            case .ping(let payload): self.control(payload, at: now, into: &effects)
            case .pong, .close, .violation: self.control(nil, at: now, into: &effects)
            }
        }
    }

    private mutating func control(_ payload: [UInt8]?, at now: SocketTime, into effects: inout [Effect]) {
        if self.session == nil {
            self.strayControls += 1
            guard self.strayControls <= Self.strayControlsMax else {
                return self.close(.rateLimited, at: now, into: &effects)
            }
        }
        if let payload { effects.append(.pong(payload)) }
    }

    /// The closing handshake: answer with the peer's own code, once.
    private mutating func peerClosed(_ code: UInt16?, into effects: inout [Effect]) {
        if self.isOpen { effects.append(.close(code: code ?? 1_000, reason: "", isFinal: false)) }
        self.phase = .closed
        effects.append(.cut)
    }

    private mutating func text(
        _ bytes: [UInt8], _ allowance: Allowance, at now: SocketTime, into effects: inout [Effect]
    ) {
        switch (ClientFrame.parse(bytes), self.phase) {
        case (.malformed, _):
            self.close(.malformed, at: now, into: &effects)
        case (.frame(.auth(let token, let resume), _), .awaitingAuth):
            self.verifyFirst(token, resume: resume, into: &effects)
        case (.frame, .awaitingAuth), (.refused, .awaitingAuth):
            self.close(.unauthenticated, at: now, into: &effects)
        case (.refused(let problem, let ref), _):
            effects.append(.say(ServerFrame.error(ref, allowance == .granted ? problem : Problem(.rateLimited))))
        case (.frame(_, let ref), _) where allowance != .granted:
            effects.append(.say(ServerFrame.error(ref, Problem(.rateLimited))))
        case (.frame(let frame, let ref), .authenticating(var waiting)):
            guard waiting.count < Self.waitingMax else { return self.close(.rateLimited, at: now, into: &effects) }
            waiting.append(Waiting(frame: frame, ref: ref))
            self.phase = .authenticating(waiting: waiting)
        case (.frame(let frame, let ref), .live):
            if frame != .ping { self.lastActiveAt = now.uptime }
            self.request(frame, ref, into: &effects)
        case (.frame, .closing), (.frame, .closed):
            break
        }
    }

    private mutating func request(_ frame: ClientFrame, _ ref: FrameRef?, into effects: inout [Effect]) {
        guard case .live(var session) = self.phase else { return }
        switch frame {
        case .ping:
            effects.append(.say(ServerFrame.pong(ref)))
            return
        case .auth(let token, _):
            guard session.renewing.isEmpty else {
                effects.append(.say(ServerFrame.error(ref, Problem(.rateLimited))))
                return
            }
            session.renewing.append(ref)
            self.phase = .live(session)
            effects.append(.verify(token: token))
            return
        case .send, .fetch, .subscribe, .unsubscribe, .edit, .delete, .react, .unreact, .typingStart, .typingStop,
            .read, .presenceSet, .presenceWatch:
            break
        }
        guard self.requestsOpen < self.settings.requestsMax else {
            effects.append(.say(ServerFrame.error(ref, Problem(.overloaded, detail: "Too many requests wait."))))
            return
        }
        self.requestsOpen += 1
        switch frame {
        case .send(let draft): effects.append(.post(draft, ref))
        case .fetch(let channel, let after, let limit):
            effects.append(.fetch(channel, after: after, limit: limit, ref))
        case .subscribe(let channels): effects.append(.subscribe(channels, ref))
        case .unsubscribe(let channels): effects.append(.unsubscribe(channels, ref))
        case .edit, .delete, .react, .unreact, .typingStart, .typingStop, .read, .presenceSet, .presenceWatch:
            effects.append(.carryOut(frame, ref))
        case .ping, .auth: break
        }
    }
}

// MARK: Signing in

extension ConnectionState {
    private mutating func verifyFirst(_ token: String, resume: [ResumePoint], into effects: inout [Effect]) {
        self.phase = .authenticating(waiting: [])
        self.resume = resume
        effects.append(.verify(token: token))
    }

    private mutating func verified(
        _ result: Result<Authenticated, AuthFailure>, at now: SocketTime, into effects: inout [Effect]
    ) {
        switch self.phase {
        case .authenticating:
            switch result {
            case .success(let authenticated):
                self.candidate = Self.session(authenticated, at: now)
                effects.append(.load(authenticated.actor, resume: self.resume))
                self.resume = []
            case .failure(.revoked): self.close(.sessionRevoked, at: now, into: &effects)
            case .failure(.notReady): self.close(.tryAgainLater, at: now, into: &effects)
            case .failure(.missing), .failure(.invalid), .failure(.expired):
                self.close(.unauthenticated, at: now, into: &effects)
            }
        case .live(let session): self.renewed(session, result, at: now, into: &effects)
        case .awaitingAuth, .closing, .closed: break
        }
    }

    private static func session(_ authenticated: Authenticated, at now: SocketTime) -> Session {
        let end = authenticated.expiresAt
        let endsAt = end > now.wall ? end : end.advanced(byMilliseconds: Self.skewMilliseconds)
        return Session(actor: authenticated.actor, endsAt: endsAt)
    }

    private mutating func renewed(
        _ session: Session, _ result: Result<Authenticated, AuthFailure>, at now: SocketTime,
        into effects: inout [Effect]
    ) {
        let ref = session.renewing.first ?? nil
        var kept = session
        kept.renewing = []
        switch result {
        case .success(let authenticated) where authenticated.actor.user == session.actor.user:
            self.phase = .live(Self.session(authenticated, at: now))
            if authenticated.actor != session.actor { effects.append(.rebind(authenticated.actor)) }
            effects.append(.say(ServerFrame.ok(ref)))
        case .success:
            self.phase = .live(kept)
            let problem = Problem(.forbidden, detail: "The token is another user's.")
            effects.append(.say(ServerFrame.error(ref, problem)))
        case .failure(let failure):
            self.phase = .live(kept)
            effects.append(.say(ServerFrame.error(ref, failure.problem)))
        }
    }

    private mutating func loaded(_ ready: [UInt8], at now: SocketTime, into effects: inout [Effect]) {
        guard case .authenticating(let waiting) = self.phase, let session = self.candidate else { return }
        self.phase = .live(session)
        self.candidate = nil
        effects.append(.say(ready))
        effects.append(.enter)
        for request in waiting { self.request(request.frame, request.ref, into: &effects) }
    }
}

// MARK: Clocks

extension ConnectionState {
    /// Whether something may be due before the next heartbeat, so that the socket must be looked at every tick.
    func isImpatient(at now: SocketTime) -> Bool {
        switch self.phase {
        case .awaitingAuth, .authenticating, .closing: return true
        case .closed: return false
        case .live(let session):
            let period = self.settings.heartbeatMilliseconds
            return self.blockedSince != nil || now.uptime - self.lastFrameAt >= period
                || session.endsAt <= now.wall.advanced(byMilliseconds: period + 2_000)
        }
    }

    func isIdle(at now: SocketTime) -> Bool { now.uptime - self.lastActiveAt >= self.settings.idleMilliseconds }

    private mutating func tick(at now: SocketTime, into effects: inout [Effect]) {
        switch self.phase {
        case .awaitingAuth:
            guard now.uptime - self.openedAt >= self.settings.authMilliseconds else { return }
            self.close(.unauthenticated, at: now, into: &effects)
        case .authenticating:
            // The shards do not answer; another node may be luckier.
            guard now.uptime - self.openedAt >= 2 * self.settings.authMilliseconds else { return }
            self.close(.tryAgainLater, at: now, into: &effects)
        case .live(let session): self.tickLive(session, at: now, into: &effects)
        case .closing(let since):
            guard now.uptime - since >= self.settings.closeMilliseconds else { return }
            self.phase = .closed
            effects.append(.cut)
        case .closed: break
        }
    }

    private mutating func tickLive(_ session: Session, at now: SocketTime, into effects: inout [Effect]) {
        if now.wall >= session.endsAt { return self.close(.unauthenticated, at: now, into: &effects) }
        if let since = self.blockedSince, now.uptime - since >= self.settings.slowMilliseconds {
            return self.close(.slowConsumer, at: now, into: &effects)
        }
        let period = self.settings.heartbeatMilliseconds
        if now.uptime - self.lastFrameAt >= 2 * period {
            return self.close(.heartbeatsMissed, at: now, into: &effects)
        }
        guard now.uptime - self.pingedAt >= period, self.blockedSince == nil else { return }
        self.pingedAt = now.uptime
        effects.append(.ping)
    }
}
