import ChatModel
import ClusterModel
import MemoryProjection
import Testing

@testable import ChatMachine

@Suite struct RequestKeyTests {
    static let created = StoredAnswer(status: 201, body: Array("{}".utf8))

    static func rig() -> Rig {
        var rig = Rig()
        for person in [ada, grace] { rig.apply(.createUser(account(person))) }
        return rig
    }

    static func answer(_ rig: Rig, _ key: IdempotencyKey) throws -> StoredAnswer? {
        switch rig.answer(.keyedAnswer(key)) {
        case .answer(.keyedAnswer(let answer)): return answer
        case .needsHistory(let request):
            guard case .keyedAnswer(let answer) = try rig.rows.answer(request) else { return nil }
            return answer
        default: return nil
        }
    }

    @Test func `the first request goes on, later ones get its answer`() throws {
        var rig = Self.rig()
        let key = key(ada, "k")
        #expect(rig.apply(.claimKey(key)) == .done)
        #expect(rig.apply(.claimKey(key)) == .keyed(isComplete: false))
        #expect(try Self.answer(rig, key) == nil)
        #expect(rig.apply(.completeKey(key, Self.created)) == .done)
        #expect(rig.apply(.claimKey(key)) == .keyed(isComplete: true))
        #expect(try Self.answer(rig, key) == Self.created)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `the first answer stays`() throws {
        var rig = Self.rig()
        let key = key(ada, "k")
        rig.apply(.claimKey(key))
        rig.apply(.completeKey(key, Self.created))
        #expect(rig.apply(.completeKey(key, StoredAnswer(status: 200, body: []))) == .done)
        #expect(try Self.answer(rig, key) == Self.created)
    }

    @Test func `the same key with another request is refused`() throws {
        var rig = Self.rig()
        rig.apply(.claimKey(key(ada, "k", 1)))
        #expect(rig.apply(.claimKey(key(ada, "k", 2))) == .refused(.idempotencyKeyReused))
        #expect(rig.apply(.completeKey(key(ada, "k", 2), Self.created)) == .refused(.idempotencyKeyReused))
        rig.apply(.completeKey(key(ada, "k", 1), Self.created))
        #expect(try Self.answer(rig, key(ada, "k", 2)) == nil)
    }

    @Test func `keys of two people are two`() {
        var rig = Self.rig()
        #expect(rig.apply(.claimKey(key(ada, "k", 1))) == .done)
        #expect(rig.apply(.claimKey(key(grace, "k", 2))) == .done)
        #expect(rig.apply(.claimKey(key(9, "k"))) == .refused(.notFound))
        #expect(rig.apply(.completeKey(key(ada, "other"), Self.created)) == .refused(.notFound))
    }

    @Test func `after a day a key is new again, and its answer is gone`() throws {
        var rig = Self.rig()
        let key = key(ada, "k")
        rig.apply(.claimKey(key))
        rig.apply(.completeKey(key, Self.created))
        for _ in 0..<300 { rig.tick(milliseconds: 5 * 60_000) }
        #expect(rig.apply(.claimKey(key)) == .done)
        #expect(rig.rows.items.isEmpty)
        #expect(rig.machine.users[user(ada)]?.extras.keys.count == 1)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `the oldest key makes room, and a restored machine forgets in the same order`() throws {
        var rig = Self.rig()
        for number in 0..<10_000 {
            if number % 7 == 0 { rig.pass(milliseconds: 1) }
            rig.apply(.claimKey(key(ada, "k\(number)")))
        }
        #expect(try rig.restored() == rig.machine)
        rig.apply(.claimKey(key(ada, "one more")))
        #expect(rig.machine.users[user(ada)]?.extras.keys.count == 10_000)
        #expect(rig.effects.changes.contains { if case .delete(kind: .requestKey, _) = $0 { true } else { false } })
        #expect(rig.apply(.claimKey(key(ada, "k9999"))) == .keyed(isComplete: false))
        #expect(try rig.restored() == rig.machine)
    }
}
