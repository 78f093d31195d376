import ChatModel
import ClusterModel
import MemoryProjection
import Testing

@testable import ChatMachine

@Suite struct ReminderTests {
    static func reminder(_ number: UInt64, at: Timestamp) -> Reminder {
        Reminder(
            id: ReminderID(high: 1, low: number), message: MessageID(channel: general, seq: 3), text: "look", at: at)
    }

    @Test func `a reminder comes at its time, in quiet hours too`() throws {
        var rig = Rig.withRooms()
        rig.apply(.choosePresence(user(ada), PresenceChoice(status: .dnd, until: nil)))
        let reminder = Self.reminder(1, at: rig.now.advanced(byMilliseconds: 1000))
        #expect(rig.apply(.setReminder(user(ada), reminder)) == .reminder(reminder))
        #expect(rig.apply(.setReminder(user(ada), reminder)) == .reminder(reminder))
        #expect(rig.answer(.reminders(user(ada))) == .answer(.reminders([reminder])))
        #expect(try rig.restored() == rig.machine)
        rig.pass(milliseconds: 1000)
        rig.apply(.timersDue)
        guard case .notificationCreated(let record)? = rig.effects.notices.map(\.1).last else {
            Issue.record("nobody is told")
            return
        }
        #expect(record.kind == .reminder && record.text == "look" && record.message == reminder.message)
        #expect(rig.answer(.reminders(user(ada))) == .answer(.reminders([])))
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `times and numbers have bounds`() throws {
        var rig = Rig.withRooms()
        #expect(rig.apply(.setReminder(user(ada), Self.reminder(1, at: rig.now))) == .refused(.invalid))
        let far = rig.now.advanced(byMilliseconds: 6 * 366 * 86_400_000)
        #expect(rig.apply(.setReminder(user(ada), Self.reminder(1, at: far))) == .refused(.invalid))
        let soon = rig.now.advanced(byMilliseconds: 5)
        for number in 1...100 as ClosedRange<UInt64> {
            rig.apply(.setReminder(user(ada), Self.reminder(number, at: soon)))
        }
        #expect(rig.apply(.setReminder(user(ada), Self.reminder(101, at: soon))) == .refused(.quota))
        #expect(rig.apply(.cancelReminder(user(ada), ReminderID(high: 1, low: 7))) == .done)
        #expect(rig.apply(.cancelReminder(user(ada), ReminderID(high: 1, low: 7))) == .refused(.notFound))
        #expect(try rig.restored() == rig.machine)
    }
}
