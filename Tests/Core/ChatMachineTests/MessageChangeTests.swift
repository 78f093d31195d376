import ChatModel
import ClusterModel
import MemoryProjection
import Placement
import Testing

@testable import ChatMachine

/// What becomes of messages, in one shard.
@Suite struct MessageChangeTests {
    // MARK: Edits

    @Test func `an edit gives the message another text and keeps the ones before`() throws {
        var rig = Rig.withRooms()
        let message = rig.post("first", by: ada)
        rig.pass(milliseconds: 5000)
        let view = try #require(rig.edit(message, "second", by: ada).view)
        #expect(view.content.text == "second")
        #expect(view.editedAt == rig.now)
        #expect(view.version == message.seq + 1)
        guard case .needsHistory(let request) = rig.answer(.edits(message, viewer: actor(grace))),
            case .edits(let edits) = try rig.rows.answer(request)
        else {
            Issue.record("no texts")
            return
        }
        #expect(edits.map(\.text) == ["first", "second"])
        #expect(edits.map(\.seq) == [message.seq, view.version])
        #expect(try rig.view(message).content.text == "second")
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `an edit of what has moved on is a conflict`() throws {
        var rig = Rig.withRooms()
        let message = rig.post("first", by: ada)
        let stale = try rig.snapshot(message)
        #expect(rig.edit(message, "second", by: ada).view != nil)
        let late = rig.apply(
            .editMessage(message, text: "third", mentions: [], broadcast: nil, stale, by: actor(ada), nil))
        #expect(late == .refused(.conflict))
        #expect(rig.effects.changes.isEmpty)
    }

    @Test func `only the author edits, and nobody a tombstone`() throws {
        var rig = Rig.withRooms()
        let message = rig.post("mine", by: ada)
        #expect(rig.edit(message, "yours", by: grace) == .refused(.forbidden))
        #expect(rig.edit(message, "yours", by: linus) == .refused(.forbidden))
        let hidden = rig.post("hidden", by: ada, in: secret)
        #expect(rig.edit(hidden, "seen", by: grace) == .refused(.notFound))
        rig.apply(.deleteMessage(message, asModerator: false, by: actor(ada), nil))
        #expect(rig.edit(message, "again", by: ada) == .refused(.notFound))
    }

    @Test func `the same text is no edit`() throws {
        var rig = Rig.withRooms()
        let message = rig.post("first", by: ada)
        #expect(rig.edit(message, "first", by: ada).view?.version == 0)
        #expect(rig.effects.events.isEmpty)
    }

    @Test func `a message has at most a thousand edits`() throws {
        var rig = Rig.withRooms()
        let message = rig.post("0", by: ada)
        for number in 1...1000 { #expect(rig.edit(message, "\(number)", by: ada).view != nil) }
        #expect(rig.edit(message, "one more", by: ada) == .refused(.quota))
    }

    // MARK: Deletion

    @Test func `a deletion leaves a tombstone, erases every event with a text of it, and takes mentions back`() throws {
        var rig = Rig.withRooms()
        let message = rig.post("hello @grace", by: ada, naming: [grace])
        #expect(rig.unreadMentions(of: grace) == [message.seq])
        rig.edit(message, "hello again @grace", by: ada, naming: [grace])
        rig.apply(.pin(message, try rig.snapshot(message), by: actor(grace), nil))
        rig.apply(.react(message, emoji: "+1", by: actor(grace), nil))
        let view = try #require(
            rig.apply(.deleteMessage(message, asModerator: false, by: actor(ada), nil)).view)
        #expect(view.deletedAt == rig.now)
        #expect(view.content.text.isEmpty && view.reactions.isEmpty && view.pinnedAt == nil)
        #expect(rig.unreadMentions(of: grace).isEmpty)
        let texts = (rig.rows.events[general] ?? []).compactMap(\.event.text).filter { !$0.isEmpty }
        #expect(texts.isEmpty)
        // What is left is in inboxes, which hold no text.
        let texted = [ItemKind.messageText.rawValue, ItemKind.edit.rawValue]
        #expect(rig.rows.items.keys.allSatisfy { !texted.contains($0.kind) })
        #expect(try rig.restored() == rig.machine)
        // Twice is as once.
        rig.apply(.deleteMessage(message, asModerator: false, by: actor(ada), nil))
        #expect(rig.effects.events.isEmpty)
    }

    @Test func `who may delete`() throws {
        var rig = Rig.withRooms()
        rig.apply(.joinChannel(general, by: actor(linus)))
        func delete(_ message: MessageID, _ by: Actor, asModerator: Bool = false) -> CommandResult {
            rig.apply(.deleteMessage(message, asModerator: asModerator, by: by, nil))
        }
        #expect(delete(rig.post("a", by: grace), actor(linus)) == .refused(.forbidden))
        #expect(delete(rig.post("b", by: grace), actor(grace)).view != nil)
        // Ada owns the channel.
        #expect(delete(rig.post("c", by: grace), actor(ada)).view != nil)
        #expect(delete(rig.post("d", by: grace), actor(99, .moderator)).view != nil)
        let hidden = rig.post("e", by: ada, in: secret)
        #expect(delete(hidden, actor(99, .moderator)) == .refused(.notFound))
        #expect(delete(hidden, actor(99), asModerator: true) == .refused(.forbidden))
        #expect(delete(hidden, actor(99, .moderator), asModerator: true).view != nil)
    }

    // MARK: Reactions

    @Test func `reactions are counted in their order, once a person`() throws {
        var rig = Rig.withRooms()
        let message = rig.post("hello", by: ada)
        rig.apply(.react(message, emoji: "wave", by: actor(grace), nil))
        rig.apply(.react(message, emoji: "+1", by: actor(ada), nil))
        let both = rig.apply(.react(message, emoji: "wave", by: actor(ada), nil))
        let wave = ReactionGroup(emoji: "wave", count: 2, users: [user(grace), user(ada)])
        let plus = ReactionGroup(emoji: "+1", count: 1, users: [user(ada)])
        #expect(both == .reactions([wave, plus]))
        #expect(rig.apply(.react(message, emoji: "wave", by: actor(ada), nil)) == both)
        #expect(rig.effects.events.isEmpty)
        #expect(try rig.restored() == rig.machine)
        #expect(try rig.view(message).reactions == [wave, plus])
        // The group keeps its place when who began it leaves.
        let left = rig.apply(.unreact(message, emoji: "wave", by: actor(grace), nil))
        let one = ReactionGroup(emoji: "wave", count: 1, users: [user(ada)])
        #expect(left == .reactions([one, plus]))
        rig.apply(.unreact(message, emoji: "wave", by: actor(grace), nil))
        #expect(rig.effects.events.isEmpty)
        #expect(try rig.restored() == rig.machine)
        #expect(try rig.view(message).reactions == [one, plus])
        // Who comes when it is gone begins another.
        rig.apply(.unreact(message, emoji: "wave", by: actor(ada), nil))
        #expect(rig.apply(.react(message, emoji: "wave", by: actor(ada), nil)) == .reactions([plus, one]))
        #expect(try rig.restored() == rig.machine)
        #expect(try rig.view(message).reactions == [plus, one])
    }

    @Test func `the hundred and first emoji is too many`() throws {
        var rig = Rig.withRooms()
        let message = rig.post("hello", by: ada)
        for number in 1...100 { rig.apply(.react(message, emoji: "e\(number)", by: actor(grace), nil)) }
        #expect(rig.apply(.react(message, emoji: "e101", by: actor(grace), nil)) == .refused(.quota))
        guard case .reactions(let groups) = rig.apply(.react(message, emoji: "e100", by: actor(ada), nil)) else {
            Issue.record("a known emoji is refused")
            return
        }
        #expect(groups.count == 100 && groups.last?.count == 2)
    }

    @Test func `who is no member reacts to nothing`() throws {
        var rig = Rig.withRooms()
        let message = rig.post("hello", by: ada)
        #expect(rig.apply(.react(message, emoji: "+1", by: actor(linus), nil)) == .refused(.forbidden))
        let join = MessageID(channel: general, seq: 1)
        #expect(rig.apply(.react(join, emoji: "+1", by: actor(ada), nil)) == .refused(.notFound))
    }

    // MARK: Pins

    @Test func `pins are listed newest first, at most a hundred`() throws {
        var rig = Rig.withRooms()
        var messages: [MessageID] = []
        for number in 1...101 { messages.append(rig.post("\(number)", by: ada)) }
        for message in messages.prefix(100) {
            #expect(rig.apply(.pin(message, try rig.snapshot(message), by: actor(grace), nil)).view?.pinnedAt != nil)
        }
        let one = try rig.snapshot(messages[100])
        #expect(rig.apply(.pin(messages[100], one, by: actor(grace), nil)) == .refused(.quota))
        #expect(rig.apply(.pin(messages[0], try rig.snapshot(messages[0]), by: actor(9), nil)) == .refused(.forbidden))
        guard case .needsHistory(.views(_, let seqs, _)) = rig.answer(.pins(general, viewer: actor(linus))) else {
            Issue.record("no pins")
            return
        }
        #expect(seqs == messages.prefix(100).reversed().map(\.seq))
        #expect(
            rig.apply(.unpin(messages[0], try rig.snapshot(messages[0]), by: actor(ada), nil)).view?.pinnedAt == nil)
        #expect(try rig.restored() == rig.machine)
    }

