// A socket's channels: where it stands in each, and how it catches up from the log when it has fallen behind.

import ChatModel
import ClientProtocol
import ClusterModel
import Fanout
import NIOCore

extension ClientSocket {
    var channels: Dictionary<ChannelID, Membership>.Keys { self.memberships.keys }
    func membership(of channel: ChannelID) -> Membership? { self.memberships[channel] }
    func cursor(in channel: ChannelID) -> UInt64? {
        guard let place = self.memberships[channel]?.place else { return nil }
        return self.loop.room(channel)?.cursor(at: place)
    }

    /// Keeps what was loaded until `ready` is said.
    func loaded(_ entrance: SocketEntrance) {
        guard self.context != nil else { return }
        self.entrance = entrance
        self.step(.loaded(entrance.ready))
    }

    func enter() {
        guard let entrance = self.entrance, let actor = self.actor else { return }
        self.entrance = nil
        self.loop.enter(self, actor)
        self.loop.judgePresence(of: self.user)
        for place in entrance.places {
            if let head = place.resetHead { self.say(ServerFrame.channelReset(place.channel, head: head)) }
            self.take(place)
        }
        let notices = self.noticesWaiting
        self.noticesWaiting = []
        for notice in notices { self.loop.take(notice, for: self) }
    }

    /// Takes part in a channel from a cursor on.
    func take(_ place: SocketEntrance.Place) {
        guard self.isOpen, self.memberships[place.channel]?.place == nil else { return }
        let room = self.loop.join(place.channel, after: place.cursor, head: place.head)
        let index = room.add(self, cursor: place.cursor)
        self.memberships[place.channel] = Membership(place: index, joinedSeq: place.joinedSeq)
        guard self.loop.misses(place.channel, after: place.cursor) else { return }
        self.fallBehind(in: place.channel)
    }

    func placed(in channel: ChannelID, at place: Int) { self.memberships[channel]?.place = place }

    func unsubscribe(_ channel: ChannelID) {
        guard let place = self.memberships[channel]?.place else { return }
        self.memberships[channel]?.place = nil
        self.memberships[channel]?.isBehind = false
        self.loop.leave(channel, place: place)
    }

    func leaveAll() {
        for channel in Array(self.memberships.keys) { self.unsubscribe(channel) }
        self.memberships = [:]
        self.behind = []
    }

    /// Membership ended; nothing more of the channel is said.
    func end(_ channel: ChannelID) {
        let rejoins = self.memberships[channel]?.rejoins ?? false
        self.unsubscribe(channel)
        self.memberships[channel] = nil
        self.say(ServerFrame.channelLeft(channel))
        if rejoins { self.loop.startJoining(channel, for: self) }
    }

    /// - Returns: whether the event, just delivered, was the end of this socket's membership.
    func left(_ event: PreparedEvent) -> Bool {
        guard event.leaver == self.user, let membership = self.memberships[event.channel],
            event.seq > membership.joinedSeq
        else { return false }
        self.end(event.channel)
        return true
    }

    func noteRejoin(_ channel: ChannelID) { self.memberships[channel]?.rejoins = true }

    // MARK: Catching up

    func fallBehind(in channel: ChannelID) {
        guard let membership = self.memberships[channel], membership.place != nil, !membership.isBehind else { return }
        self.memberships[channel]?.isBehind = true
        // One that was left and taken again may stand there still.
        if !self.behind.contains(channel) { self.behind.append(channel) }
        if self.bytesInQueue == 0 { self.loop.catchUpLater(self) }
    }

    /// Reads what is missing, from the node's ring or from the log, for as long as the peer takes it.
    func catchUp() {
        var index = 0
        while index < self.behind.count, self.takesEvents {
            let channel = self.behind[index]
            guard let membership = self.memberships[channel], membership.isBehind,
                let cursor = self.cursor(in: channel)
            else {
                self.behind.swapAt(index, self.behind.count - 1)
                self.behind.removeLast()
                continue
            }
            if membership.isFetching {
                index += 1
                continue
            }
            switch self.loop.services.hub.page(channel, after: cursor, limit: Self.pageMax) {
            case .current: self.memberships[channel]?.isBehind = false
            case .events(let events): self.take(events, of: channel)
            case .older(let through):
                guard self.loop.fetchPage(channel, after: cursor, through: through, for: self) else { return }
                self.memberships[channel]?.isFetching = true
                index += 1
            }
        }
    }

    private func take(_ events: [PreparedEvent], of channel: ChannelID) {
        for event in events {
            guard self.takesEvents, let place = self.memberships[channel]?.place else { return }
            self.loop.room(channel)?.setCursor(event.seq, at: place)
            self.gather(event.frame(for: self.user))
            if self.left(event) { return }
        }
        self.flush()
    }

    /// Joins frames of a page into buffers of a size that is worth a system call.
    private func gather(_ frame: ByteBuffer) {
        if self.pending == nil {
            self.pending = frame
            self.loop.flushLater(self)
        } else {
            self.pending?.writeImmutableBuffer(frame)
        }
        if let pending = self.pending, pending.readableBytes >= Self.chunkBytes { self.flush() }
    }

    /// A page of the log has come: what follows the cursor is taken, anything else is asked for again.
    func took(_ page: SocketLoop.LogPage, of channel: ChannelID) {
        guard let membership = self.memberships[channel] else { return }
        self.memberships[channel]?.isFetching = false
        guard membership.place != nil else { return }
        switch page {
        case .events(let events):
            for event in events {
                guard self.takesEvents, let place = self.memberships[channel]?.place,
                    let cursor = self.cursor(in: channel)
                else { return }
                guard event.seq == cursor + 1 else { continue }
                self.loop.room(channel)?.setCursor(event.seq, at: place)
                let prepared = PreparedEvent(event)
                self.gather(prepared.frame(for: self.user))
                if self.left(prepared) { return }
            }
            self.flush()
            self.catchUp()
        case .gone(let head):
            self.reset(channel, head: head)
            self.catchUp()
        case .failed:
            // Not now: the next tick tries again.
            self.loop.attend(to: self)
        }
    }

    private func reset(_ channel: ChannelID, head: UInt64) {
        guard let place = self.memberships[channel]?.place, let cursor = self.cursor(in: channel), cursor < head else {
            return
        }
        self.loop.room(channel)?.setCursor(head, at: place)
        self.say(ServerFrame.channelReset(channel, head: head))
    }
}
