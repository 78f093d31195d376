import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import DequeModule
import Fanout
import Identity
import NIOCore

// What sockets ask of the cluster. Each goes out without holding anything up and comes back through the inbox,
// by the socket's number: the socket may be gone by then.

extension SocketLoop {
    /// What came of reading the log for a socket that is behind.
    enum LogPage: Sendable {
        case events([DurableEvent])
        /// The log can not bring it up event by event any more.
        case gone(head: UInt64)
        case failed
    }

    // MARK: Signing in

    func verify(_ token: String, for socket: ClientSocket) {
        if let known = self.services.authenticator.authenticateIfKnown(token: token) {
            return socket.step(.verified(known))
        }
        let id = socket.id
        let authenticator = self.services.authenticator
        self.services.run {
            let result = await authenticator.authenticate(token: token)
            self.call { $0.sockets[id]?.step(.verified(result)) }
        }
    }

    /// Watches the user first and reads its channels then, so that no change falls between the two.
    func load(_ actor: Actor, resume: [ResumePoint], for socket: ClientSocket) {
        self.watch(socket, actor.user)
        let id = socket.id
        let services = self.services
        services.run {
            do throws(ServiceError) {
                let sidebar = try await services.sidebar(of: actor)
                let entrance = sidebar.map { sidebar in
                    SocketEntrance(
                        session: actor.session, node: services.service.nodeID, user: sidebar.user,
                        channels: sidebar.channels, muted: sidebar.muted, resume: resume,
                        missedMax: services.settings.missedEventsMax,
                        hasPresence: services.service.presence.isAvailable)
                }
                let isDeactivated = sidebar?.user.deactivatedAt != nil
                self.call { loop in
                    guard let socket = loop.sockets[id] else { return }
                    guard let entrance, !isDeactivated else { return socket.step(.loadFailed(.sessionRevoked)) }
                    socket.loaded(entrance)
                }
            } catch {
                self.call { $0.sockets[id]?.step(.loadFailed(.tryAgainLater)) }
            }
        }
    }

    private func watch(_ socket: ClientSocket, _ user: UserID) {
        let now = SocketServices.now().wall
        if self.users[user] == nil {
            self.users[user] = UserEntry(
                frames: TokenBucket(SocketServices.framePolicy, at: now),
                patience: TokenBucket(SocketServices.patiencePolicy, at: now))
            if let lane = self.lane { self.services.hub.watch(user, lane: lane) }
        }
        self.users[user]?.sockets.append(socket.id)
    }

    func enter(_ socket: ClientSocket, _ actor: Actor) {
        self.addToSession(socket, actor.session)
    }

    private func addToSession(_ socket: ClientSocket, _ session: SessionID) {
        let oldest = self.services.sessions.add(SocketHandle(loop: self, id: socket.id), to: session)
        guard let oldest else { return }
        oldest.loop.call { $0.sockets[oldest.id]?.step(.end(.policyViolation)) }
    }

    func rebind(_ socket: ClientSocket, from old: Actor?, to new: Actor) {
        guard let old, old.session != new.session else { return }
        self.services.sessions.remove(SocketHandle(loop: self, id: socket.id), from: old.session)
        self.addToSession(socket, new.session)
    }

    /// The socket is gone.
    func exit(_ socket: ClientSocket) {
        guard let actor = socket.actor else { return }
        self.services.sessions.remove(SocketHandle(loop: self, id: socket.id), from: actor.session)
        self.users[actor.user]?.sockets.removeAll { $0 == socket.id }
        self.replaceWatched([], of: socket)
        self.judgePresence(of: actor.user)
        guard self.users[actor.user]?.sockets.isEmpty == true else { return }
        self.users[actor.user] = nil
        if let lane = self.lane { self.services.hub.unwatch(actor.user, lane: lane) }
    }

    // MARK: Messages

