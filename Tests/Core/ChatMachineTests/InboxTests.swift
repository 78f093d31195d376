import ChatModel
import ClusterModel
import MemoryProjection
import Testing

@testable import ChatMachine

@Suite struct InboxTests {
    static let message = MessageID(channel: general, seq: 5)

    static func rig() -> Rig {
        var rig = Rig()
        for person in [ada, grace] { rig.apply(.createUser(account(person))) }
        return rig
    }

    /// As another shard would: each entry is one effect further on.
    static func tell(
        _ rig: inout Rig, _ people: [UInt64], _ kind: NotificationKind = .mention, by author: UInt64 = linus,
        position: UInt64? = nil
    ) {
        let effect = ShardEffect.notify(
            Self.message, kind, actor: user(author), at: rig.now, people.map { user($0) })
        let position = OutboxPosition(index: LogIndex(position ?? rig.index.rawValue + 1), ordinal: 0)
        rig.apply(
            .applyEffect(
                OutboxEntry(source: ShardID(9), position: position, target: .shard(ShardID(1)), effect: effect)))
    }

    static func list(
        _ rig: Rig, kind: NotificationKind? = nil, unreadOnly: Bool = false, before: UInt64? = nil, limit: UInt32 = 200
    ) throws -> (views: [NotificationView], unread: UInt32) {
        let query = Query.notifications(
            user(ada), kind: kind, unreadOnly: unreadOnly, before: before, limit: limit)
        let answer: QueryAnswer
        switch rig.answer(query) {
        case .answer(let given): answer = given
        case .needsHistory(let request): answer = try rig.rows.answer(request)
        }
        guard case .notifications(let views, let unread) = answer else {
            Issue.record("\(answer)")
            return ([], 0)
        }
        return (views, unread)
    }

