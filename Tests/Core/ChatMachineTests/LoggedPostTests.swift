import ChatModel
import ClusterModel
import MemoryProjection
import Placement
import Testing

@testable import ChatMachine

/// A post that is read in its bytes is decided as one that is decoded.
@Suite struct LoggedPostTests {
    /// Applies every command to two machines: as a value to one, to the other in its bytes where that can be.
    struct Twins {
        var whole: Rig
        var inPlace: Rig
        var taken = 0

        init(_ rig: Rig) {
            self.whole = rig
            self.inPlace = rig
        }

        /// - Returns: false when they differ.
        mutating func apply(_ command: Command) throws -> Bool {
            let logged = LoggedCommand(at: self.whole.now, command: command)
            self.whole.apply(command)
            self.inPlace.now = self.whole.now
            // A leader logs nothing else.
            guard command.isWellFormed, let post = LoggedPost(encoded: logged.encoded) else {
                self.inPlace.apply(command)
                return self.areAlike
            }
            self.inPlace.index = self.inPlace.index.next()
            self.inPlace.effects.removeAll()
            let before = self.inPlace.machine
            // As the shell does with an entry of several commands.
            self.inPlace.machine.prefetch([ReadPost(post, of: logged.encoded), nil])
            if let message = self.inPlace.machine.apply(
                post, of: logged.encoded, at: self.inPlace.index, into: &self.inPlace.effects)
            {
                self.taken += 1
                let event = post.event(seq: message.seq, at: message.mark.at, of: logged.encoded)
                #expect(message.mark == MessageIndex.Mark(event))
                self.inPlace.effects.events.append(event)
                self.inPlace.effects.changes.append(.event(event, idempotency: message.key))
            } else {
                #expect(self.inPlace.machine.stateHash == before.stateHash && self.inPlace.effects.changes.isEmpty)
                // Each machine is compared whole, which takes its time.
                if self.inPlace.index.rawValue % 16 == 0 { #expect(self.inPlace.machine == before) }
                _ = self.inPlace.machine.apply(logged, at: self.inPlace.index, into: &self.inPlace.effects)
            }
            self.inPlace.rows.take(self.inPlace.effects.changes)
            return self.areAlike
        }

        private var areAlike: Bool {
            self.whole.machine.stateHash == self.inPlace.machine.stateHash
                && self.whole.effects.changes == self.inPlace.effects.changes
                && self.whole.effects.events == self.inPlace.effects.events
        }
    }