    // MARK: Threads

    @Test func `replies are counted at the root, and a reply has none`() throws {
        var rig = Rig.withRooms()
        let root = rig.post("root", by: ada)
        let first = rig.post("one", by: grace, thread: root)
        rig.pass(milliseconds: 10)
        let second = rig.post("two", by: ada, thread: root)
        #expect(rig.effects.events.first?.content?.root?.replyCount == 2)
        let nested = MessageContent(text: "three", clientID: nil, thread: first)
        #expect(rig.apply(.postMessage(general, nested, by: actor(ada), nil)) == .refused(.invalid))
        let beyond = MessageContent(text: "?", clientID: nil, thread: MessageID(channel: general, seq: 99))
        #expect(rig.apply(.postMessage(general, beyond, by: actor(ada), nil)) == .refused(.invalid))

        let deleted = try #require(
            rig.apply(.deleteMessage(second, asModerator: false, by: actor(ada), nil)).view)
        #expect(deleted.content.root?.replyCount == 1)
        #expect(deleted.content.root?.lastReplyAt == rig.now.advanced(byMilliseconds: -10))
        #expect(deleted.content.root?.participants == [user(grace), user(ada)])
        #expect(try rig.view(root).thread == deleted.content.root)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `author, repliers and the named follow, until they decide`() throws {
        var rig = Rig.withRooms()
        rig.apply(.joinChannel(general, by: actor(linus)))
        let root = rig.post("root", by: ada)
        let reply = rig.post("hello @linus", by: grace, thread: root, naming: [linus])
        #expect(rig.thread(root, of: ada) == ThreadState(isFollowing: true, readSeq: 0, unread: 1))
        #expect(rig.thread(root, of: grace) == ThreadState(isFollowing: true, readSeq: reply.seq, unread: 0))
        #expect(rig.thread(reply, of: linus)?.unread == 1)
        rig.apply(.followThread(root, isFollowing: false, by: actor(linus)))
        rig.post("again @linus", by: grace, thread: root, naming: [linus])
        #expect(rig.thread(root, of: linus)?.isFollowing == false)
        // What was said meanwhile is not unread to who comes back.
        rig.apply(.followThread(root, isFollowing: true, by: actor(linus)))
        #expect(rig.thread(root, of: linus)?.unread == 0)
        rig.apply(.readThread(root, seq: 999, by: actor(ada)))
        #expect(rig.effects.asides.count == 1)
        #expect(rig.thread(root, of: ada)?.unread == 0)
        rig.apply(.readThread(root, seq: 1, by: actor(ada)))
        #expect(rig.effects.changes.isEmpty)
        #expect(try rig.restored() == rig.machine)
    }

    // MARK: Mentions

    @Test func `members are named, and everybody by who may`() throws {
        var rig = Rig.withRooms()
        let first = rig.post("@grace @linus", by: ada, naming: [grace, linus])
        #expect(rig.unreadMentions(of: grace) == [first.seq])
        #expect(rig.unreadMentions(of: linus).isEmpty)
        #expect(rig.effects.events.first?.content?.mentions.map(\.user) == [user(grace)])
        // Writing is having read.
        rig.post("yes", by: grace)
        #expect(rig.unreadMentions(of: grace).isEmpty)

        rig.apply(.addMember(general, user(linus), by: actor(ada)))
        let all = MessageContent(text: "@channel", clientID: nil, thread: nil, broadcast: .channel)
        let loud = try #require(rig.apply(.postMessage(general, all, by: actor(ada), nil)).event)
        #expect(loud.content?.broadcast == .channel)
        #expect(rig.machine.channels[general]?.index[loud.seq]?.isBroadcast == true)
        let quiet = try #require(rig.apply(.postMessage(general, all, by: actor(linus, .guest), nil)).event)
        #expect(quiet.content?.broadcast == nil)
        #expect(rig.machine.channels[general]?.index[quiet.seq]?.isBroadcast == false)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `an edit counts the newly named only and forgets the others`() throws {
        var rig = Rig.withRooms()
        rig.apply(.joinChannel(general, by: actor(linus)))
        let message = rig.post("@grace", by: ada, naming: [grace])
        rig.edit(message, "@linus", by: ada, naming: [linus])
        #expect(rig.unreadMentions(of: grace).isEmpty)
        #expect(rig.unreadMentions(of: linus) == [message.seq])
        rig.edit(message, "@channel @linus", by: ada, naming: [linus], broadcast: .channel)
        #expect(rig.unreadMentions(of: linus).isEmpty)
        #expect(rig.machine.channels[general]?.index[message.seq]?.isBroadcast == true)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `inboxes hear of a message once, each shard by one effect`() throws {
        var rig = Rig(shard: ShardID(2), map: ShardMap(shardCount: 4))
        rig.apply(.createChannel(general, name: "general", type: .public, topic: "", by: actor(ada), nil))
        for number in 2...40 { rig.apply(.addMember(general, user(UInt64(number)), by: actor(ada))) }
        let all = MessageContent(text: "@channel", clientID: nil, thread: nil, broadcast: .channel)
        let before = rig.machine.outbox.count
        rig.apply(.postMessage(general, all, by: actor(ada), nil))
        var told: [UserID] = []
        var targets: [ShardKey] = []
        for entry in rig.machine.outbox.dropFirst(before) {
            guard case .notify(_, .mention, let author, _, let users) = entry.effect else { continue }
            #expect(author == user(ada))
            #expect(users == users.sorted())
            told += users
            targets.append(entry.target)
        }
        // Those of this very shard were told at once.
        let own = (2...40).map { user(UInt64($0)) }.filter { rig.machine.map.owner(of: .user($0)) == ShardID(2) }
        #expect(Set(told).union(own) == Set((2...40).map { user(UInt64($0)) }))
        #expect(told.count + own.count == 39)
        #expect(Set(targets).count == targets.count)
    }

    // MARK: Repeats

    @Test func `a command sent twice with its key happens once, also after a restart`() throws {
        var rig = Rig.withRooms()
        let message = rig.post("hello", by: ada)
        let first = try rig.snapshot(message)
        let commands: [Command] = [
            .editMessage(
                message, text: "hello!", mentions: [], broadcast: nil, first, by: actor(ada), key(ada, "edit")),
            .react(message, emoji: "+1", by: actor(ada), key(ada, "react")),
            .unreact(message, emoji: "+1", by: actor(ada), key(ada, "unreact")),
        ]
        for command in commands {
            rig.apply(command)
            #expect(rig.effects.events.count == 1)
        }
        let edited = try rig.snapshot(message)
        let later: [Command] = [
            .pin(message, edited, by: actor(ada), key(ada, "pin")),
            .unpin(message, edited, by: actor(ada), key(ada, "unpin")),
            .deleteMessage(message, asModerator: false, by: actor(ada), key(ada, "delete")),
        ]
        for command in later {
            rig.apply(command)
            #expect(rig.effects.events.count == 1)
        }
        var again = rig
        again.machine = try rig.restored()
        for command in commands + later {
            let result = rig.apply(command)
            #expect(rig.effects.events.isEmpty)
            #expect(again.apply(command) == result)
            if case .refused = result { Issue.record("a repeat of \(command) is refused") }
        }
        let other = Command.react(message, emoji: "-1", by: actor(ada), key(ada, "react", 2))
        #expect(rig.apply(other) == .refused(.idempotencyKeyReused))
    }

    // MARK: Redaction

    @Test func `what an author wrote is erased step by step, and a restart goes on with it`() throws {
        var rig = Rig.withRooms()
        for number in 1...12 { rig.post("\(number)", by: grace) }
        let kept = rig.post("kept", by: ada)
        var effects = ApplyEffects()
        _ = rig.machine.redactAuthor(general, user(grace), &effects)
        rig.rows.take(effects.changes)
        #expect(rig.machine.nextTimer != nil)
        #expect(try rig.restored() == rig.machine)
        rig.apply(.timersDue)
        #expect(rig.effects.events.count == 12)
        #expect(rig.machine.nextTimer == nil)
        let texts = (rig.rows.events[general] ?? []).compactMap(\.event.text).filter { !$0.isEmpty }
        #expect(texts == ["kept"])
        #expect(try rig.view(kept).deletedAt == nil)
        #expect(try rig.restored() == rig.machine)
    }

    // MARK: Flags

    @Test func `a report goes to the directory under an id of its own`() throws {
        var rig = Rig(shard: ShardID(2), map: ShardMap(shardCount: 4))
        rig.apply(.createChannel(general, name: "general", type: .public, topic: "", by: actor(ada), nil))
        let message = rig.post("rude", by: ada)
        let command = Command.flagMessage(message, reason: "rude", excerpt: "rude", by: actor(grace))
        guard case .flagged(let id) = rig.apply(command) else {
            Issue.record("not flagged")
            return
        }
        #expect(rig.apply(command) == .flagged(id))
        guard case .fileFlag(let flag) = rig.machine.outbox.last?.effect else {
            Issue.record("nothing goes to the directory")
            return
        }
        #expect(flag.id == id && flag.author == user(ada) && flag.reporter == user(grace))
        let join = MessageID(channel: general, seq: 1)
        let nothing = Command.flagMessage(join, reason: "?", excerpt: "", by: actor(grace))
        #expect(rig.apply(nothing) == .refused(.notFound))
    }

    // MARK: All of it

    /// A walk of all commands about messages, by four people: what was restored is what ran on.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func `a machine restored from rows is the one that ran on`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var rig = Rig.withRooms()
        rig.apply(.joinChannel(general, by: actor(linus)))
        var messages = [rig.post("first", by: ada)]
        for step in 1...600 {
            rig.pass(milliseconds: Int64.random(in: 0...50, using: &random))
            let person = [ada, grace, linus, 9].randomElement(using: &random) ?? ada
            let message = messages.randomElement(using: &random) ?? messages[0]
            let emoji = ["+1", "-1", "wave"].randomElement(using: &random) ?? "+1"
            switch Int.random(in: 0...11, using: &random) {
            case 0, 1:
                let named = [ada, grace, linus].filter { _ in Bool.random(using: &random) }
                if let event = rig.say("\(step)", by: person, naming: named).event { messages.append(event.messageID) }
            case 2:
                if let event = rig.say("\(step)", by: person, thread: message).event {
                    messages.append(event.messageID)
                }
            case 3: rig.edit(message, "edit \(step)", by: person, naming: [linus])
            case 4: rig.edit(message, "all \(step)", by: person, broadcast: .channel)
            case 5: rig.apply(.deleteMessage(message, asModerator: false, by: actor(person), nil))
            case 6, 7: rig.apply(.react(message, emoji: emoji, by: actor(person), nil))
            case 8: rig.apply(.unreact(message, emoji: emoji, by: actor(person), nil))
            case 9: rig.apply(.pin(message, try rig.snapshot(message), by: actor(person), nil))
            case 10: rig.apply(.unpin(message, try rig.snapshot(message), by: actor(person), nil))
            default: rig.apply(.readThread(message, seq: UInt64(step), by: actor(person)))
            }
            if step % 100 == 0 { #expect(try rig.restored() == rig.machine) }
        }
        #expect(messages.count > 50)
    }
}

