import ChatModel
import ClusterModel

// Who is here and who types: told from node to node beside the log. All of it is best effort.

/// What a node's edge says of its own people and asks of others. Thread-safe, returns at once but for what is `async`.
package protocol PresenceSource: Sendable {
    /// The devices of a person that one lane (an event loop) has: online or away; nil when it has none any more.
    func devicesChanged(of user: UserID, lane: Int, _ status: PresenceStatus?)
    /// A person says how it wants to be seen. Returns when the leader of its shard knows, or after two seconds.
    func say(_ choice: PresenceChoice, by user: UserID) async -> PresenceSpoken
    /// How people are now, in their order: by the leaders of their shards or, where none answers within two seconds, as
    /// they were last heard of.
    func states(of users: [UserID]) async -> [PresenceState]
    /// Tell the node's sink of each change of this person, from now on.
    func watchPresence(of user: UserID)
    func unwatchPresence(of user: UserID)
    /// To everyone's sockets in the channel, on all nodes.
    func tell(_ note: TypingNote)
    /// False when nobody has led any shard for a minute.
    var isAvailable: Bool { get }
}

/// What came of saying how one wants to be seen.
package struct PresenceSpoken: Sendable, Hashable {
    package let state: PresenceState
    /// The log keeps a choice of this person, which outlives its devices.
    package let hasChoice: Bool

    package init(state: PresenceState, hasChoice: Bool) {
        self.state = state
        self.hasChoice = hasChoice
    }
}

/// A cluster without presence: everyone is offline and nobody hears of anyone.
package struct AbsentPresence: PresenceSource {
    package init() {}
    package func devicesChanged(of user: UserID, lane: Int, _ status: PresenceStatus?) {}
    package func say(_ choice: PresenceChoice, by user: UserID) async -> PresenceSpoken {
        PresenceSpoken(state: PresenceState(user: user, status: .offline, until: nil), hasChoice: false)
    }
    package func states(of users: [UserID]) async -> [PresenceState] {
        users.map { PresenceState(user: $0, status: .offline, until: nil) }
    }
    package func watchPresence(of user: UserID) {}
    package func unwatchPresence(of user: UserID) {}
    package func tell(_ note: TypingNote) {}
    package var isAvailable: Bool { false }
}

extension ChatService {
    package var presence: any PresenceSource { AbsentPresence() }
}

extension FeedSink {
    package func receive(presence states: [PresenceState]) {}
    package func receive(typing notes: [TypingNote]) {}
}
