import ChatModel
import ClusterModel

// Replies to a message, and who follows them.

extension ShardMachine {
    /// Repliers that a root shows.
    static let participantsMax = 10
    /// People who have decided about one thread, or follow it by themselves. More do not follow it.
    static let followersMax = 10_000
    /// Threads of one channel that a member follows or has left. Of more the one forgets that was quiet longest.
    static let followedMax = 1_000

    // MARK: Counting

    /// The root as a reply of this moment leaves it.
    mutating func countReply(
        to root: UInt64, by author: UserID, in index: ChannelPlace, _ effects: inout ApplyEffects
    ) -> ThreadSummary {
        var thread = self.summary(of: root, in: index)
        thread.replyCount += thread.replyCount < .max ? 1 : 0
        thread.lastReplyAt = self.clock
        if thread.participants.count < Self.participantsMax, !thread.participants.contains(author) {
            thread.participants.append(author)
        }
        self.put(thread, in: index, &effects)
        return thread
    }

    /// The root without a reply, written at `at`, that has just become a tombstone.
    ///
    /// Of the thread's replies only the newest says when the last one was: nothing is looked for when another goes, so
    /// that erasing a thread from its beginning costs a step each.
    mutating func discountReply(
        to root: UInt64, writtenAt at: Timestamp, in index: ChannelPlace, _ effects: inout ApplyEffects
    ) -> ThreadSummary? {
        // A root that was trimmed shows nothing any more.
        guard var thread = self.channels.values[index].content.threads[root] else { return nil }
        thread.replyCount -= thread.replyCount > 0 ? 1 : 0
        if thread.replyCount == 0 {
            thread.lastReplyAt = nil
        } else if thread.lastReplyAt.map({ $0 <= at }) ?? true {
            let last = self.channels.values[index].index.lastLiveReply(to: root)
            thread.lastReplyAt = last.flatMap { self.channels.values[index].index[$0]?.at }
        }
        self.put(thread, in: index, &effects)
        return thread
    }

    private func summary(of root: UInt64, in index: ChannelPlace) -> ThreadSummary {
        self.channels.values[index].content.threads[root]
            ?? ThreadSummary(root: root, replyCount: 0, lastReplyAt: nil, participants: [])
    }

    private mutating func put(_ thread: ThreadSummary, in index: ChannelPlace, _ effects: inout ApplyEffects) {
        self.channels.values[index].content.threads[thread.root] = thread
        let key = MessageRecordKey.of(self.channels.values[index].record.id, thread.root)
        self.record(.put(kind: .thread, key: key, value: thread.recordValue), &effects)
    }

    // MARK: Following

    /// The root's author, who replies and whom a reply names follow the thread, unless they have decided about it.
    mutating func followReply(
        _ seq: UInt64, to root: UInt64, by author: UserID, naming named: [UserID], in index: ChannelPlace,
        _ effects: inout ApplyEffects
    ) {
        self.follow(author, root, readThrough: seq, in: index, &effects)
        if let first = self.channels.values[index].index[root]?.author {
            self.follow(first, root, readThrough: 0, in: index, &effects)
        }
        for user in named { self.follow(user, root, readThrough: seq - 1, in: index, &effects) }
    }

    private mutating func follow(
        _ user: UserID, _ root: UInt64, readThrough seq: UInt64, in index: ChannelPlace, _ effects: inout ApplyEffects
    ) {
        guard self.channels.values[index].member(user) != nil,
            self.channels.values[index].content.follow(user, of: root) == nil,
            self.channels.values[index].content.followers(of: root) < Self.followersMax
        else { return }
        self.put(ThreadFollow(user: user, isFollowing: true, readSeq: seq), of: root, in: index, &effects)
    }

    private mutating func put(
        _ follow: ThreadFollow, of root: UInt64, in index: ChannelPlace, _ effects: inout ApplyEffects
    ) {
        self.channels.values[index].content.set(follow, of: root)
        let channel = self.channels.values[index].record.id
        self.record(
            .put(kind: .follow, key: MessageRecordKey.of(channel, root, follow.user), value: follow.recordValue),
            &effects)
        guard let quiet = self.channels.values[index].content.quietest(of: follow.user, but: root) else { return }
        self.channels.values[index].content.removeFollow(of: follow.user, of: quiet)
        self.record(.delete(kind: .follow, key: MessageRecordKey.of(channel, quiet, follow.user)), &effects)
    }

