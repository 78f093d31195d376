import ChatModel
import ClusterModel
import Placement
import Testing

@testable import ChatMachine

@Suite struct UserTests {
    static func rig() -> Rig {
        var rig = Rig()
        rig.apply(.createUser(account(ada)))
        rig.apply(.startSession(device(1, of: ada, at: rig.now)))
        return rig
    }

    @Test func `a user is created once and the same again is the same answer`() {
        var rig = Rig()
        #expect(rig.apply(.createUser(account(ada))) == .user(account(ada)))
        #expect(rig.apply(.createUser(account(ada))) == .user(account(ada)))
        #expect(rig.apply(.createUser(account(ada, role: .admin))) == .refused(.alreadyExists))
        #expect(rig.apply(.abortUser(user(ada))) == .refused(.alreadyExists))
    }

    @Test func `a late creation meets the tombstone`() {
        var rig = Rig()
        #expect(rig.apply(.abortUser(user(ada))) == .done)
        #expect(rig.apply(.createUser(account(ada))) == .refused(.aborted))
        #expect(rig.apply(.abortUser(user(ada))) == .done)
    }

    @Test func `the password hash is shown to the one query that needs it`() {
        let rig = Self.rig()
        guard case .answer(.user(let shown)) = rig.answer(.user(user(ada))) else { Issue.record("no user"); return }
        #expect(shown.passwordHash.isEmpty)
        #expect(rig.answer(.credentials(user(ada))) == .answer(.user(account(ada))))
    }

    @Test func `the current token gives the next generation and its own life again`() {
        var rig = Self.rig()
        rig.pass(milliseconds: 60_000)
        guard case .session(let next) = rig.apply(.rotateSession(user(ada), session(1), generation: 1)) else {
            Issue.record("refused")
            return
        }
        #expect(next.generation == 2 && next.rotatedAt == rig.now)
        #expect(next.expiresAt == rig.now.advanced(byMilliseconds: 30 * 24 * 3600 * 1000))
        #expect(rig.answer(.session(user(ada), session(1))) == .answer(.session(next)))
    }

    @Test func `the token before gets the same successor for ten seconds`() {
        var rig = Self.rig()
        let first = rig.apply(.rotateSession(user(ada), session(1), generation: 1))
        rig.pass(milliseconds: 10_000)
        #expect(rig.apply(.rotateSession(user(ada), session(1), generation: 1)) == first)
        rig.pass(milliseconds: 1)
        #expect(rig.apply(.rotateSession(user(ada), session(1), generation: 1)) == .refused(.sessionEnded))
        #expect(rig.apply(.rotateSession(user(ada), session(1), generation: 2)) == .refused(.sessionEnded))
    }

    @Test func `an old token ends the session, tells its sockets and the directory`() {
        var rig = Self.rig()
        rig.apply(.rotateSession(user(ada), session(1), generation: 1))
        rig.apply(.rotateSession(user(ada), session(1), generation: 2))
        #expect(rig.apply(.rotateSession(user(ada), session(1), generation: 1)) == .refused(.sessionEnded))
        #expect(rig.effects.notices.map(\.1) == [.sessionRevoked(session(1))])
        #expect(rig.effects.outboxAdded)
        #expect(rig.machine.outbox.map(\.target) == [.directory])
        #expect(rig.answer(.session(user(ada), session(1))) == .answer(.refused(.sessionEnded)))
    }

    @Test func `a generation from the future ends nothing`() {
        var rig = Self.rig()
        #expect(rig.apply(.rotateSession(user(ada), session(1), generation: 9)) == .refused(.sessionEnded))
        #expect(rig.machine.outbox.isEmpty)
        #expect(rig.apply(.rotateSession(user(9), session(1), generation: 1)) == .refused(.sessionEnded))
    }

    @Test func `an expired session is over`() {
        var rig = Self.rig()
        for _ in 0..<30 {
            rig.pass(milliseconds: 24 * 3600 * 1000)
            rig.apply(.abortUser(user(77)))
        }
        #expect(rig.apply(.rotateSession(user(ada), session(1), generation: 1)) == .refused(.sessionEnded))
        #expect(rig.answer(.session(user(ada), session(1))) == .answer(.refused(.sessionEnded)))
    }

    @Test func `the oldest session makes room for the hundred and first`() {
        var rig = Self.rig()
        for number in 2...101 as ClosedRange<UInt64> {
            rig.pass(milliseconds: 1)
            rig.apply(.startSession(device(number, of: ada, at: rig.now)))
        }
        #expect(rig.machine.users[user(ada)]?.sessions.count == 100)
        #expect(rig.answer(.session(user(ada), session(1))) == .answer(.refused(.sessionEnded)))
        #expect(rig.machine.outbox.count == 1)
    }

    @Test func `ending a session twice is one revocation`() {
        var rig = Self.rig()
        #expect(rig.apply(.endSession(user(ada), session(1))) == .done)
        #expect(rig.apply(.endSession(user(ada), session(1))) == .done)
        #expect(rig.machine.outbox.count == 1)
    }

    @Test func `the newest membership wins in whatever order they come`() {
        var rig = Self.rig()
        func set(_ isMember: Bool, _ version: UInt64) {
            rig.apply(.setMembership(user(ada), general, isMember: isMember, version: version))
        }
        set(false, 5)
        #expect(rig.effects.notices.isEmpty)
        set(true, 3)
        #expect(rig.answer(.memberships(user(ada))) == .answer(.memberships([])))
        set(true, 7)
        #expect(rig.effects.notices.map(\.1) == [.channelJoined(general, seq: 7)])
        set(true, 7)
        #expect(rig.effects.notices.isEmpty)
        #expect(rig.answer(.memberships(user(ada))) == .answer(.memberships([general])))
        set(false, 8)
        #expect(rig.effects.notices.map(\.1) == [.channelLeft(general)])
    }
}