extension Rig {
    @discardableResult
    mutating func say(
        _ text: String, by author: UInt64, in channel: ChannelID = general, thread: MessageID? = nil,
        naming named: [UInt64] = []
    ) -> CommandResult {
        let content = MessageContent(
            text: text, clientID: nil, thread: thread,
            mentions: named.map { Mention(user: user($0), name: "name\($0)") })
        return self.apply(.postMessage(channel, content, by: actor(author), nil))
    }

    @discardableResult
    mutating func post(
        _ text: String, by author: UInt64, in channel: ChannelID = general, thread: MessageID? = nil,
        naming named: [UInt64] = []
    ) -> MessageID {
        guard let event = self.say(text, by: author, in: channel, thread: thread, naming: named).event else {
            Issue.record("\(text) was refused")
            return MessageID(channel: channel, seq: 0)
        }
        return event.messageID
    }

    @discardableResult
    mutating func edit(
        _ message: MessageID, _ text: String, by author: UInt64, naming named: [UInt64] = [],
        broadcast: Broadcast? = nil
    ) -> CommandResult {
        guard let snapshot = try? self.snapshot(message) else { return .refused(.notFound) }
        return self.apply(
            .editMessage(
                message, text: text, mentions: named.map { Mention(user: user($0), name: "name\($0)") },
                broadcast: broadcast, snapshot, by: actor(author), nil))
    }

