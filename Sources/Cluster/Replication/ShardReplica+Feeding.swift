// Data's way, step 10: events go to the nodes that have asked for their channel, from where they asked.

import ChatMachine
import ChatModel
import ClusterModel

/// Who listens to a shard's channels and users. A node is live, or it is catching up and hears nothing
/// live until it has: so each node gets each channel's events in order, without a queue here.
struct ShardFeeds {
    var channels: [ChannelID: [Listener]] = [:]
    var users: [UserID: Set<NodeID>] = [:]
    /// Tells a catch-up that was overtaken by a newer subscription.
    var generation: UInt64 = 0

    struct Listener {
        let node: NodeID
        var generation: UInt64
        var isLive: Bool
    }

    mutating func remove(_ node: NodeID, from channel: ChannelID) {
        guard var listeners = self.channels[channel] else { return }
        listeners.removeAll { $0.node == node }
        self.channels[channel] = listeners.isEmpty ? nil : listeners
    }

    mutating func removeAll(of node: NodeID) {
        for channel in Array(self.channels.keys) { self.remove(node, from: channel) }
        for user in Array(self.users.keys) { self.unwatch(user, node) }
    }

    mutating func unwatch(_ user: UserID, _ node: NodeID) {
        self.users[user]?.remove(node)
        if self.users[user]?.isEmpty == true { self.users[user] = nil }
    }
}

extension ShardReplica {
    /// From now on `node` hears the channel's events after `seq`, until it unsubscribes.
    func subscribe(_ node: NodeID, to channel: ChannelID, after seq: UInt64) {
        self.feeds.remove(node, from: channel)
        self.feeds.generation += 1
        let generation = self.feeds.generation
        let isBehind = (self.machine.head(of: channel) ?? 0) > seq
        self.feeds.channels[channel, default: []].append(
            ShardFeeds.Listener(node: node, generation: generation, isLive: !isBehind))
        if isBehind { self.catchUp(node, channel, after: seq, generation) }
    }

    func unsubscribe(_ node: NodeID, from channel: ChannelID) {
        self.feeds.remove(node, from: channel)
    }

    func feed(_ event: DurableEvent) {
        guard let listeners = self.feeds.channels[event.channel] else { return }
        for listener in listeners where listener.isLive { self.host.enqueue(.event(event), to: listener.node) }
    }

    func feed(_ user: UserID, _ notice: UserNotice) {
        guard let nodes = self.feeds.users[user] else { return }
        for node in nodes { self.host.enqueue(.notice(user, notice), to: node) }
    }

    /// To one member's own devices, wherever the channel is heard: best effort, as all notices.
    func feed(_ notice: UserNotice, to user: UserID, in channel: ChannelID) {
        guard let listeners = self.feeds.channels[channel] else { return }
        for listener in listeners where listener.isLive { self.host.enqueue(.notice(user, notice), to: listener.node) }
    }

    /// Reads page after page from the projection until the listener is at the head, then makes it live.
    private func catchUp(_ node: NodeID, _ channel: ChannelID, after seq: UInt64, _ generation: UInt64) {
        let state = self.generation
        let page = Query.feed(channel, after: seq, limit: self.host.settings.feedPageMax)
        let complete = ReadCompletion.onLoop { [weak self] outcome in
            guard let self, var listeners = self.feeds.channels[channel],
                let place = listeners.firstIndex(where: { $0.node == node && $0.generation == generation })
            else { return }  // Unsubscribed, or overtaken by a newer subscription.
            // Another state took this one's place meanwhile: the same page is in that one.
            if self.generation != state, case .unavailable = outcome {
                return self.catchUp(node, channel, after: seq, generation)
            }
            guard case .answer(.events(let events, _)) = outcome, events.first.map({ $0.seq == seq + 1 }) ?? false
            else {
                self.feeds.remove(node, from: channel)
                self.host.enqueue(.reset(channel, head: self.machine.head(of: channel) ?? 0), to: node)
                self.host.scheduleFlush()
                return
            }
            for event in events { self.host.enqueue(.event(event), to: node) }
            self.host.scheduleFlush()
            let reached = events.last?.seq ?? seq
            if reached >= self.machine.head(of: channel) ?? 0 {
                listeners[place].isLive = true
                self.feeds.channels[channel] = listeners
            } else {
                self.catchUp(node, channel, after: reached, generation)
            }
        }
        self.readLocally(page, complete)
    }
}
