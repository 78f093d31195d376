import NIOCore

/// How far apart turns of the loop end: not at all on a calm machine, and while processors are short the further the more
/// a turn can gather by waiting.
///
/// A turn is worth its wake-ups, writes and messages when much comes together in it. With little under way nothing
/// more comes, since whoever would send it waits for this turn: each of a message's four steps would only be later.
struct TurnSpacing {
    private var last: (commands: UInt64, at: UInt64)?
    private(set) var interval = TimeAmount.zero

    /// Once a second.
    ///
    /// - Parameters:
    ///   - commands: how many the node has applied since its start.
    ///   - now: milliseconds.
    mutating func note(commands: UInt64, at now: UInt64, isShort: Bool, _ settings: ReplicationSettings) {
        defer { self.last = (commands, now) }
        guard isShort, let last = self.last, now > last.at, commands >= last.commands else {
            return self.interval = .zero
        }
        let rate = Double(commands - last.commands) * 1_000 / Double(now - last.at)
        let (from, full) = (Double(settings.turnsSpacedFromCommands), Double(settings.turnsSpacedFullyFromCommands))
        let share = min(max((rate - from) / max(full - from, 1), 0), 1)
        self.interval = .microseconds(Int64(share * 1_000 * Double(settings.turnMillisecondsMax)))
    }
}