    /// The message as a page shows it.
    func view(_ message: MessageID) throws -> MessageView {
        let head = self.machine.head(of: message.channel) ?? 0
        guard case .views(let views, _) = try self.rows.answer(.views(message.channel, seqs: [message.seq], head: head))
        else { throw WireError.invalid("views") }
        return try #require(views.first)
    }

    func snapshot(_ message: MessageID) throws -> MessageSnapshot {
        let view = try self.view(message)
        // A tombstone has no text, and a snapshot must have one.
        let content = view.content.text.isEmpty ? content("gone") : view.content
        return MessageSnapshot(content: content, editedAt: view.editedAt, version: view.version)
    }

    func unreadMentions(of number: UInt64) -> [UInt64] {
        self.machine.channels[general]?.content.mentions[user(number)] ?? []
    }

    func thread(_ message: MessageID, of number: UInt64) -> ThreadState? {
        guard
            case .needsHistory(.thread(_, _, let state, _)) =
                self.answer(.thread(message, viewer: actor(number), after: 0, limit: 50))
        else { return nil }
        return state
    }
}

extension CommandResult {
    var view: MessageView? {
        if case .view(let view) = self { return view }
        return nil
    }
}

extension DurableEvent {
    /// Of an event that creates a message.
    var content: MessageContent? {
        if case .messageCreated(let content) = self.body { return content }
        return nil
    }
    /// Of any event that shows a message.
    var text: String? {
        switch self.body {
        case .messageCreated(let content): content.text
        case .messageEdited(let view), .messageDeleted(let view), .messagePinned(let view),
            .messageUnpinned(let view):
            view.content.text
        default: nil
        }
    }
}
