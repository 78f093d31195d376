import ChatModel
import ClusterModel

/// Ended sessions whose access tokens may still be about.
struct Revocations: Sendable, Equatable {
    var untilBySession: [SessionID: Timestamp] = [:]
    /// No entry ends before this; `.max` when there is none.
    var earliest = Timestamp(milliseconds: .max)
}

extension ShardMachine {
    /// Longer than an access token lives, by enough for clocks that differ.
    static let revocationMilliseconds: Int64 = 30 * 60 * 1000
    /// Nobody can make the list grow for ever.
    static let revocationMillisecondsMax: Int64 = 24 * 3600 * 1000

    /// Sessions that ended less than an access token's life ago.
    package var revokedSessions: Set<SessionID> { Set(self.revocations.untilBySession.keys) }

    mutating func revoke(
        _ session: SessionID, _ user: UserID, _ until: Timestamp, _ effects: inout ApplyEffects
    ) -> CommandResult {
        let until = min(until, self.clock.advanced(byMilliseconds: Self.revocationMillisecondsMax))
        guard until > self.clock, until > self.revocations.untilBySession[session] ?? .zero else { return .done }
        self.restoreRevocation(session, until)
        var writer = ByteWriter()
        writer.write(user)
        writer.write(until)
        self.record(.put(kind: .revokedSession, key: RecordKey.of(session), value: writer.bytes), &effects)
        effects.directoryChanged = true
        return .done
    }

    mutating func restoreRevocation(_ session: SessionID, _ until: Timestamp) {
        self.revocations.untilBySession[session] = until
        self.renewEarliestRevocation()
    }

    mutating func removeExpiredRevocations(_ effects: inout ApplyEffects) {
        guard self.revocations.earliest <= self.clock else { return }
        let now = self.clock
        let expired = self.revocations.untilBySession.filter { $0.value <= now }.keys.sorted()
        for session in expired {
            self.revocations.untilBySession[session] = nil
            self.record(.delete(kind: .revokedSession, key: RecordKey.of(session)), &effects)
        }
        self.renewEarliestRevocation()
        effects.directoryChanged = true
    }

    private mutating func renewEarliestRevocation() {
        self.revocations.earliest =
            self.revocations.untilBySession.values.min() ?? Timestamp(milliseconds: .max)
    }
}