    @Test func `everybody named gets one entry and is told`() throws {
        var rig = Self.rig()
        Self.tell(&rig, [ada, grace, 77])
        #expect(rig.effects.notices.map(\.0) == [user(ada), user(grace)])
        let (views, unread) = try Self.list(rig)
        #expect(unread == 1 && views.count == 1)
        let record = try #require(views.first?.record)
        #expect(record.number == 1 && record.kind == .mention && record.message == Self.message)
        #expect(record.actor == user(linus) && record.text.isEmpty && !record.isQuiet)
        #expect(rig.effects.notices.first?.1 == .notificationCreated(record))
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `what is delivered twice is one entry`() throws {
        var rig = Self.rig()
        Self.tell(&rig, [ada], position: 7)
        Self.tell(&rig, [ada], position: 7)
        #expect(try Self.list(rig).views.count == 1)
    }

    @Test func `nobody is told of its own doing, or after it was deactivated`() throws {
        var rig = Self.rig()
        Self.tell(&rig, [ada], by: ada)
        rig.apply(
            .setStandingCopy(user(ada), Standing(role: .member, deactivatedAt: rig.now, version: 1, policy: .keep)))
        Self.tell(&rig, [ada])
        #expect(try Self.list(rig).views.isEmpty)
    }

    @Test func `who wants to hear nothing of a channel does not, and a muted channel may say otherwise`() throws {
        var rig = Self.rig()
        func heard(_ level: NotifyLevel, _ overrides: [ChannelOverride]) throws -> Bool {
            let before = try Self.list(rig).unread
            let settings = UserSettings(level: level, overrides: overrides, quiet: nil, theme: "", language: "")
            rig.apply(.updateSettings(user(ada), settings))
            Self.tell(&rig, [ada])
            return try Self.list(rig).unread > before
        }
        func here(_ level: NotifyLevel?, muted: Bool) -> [ChannelOverride] {
            [ChannelOverride(channel: general, level: level, muted: muted)]
        }
        #expect(try heard(.all, []))
        #expect(try heard(.mentions, []))
        #expect(try !heard(.none, []))
        #expect(try !heard(.all, here(nil, muted: true)))
        #expect(try heard(.none, here(.mentions, muted: true)))
        #expect(try !heard(.all, here(NotifyLevel.none, muted: false)))
        #expect(try heard(.all, [ChannelOverride(channel: secret, level: NotifyLevel.none, muted: true)]))
    }

    @Test func `in quiet hours and undisturbed the entry is there and nobody is told`() throws {
        var rig = Self.rig()
        let always = QuietHours(fromMinute: 0, toMinute: 0, offsetMinutes: 0, days: 127)
        rig.apply(
            .updateSettings(
                user(ada), UserSettings(level: .all, overrides: [], quiet: always, theme: "", language: "")))
        Self.tell(&rig, [ada])
        #expect(rig.effects.notices.isEmpty)
        #expect(try Self.list(rig).views.map(\.record.isQuiet) == [true])
        rig.apply(.updateSettings(user(ada), .initial))
        rig.apply(.choosePresence(user(ada), PresenceChoice(status: .dnd, until: nil)))
        Self.tell(&rig, [ada])
        #expect(rig.effects.notices.isEmpty)
        rig.apply(.choosePresence(user(ada), PresenceChoice(status: .online, until: nil)))
        Self.tell(&rig, [ada])
        #expect(rig.effects.notices.count == 1)
    }

    @Test func `entries are read one by one or through a number, once`() throws {
        var rig = Self.rig()
        for _ in 0..<5 { Self.tell(&rig, [ada]) }
        #expect(rig.apply(.readNotifications(user(ada), [2, 2, 99, 0], through: nil)) == .notificationsRead(unread: 4))
        #expect(rig.apply(.readNotifications(user(ada), [2], through: nil)) == .notificationsRead(unread: 4))
        #expect(rig.effects.changes.isEmpty)
        #expect(rig.apply(.readNotifications(user(ada), [], through: 3)) == .notificationsRead(unread: 2))
        let (views, unread) = try Self.list(rig)
        #expect(unread == 2)
        #expect(views.map(\.record.number) == [5, 4, 3, 2, 1])
        #expect(views.map(\.isRead) == [false, false, true, true, true])
        #expect(try Self.list(rig, unreadOnly: true).views.map(\.record.number) == [5, 4])
        #expect(try Self.list(rig, before: 4, limit: 2).views.map(\.record.number) == [3, 2])
        #expect(try rig.restored() == rig.machine)
        #expect(rig.apply(.readNotifications(user(ada), [], through: .max)) == .notificationsRead(unread: 0))
        #expect(try Self.list(rig, unreadOnly: true).views.isEmpty)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `a list may be of one kind`() throws {
        var rig = Self.rig()
        Self.tell(&rig, [ada], .direct)
        Self.tell(&rig, [ada], .thread)
        #expect(try Self.list(rig, kind: .thread).views.map(\.record.kind) == [.thread])
    }

    @Test func `the thousand and first entry makes the oldest go, read or not`() throws {
        var rig = Self.rig()
        for _ in 0..<1000 { Self.tell(&rig, [ada]) }
        rig.apply(.readNotifications(user(ada), [2], through: nil))
        for _ in 0..<2 { Self.tell(&rig, [ada]) }
        let (views, unread) = try Self.list(rig, limit: 1000)
        #expect(views.count == 1000 && views.last?.record.number == 3 && views.first?.record.number == 1002)
        #expect(unread == 1000)
        #expect(rig.rows.items.count == 1000)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `the ring of unread numbers is what a set of them would be`() throws {
        var random = SeededGenerator(seed: 41)
        var inbox = Inbox()
        var unread: Set<UInt64> = []
        for _ in 0..<20_000 {
            switch random.next() % 3 {
            case 0, 1:
                let (number, dropped) = inbox.append()
                unread.insert(number)
                if let dropped { unread.remove(dropped) }
            default:
                let number = inbox.next > 1200 ? inbox.next - random.next() % 1200 : random.next() % inbox.next
                #expect(inbox.read(number) == (unread.remove(number) != nil))
            }
            #expect(Int(inbox.unread) == unread.count)
        }
        #expect(inbox.unread(through: .max) == unread.sorted())
        #expect(try Inbox(encoded: inbox.encoded) == inbox)
    }

    @Test func `a record that no inbox has is refused`() {
        func record(next: UInt64, floor: UInt64, _ ring: [UInt64]) -> [UInt8] {
            var writer = ByteWriter()
            writer.writeVariable(next)
            writer.writeVariable(floor)
            writer.writeCount(ring.count)
            for word in ring { writer.write(word) }
            return writer.bytes
        }
        let empty = Array(repeating: UInt64(0), count: 16)
        for damaged in [
            record(next: 0, floor: 0, []), record(next: 5, floor: 5, []), record(next: 1002, floor: 0, []),
            record(next: .max, floor: .max - 1, []), record(next: 5, floor: 0, [1]),
            record(next: 5, floor: 0, empty), record(next: 5, floor: 0, [1 << 9] + empty.dropFirst()),
        ] {
            #expect(throws: WireError.self) { try Inbox(encoded: damaged) }
        }
    }
}
