import ChatModel
import ChatService
import ClusterModel
import Fanout
import Routing

/// One user's socket, from node to node: it holds a cursor for each channel and nothing else, as the gateway does.
///
/// It enters with a linearizable look at its rights, takes what the hub hands out in order, reads the ring or the log
/// for what it has missed, and goes on at another node from where it stood.
final class SimulatedReader: @unchecked Sendable {
    private unowned let world: NodeWorld
    let number: Int
    let actor: Actor
    private(set) var node: SimulatedNode?
    /// Counts the sockets; what belongs to an earlier one is void.
    private var socket = 0
    private var live: [ChannelID: Place] = [:]
    /// What the person has seen, over all sockets.
    private(set) var cursors: [ChannelID: UInt64] = [:]
    private var isSlow = false
    private(set) var resumes = 0

    private struct Place {
        let joinedSeq: UInt64
        var isFetching = false
    }

    init(_ world: NodeWorld, _ number: Int, _ actor: Actor) {
        self.world = world
        self.number = number
        self.actor = actor
    }

    // MARK: Coming and going

    func connect() {
        guard self.node == nil else { return }
        guard let node = self.world.anyRunningNode(), let hub = node.hub, let lane = node.lane else {
            return self.retry()
        }
        self.node = node
        self.socket += 1
        self.resumes += 1
        self.isSlow = self.world.chance.percent(self.world.swarm.slowReadersPercent)
        node.readers.append(self)
        node.watched[self.actor.user, default: 0] += 1
        hub.watch(self.actor.user, lane: lane)
        for channel in self.world.channelIDs { self.enter(channel) }
    }

    private func retry() {
        let socket = self.socket
        self.world.scheduler.schedule(after: self.world.chance.milliseconds(100...800)) { [weak self] in
            guard let self, self.socket == socket, self.node == nil else { return }
            self.connect()
        }
    }

    func disconnect() {
        guard let node = self.node, let hub = node.hub, let lane = node.lane else { return }
        for channel in self.live.keys.sorted() { self.leave(channel) }
        node.readers.removeAll { $0 === self }
        node.watched[self.actor.user, default: 1] -= 1
        if node.watched[self.actor.user] == 0 { hub.unwatch(self.actor.user, lane: lane) }
        self.node = nil
        self.socket += 1
        self.retry()
    }

    /// Its process is gone.
    func lostNode() {
        self.live = [:]
        self.node = nil
        self.socket += 1
        self.retry()
    }

    /// Looks whether the user is in the channel, and takes part from the cursor on if so.
    private func enter(_ channel: ChannelID) {
        guard let node = self.node, let router = node.router else { return }
        let socket = self.socket
        router.answer(.channel(channel, viewer: self.actor), consistency: .linearizable) { [weak self] result in
            guard let self, self.socket == socket, let node = self.node, let hub = node.hub, let lane = node.lane
            else { return }
            self.world.say(node, "reader \(self.number)", "enters \(channel): \(result)")
            switch result {
            case .success(.channelViews(let views)):
                guard let state = views.first, let member = state.member, self.live[channel] == nil else { return }
                let cursor = self.cursors[channel] ?? state.channel.seq
                // Asked before this socket read on, perhaps beyond the end of the membership that the answer tells of.
                guard cursor <= state.channel.seq else { return self.later(.milliseconds(100)) { $0.enter(channel) } }
                self.live[channel] = Place(joinedSeq: member.joinedSeq)
                self.cursors[channel] = cursor
                node.joined[channel, default: 0] += 1
                hub.join(channel, lane: lane, after: cursor)
                hub.note(channel, head: state.channel.seq)
                self.pull(channel)
            case .success: break  // Not there, or not for this user.
            case .failure: self.later(.milliseconds(300)) { $0.enter(channel) }
            }
        }
    }

    private func leave(_ channel: ChannelID) {
        guard self.live.removeValue(forKey: channel) != nil, let node = self.node, let hub = node.hub,
            let lane = node.lane
        else { return }
        node.joined[channel, default: 1] -= 1
        if node.joined[channel] == 0 { hub.leave(channel, lane: lane) }
    }