    /// Members who want to hear of replies, sorted.
    func followers(of root: UInt64, in index: ChannelPlace) -> [UserID] {
        (self.channels.values[index].content.follows[root] ?? [])
            .filter { $0.isFollowing && self.channels.values[index].member($0.user) != nil }.map(\.user)
    }

    // MARK: Asked for

    mutating func followThread(_ message: MessageID, _ isFollowing: Bool, _ actor: Actor, _ effects: inout ApplyEffects)
        -> CommandResult
    {
        guard let root = self.root(of: message, for: actor) else { return .refused(.notFound) }
        guard self.channels.values[root.index].member(actor.user) != nil else { return .refused(.forbidden) }
        let known = self.channels.values[root.index].content.follow(actor.user, of: root.id.seq)
        // Who does not follow anyway has nothing to leave, once there is no room to remember it.
        let isRoom =
            known != nil || self.channels.values[root.index].content.followers(of: root.id.seq) < Self.followersMax
        guard isRoom || !isFollowing else { return .refused(.quota) }
        if known?.isFollowing != isFollowing, isRoom {
            // What was said before one began to follow is not unread.
            let head = self.channels.values[root.index].record.seq
            let readSeq = isFollowing ? max(known?.readSeq ?? 0, head) : known?.readSeq ?? 0
            self.put(
                ThreadFollow(user: actor.user, isFollowing: isFollowing, readSeq: readSeq), of: root.id.seq,
                in: root.index, &effects)
        }
        return .thread(self.summary(of: root.id.seq, in: root.index), self.threadState(of: root, for: actor.user))
    }

    /// Never back. Who does not follow has nothing unread, and nothing to remember.
    mutating func readThread(_ message: MessageID, _ seq: UInt64, _ actor: Actor, _ effects: inout ApplyEffects)
        -> CommandResult
    {
        guard let root = self.root(of: message, for: actor) else { return .refused(.notFound) }
        guard self.channels.values[root.index].member(actor.user) != nil else { return .refused(.forbidden) }
        let before = self.threadState(of: root, for: actor.user)
        let reached = min(seq, self.channels.values[root.index].record.seq)
        if let known = self.channels.values[root.index].content.follow(actor.user, of: root.id.seq),
            reached > before.readSeq
        {
            self.put(
                ThreadFollow(user: actor.user, isFollowing: known.isFollowing, readSeq: reached), of: root.id.seq,
                in: root.index, &effects)
            let after = self.threadState(of: root, for: actor.user)
            effects.asides.append(
                (
                    root.id.channel, actor.user,
                    .threadReadUpdated(root.id, seq: after.readSeq, unread: after.unread)
                ))
        }
        return .thread(self.summary(of: root.id.seq, in: root.index), self.threadState(of: root, for: actor.user))
    }

    /// The first message of the thread that a message belongs to.
    private func root(of message: MessageID, for actor: Actor) -> FoundMessage? {
        guard let found = self.find(message, for: actor) else { return nil }
        guard let root = found.mark.root else { return found }
        return self.find(MessageID(channel: message.channel, seq: root))
    }

    private func threadState(of root: FoundMessage, for user: UserID) -> ThreadState {
        guard let follow = self.channels.values[root.index].content.follow(user, of: root.id.seq) else {
            return ThreadState(isFollowing: false, readSeq: 0, unread: 0)
        }
        let marks = self.channels.values[root.index].index
        let replies = marks.replies(to: root.id.seq)
        var state = ThreadState(isFollowing: follow.isFollowing, readSeq: follow.readSeq, unread: 0)
        // From the newest: an own reply counts as having read so far.
        for seq in replies.reversed() {
            guard seq > state.readSeq, let mark = marks[seq] else { break }
            if mark.author == user {
                state.readSeq = seq
                break
            }
            if follow.isFollowing, !mark.isDeleted { state.unread += 1 }
        }
        return state
    }

    /// Of a reply: the thread that it stands in.
    func threadAnswer(_ message: MessageID, _ viewer: Actor, _ after: UInt64, _ limit: UInt32) -> MachineAnswer {
        guard let root = self.root(of: message, for: viewer) else { return .answer(.refused(.notFound)) }
        let replies = self.channels.values[root.index].index.replies(to: root.id.seq).drop { $0 <= after }
        return .needsHistory(
            .thread(
                root.id, replies: Array(replies.prefix(Self.page(limit))),
                state: self.threadState(of: root, for: viewer.user),
                head: self.channels.values[root.index].record.seq))
    }
}