    /// The hot path: no task, unless the text names somebody whom this node does not know. Proposals of one socket leave
    /// in the order of its frames but for those.
    func post(_ draft: MessageDraft, _ ref: FrameRef?, for socket: ClientSocket) {
        guard let actor = socket.actor else { return }
        let changes = MessageChanges(self.services.service)
        if let draft = changes.addressedAtOnce(draft) { return self.propose(draft, ref, by: actor, socket: socket.id) }
        let id = socket.id
        self.services.run {
            do throws(ServiceError) {
                let draft = try await changes.addressed(draft, by: actor)
                self.propose(draft, ref, by: actor, socket: id)
            } catch {
                self.enqueue(.posted(socket: id, ref, .failure(error)))
            }
        }
    }

    /// Any thread.
    private func propose(_ draft: MessageDraft, _ ref: FrameRef?, by actor: Actor, socket id: UInt64) {
        self.services.service.perform(draft.command(by: actor)) { result in
            self.enqueue(.posted(socket: id, ref, result))
        }
    }

    func posted(_ id: UInt64, _ ref: FrameRef?, _ result: Result<CommandResult, ServiceError>) {
        if case .success(.message(let event)) = result { self.services.hub.note(event.channel, head: event.seq) }
        guard let socket = self.sockets[id] else { return }
        switch result {
        case .success(.message(let event)): socket.step(.answered(ServerFrame.ok(ref, message: event)))
        case .success(.refused(let refusal)): socket.step(.answered(ServerFrame.error(ref, Problem(refusal))))
        case .success: socket.step(.answered(ServerFrame.error(ref, Problem(.internal))))
        case .failure(let error): socket.step(.answered(ServerFrame.error(ref, Problem(error))))
        }
    }

    func fetch(_ channel: ChannelID, after: UInt64, limit: UInt32, _ ref: FrameRef?, for socket: ClientSocket) {
        guard let actor = socket.actor else { return }
        self.answer(socket) { services throws(ServiceError) in
            let query = Query.events(channel, viewer: actor, after: after, limit: limit)
            switch try await services.service.answer(query, consistency: .linearizable) {
            case .events(let events, let head):
                return ServerFrame.ok(ref, events: Self.bounded(events), head: head, viewer: actor.user)
            case .refused(let refusal): return ServerFrame.error(ref, Problem(refusal))
            default: return ServerFrame.error(ref, Problem(.internal))
            }
        } failure: {
            ServerFrame.error(ref, Problem($0))
        }
    }

    /// As many events as make an answer of about 256 KiB, at least one; the client asks on from the last.
    private static func bounded(_ events: [DurableEvent]) -> [DurableEvent] {
        var bytesLeft = 256 * 1024
        return events.enumerated().prefix { index, event in
            if case .messageCreated(let content) = event.body { bytesLeft -= content.text.utf8.count }
            return index == 0 || bytesLeft > 0
        }.map(\.element)
    }

    /// Runs a question off the loop and answers the socket's request with its frame.
    func answer(
        _ socket: ClientSocket, _ ask: @escaping @Sendable (SocketServices) async throws(ServiceError) -> [UInt8],
        failure: @escaping @Sendable (ServiceError) -> [UInt8]
    ) {
        let id = socket.id
        let services = self.services
        services.run {
            let frame: [UInt8]
            do throws(ServiceError) {
                frame = try await ask(services)
            } catch {
                frame = failure(error)
            }
            self.call { $0.sockets[id]?.step(.answered(frame)) }
        }
    }

    // MARK: Interest

    func subscribe(_ channels: [ChannelID], _ ref: FrameRef?, for socket: ClientSocket) {
        guard let actor = socket.actor else { return }
        let wanted = Array(Set(channels).subtracting(channels.filter { socket.cursor(in: $0) != nil }))
        let id = socket.id
        let services = self.services
        services.run {
            let states: Result<[ChannelView], ServiceError>
            do throws(ServiceError) {
                states = .success(wanted.isEmpty ? [] : try await services.states(of: wanted, viewer: actor))
            } catch {
                states = .failure(error)
            }
            self.call { $0.subscribed(channels, wanted, states, ref, socket: id) }
        }
    }

