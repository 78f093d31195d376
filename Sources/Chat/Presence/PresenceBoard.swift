import ChatModel
import ClusterModel
import Placement

/// What one node knows of presence: its own people's devices, which it reports, and those whom its sockets watch.
///
/// A lane is a part of the node that speaks for all its sockets of a person: an event loop. Somebody without one who
/// was heard over REST counts as a device for a minute. Reports and wishes are repeated in half of the time for which they
/// count.
///
/// Pure; time comes in with each step.
package struct PresenceBoard: Sendable {
    package enum Input: Sendable {
        /// A lane's devices of a person: online or away; nil when it has none any more.
        case devices(UserID, lane: Int, PresenceStatus?)
        /// The person has said here how it wants to be seen.
        case said(UserID, PresenceChoice)
        case watch(UserID)
        case unwatch(UserID)
        /// Leaders' word on people.
        case heard([PresenceState])
        /// Somebody new leads the shard, or has forgotten this node: everything is said again.
        case renew(ShardID)
        /// Once a second.
        case tick
    }

    package enum Effect: Hashable, Sendable {
        /// To the leader of the person's shard.
        case report(PresenceReport)
        case watch(UserID)
        case unwatch(UserID)
        /// Somebody watched is seen otherwise than before.
        case changed(PresenceState)
    }

    private struct Own {
        var lanes: [Int: PresenceStatus] = [:]
        /// Until when somebody heard over REST counts.
        var visitUntil: Int64?
        var said: PresenceSaid?

        func status(at uptime: Int64) -> PresenceStatus? {
            if self.lanes.values.contains(.online) { return .online }
            if let visitUntil, visitUntil > uptime { return .online }
            return self.lanes.isEmpty ? nil : .away
        }
    }

    private let shardMap: ShardMap
    private let settings: PresenceSettings
    private var own: [UserID: Own] = [:]
    /// nil before the first word on somebody.
    private var watched: [UserID: PresenceState?] = [:]
    private var turn: UInt64 = 0
    private let turns: UInt64

    package init(shardMap: ShardMap, settings: PresenceSettings = PresenceSettings()) {
        self.shardMap = shardMap
        self.settings = settings
        self.turns = UInt64(max(settings.lifetime / 2_000, 1))
    }

    package var ownCount: Int { self.own.count }
    package var watchedCount: Int { self.watched.count }

    /// The last word on somebody who is watched here.
    package func lastKnown(_ user: UserID) -> PresenceState? { self.watched[user] ?? nil }

    package func report(of user: UserID, at now: PresenceMoment) -> PresenceReport {
        let own = self.own[user]
        return PresenceReport(user: user, status: own?.status(at: now.uptime), said: own?.said)
    }

    package mutating func step(_ input: Input, at now: PresenceMoment, into effects: inout [Effect]) {
        switch input {
        case .devices(let user, let lane, let status):
            self.change(user, now, &effects) { own in
                own.lanes[lane] = status
                // Whoever has a device here is gone with it.
                if status != nil { own.visitUntil = nil }
            }
        case .said(let user, let choice):
            let until = now.uptime + self.settings.lifetime
            self.change(user, now, &effects) { own in
                own.said = PresenceSaid(choice: choice, at: now.wall)
                own.visitUntil = choice.status == .offline || !own.lanes.isEmpty ? nil : until
            }
        case .watch(let user):
            if self.watched[user] == nil { self.watched[user] = .some(nil) }
            effects.append(.watch(user))
        case .unwatch(let user):
            guard self.watched.removeValue(forKey: user) != nil else { return }
            effects.append(.unwatch(user))
        case .heard(let states):
            for state in states { self.hear(state, &effects) }
        case .renew(let shard):
            self.repeatAll(now, &effects) { self.shardMap.shard(ofKey: $0.high, $0.low) == shard }
        case .tick: self.tick(now, &effects)
        }
    }

    private mutating func change(
        _ user: UserID, _ now: PresenceMoment, _ effects: inout [Effect], _ body: (inout Own) -> Void
    ) {
        let before = self.report(of: user, at: now)
        var own = self.own[user] ?? Own()
        body(&own)
        self.own[user] = own
        let after = self.report(of: user, at: now)
        if after.status == nil, own.visitUntil == nil { self.own[user] = nil }
        guard after != before else { return }
        effects.append(.report(after))
    }

    private mutating func hear(_ state: PresenceState, _ effects: inout [Effect]) {
        guard let known = self.watched[state.user], known != state else { return }
        self.watched[state.user] = state
        // Nobody who watches has been told anything else than that somebody is not here.
        effects.append(.changed(state))
    }

    private mutating func tick(_ now: PresenceMoment, _ effects: inout [Effect]) {
        self.turn += 1
        let over = self.own.filter { $0.value.visitUntil.map { $0 <= now.uptime } ?? false }
        for user in over.keys.sorted() {
            self.own[user]?.visitUntil = nil
            effects.append(.report(self.report(of: user, at: now)))
            if self.own[user]?.lanes.isEmpty == true { self.own[user] = nil }
        }
        self.repeatAll(now, &effects) { $0.low % self.turns == self.turn % self.turns }
    }

    private func repeatAll(
        _ now: PresenceMoment, _ effects: inout [Effect], where isMeant: (UserID) -> Bool
    ) {
        for user in self.own.keys.filter(isMeant).sorted() { effects.append(.report(self.report(of: user, at: now))) }
        for user in self.watched.keys.filter(isMeant).sorted() { effects.append(.watch(user)) }
    }
}
