// Data's way, step 10: what this node's connections want to hear, and from whom it hears it.

import ChatModel
import ChatService
import ClusterModel
import NIOCore
import Placement
import Replication

/// The channels and users that this node listens to. A source is this node's own replica where there is
/// one, else a node that has one; when it is lost, another is asked from where the feed stands.
struct Interests {
    /// The last seq that went by, so that a new source goes on from there.
    var channels: [ChannelID: Channel] = [:]
    var users: [UserID: NodeID?] = [:]
    var outgoing: [NodeID: [InterestChange]] = [:]

    struct Channel {
        var seq: UInt64
        var source: NodeID?
        /// `seq` when quiet channels were last renewed.
        var renewedSeq: UInt64?
    }

    /// This node's own replica of the shard serves no more.
    mutating func lostReplica(of shard: ShardID, _ node: NodeID, _ map: ShardMap) {
        for (channel, state) in self.channels where state.source == node && map.shard(of: .channel(channel)) == shard {
            self.channels[channel]?.source = nil
        }
        for (user, source) in self.users where source == node && map.shard(of: .user(user)) == shard {
            self.users[user] = .some(nil)
        }
    }

    mutating func lost(_ node: NodeID) {
        for (channel, state) in self.channels where state.source == node { self.channels[channel]?.source = nil }
        for (user, source) in self.users where source == node { self.users[user] = .some(nil) }
        self.outgoing[node] = nil
    }
}

extension Router: FeedSource {
    package func subscribe(_ channel: ChannelID, after seq: UInt64) {
        self.loop.execute {
            self.interests.channels[channel] = Interests.Channel(seq: seq, source: nil)
            self.findSource(of: channel)
        }
    }

    package func unsubscribe(_ channel: ChannelID) {
        self.loop.execute {
            guard let state = self.interests.channels.removeValue(forKey: channel), let source = state.source else {
                return
            }
            if source == self.nodeID {
                self.host.unsubscribe(self.nodeID, from: channel, in: self.shard(of: channel))
            } else {
                self.tell(source, .unsubscribe(channel))
            }
        }
    }

    package func watch(_ user: UserID) {
        self.loop.execute {
            self.interests.users[user] = .some(nil)
            self.findSource(of: user)
        }
    }

    package func unwatch(_ user: UserID) {
        self.loop.execute {
            guard let source = self.interests.users.removeValue(forKey: user) ?? nil else { return }
            if source == self.nodeID {
                self.host.unwatch(self.nodeID, user, in: self.shardMap.shard(of: .user(user)))
            } else {
                self.tell(source, .unwatch(user))
            }
        }
    }

    // MARK: On the loop

    private func findSource(of channel: ChannelID, isLost: Bool = false) {
        guard var state = self.interests.channels[channel] else { return }
        if isLost, self.settings.faults.contains(.forgetsCursors) {
            state.seq = .max
            self.interests.channels[channel]?.seq = .max
        }
        let shard = self.shard(of: channel)
        if self.host.subscribe(self.nodeID, to: channel, in: shard, after: state.seq) {
            self.interests.channels[channel]?.source = self.nodeID
        } else if let source = self.remoteSource(of: shard) {
            self.interests.channels[channel]?.source = source
            self.tell(source, .subscribe(channel, after: state.seq))
        }
    }

    private func findSource(of user: UserID) {
        let shard = self.shardMap.shard(of: .user(user))
        if self.host.watch(self.nodeID, user, in: shard) {
            self.interests.users[user] = .some(self.nodeID)
        } else if let source = self.remoteSource(of: shard) {
            self.interests.users[user] = .some(source)
            self.tell(source, .watch(user))
        }
    }

    private func remoteSource(of shard: ShardID) -> NodeID? {
        if self.hint(for: shard) == nil { self.guessHolder(of: shard) }
        return self.hint(for: shard)
    }

    func tell(_ node: NodeID, _ change: InterestChange) {
        self.interests.outgoing[node, default: []].append(change)
        self.host.scheduleFlush()
    }

    func flushInterests() {
        guard !self.interests.outgoing.isEmpty else { return }
        let outgoing = self.interests.outgoing
        self.interests.outgoing.removeAll(keepingCapacity: true)
        for (node, changes) in outgoing.sorted(by: { $0.key < $1.key }) { self.links.send(changes, to: node) }
    }

