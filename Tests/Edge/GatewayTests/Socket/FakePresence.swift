import ChatModel
import ChatService
import ClusterModel
import Synchronization

/// Presence of a cluster of one: says at once what it is told.
final class FakePresence: PresenceSource {
    struct State {
        var devices: [UserID: [Int: PresenceStatus]] = [:]
        var chosen: [UserID: PresenceChoice] = [:]
        var watched: Set<UserID> = []
        var notes: [TypingNote] = []
        var sink: (any FeedSink)?
    }
    let state = Mutex(State())

    private static func state(of user: UserID, in state: borrowing State) -> PresenceState {
        if let choice = state.chosen[user], choice.status != .online {
            return PresenceState(user: user, status: choice.status, until: choice.until)
        }
        let devices = state.devices[user]?.values.map { $0 } ?? []
        let status: PresenceStatus = devices.contains(.online) ? .online : devices.isEmpty ? .offline : .away
        return PresenceState(user: user, status: status, until: nil)
    }

    private func change(_ user: UserID, _ body: (inout sending State) -> Void) {
        let news: (PresenceState, any FeedSink)? = self.state.withLock { state in
            body(&state)
            guard state.watched.contains(user), let sink = state.sink else { return nil }
            return (Self.state(of: user, in: state), sink)
        }
        if let (state, sink) = news { sink.receive(presence: [state]) }
    }

    func devicesChanged(of user: UserID, lane: Int, _ status: PresenceStatus?) {
        self.change(user) { $0.devices[user, default: [:]][lane] = status }
    }
    func say(_ choice: PresenceChoice, by user: UserID) async -> PresenceSpoken {
        self.change(user) { $0.chosen[user] = choice }
        return PresenceSpoken(state: self.state.withLock { Self.state(of: user, in: $0) }, hasChoice: false)
    }
    func states(of users: [UserID]) async -> [PresenceState] {
        self.state.withLock { state in
            var states: [PresenceState] = []
            for user in users { states.append(Self.state(of: user, in: state)) }
            return states
        }
    }
    func watchPresence(of user: UserID) { self.state.withLock { _ = $0.watched.insert(user) } }
    func unwatchPresence(of user: UserID) { self.state.withLock { _ = $0.watched.remove(user) } }
    func tell(_ note: TypingNote) {
        let sink = self.state.withLock { state in
            state.notes.append(note)
            return state.sink
        }
        sink?.receive(typing: [note])
    }
    var isAvailable: Bool { true }
}
