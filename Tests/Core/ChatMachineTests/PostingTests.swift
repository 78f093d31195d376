import ChatModel
import ClusterModel
import Testing

@testable import ChatMachine

@Suite struct PostingTests {
    @Test func `messages continue the channel's sequence`() {
        var rig = Rig.withRooms()
        for number in 3...10 as ClosedRange<UInt64> {
            let event = rig.apply(.postMessage(general, content("m\(number)"), by: actor(ada), nil)).event
            #expect(event?.seq == number && event?.at == rig.now && event?.actor == user(ada))
            #expect(rig.effects.events == [event].compactMap { $0 })
        }
    }

    @Test func `only members post and a private channel is not there for others`() {
        var rig = Rig.withRooms()
        func post(_ channel: ChannelID, _ who: Actor) -> CommandResult {
            rig.apply(.postMessage(channel, content("x"), by: who, nil))
        }
        #expect(post(general, actor(linus)) == .refused(.forbidden))
        #expect(post(general, actor(linus, .guest)) == .refused(.notFound))
        #expect(post(secret, actor(grace)) == .refused(.notFound))
        #expect(post(channel(99), actor(ada)) == .refused(.notFound))
        #expect(post(general, actor(grace)).event?.seq == 3)
    }

    @Test func `a message without text, with too much or in another channel's thread is invalid`() {
        var rig = Rig.withRooms()
        func post(_ text: String, _ thread: MessageID? = nil) -> CommandResult {
            rig.apply(
                .postMessage(general, MessageContent(text: text, clientID: nil, thread: thread), by: actor(ada), nil))
        }
        #expect(post("") == .refused(.invalid))
        #expect(post(String(repeating: "x", count: 16_385)) == .refused(.invalid))
        #expect(post("x", MessageID(channel: secret, seq: 1)) == .refused(.invalid))
        #expect(post("x", MessageID(channel: general, seq: 3)) == .refused(.invalid))
        #expect(post("x", MessageID(channel: general, seq: 0)) == .refused(.invalid))
        // Who joined said nothing that one could answer.
        #expect(post("x", MessageID(channel: general, seq: 2)) == .refused(.invalid))
        #expect(post("x").event?.seq == 3)
        #expect(post("x", MessageID(channel: general, seq: 3)).event?.seq == 4)
    }

    @Test func `a repeated key gives the same message and no event`() {
        var rig = Rig.withRooms()
        let command = Command.postMessage(general, content("once"), by: actor(ada), key(ada, "k"))
        let first = rig.apply(command)
        rig.pass(milliseconds: 60_000)
        rig.apply(.postMessage(general, content("other"), by: actor(ada), nil))
        #expect(rig.apply(command) == first)
        #expect(rig.effects.events.isEmpty && rig.machine.head(of: general) == 4)
    }

    @Test func `a key with another meaning is refused`() {
        var rig = Rig.withRooms()
        rig.apply(.postMessage(general, content("once"), by: actor(ada), key(ada, "k", 1)))
        #expect(
            rig.apply(.postMessage(general, content("twice"), by: actor(ada), key(ada, "k", 2)))
                == .refused(.idempotencyKeyReused))
    }

    @Test func `a key is its user's and its channel's own`() {
        var rig = Rig.withRooms()
        rig.apply(.postMessage(general, content("a"), by: actor(ada), key(ada, "k", 1)))
        #expect(rig.apply(.postMessage(general, content("b"), by: actor(grace), key(grace, "k", 2))).event?.seq == 4)
        #expect(rig.apply(.postMessage(secret, content("c"), by: actor(ada), key(ada, "k", 3))).event?.seq == 2)
        #expect(
            rig.apply(.postMessage(general, content("d"), by: actor(grace), key(ada, "k", 1))) == .refused(.invalid))
    }

    @Test func `a repeat is answered as the first even when its author has left`() {
        var rig = Rig.withRooms()
        let command = Command.postMessage(general, content("bye"), by: actor(grace), key(grace, "k"))
        let first = rig.apply(command)
        rig.apply(.leaveChannel(general, by: actor(grace)))
        #expect(rig.apply(command) == first)
    }

    @Test func `a refused message does not use up its key`() {
        var rig = Rig.withRooms()
        let command = Command.postMessage(general, content("hi"), by: actor(linus), key(linus, "k"))
        #expect(rig.apply(command) == .refused(.forbidden))
        rig.apply(.joinChannel(general, by: actor(linus)))
        #expect(rig.apply(command).event?.seq == 4)
    }

    @Test func `a key is forgotten after 24 hours of log time`() {
        var rig = Rig.withRooms()
        let command = Command.postMessage(general, content("again"), by: actor(ada), key(ada, "k"))
        rig.apply(command)
        for _ in 1..<24 * 12 { rig.tick(milliseconds: 5 * 60 * 1000) }
        rig.pass(milliseconds: 5 * 60 * 1000 - 1)
        #expect(rig.apply(command).event?.seq == 3)
        rig.pass(milliseconds: 1)
        #expect(rig.apply(command).event?.seq == 4)
        #expect(rig.machine.messageKeys.count == 1)
    }

    @Test func `clocks that take the log through days within seconds forget no key`() throws {
        var rig = Rig.withRooms()
        let command = Command.postMessage(general, content("once"), by: actor(ada), key(ada, "k"))
        rig.apply(command)
        for _ in 0..<5 {
            rig.tick(milliseconds: 24 * 3600 * 1000)
            #expect(rig.apply(command).event?.seq == 3)
        }
        #expect(try rig.restored() == rig.machine)
        // Half a day on, at the speed of clocks that are right, it is forgotten: twice that is a day.
        for _ in 0..<12 * 12 - 11 { rig.tick(milliseconds: 5 * 60 * 1000) }
        #expect(rig.apply(command).event?.seq == 3)
        for _ in 0..<11 { rig.tick(milliseconds: 5 * 60 * 1000) }
        #expect(rig.apply(command).event?.seq == 4)
    }

    @Test func `a quiet night is made up for by noon`() {
        var rig = Rig.withRooms()
        rig.tick(milliseconds: 10 * 3600 * 1000)
        for _ in 0..<9 * 12 + 9 { rig.tick(milliseconds: 5 * 60 * 1000) }
        #expect(rig.machine.keysForgottenThrough < rig.now.advanced(byMilliseconds: -24 * 3600 * 1000))
        rig.tick(milliseconds: 5 * 60 * 1000)
        #expect(rig.machine.keysForgottenThrough == rig.now.advanced(byMilliseconds: -24 * 3600 * 1000))
    }

    @Test func `time never falls and rises by a day at most`() {
        var rig = Rig.withRooms()
        let start = rig.now
        rig.now = .zero
        #expect(rig.apply(.postMessage(general, content("a"), by: actor(ada), nil)).event?.at == start)
        rig.now = Timestamp(milliseconds: .max)
        let day = start.advanced(byMilliseconds: 24 * 3600 * 1000)
        #expect(rig.apply(.postMessage(general, content("b"), by: actor(ada), nil)).event?.at == day)
    }
}
