import ChatModel
import ClusterModel
import MemoryProjection
import Testing

@testable import ChatMachine

/// What has an end: the erasing of an author and each of its steps, and the following of threads.
@Suite struct MessageBoundTests {
    // MARK: Erasing an author

    @Test func `who comes back keeps what it writes then`() throws {
        var rig = Rig.withRooms()
        for number in 1...8 { rig.post("\(number)", by: grace) }
        rig.redact(grace)
        rig.post("back", by: grace)
        rig.apply(.timersDue)
        #expect(rig.texts(of: general) == ["back"])
        // Deactivated again while the first time is still being carried out: all that was written by then goes.
        rig.redact(grace)
        rig.post("between", by: grace)
        rig.redact(grace)
        rig.post("at last", by: grace)
        #expect(try rig.restored() == rig.machine)
        rig.apply(.timersDue)
        #expect(rig.texts(of: general) == ["at last"] && rig.machine.nextTimer == nil)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `a step of erasing looks at a bounded part of a long channel`() throws {
        var rig = Rig.withRooms()
        rig.post("first", by: grace)
        let length = 2 * ShardMachine.redactionExaminedMax + 100
        for _ in 1...length { rig.apply(.postMessage(general, content("x"), by: actor(ada), nil)) }
        rig.post("last", by: grace)
        rig.redact(grace)
        let key = RecordKey.of(general, user(grace))
        var steps = 0
        var reached: UInt64 = 0
        while let progress = rig.machine.channels[general]?.content.redactions[user(grace)] {
            var effects = ApplyEffects()
            rig.machine.redactionDue(key, &effects)
            let now = rig.machine.channels[general]?.content.redactions[user(grace)]?.through ?? progress.end
            #expect(now > reached && now - reached <= ShardMachine.redactionExaminedMax)
            reached = now
            steps += 1
            rig.rows.take(effects.changes)
        }
        #expect(steps == 3)
        #expect(!rig.texts(of: general).contains { $0 == "first" || $0 == "last" })
    }

    @Test func `a thread knows when its last living reply was, in whatever order replies go`() throws {
        for seed in 1...20 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            var rig = Rig.withRooms()
            let root = rig.post("root", by: ada)
            var living: [(id: MessageID, at: Timestamp)] = []
            for _ in 1...60 {
                rig.pass(milliseconds: Int64(random.next() % 3))
                if living.isEmpty || random.next() % 2 == 0 {
                    living.append((rig.post("r", by: grace, thread: root), rig.now))
                } else {
                    let gone = living.remove(at: Int(random.next() % UInt64(living.count)))
                    rig.apply(.deleteMessage(gone.id, asModerator: false, by: actor(grace), nil))
                }
                let thread = rig.machine.channels[general]?.content.threads[root.seq]
                #expect(thread?.lastReplyAt == living.last?.at, "seed \(seed)")
                #expect(thread.map { Int($0.replyCount) } ?? 0 == living.count, "seed \(seed)")
            }
        }
    }

    // MARK: Bounds of threads

    @Test func `of too many threads the quietest is followed no more`() throws {
        var rig = Rig.withRooms()
        let standup = rig.post("every day", by: ada)
        rig.post("here", by: grace, thread: standup)
        var roots: [MessageID] = []
        for number in 1...ShardMachine.followedMax {
            let root = rig.post("\(number)", by: ada)
            rig.pass(milliseconds: 10)
            rig.post("I see", by: grace, thread: root)
            roots.append(root)
            if number == ShardMachine.followedMax / 2 { rig.post("still here", by: ada, thread: standup) }
        }
        // The oldest thread was spoken in since: the next one fell out of sight.
        let content = try #require(rig.machine.channels[general]?.content)
        #expect(content.follow(user(grace), of: standup.seq)?.isFollowing == true)
        #expect(content.follow(user(grace), of: roots[0].seq) == nil)
        #expect(content.roots(followedBy: user(grace)).count == ShardMachine.followedMax)
        #expect(try rig.restored() == rig.machine)
        rig.apply(.leaveChannel(general, by: actor(grace)))
        #expect(rig.machine.channels[general]?.content.roots(followedBy: user(grace)) == [])
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `a thread that everybody follows takes no more followers`() throws {
        var rig = Rig.withRooms()
        let root = rig.post("all of you", by: ada)
        // One of them as people do it, the others at once.
        rig.apply(.joinChannel(general, by: actor(linus)))
        rig.apply(.followThread(root, isFollowing: true, by: actor(linus)))
        for number in 1..<UInt64(ShardMachine.followersMax) {
            let follow = ThreadFollow(user: user(1000 + number), isFollowing: true, readSeq: 0)
            rig.machine.channels[general]?.content.set(follow, of: root.seq)
        }
        #expect(rig.apply(.followThread(root, isFollowing: true, by: actor(grace))) == .refused(.quota))
        guard case .thread(_, let state) = rig.apply(.followThread(root, isFollowing: false, by: actor(grace))) else {
            Issue.record("who does not follow may say so")
            return
        }
        #expect(!state.isFollowing)
        // To reply is always possible.
        rig.post("me too", by: grace, thread: root)
        #expect(rig.machine.channels[general]?.content.followers(of: root.seq) == ShardMachine.followersMax)
        // Somebody leaves: there is room again.
        rig.apply(.leaveChannel(general, by: actor(linus)))
        guard case .thread(_, let later) = rig.apply(.followThread(root, isFollowing: true, by: actor(grace))) else {
            Issue.record("there is room")
            return
        }
        #expect(later.isFollowing)
    }

    // MARK: Texts

    @Test func `names that merely look alike are two`() throws {
        var rig = Rig.withRooms()
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        let mentions = [composed, decomposed].map { Mention(user: user(grace), name: $0) }
        let content = MessageContent(text: "x", clientID: nil, thread: nil, mentions: mentions)
        let event = try #require(rig.apply(.postMessage(general, content, by: actor(ada), nil)).event)
        guard case .messageCreated(let posted) = event.body else {
            Issue.record("no message")
            return
        }
        #expect(posted.mentions.count == 2)
        // What is written otherwise is a change, whatever Unicode says.
        var settings = UserSettings.initial
        settings.theme = composed
        rig.apply(.updateSettings(user(ada), settings))
        settings.theme = decomposed
        rig.apply(.updateSettings(user(ada), settings))
        #expect(rig.effects.changes.count == 1)
        for name in [composed, decomposed] {
            rig.apply(.updateProfile(user(ada), ProfilePatch(displayName: name), by: actor(ada)))
        }
        #expect(rig.machine.users[user(ada)]?.record.displayName.utf8.elementsEqual(decomposed.utf8) == true)
        let twice = [composed, decomposed].map { name in
            rig.apply(
                .setReminder(
                    user(ada),
                    Reminder(
                        id: ReminderID(high: 1, low: 1), message: nil, text: name,
                        at: rig.now.advanced(byMilliseconds: 1000))))
        }
        #expect(twice.last == .refused(.alreadyExists))
        #expect(try rig.restored() == rig.machine)
    }
}

extension Rig {
    /// The directory orders what `author` has written in the public channel to be erased.
    fileprivate mutating func redact(_ author: UInt64) {
        var effects = ApplyEffects()
        _ = self.machine.redactAuthor(general, user(author), &effects)
        self.rows.take(effects.changes)
    }

    fileprivate func texts(of channel: ChannelID) -> [String] {
        (self.rows.events[channel] ?? []).compactMap(\.event.text).filter { !$0.isEmpty }
    }
}