    /// All or nothing: a channel that one is not in is not there.
    private func subscribed(
        _ channels: [ChannelID], _ wanted: [ChannelID], _ states: Result<[ChannelView], ServiceError>,
        _ ref: FrameRef?, socket id: UInt64
    ) {
        guard let socket = self.sockets[id] else { return }
        switch states {
        case .failure(let error): socket.step(.answered(ServerFrame.error(ref, Problem(error))))
        case .success(let states) where states.count < wanted.count:
            socket.step(.answered(ServerFrame.error(ref, Problem(.notFound))))
        case .success(let states):
            for state in states {
                if let member = state.member { socket.take(SocketEntrance.Place(state, member)) }
            }
            var seen: Set<ChannelID> = []
            let seqs = channels.filter { seen.insert($0).inserted }.compactMap { channel in
                socket.cursor(in: channel).map { (channel: channel, seq: $0) }
            }
            socket.step(.answered(ServerFrame.ok(ref, seqs: seqs)))
        }
    }

    // MARK: Notices

    func take(_ notice: UserNotice, for socket: ClientSocket) {
        guard socket.isOpen else { return }
        guard socket.hasEntered else { return socket.noticesWaiting.append(notice) }
        switch notice {
        case .channelJoined(let channel, let seq):
            guard let membership = socket.membership(of: channel) else {
                return self.startJoining(channel, for: socket)
            }
            if membership.joinedSeq < seq { socket.noteRejoin(channel) }
        case .channelLeft(let channel):
            // Who reads the channel meets its own `member.left` there, in order; only who does not must be told.
            guard let membership = socket.membership(of: channel), membership.place == nil else { return }
            socket.end(channel)
        case .sessionRevoked(let session):
            socket.revoke(session)
        case .notificationCreated, .settingsUpdated, .draftUpdated, .userUpdated, .readUpdated, .threadReadUpdated:
            if let frame = ServerFrame.notice(notice) { socket.step(.news(frame)) }
        }
    }

    func startJoining(_ channel: ChannelID, for socket: ClientSocket) {
        guard let actor = socket.actor, socket.joining.insert(channel).inserted else { return }
        let id = socket.id
        let services = self.services
        services.run {
            var state: ChannelView?
            // Twice, since the notice may be ahead of the shard's leader changing; a reconnect mends the rest.
            for _ in 0..<2 where state == nil {
                let states = try? await services.states(of: [channel], viewer: actor)
                state = states?.first
            }
            let found = state
            self.call { $0.joined(channel, found, socket: id) }
        }
    }

    private func joined(_ channel: ChannelID, _ state: ChannelView?, socket id: UInt64) {
        guard let socket = self.sockets[id] else { return }
        socket.joining.remove(channel)
        guard let state, let member = state.member, socket.membership(of: channel) == nil else { return }
        socket.step(.news(ServerFrame.channelJoined(state, seq: member.joinedSeq)))
        socket.take(
            SocketEntrance.Place(
                channel: channel, cursor: member.joinedSeq, head: state.channel.seq, joinedSeq: member.joinedSeq,
                resetHead: nil))
    }

    // MARK: Reading the log

    /// - Returns: false when too many are reading; the socket is called again when one has ended.
    func fetchPage(_ channel: ChannelID, after cursor: UInt64, through: UInt64, for socket: ClientSocket) -> Bool {
        guard self.pagesOpen < Self.pagesMax else {
            self.pageQueue.append(socket.id)
            return false
        }
        self.pagesOpen += 1
        let id = socket.id
        let service = self.services.service
        self.services.run {
            let page: LogPage
            do throws(ServiceError) {
                let query = Query.feed(channel, after: cursor, limit: 100)
                switch try await service.answer(query, consistency: .local) {
                case .events(let events, let head):
                    if events.first?.seq == cursor + 1 {
                        page = .events(events)
                    } else {
                        // A replica that lags knows less than this node's feed; one that is ahead has cut its log.
                        page = head <= cursor ? .failed : .gone(head: head)
                    }
                case .refused: page = .gone(head: through)
                default: page = .failed
                }
            } catch {
                page = .failed
            }
            self.call { $0.pageCame(page, of: channel, socket: id) }
        }
        return true
    }

    private func pageCame(_ page: LogPage, of channel: ChannelID, socket id: UInt64) {
        self.pagesOpen -= 1
        self.sockets[id]?.took(page, of: channel)
        while self.pagesOpen < Self.pagesMax, let next = self.pageQueue.popFirst() {
            if let socket = self.sockets[next] { self.catchUpLater(socket) }
        }
    }
}
