import ChatModel
import ClusterModel
import Placement
import Testing

@testable import ChatMachine

@Suite struct ProfileTests {
    static func rig() -> Rig {
        var rig = Rig()
        for person in [ada, grace] { rig.apply(.createUser(account(person))) }
        rig.apply(.startSession(device(1, of: ada, at: rig.now)))
        return rig
    }

    static func standing(_ version: UInt64, role: Role = .member, leftAt: Timestamp? = nil, _ policy: ContentPolicy)
        -> Standing
    { Standing(role: role, deactivatedAt: leftAt, version: version, policy: policy) }

    @Test func `a patch changes what it names, and tells the directory and the person's devices`() throws {
        var rig = Self.rig()
        let patch = ProfilePatch(displayName: "Ada L.", email: .set("ada@example.org"), statusText: "out")
        guard case .profile(let record, let extra) = rig.apply(.updateProfile(user(ada), patch, by: actor(ada))) else {
            Issue.record("refused")
            return
        }
        #expect(record.displayName == "Ada L." && record.email == "ada@example.org" && record.passwordHash.isEmpty)
        #expect(extra == ProfileExtra(statusText: "out", statusUntil: nil, avatar: nil))
        #expect(rig.effects.notices.map(\.1) == [.userUpdated(record, extra)])
        let listed = ShardEffect.listAccount(
            user(ada), displayName: "Ada L.", avatar: nil, version: rig.machine.lastApplied.rawValue)
        #expect(rig.machine.outbox.map(\.effect) == [listed])
        #expect(rig.answer(.profile(user(ada))) == .answer(.profile(record, extra)))
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `what changes nothing is no change`() {
        var rig = Self.rig()
        rig.apply(.updateProfile(user(ada), ProfilePatch(statusText: "out"), by: actor(ada)))
        #expect(rig.machine.outbox.isEmpty)
        rig.apply(.updateProfile(user(ada), ProfilePatch(statusText: "out"), by: actor(ada)))
        #expect(rig.effects.changes.isEmpty && rig.effects.notices.isEmpty)
    }

    @Test func `only the person itself and admins may`() {
        var rig = Self.rig()
        let patch = ProfilePatch(displayName: "x")
        #expect(rig.apply(.updateProfile(user(ada), patch, by: actor(grace))) == .refused(.forbidden))
        #expect(rig.apply(.updateProfile(user(ada), patch, by: actor(grace, .moderator))) == .refused(.forbidden))
        #expect(rig.apply(.updateProfile(user(9), patch, by: actor(grace, .admin))) == .refused(.notFound))
        guard case .profile = rig.apply(.updateProfile(user(ada), patch, by: actor(grace, .admin))) else {
            Issue.record("refused")
            return
        }
    }

    @Test func `a status ends at its time, and a new one has none of the old one's`() throws {
        var rig = Self.rig()
        let until = rig.now.advanced(byMilliseconds: 1000)
        rig.apply(
            .updateProfile(user(ada), ProfilePatch(statusText: "lunch", statusUntil: .set(until)), by: actor(ada)))
        #expect(rig.machine.nextTimer == until)
        #expect(try rig.restored() == rig.machine)
        rig.pass(milliseconds: 999)
        rig.apply(.timersDue)
        #expect(rig.machine.users[user(ada)]?.extras.profile.statusText == "lunch")
        rig.pass(milliseconds: 1)
        rig.apply(.timersDue)
        #expect(rig.machine.users[user(ada)]?.extras.profile.statusText == "")
        #expect(rig.effects.notices.count == 1 && rig.machine.nextTimer == nil)

        let later = rig.now.advanced(byMilliseconds: 1000)
        rig.apply(
            .updateProfile(user(ada), ProfilePatch(statusText: "lunch", statusUntil: .set(later)), by: actor(ada)))
        rig.apply(.updateProfile(user(ada), ProfilePatch(statusText: "back"), by: actor(ada)))
        #expect(rig.machine.nextTimer == nil)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `settings replace all, and the same again is no change`() throws {
        var rig = Self.rig()
        #expect(rig.answer(.settings(user(ada))) == .answer(.settings(.initial)))
        var settings = UserSettings.initial
        settings.theme = "dark"
        settings.overrides = [ChannelOverride(channel: general, level: nil, muted: true)]
        #expect(rig.apply(.updateSettings(user(ada), settings)) == .settings(settings))
        #expect(rig.effects.notices.map(\.1) == [.settingsUpdated])
        #expect(rig.apply(.updateSettings(user(ada), settings)) == .settings(settings))
        #expect(rig.effects.changes.isEmpty)
        rig.apply(.setMembership(user(ada), general, isMember: true, version: 3))
        #expect(rig.answer(.sidebar(user(ada))) == .answer(.sidebar([general], settings)))
        #expect(rig.apply(.updateSettings(user(9), settings)) == .refused(.notFound))
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `the newest standing wins in whatever order they come`() throws {
        var rig = Self.rig()
        rig.apply(.setStandingCopy(user(ada), Self.standing(5, role: .admin, .keep)))
        rig.apply(.setStandingCopy(user(ada), Self.standing(4, role: .guest, .keep)))
        #expect(rig.machine.users[user(ada)]?.record.role == .admin)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `who is deactivated loses its sessions and all that waits, and keeps what it wrote`() throws {
        var rig = Self.rig()
        let now = rig.now
        let soon = now.advanced(byMilliseconds: 60_000)
        rig.apply(.updateProfile(user(ada), ProfilePatch(displayName: "Ada"), by: actor(ada)))
        rig.apply(.putDraft(user(ada), Draft(channel: general, thread: nil, text: "hm", at: now)))
        rig.apply(.setReminder(user(ada), Reminder(id: ReminderID(high: 1, low: 1), message: nil, text: "", at: soon)))
        let message = ScheduledMessage(
            id: ScheduledID(high: 1, low: 1), channel: general, content: content("later"), sendAt: soon, createdAt: now)
        rig.apply(.scheduleMessage(user(ada), message, by: actor(ada)))
        rig.apply(.choosePresence(user(ada), PresenceChoice(status: .dnd, until: soon)))
        rig.apply(.setStandingCopy(user(ada), Self.standing(9, leftAt: now, .keep)))
        let entry = try #require(rig.machine.users[user(ada)])
        #expect(entry.sessions.isEmpty && entry.record.deactivatedAt == now && entry.record.displayName == "Ada")
        #expect(entry.extras.drafts.isEmpty && entry.extras.reminders.isEmpty && entry.extras.scheduled.isEmpty)
        #expect(entry.extras.presenceChoice == nil && rig.machine.nextTimer == nil)
        #expect(rig.effects.notices.map(\.1).contains(.sessionRevoked(session(1))))
        #expect(rig.apply(.startSession(device(2, of: ada, at: now))) == .refused(.userDeactivated))
        #expect(rig.apply(.updateProfile(user(ada), ProfilePatch(), by: actor(ada))) == .refused(.userDeactivated))
        rig.apply(.setStandingCopy(user(ada), Self.standing(10, .keep)))
        #expect(rig.machine.users[user(ada)]?.record.deactivatedAt == nil)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `anonymising takes name, address and status`() throws {
        var rig = Self.rig()
        rig.apply(
            .updateProfile(
                user(ada), ProfilePatch(displayName: "Ada", email: .set("a@b"), statusText: "x"), by: actor(ada)))
        rig.apply(.setStandingCopy(user(ada), Self.standing(9, leftAt: rig.now, .anonymise)))
        let (record, extra) = try #require(rig.machine.profile(of: user(ada)))
        #expect(record.displayName.isEmpty && record.email == nil && extra.statusText.isEmpty)
        guard case .listAccount(_, let name, _, _)? = rig.machine.outbox.map(\.effect).dropFirst().first else {
            Issue.record("the directory is not told")
            return
        }
        #expect(name.isEmpty)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `redaction goes to every channel that the person ever was in`() {
        var rig = Rig(shard: ShardID(1), map: ShardMap(shardCount: 128))
        rig.apply(.createUser(account(ada)))
        rig.apply(.setMembership(user(ada), general, isMember: true, version: 1))
        rig.apply(.setMembership(user(ada), secret, isMember: false, version: 2))
        rig.apply(.setStandingCopy(user(ada), Self.standing(9, leftAt: rig.now, .redact)))
        let effects = rig.machine.outbox.map(\.effect).filter { if case .redactAuthor = $0 { true } else { false } }
        #expect(effects == [.redactAuthor(general, user(ada)), .redactAuthor(secret, user(ada))])
    }

    @Test func `a wish not to be disturbed ends at its time or when it is taken back`() throws {
        var rig = Self.rig()
        let until = rig.now.advanced(byMilliseconds: 1000)
        let dnd = PresenceChoice(status: .dnd, until: until)
        #expect(rig.apply(.choosePresence(user(ada), dnd)) == .done)
        #expect(rig.machine.presenceChoice(of: user(ada)) == dnd)
        #expect(try rig.restored() == rig.machine)
        rig.pass(milliseconds: 1000)
        rig.apply(.timersDue)
        #expect(rig.machine.presenceChoice(of: user(ada)) == nil && rig.machine.nextTimer == nil)
        let offline = PresenceChoice(status: .offline, until: nil)
        #expect(rig.apply(.choosePresence(user(ada), offline)) == .done)
        #expect(rig.apply(.choosePresence(user(ada), PresenceChoice(status: .online, until: nil))) == .done)
        #expect(rig.machine.presenceChoice(of: user(ada)) == nil)
        #expect(rig.apply(.choosePresence(user(ada), dnd)) == .refused(.invalid))
        #expect(
            rig.apply(.choosePresence(user(ada), PresenceChoice(status: .away, until: nil))) == .refused(.invalid))
        #expect(try rig.restored() == rig.machine)
    }
}