    /// What lost its source, or never found one, is asked for again.
    func retryInterests() {
        let channels = self.interests.channels.filter { $0.value.source == nil }.keys
        for channel in channels.sorted() { self.findSource(of: channel, isLost: true) }
        let users = self.interests.users.filter { $0.value == nil }.keys
        for user in users.sorted() { self.findSource(of: user) }
    }

    /// Says again what is wanted of other nodes: a tenth of the shards each second, and only channels in which nothing
    /// happened since the last time. A wish or an event that found its queue full is gone, and where nothing follows no gap shows it.
    /// To a source that knows the wish and has nothing newer it changes nothing.
    func renewQuietInterests(turn: UInt64) {
        func isDue(_ shard: ShardID) -> Bool { UInt64(shard.rawValue) % 10 == turn % 10 }
        for channel in self.interests.channels.keys.filter({ isDue(self.shard(of: $0)) }).sorted() {
            guard let state = self.interests.channels[channel] else { continue }
            self.interests.channels[channel]?.renewedSeq = state.seq
            guard let source = state.source, source != self.nodeID, state.renewedSeq == state.seq else { continue }
            self.tell(source, .subscribe(channel, after: state.seq))
        }
        for user in self.interests.users.keys.filter({ isDue(self.shardMap.shard(of: .user($0))) }).sorted() {
            guard let source = self.interests.users[user] ?? nil, source != self.nodeID else { continue }
            self.tell(source, .watch(user))
        }
    }

    /// The node has come back, perhaps as a new process: it knows nothing of what was asked before.
    func renewInterests(at node: NodeID) {
        self.interests.lost(node)
        self.retryInterests()
    }

    /// Any thread: another node wants to hear, or no longer.
    package func received(_ batch: InterestBatch) {
        self.onLoop {
            let node = batch.from
            for change in batch.changes {
                switch change {
                case .subscribe(let channel, let seq):
                    if !self.host.subscribe(node, to: channel, in: self.shard(of: channel), after: seq) {
                        self.tell(node, .absentChannel(channel))
                    }
                case .unsubscribe(let channel):
                    self.host.unsubscribe(node, from: channel, in: self.shard(of: channel))
                case .watch(let user):
                    if !self.host.watch(node, user, in: self.shardMap.shard(of: .user(user))) {
                        self.tell(node, .absentUser(user))
                    }
                case .unwatch(let user):
                    self.host.unwatch(node, user, in: self.shardMap.shard(of: .user(user)))
                case .renew:
                    self.renewInterests(at: node)
                case .absentChannel(let channel):
                    guard self.interests.channels[channel]?.source == node else { continue }
                    self.interests.channels[channel]?.source = nil
                    self.hints[self.shard(of: channel)] = nil
                case .absentUser(let user):
                    guard self.interests.users[user] == .some(node) else { continue }
                    self.interests.users[user] = .some(nil)
                    self.hints[self.shardMap.shard(of: .user(user))] = nil
                }
            }
        }
    }

    /// Any thread: items of channels and users that this node listens to at another.
    package func received(_ batch: FeedBatch) {
        self.onLoop { self.receiveFeed(batch.items, from: batch.from) }
    }

    func receiveFeed(_ items: [FeedItem], from node: NodeID) {
        var wanted: [FeedItem] = []
        wanted.reserveCapacity(items.count)
        for item in items {
            switch item {
            case .event(let event):
                guard let state = self.interests.channels[event.channel], state.source == node else { continue }
                self.interests.channels[event.channel]?.seq = max(state.seq, event.seq)
                wanted.append(item)
            case .reset(let channel, let head):
                guard let state = self.interests.channels[channel], state.source == node else { continue }
                if head < state.seq {
                    // The source is behind, or has no such channel any more: look for another.
                    self.interests.channels[channel]?.source = nil
                    self.hints[self.shard(of: channel)] = nil
                } else {
                    wanted.append(item)
                }
            case .notice:
                wanted.append(item)
            }
        }
        if !wanted.isEmpty { self.sink?.receive(wanted) }
    }
}
