import ChatModel
import ClusterModel

/// Both clocks at one moment: intervals are measured with the first, ends that people name are compared with the second.
package struct PresenceMoment: Hashable, Sendable {
    /// Milliseconds of a clock that never goes back.
    package let uptime: Int64
    package let wall: Timestamp

    package init(uptime: Int64, wall: Timestamp) {
        self.uptime = uptime
        self.wall = wall
    }
}

/// What a person said of itself, and when: of two the later one counts, wherever they were heard.
package struct PresenceSaid: Hashable, Sendable {
    package let choice: PresenceChoice
    package let at: Timestamp

    package init(choice: PresenceChoice, at: Timestamp) {
        self.choice = choice
        self.at = at
    }

    func isOver(at wall: Timestamp) -> Bool { self.choice.until.map { $0 <= wall } ?? false }

    static func later(_ one: PresenceSaid?, _ other: PresenceSaid?) -> PresenceSaid? {
        guard let one, let other else { return one ?? other }
        return other.at >= one.at ? other : one
    }
}

/// What a node says of one person: whether it has devices there, and what it said there.
package struct PresenceReport: Hashable, Sendable {
    package let user: UserID
    /// Online or away; nil when no device is left at the node.
    package let status: PresenceStatus?
    package let said: PresenceSaid?

    package init(user: UserID, status: PresenceStatus?, said: PresenceSaid?) {
        self.user = user
        self.status = status
        self.said = said
    }
}

/// How long things are believed, in milliseconds.
package struct PresenceSettings: Hashable, Sendable {
    /// A node's word counts for so long; it repeats it in half of that.
    package var lifetime: Int64 = 60_000
    /// A wish to hear of somebody.
    package var watchLifetime: Int64 = 90_000
    /// For so long a new leader does not take silence for absence.
    package var settling: Int64 = 5_000
    /// Between two changes of one person that are told.
    package var pace: Int64 = 1_000

    package init() {}
}
