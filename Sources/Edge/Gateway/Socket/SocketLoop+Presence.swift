import ChatModel
import ChatService
import ClientProtocol
import ClusterModel
import Fanout
import NIOCore

/// What an event loop keeps of presence.
struct LanePresence {
    /// What the node was told last of each person with sockets here.
    var told: [UserID: PresenceStatus] = [:]
    /// The sockets here that want to hear of somebody.
    var watchers: [UserID: Set<UInt64>] = [:]
}

extension SocketLoop {
    /// Milliseconds between two notes of one socket that somebody types in a channel.
    private static let typingPace: Int64 = 2_000

    // MARK: Own devices

    /// Tells the node how this loop's sockets of a person are, all together, when that has changed.
    func judgePresence(of user: UserID) {
        guard let lane = self.lane else { return }
        let sockets = (self.users[user]?.sockets ?? []).compactMap { self.sockets[$0] }.filter(\.hasEntered)
        let status: PresenceStatus? =
            sockets.isEmpty ? nil : sockets.contains { !$0.isAway } ? .online : .away
        guard status != self.presences.told[user] else { return }
        self.presences.told[user] = status
        self.services.service.presence.devicesChanged(of: user, lane: lane.number, status)
    }

    func choose(_ choice: PresenceChoice, _ ref: FrameRef?, for socket: ClientSocket) {
        guard let actor = socket.actor else { return }
        let id = socket.id
        let service = self.services.service
        self.services.run {
            let frame: [UInt8]
            do {
                _ = try await PresenceChanges(service).choose(choice, by: actor, at: SocketServices.now().wall)
                frame = ServerFrame.ok(ref)
            } catch {
                frame = ServerFrame.error(ref, Problem(anyOf: error))
            }
            self.call { $0.sockets[id]?.step(.answered(frame)) }
        }
    }

    // MARK: Others

    /// First watched, then asked for: no change falls between the two.
    func watch(_ users: [UserID], _ ref: FrameRef?, for socket: ClientSocket) {
        guard let actor = socket.actor else { return }
        socket.watchTurn += 1
        let turn = socket.watchTurn
        let id = socket.id
        let service = self.services.service
        self.services.run {
            let frame: [UInt8]
            do {
                let visible = try await PresenceChanges(service).visible(users, to: actor)
                self.call { loop in
                    guard let socket = loop.sockets[id], socket.isOpen, socket.watchTurn == turn else { return }
                    loop.replaceWatched(Set(visible), of: socket)
                }
                frame = ServerFrame.ok(ref, presence: await service.presence.states(of: visible))
            } catch {
                frame = ServerFrame.error(ref, Problem(anyOf: error))
            }
            self.call { $0.sockets[id]?.step(.answered(frame)) }
        }
    }

    func replaceWatched(_ users: Set<UserID>, of socket: ClientSocket) {
        guard let lane = self.lane else { return }
        for user in socket.watched.subtracting(users) {
            self.presences.watchers[user]?.remove(socket.id)
            guard self.presences.watchers[user]?.isEmpty == true else { continue }
            self.presences.watchers[user] = nil
            self.services.hub.unwatchPresence(of: user, lane: lane)
        }
        for user in users.subtracting(socket.watched) {
            if self.presences.watchers[user] == nil { self.services.hub.watchPresence(of: user, lane: lane) }
            self.presences.watchers[user, default: []].insert(socket.id)
        }
        socket.watched = users
    }

    func take(_ state: PresenceState) {
        guard let watchers = self.presences.watchers[state.user] else { return }
        let frame = ServerFrame.presenceChanged(state)
        for id in watchers { self.sockets[id]?.step(.news(frame)) }
    }

    // MARK: Typing

    /// Tells the channel at most every two seconds; what comes in between is well and says nothing.
    func type(in channel: ChannelID, isOver: Bool, _ ref: FrameRef?, for socket: ClientSocket) {
        guard socket.membership(of: channel) != nil else {
            return socket.step(.answered(ServerFrame.error(ref, Problem(.notFound))))
        }
        let now = SocketServices.now().uptime
        let last = socket.typedAt[channel]
        let isTold = isOver ? last != nil : last.map { now - $0 >= Self.typingPace } ?? true
        if isTold {
            if socket.typedAt.count >= ClientFrame.channelsMax { socket.typedAt = [:] }
            socket.typedAt[channel] = isOver ? nil : now
            self.services.service.presence.tell(TypingNote(channel: channel, user: socket.user, isOver: isOver))
        }
        socket.step(.answered(ServerFrame.ok(ref)))
    }

    /// Best effort: who does not read just now is not told later.
    func take(_ note: TypingNote) {
        guard let room = self.room(note.channel) else { return }
        let frame = TextFrame.buffer(ServerFrame.typing(note))
        // A failed write ends a socket on the spot and changes the room.
        for member in Array(room.members) where member.socket.user != note.user && member.socket.takesEvents {
            member.socket.deliver(frame)
        }
    }
}
