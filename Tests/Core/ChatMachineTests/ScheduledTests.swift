import ChatModel
import ClusterModel
import MemoryProjection
import Testing

@testable import ChatMachine

@Suite struct ScheduledTests {
    static func message(_ number: UInt64, at: Timestamp, _ text: String = "later", in channel: ChannelID = general)
        -> ScheduledMessage
    {
        ScheduledMessage(
            id: ScheduledID(high: 1, low: number), channel: channel, content: content(text), sendAt: at,
            createdAt: .zero)
    }

    @Test func `a message is posted at its time in its author's name, once`() throws {
        var rig = Rig.withRooms()
        let message = Self.message(1, at: rig.now.advanced(byMilliseconds: 1000))
        #expect(rig.apply(.scheduleMessage(user(grace), message, by: actor(grace))) == .scheduled(message))
        #expect(rig.apply(.scheduleMessage(user(grace), message, by: actor(grace))) == .scheduled(message))
        #expect(rig.answer(.scheduled(user(grace))) == .answer(.scheduled([message])))
        #expect(rig.machine.nextTimer == message.sendAt)
        #expect(try rig.restored() == rig.machine)
        rig.pass(milliseconds: 999)
        rig.apply(.timersDue)
        #expect(rig.effects.events.isEmpty)
        rig.pass(milliseconds: 1)
        rig.apply(.timersDue)
        #expect(rig.effects.events.map(\.actor) == [user(grace)])
        #expect(rig.answer(.scheduled(user(grace))) == .answer(.scheduled([])))
        rig.apply(.timersDue)
        #expect(rig.effects.events.isEmpty)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `what comes to the channel twice is one message`() {
        var rig = Rig.withRooms()
        let effect = ShardEffect.postScheduled(Self.message(1, at: rig.now), by: actor(grace))
        for index in [1, 2] as [UInt64] {
            let position = OutboxPosition(index: LogIndex(index), ordinal: 0)
            rig.apply(
                .applyEffect(
                    OutboxEntry(source: ShardID(9), position: position, target: .channel(general), effect: effect)))
            #expect(rig.effects.events.count == (index == 1 ? 1 : 0))
        }
    }

    @Test func `who was removed meanwhile is told that nothing was posted`() throws {
        var rig = Rig.withRooms()
        let text = String(repeating: "ä", count: 150)
        rig.apply(
            .scheduleMessage(
                user(grace), Self.message(1, at: rig.now.advanced(byMilliseconds: 1), text), by: actor(grace)))
        rig.apply(.removeMember(general, user(grace), by: actor(ada)))
        rig.pass(milliseconds: 1)
        rig.apply(.timersDue)
        #expect(rig.effects.events.isEmpty)
        guard case .notificationCreated(let record)? = rig.effects.notices.map(\.1).last else {
            Issue.record("nobody is told")
            return
        }
        #expect(record.kind == .scheduledFailed && record.message == MessageID(channel: general, seq: 0))
        #expect(record.text == String(repeating: "ä", count: 100))
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `times and numbers have bounds`() throws {
        var rig = Rig.withRooms()
        func schedule(_ number: UInt64, in milliseconds: Int64) -> CommandResult {
            rig.apply(
                .scheduleMessage(
                    user(grace), Self.message(number, at: rig.now.advanced(byMilliseconds: milliseconds)),
                    by: actor(grace)))
        }
        #expect(schedule(1, in: 0) == .refused(.invalid))
        #expect(schedule(1, in: 120 * 86_400_000 + 1) == .refused(.invalid))
        for number in 1...20 as ClosedRange<UInt64> { _ = schedule(number, in: 120 * 86_400_000 - Int64(number)) }
        #expect(schedule(21, in: 1) == .refused(.quota))
        #expect(schedule(1, in: 1) == .refused(.alreadyExists))
        #expect(rig.apply(.cancelScheduled(user(grace), ScheduledID(high: 1, low: 1))) == .done)
        #expect(rig.apply(.cancelScheduled(user(grace), ScheduledID(high: 1, low: 1))) == .refused(.notFound))
        #expect(rig.machine.timers.timers.count == 19)
        #expect(try rig.restored() == rig.machine)
    }
}