    @Test(arguments: FuzzTests.seeds)
    func `among all commands it leads to the same state, rows and events`(seed: UInt64) throws {
        var commands = CommandGenerator(seed: seed &+ 300)
        var twins = Twins(Rig(shard: ShardID(2), map: ShardMap(shardCount: 3)))
        for _ in 0..<3000 {
            let time = commands.time(twins.whole.now)
            twins.whole.now = time.milliseconds == .max || time.milliseconds == .min ? twins.whole.now : time
            let command = commands.command(time)
            try #require(try twins.apply(command), "seed \(seed), \(command)")
        }
        #expect(twins.whole.machine == twins.inPlace.machine)
        #expect(twins.taken > 50, "seed \(seed) reads only \(twins.taken) posts in place")
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `in channels that change, with mentions, threads and keys that end, it does too`(seed: UInt64) throws {
        var walk = ChannelWalkTests.Walk(random: SeededGenerator(seed: seed &+ 20))
        var twins = Twins(Rig.withRooms())
        for _ in 0..<1500 {
            if walk.below(20) == 0 { twins.whole.pass(milliseconds: Int64(walk.below(24 * 3600 * 1000))) }
            twins.whole.pass(milliseconds: 10)
            let command =
                walk.below(4) == 0
                ? Command.postMessage(
                    walk.below(2) == 0 ? general : secret, content("plain"), by: actor(1 + walk.below(3)),
                    walk.below(2) == 0 ? key(ada, "p\(walk.below(9))") : nil)
                : walk.command(head: twins.whole.machine.head(of: general) ?? 0)
            try #require(try twins.apply(command), "seed \(seed), \(command)")
        }
        #expect(twins.whole.machine == twins.inPlace.machine)
        #expect(twins.taken > 30, "seed \(seed) reads only \(twins.taken) posts in place")
    }

    private static func post(
        _ text: String, clientID: String? = nil, _ key: IdempotencyKey? = key(ada, "k"), thread: MessageID? = nil,
        mentions: [Mention] = []
    ) -> [UInt8] {
        let content = MessageContent(text: text, clientID: clientID, thread: thread, mentions: mentions)
        return LoggedCommand(
            at: Timestamp(milliseconds: 5), command: .postMessage(general, content, by: actor(ada), key)
        ).encoded
    }

    @Test(arguments: [
        (text: "x", clientID: nil), ("x", ""), ("exactly eight bytes or more", "c-1"), ("\u{e9}", nil),
        ("abcdefgh\u{1F426}", "ü"),
        (String(repeating: "x", count: 16_384), String(repeating: "c", count: 128)),
    ])
    func `it is the command that its bytes are`(text: String, clientID: String?) throws {
        for key in [key(ada, "k"), nil] {
            let bytes = Self.post(text, clientID: clientID, key)
            let post = try #require(LoggedPost(encoded: bytes))
            #expect(post.at == Timestamp(milliseconds: 5) && post.channel == general && post.actor == actor(ada))
            #expect(post.storedKey(of: bytes) == key?.stored(in: general))
            let event = post.event(seq: 7, at: Timestamp(milliseconds: 9), of: bytes)
            #expect(
                event
                    == DurableEvent(
                        channel: general, seq: 7, at: Timestamp(milliseconds: 9), actor: user(ada),
                        body: .messageCreated(MessageContent(plain: text, clientID: clientID, thread: nil))))
        }
    }

    @Test func `what has more to it or is too large is left to the decoder`() {
        #expect(LoggedPost(encoded: Self.post("x", thread: MessageID(channel: general, seq: 1))) == nil)
        #expect(LoggedPost(encoded: Self.post("@ada", mentions: [Mention(user: user(ada), name: "ada")])) == nil)
        #expect(LoggedPost(encoded: Self.post("")) == nil)
        #expect(LoggedPost(encoded: Self.post(String(repeating: "x", count: 16_385))) == nil)
        #expect(LoggedPost(encoded: Self.post("x", clientID: String(repeating: "c", count: 129))) == nil)
        #expect(LoggedPost(encoded: Self.post("x", key(ada, ""))) == nil)
        #expect(LoggedPost(encoded: Self.post("x", key(ada, String(repeating: "k", count: 129)))) == nil)
        #expect(LoggedPost(encoded: Self.post("x", key(grace, "k"))) == nil)
        #expect(LoggedPost(encoded: Self.post("x") + [0]) == nil)
    }

    /// Whatever it takes, the decoder takes as the same; the rest is the decoder's to refuse.
    @Test func `of damaged bytes it reads nothing that the decoder does not`() throws {
        let whole = Self.post("damaged \u{e9}", clientID: "c")
        var read = 0
        func check(_ bytes: [UInt8]) throws {
            guard let post = LoggedPost(encoded: bytes) else { return }
            read += 1
            let logged = try LoggedCommand(encoded: bytes)
            #expect(logged.command.isWellFormed && logged.at == post.at)
            guard case .postMessage(let channel, let content, let actor, let key) = logged.command else {
                Issue.record("\(logged.command) is no post")
                return
            }
            #expect(channel == post.channel && actor == post.actor && content.isPlain && content.thread == nil)
            #expect(post.storedKey(of: bytes) == key?.stored(in: channel))
            let event = post.event(seq: 1, at: .zero, of: bytes)
            #expect(event.body == .messageCreated(content))
        }
        for end in 0..<whole.count { try check(Array(whole[..<end])) }
        for place in whole.indices {
            for bit in 0..<8 {
                var bytes = whole
                bytes[place] ^= 1 << bit
                try check(bytes)
            }
        }
        #expect(read > 100, "most damage to ids and letters is none that anybody could tell")
    }
}
