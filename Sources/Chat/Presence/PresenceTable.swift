import ChatModel
import ClusterModel
import Placement

/// Who is here, at the node that leads the shards of those people: node × person → status, and who wants to hear of it.
///
/// Nothing of it is in a log. A node's word counts for a minute unless it is repeated; a node that gossip believes dead
/// takes its word with it at once. Whoever begins to lead knows nothing: for five seconds silence is no absence, so that
/// a change of leaders does not show.
///
/// ```
/// status of a person = what it said last, of do not disturb and offline       (until its end)
///                    | what the log keeps of its choice                       (until its end)
///                    | away, when it said so and has a device
///                    | online when a device is, away when there are devices, else offline
/// ```
/// Pure; time comes in with each step, and so does what the log says. Effects come in the order of ids.
package struct PresenceTable: Sendable {
    package enum Input: Sendable {
        case reported(NodeID, [PresenceReport])
        case watched(NodeID, [UserID])
        case unwatched(NodeID, [UserID])
        /// Gossip believes the node dead, or it has said goodbye.
        case nodeLost(NodeID)
        /// This node leads the shard from now on.
        case began(ShardID)
        case ended(ShardID)
        case tick
    }

    package enum Effect: Hashable, Sendable {
        case tell(NodeID, PresenceState)
    }

    /// What the log keeps of a person's choice, asked for whenever the person is touched.
    package typealias Choices = (UserID) -> PresenceChoice?

    private struct Device {
        var status: PresenceStatus
        var heardAt: Int64
    }

    private struct Entry {
        let shard: ShardID
        var devices: [NodeID: Device] = [:]
        var said: PresenceSaid?
        /// As the log had it when this person was last touched.
        var choice: PresenceChoice?
        /// Who wants to hear, and until when without asking again.
        var watchers: [NodeID: Int64] = [:]
        /// What the watchers were told last; nil when nothing.
        var told: PresenceState?
        var toldAt = Int64.min
        /// When the last device went; what was said goes a while later.
        var emptySince: Int64

        var isIdle: Bool { self.devices.isEmpty && self.watchers.isEmpty && self.said == nil }
    }

    package let shardMap: ShardMap
    package let settings: PresenceSettings
    /// The shards led here, and since when.
    private var led: [ShardID: Int64] = [:]
    private var entries: [UserID: Entry] = [:]
    /// People with a change that waits for its second, or for their shard to settle.
    private var pending: Set<UserID> = []
    private var sweptAt = Int64.min

    package init(shardMap: ShardMap, settings: PresenceSettings = PresenceSettings()) {
        self.shardMap = shardMap
        self.settings = settings
    }

    package var count: Int { self.entries.count }
    package func leads(_ shard: ShardID) -> Bool { self.led[shard] != nil }
    package var ledShards: [ShardID] { self.led.keys.sorted() }

    private func shard(of user: UserID) -> ShardID { self.shardMap.shard(ofKey: user.high, user.low) }

    package mutating func step(
        _ input: Input, at now: PresenceMoment, choices: Choices, into effects: inout [Effect]
    ) {
        switch input {
        case .reported(let node, let reports):
            for report in reports { self.take(report, from: node, now, choices, &effects) }
        case .watched(let node, let users):
            for user in users { self.watch(user, node, now, choices, &effects) }
        case .unwatched(let node, let users):
            for user in users {
                self.entries[user]?.watchers[node] = nil
                self.forgetIdle(user)
            }
        case .nodeLost(let node): self.lose(node, now, choices, &effects)
        case .began(let shard): if self.led[shard] == nil { self.led[shard] = now.uptime }
        case .ended(let shard): self.end(shard)
        case .tick: self.tick(now, choices, &effects)
        }
    }

    // MARK: Questions

    /// How people are now. Whoever is not led here, or led for too short a time to tell, is named as such.
    package func reply(about users: [UserID], at now: PresenceMoment, choices: Choices) -> PresenceReply {
        var reply = PresenceReply()
        for user in users {
            let shard = self.shard(of: user)
            guard self.led[shard] != nil else {
                reply.elsewhere.append(user)
                continue
            }
            var entry = self.entries[user] ?? Entry(shard: shard, emptySince: now.uptime)
            entry.choice = choices(user)
            if entry.choice != nil { reply.chosen.append(user) }
            if let state = self.state(of: user, entry, now) {
                reply.states.append(state)
            } else {
                reply.unknown.append(user)
            }
        }
        return reply
    }

    // MARK: What nodes say

    private mutating func take(
        _ report: PresenceReport, from node: NodeID, _ now: PresenceMoment, _ choices: Choices,
        _ effects: inout [Effect]
    ) {
        guard var entry = self.entry(of: report.user, now) else { return }
        entry.said = PresenceSaid.later(entry.said, report.said)
        switch report.status {
        case .online?, .away?:
            entry.devices[node] = Device(status: report.status ?? .away, heardAt: now.uptime)
        case nil, .dnd?, .offline?:
            if entry.devices.removeValue(forKey: node) != nil, entry.devices.isEmpty { entry.emptySince = now.uptime }
        }
        entry.choice = choices(report.user)
        self.entries[report.user] = entry
        self.judge(report.user, now, &effects)
        self.forgetIdle(report.user)
    }

    /// Every wish is answered by how the person is, so that a repeated one mends what was lost.
    private mutating func watch(
        _ user: UserID, _ node: NodeID, _ now: PresenceMoment, _ choices: Choices, _ effects: inout [Effect]
    ) {
        guard var entry = self.entry(of: user, now) else { return }
        let isNew = entry.watchers.updateValue(now.uptime + self.settings.watchLifetime, forKey: node) == nil
        if isNew { entry.choice = choices(user) }
        self.entries[user] = entry
        guard entry.told != nil else {
            guard let state = self.state(of: user, entry, now) else {
                self.pending.insert(user)
                return
            }
            self.entries[user]?.told = state
            effects.append(.tell(node, state))
            return
        }
        let count = effects.count
        self.judge(user, now, &effects)
        if effects.count == count, let told = self.entries[user]?.told { effects.append(.tell(node, told)) }
    }

    private func entry(of user: UserID, _ now: PresenceMoment) -> Entry? {
        let shard = self.shard(of: user)
        guard self.led[shard] != nil else { return nil }
        return self.entries[user] ?? Entry(shard: shard, emptySince: now.uptime)
    }

    private mutating func lose(
        _ node: NodeID, _ now: PresenceMoment, _ choices: Choices, _ effects: inout [Effect]
    ) {
        let touched = self.entries.filter { $0.value.devices[node] != nil || $0.value.watchers[node] != nil }
        for user in touched.keys.sorted() {
            self.entries[user]?.watchers[node] = nil
            if self.entries[user]?.devices.removeValue(forKey: node) != nil {
                if self.entries[user]?.devices.isEmpty == true { self.entries[user]?.emptySince = now.uptime }
                self.judge(user, now, &effects)
            }
            self.forgetIdle(user)
        }
    }

    private mutating func end(_ shard: ShardID) {
        guard self.led.removeValue(forKey: shard) != nil else { return }
        self.entries = self.entries.filter { $0.value.shard != shard }
        self.pending = self.pending.filter { self.entries[$0] != nil }
    }

    private mutating func forgetIdle(_ user: UserID) {
        guard self.entries[user]?.isIdle == true else { return }
        self.entries[user] = nil
        self.pending.remove(user)
    }

    // MARK: How people are

    /// nil while this node leads for too short a time to know.
    private func state(of user: UserID, _ entry: Entry, _ now: PresenceMoment) -> PresenceState? {
        func lasting(_ choice: PresenceChoice) -> PresenceState? {
            switch choice.status {
            case .dnd, .offline: PresenceState(user: user, status: choice.status, until: choice.until)
            case .online, .away: nil
            }
        }
        if let said = entry.said, !said.isOver(at: now.wall) {
            if let state = lasting(said.choice) { return state }
        } else if let choice = entry.choice, choice.until.map({ $0 > now.wall }) ?? true, let state = lasting(choice) {
            return state
        }
        guard !entry.devices.isEmpty else {
            guard let since = self.led[entry.shard], now.uptime - since >= self.settings.settling else { return nil }
            return PresenceState(user: user, status: .offline, until: nil)
        }
        let isAway = entry.said?.choice.status == .away || !entry.devices.values.contains { $0.status == .online }
        return PresenceState(user: user, status: isAway ? .away : .online, until: nil)
    }

    /// Tells the watchers what has changed: at once, or when the second since the last time is over.
    private mutating func judge(_ user: UserID, _ now: PresenceMoment, _ effects: inout [Effect]) {
        guard let entry = self.entries[user], !entry.watchers.isEmpty else { return }
        guard let state = self.state(of: user, entry, now) else {
            self.pending.insert(user)
            return
        }
        guard state != entry.told else {
            self.pending.remove(user)
            return
        }
        guard entry.toldAt == .min || now.uptime - entry.toldAt >= self.settings.pace else {
            self.pending.insert(user)
            return
        }
        self.pending.remove(user)
        self.entries[user]?.told = state
        self.entries[user]?.toldAt = now.uptime
        for node in entry.watchers.keys.sorted() { effects.append(.tell(node, state)) }
    }

    // MARK: Time

    private mutating func tick(_ now: PresenceMoment, _ choices: Choices, _ effects: inout [Effect]) {
        for user in self.pending.sorted() { self.judge(user, now, &effects) }
        guard self.sweptAt == .min || now.uptime - self.sweptAt >= 1_000 else { return }
        self.sweptAt = now.uptime
        // What is over is rare among those who are here: found first, changed after, so that nothing is copied.
        let due = self.entries.filter { self.isDue($0.value, now) }
        for user in due.keys.sorted() {
            self.expire(user, now, choices)
            self.judge(user, now, &effects)
            self.forgetIdle(user)
        }
    }

    private func isDue(_ entry: Entry, _ now: PresenceMoment) -> Bool {
        if entry.devices.values.contains(where: { now.uptime - $0.heardAt >= self.settings.lifetime }) { return true }
        if entry.watchers.values.contains(where: { $0 <= now.uptime }) { return true }
        if let until = entry.told?.until, until <= now.wall { return true }
        guard entry.said != nil else { return false }
        return entry.said?.isOver(at: now.wall) == true
            || entry.devices.isEmpty && now.uptime - entry.emptySince >= self.settings.lifetime
    }

    private mutating func expire(_ user: UserID, _ now: PresenceMoment, _ choices: Choices) {
        guard var entry = self.entries[user] else { return }
        let devices = entry.devices.filter { now.uptime - $0.value.heardAt < self.settings.lifetime }
        if devices.isEmpty, !entry.devices.isEmpty { entry.emptySince = now.uptime }
        entry.devices = devices
        entry.watchers = entry.watchers.filter { $0.value > now.uptime }
        entry.choice = choices(user)
        let isForgotten = devices.isEmpty && now.uptime - entry.emptySince >= self.settings.lifetime
        if entry.said?.isOver(at: now.wall) == true || isForgotten { entry.said = nil }
        self.entries[user] = entry
    }
}
