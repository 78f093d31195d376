import ChatModel
import ClusterModel
import Testing

@testable import ChatMachine

@Suite struct SessionListTests {
    static let laptop = SessionDetail(userAgent: "laptop", address: "127.0.0.1")

    static func rig() -> Rig {
        var rig = Rig()
        rig.apply(.createUser(account(ada)))
        for number in [1, 2, 3] as [UInt64] {
            rig.apply(.startSessionOn(device(number, of: ada, at: rig.now), Self.laptop))
        }
        return rig
    }

    @Test func `a session is listed with where it was begun`() throws {
        var rig = Self.rig()
        rig.apply(.startSession(device(4, of: ada, at: rig.now)))
        guard case .answer(.sessions(let views)) = rig.answer(.sessions(user(ada))) else {
            Issue.record("no list")
            return
        }
        #expect(views.map(\.session.id) == [session(1), session(2), session(3), session(4)])
        #expect(views.map(\.detail) == [Self.laptop, Self.laptop, Self.laptop, nil])
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `a repetition is the same session, begun where the first was`() {
        var rig = Self.rig()
        let again = device(1, of: ada, at: rig.now)
        let elsewhere = SessionDetail(userAgent: "phone", address: "127.0.0.9")
        #expect(rig.apply(.startSessionOn(again, elsewhere)) == .session(again))
        #expect(rig.machine.users[user(ada)]?.extras.details[session(1)] == Self.laptop)
        #expect(rig.effects.changes.isEmpty)
    }

    @Test func `what is known of a session goes with it`() throws {
        var rig = Self.rig()
        rig.apply(.endSession(user(ada), session(1)))
        #expect(rig.machine.users[user(ada)]?.extras.details.count == 2)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `all but one end, each with its revocation`() throws {
        var rig = Self.rig()
        #expect(rig.apply(.endSessions(user(ada), keeping: session(2))) == .done)
        #expect(rig.machine.users[user(ada)]?.sessions.map(\.id) == [session(2)])
        #expect(rig.effects.notices.map(\.1) == [.sessionRevoked(session(1)), .sessionRevoked(session(3))])
        #expect(rig.machine.outbox.count == 2)
        #expect(rig.apply(.endSessions(user(9), keeping: nil)) == .refused(.notFound))
        #expect(try rig.restored() == rig.machine)
    }
}
