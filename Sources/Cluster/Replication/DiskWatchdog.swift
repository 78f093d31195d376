// A disk that hangs or is full must not keep a node in the lead: heartbeats would go on while nothing is written.

/// What the host looks at, a few times a second.
package struct DiskCondition: Hashable, Sendable {
    /// How long the oldest write that the log was given has been waiting; nil when none does.
    package var oldestUnsynced: Duration?
    /// The log could not prepare its next segment, or a projection found no room.
    package var isFull: Bool

    package init(oldestUnsynced: Duration?, isFull: Bool) {
        self.oldestUnsynced = oldestUnsynced
        self.isFull = isFull
    }
}

/// Decides from the disk's condition whether this node may lead. Pure (reliability: D8, "Storage").
///
///     sound ⇄ stalled → given up (the process ends)
///       ⇅        ⇅
///      full ⇄ stalled
package struct DiskWatchdog: Sendable {
    package struct Settings: Sendable {
        /// No completion for this long while something waits: let others lead.
        package var stalledAfter: Duration = .seconds(1)
        /// For this long: the process is of no use; a restart says what is wrong with the disk.
        package var abortAfter: Duration = .seconds(10)

        package init() {}
    }

    package enum State: Hashable, Sendable {
        case sound
        /// Writes wait: leaderships go, proposals are refused.
        case stalled
        /// The same for the lack of room: proposals are refused with that name.
        case full
    }

    package enum Effect: Hashable, Sendable {
        /// Hand all leaderships over, take none, refuse proposals.
        case stepBack(State)
        case recovered
        /// End the process.
        case abort(waited: Duration)
    }

    private let settings: Settings
    package private(set) var state = State.sound

    package init(settings: Settings = Settings()) { self.settings = settings }

    /// - Returns: what changed, if anything did.
    package mutating func step(_ condition: DiskCondition) -> Effect? {
        let waited = condition.oldestUnsynced ?? .zero
        if waited >= self.settings.abortAfter { return .abort(waited: waited) }
        let next: State =
            if waited >= self.settings.stalledAfter { .stalled } else if condition.isFull { .full } else { .sound }
        guard next != self.state else { return nil }
        self.state = next
        return next == .sound ? .recovered : .stepBack(next)
    }
}