    private func later(_ delay: VirtualTime, _ work: @escaping (SimulatedReader) -> Void) {
        guard let node = self.node else { return }
        let socket = self.socket
        self.world.scheduler.schedule(after: delay, on: node.loop, isOnLoop: false) { [weak self] in
            guard let self, self.socket == socket else { return }
            work(self)
        }
    }

    // MARK: Events

    func heard(_ delivery: Delivery) {
        switch delivery {
        case .event(let event):
            guard self.live[event.channel] != nil, let cursor = self.cursors[event.channel] else { return }
            if self.isSlow {
                self.later(self.world.chance.milliseconds(200...2_000)) { $0.pull(event.channel) }
            } else if event.seq == cursor + 1 {
                self.take(event)
            } else if event.seq > cursor {
                self.pull(event.channel)
            }
        case .leapt(let channel, _): self.pull(channel)
        case .notice(let user, .channelJoined(let channel, _)):
            if user == self.actor.user, self.live[channel] == nil { self.enter(channel) }
        case .notice, .presence, .typing: break
        }
    }

    private func take(_ event: PreparedEvent) {
        self.delivered(event.channel, event.seq, author: event.author)
        self.leaveIfDismissed(event.channel, event.seq, event.leaver)
    }

    private func delivered(_ channel: ChannelID, _ seq: UInt64, author: UserID) {
        self.world.oracle.delivered(
            seq, of: channel, author: author, to: self.actor.user, cursor: self.cursors[channel] ?? 0)
        self.cursors[channel] = seq
    }

    private func leaveIfDismissed(_ channel: ChannelID, _ seq: UInt64, _ leaver: UserID?) {
        guard leaver == self.actor.user, let place = self.live[channel], seq > place.joinedSeq else { return }
        self.leave(channel)
        // It may have been taken in again since.
        self.enter(channel)
    }

    /// Takes what is missing from the ring, or asks the log for it.
    private func pull(_ channel: ChannelID) {
        while let place = self.live[channel], !place.isFetching, let cursor = self.cursors[channel],
            let hub = self.node?.hub
        {
            switch hub.page(channel, after: cursor, limit: 32) {
            case .current: return
            case .events(let events):
                for event in events where self.live[channel] != nil { self.take(event) }
            case .older:
                self.live[channel]?.isFetching = true
                return self.fetch(channel, after: cursor)
            }
        }
    }

    private func fetch(_ channel: ChannelID, after cursor: UInt64) {
        guard let router = self.node?.router else { return }
        let socket = self.socket
        let query = Query.events(channel, viewer: self.actor, after: cursor, limit: 64)
        router.answer(query, consistency: .local) { [weak self] result in
            guard let self, self.socket == socket, self.live[channel] != nil else { return }
            self.live[channel]?.isFetching = false
            guard case .success(.events(let events, let head)) = result else {
                return self.later(.milliseconds(200)) { $0.pull(channel) }
            }
            self.world.oracle.shown(events, head: head, of: channel, to: self.actor.user, floor: 0)
            for event in events {
                guard self.live[channel] != nil, event.seq == (self.cursors[channel] ?? 0) + 1 else { continue }
                self.delivered(channel, event.seq, author: event.actor)
                if case .memberLeft(let user, _) = event.body { self.leaveIfDismissed(channel, event.seq, user) }
            }
            // A replica that is behind has nothing yet.
            self.later(events.isEmpty ? .milliseconds(100) : .zero) { $0.pull(channel) }
        }
    }

    // MARK: At the end

    /// A channel that the user is in and the socket is not.
    func missedChannel() -> ChannelID? {
        self.world.channelIDs.first { channel in
            self.live[channel] == nil && self.world.oracle.channels[channel]?.isMember(self.actor.user) == true
        }
    }

    /// What is still missing; nil when every channel of the user has been read to its end.
    func shortfall() -> String? {
        guard self.node != nil else { return "reader \(self.number) is not connected" }
        for channel in self.world.channelIDs {
            guard let truth = self.world.oracle.channels[channel], truth.isMember(self.actor.user) else { continue }
            guard self.live[channel] != nil else { return "reader \(self.number) is not in \(channel)" }
            let cursor = self.cursors[channel] ?? 0
            if cursor != truth.head {
                return "reader \(self.number) stands at \(cursor) of \(truth.head) in \(channel)"
            }
        }
        return nil
    }
}
