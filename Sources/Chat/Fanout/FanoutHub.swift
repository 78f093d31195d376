import ChatModel
import ChatService
import ClusterModel
import Synchronization

/// Where the hub hands what an event loop's sockets must hear. Thread-safe, must not block.
package protocol DeliveryLane: AnyObject, Sendable {
    func deliver(_ deliveries: [Delivery])
}

package enum Delivery: Sendable {
    /// Next in the order of its channel.
    case event(PreparedEvent)
    /// The feed has leapt to `head`: readers before it read the log.
    case leapt(ChannelID, head: UInt64)
    case notice(UserID, UserNotice)
    case presence(PresenceState)
    case typing(TypingNote)
}

/// One of the hub's lanes.
package struct LaneID: Hashable, Sendable {
    fileprivate let index: Int
    /// Told from those of the hub's other lanes.
    package var number: Int { self.index }
    fileprivate var bit: UInt64 { 1 << UInt64(self.index) }
}

/// The node's feed: subscribes to each channel once for all its sockets, encodes each event once, and hands it to
/// the lanes (event loops) that have readers. Thread-safe.
///
/// Data's way, number 10. The rules are in ``ChannelFeed``; this class is its shell. Two things make it safe to
/// call from anywhere: what the source is asked is decided under the lock but asked outside it, in the order of
/// the decisions; and a batch that overtakes another on its way to a lane is no harm, since readers have cursors.
package final class FanoutHub: FeedSink {
    private struct Feed {
        var machine: ChannelFeed<PreparedEvent>
        /// One bit a lane that has readers.
        var lanes: UInt64
    }

    private enum Ask {
        case subscribe(ChannelID, after: UInt64)
        case unsubscribe(ChannelID)
        case watch(UserID)
        case unwatch(UserID)
        case watchPresence(UserID)
        case unwatchPresence(UserID)
    }

    private struct State {
        var lanes: [any DeliveryLane] = []
        var feeds: [ChannelID: Feed] = [:]
        var watchers: [UserID: UInt64] = [:]
        /// Lanes whose sockets want to know who is here.
        var presenceWatchers: [UserID: UInt64] = [:]
        /// What the source has still to be asked, oldest first, and whether somebody is at it.
        var asks: [Ask] = []
        var isAsking = false
        var effects: [ChannelFeed<PreparedEvent>.Effect] = []
    }

    package static let lanesMax = 64

    private let source: any FeedSource
    private let presence: any PresenceSource
    private let state = Mutex(State())

    /// Call `source.setSink(hub)` before the first socket is accepted.
    package init(source: any FeedSource, presence: any PresenceSource = AbsentPresence()) {
        self.source = source
        self.presence = presence
    }

    /// Adds an event loop. All lanes are added before the first event.
    package func addLane(_ lane: any DeliveryLane) -> LaneID {
        self.state.withLock { state in
            precondition(state.lanes.count < Self.lanesMax, "more than \(Self.lanesMax) event loops")
            state.lanes.append(lane)
            return LaneID(index: state.lanes.count - 1)
        }
    }

    // MARK: Interest

    /// A lane's first reader of a channel stands at `cursor`. Later readers just take from `page`.
    package func join(_ channel: ChannelID, lane: LaneID, after cursor: UInt64) {
        self.decide { state in
            if state.feeds[channel] != nil {
                state.feeds[channel]?.lanes |= lane.bit
            } else {
                state.feeds[channel] = Feed(machine: ChannelFeed(after: cursor), lanes: lane.bit)
                state.asks.append(.subscribe(channel, after: cursor))
            }
        }
    }

    /// A lane's last reader of a channel has gone.
    package func leave(_ channel: ChannelID, lane: LaneID) {
        self.decide { state in
            guard var feed = state.feeds[channel] else { return }
            feed.lanes &= ~lane.bit
            state.feeds[channel] = feed.lanes == 0 ? nil : feed
            if feed.lanes == 0 { state.asks.append(.unsubscribe(channel)) }
        }
    }

    package func watch(_ user: UserID, lane: LaneID) {
        self.decide { state in
            let lanes = state.watchers[user, default: 0]
            state.watchers[user] = lanes | lane.bit
            if lanes == 0 { state.asks.append(.watch(user)) }
        }
    }

    package func unwatch(_ user: UserID, lane: LaneID) {
        self.decide { state in
            guard var lanes = state.watchers[user] else { return }
            lanes &= ~lane.bit
            state.watchers[user] = lanes == 0 ? nil : lanes
            if lanes == 0 { state.asks.append(.unwatch(user)) }
        }
    }

    package func watchPresence(of user: UserID, lane: LaneID) {
        self.decide { state in
            let lanes = state.presenceWatchers[user, default: 0]
            state.presenceWatchers[user] = lanes | lane.bit
            if lanes == 0 { state.asks.append(.watchPresence(user)) }
        }
    }

    package func unwatchPresence(of user: UserID, lane: LaneID) {
        self.decide { state in
            guard var lanes = state.presenceWatchers[user] else { return }
            lanes &= ~lane.bit
            state.presenceWatchers[user] = lanes == 0 ? nil : lanes
            if lanes == 0 { state.asks.append(.unwatchPresence(user)) }
        }
    }

    /// Somebody has learnt that the channel has reached `seq`, from an answer of its shard for example. If the
    /// event does not come soon, the feed asks for it.
    package func note(_ channel: ChannelID, head seq: UInt64) {
        self.decide { state in
            state.feeds[channel]?.machine.step(.head(seq: seq), into: &state.effects)
        }
    }

    /// What a reader at `cursor` misses. `current` also for a channel without a feed.
    package func page(_ channel: ChannelID, after cursor: UInt64, limit: Int) -> ChannelFeed<PreparedEvent>.Page {
        self.state.withLock { state in
            state.feeds[channel]?.machine.page(after: cursor, limit: limit) ?? .current
        }
    }

    /// Once a second: feeds that know of missing events ask again.
    package func tick() {
        self.decide { state in
            for channel in state.feeds.keys.filter({ state.feeds[$0]?.machine.isMissing == true }).sorted() {
                state.feeds[channel]?.machine.step(.tick, into: &state.effects)
                Self.collectAsks(of: channel, in: &state)
            }
        }
    }

    // MARK: Events

    package func receive(_ batch: [FeedItem]) {
        // Encoding is the dear part and needs no lock; what nobody waits for is not encoded at all.
        let wanted = self.state.withLock { state in batch.map { Self.isWanted($0, in: state) } }
        var prepared: [PreparedEvent?] = []
        prepared.reserveCapacity(batch.count)
        for (item, isWanted) in zip(batch, wanted) {
            guard isWanted, case .event(let event) = item else {
                prepared.append(nil)
                continue
            }
            prepared.append(PreparedEvent(event))
        }
        let outgoing = self.state.withLock { state in
            var outgoing = [[Delivery]](repeating: [], count: state.lanes.count)
            for (item, event) in zip(batch, prepared) { Self.take(item, event, in: &state, outgoing: &outgoing) }
            return zip(state.lanes, outgoing).filter { !$0.1.isEmpty }
        }
        for (lane, deliveries) in outgoing { lane.deliver(deliveries) }
        self.ask()
    }

    package func receive(presence states: [PresenceState]) {
        self.hand(states.map { .presence($0) }) { state, delivery in
            guard case .presence(let presence) = delivery else { return 0 }
            return state.presenceWatchers[presence.user] ?? 0
        }
    }

    package func receive(typing notes: [TypingNote]) {
        self.hand(notes.map { .typing($0) }) { state, delivery in
            guard case .typing(let note) = delivery else { return 0 }
            return state.feeds[note.channel]?.lanes ?? 0
        }
    }

    private func hand(_ deliveries: [Delivery], lanesOf: (borrowing State, Delivery) -> UInt64) {
        let outgoing = self.state.withLock { state in
            var outgoing = [[Delivery]](repeating: [], count: state.lanes.count)
            for delivery in deliveries { Self.append(delivery, to: lanesOf(state, delivery), &outgoing) }
            return zip(state.lanes, outgoing).filter { !$0.1.isEmpty }
        }
        for (lane, deliveries) in outgoing { lane.deliver(deliveries) }
    }

    private static func isWanted(_ item: FeedItem, in state: borrowing State) -> Bool {
        guard case .event(let event) = item, let feed = state.feeds[event.channel] else { return false }
        return event.seq >= feed.machine.next
    }

    private static func take(
        _ item: FeedItem, _ event: PreparedEvent?, in state: inout State, outgoing: inout [[Delivery]]
    ) {
        switch item {
        case .event(let durable):
            guard let event, state.feeds[durable.channel] != nil else { return }
            state.feeds[durable.channel]?.machine.step(.event(seq: event.seq, event), into: &state.effects)
            Self.collect(of: durable.channel, in: &state, outgoing: &outgoing)
        case .reset(let channel, let head):
            state.feeds[channel]?.machine.step(.reset(head: head), into: &state.effects)
            Self.collect(of: channel, in: &state, outgoing: &outgoing)
        case .notice(let user, let notice):
            Self.append(.notice(user, notice), to: state.watchers[user] ?? 0, &outgoing)
        }
    }

    private static func collect(of channel: ChannelID, in state: inout State, outgoing: inout [[Delivery]]) {
        let lanes = state.feeds[channel]?.lanes ?? 0
        for effect in state.effects {
            switch effect {
            case .deliver(let event): Self.append(.event(event), to: lanes, &outgoing)
            case .leapt(let head): Self.append(.leapt(channel, head: head), to: lanes, &outgoing)
            case .subscribe(let seq): state.asks.append(.subscribe(channel, after: seq))
            }
        }
        state.effects.removeAll(keepingCapacity: true)
    }

    /// For inputs that deliver nothing.
    private static func collectAsks(of channel: ChannelID, in state: inout State) {
        for case .subscribe(let seq) in state.effects { state.asks.append(.subscribe(channel, after: seq)) }
        state.effects.removeAll(keepingCapacity: true)
    }

    private static func append(_ delivery: Delivery, to lanes: UInt64, _ outgoing: inout [[Delivery]]) {
        var rest = lanes
        while rest != 0 {
            outgoing[rest.trailingZeroBitCount].append(delivery)
            rest &= rest - 1
        }
    }

    // MARK: Asking the source

    private func decide(_ body: (inout sending State) -> Void) {
        self.state.withLock { state in body(&state) }
        self.ask()
    }

    /// Asks the source what was decided, in that order, without holding the lock: the source may answer at once
    /// on this very thread. Whoever finds somebody asking leaves it to them.
    private func ask() {
        while true {
            let asks: [Ask]? = self.state.withLock { state in
                guard !state.isAsking, !state.asks.isEmpty else { return nil }
                state.isAsking = true
                defer { state.asks = [] }
                return state.asks
            }
            guard let asks else { return }
            for ask in asks {
                switch ask {
                case .subscribe(let channel, let seq): self.source.subscribe(channel, after: seq)
                case .unsubscribe(let channel): self.source.unsubscribe(channel)
                case .watch(let user): self.source.watch(user)
                case .unwatch(let user): self.source.unwatch(user)
                case .watchPresence(let user): self.presence.watchPresence(of: user)
                case .unwatchPresence(let user): self.presence.unwatchPresence(of: user)
                }
            }
            self.state.withLock { $0.isAsking = false }
        }
    }
}
