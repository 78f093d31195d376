import ChatModel
import ClusterModel
import Testing

@testable import ChatMachine

@Suite(.timeLimit(.minutes(2))) struct LargeChannelTests {
    /// Applied without a projection: what is looked at is what the machine keeps and answers.
    @Test func `a hundred thousand members are listed once each, by pages of a bounded length, while they change`() {
        let count: UInt64 = 100_000
        var rig = Rig.withRooms()
        let people = Array(1_000..<1_000 + count)
        var effects = ApplyEffects()
        func apply(_ command: Command) -> CommandResult {
            rig.index = rig.index.next()
            effects.removeAll()
            return rig.machine.apply(LoggedCommand(at: rig.now, command: command), at: rig.index, into: &effects)
        }
        let joined = people.count { apply(.joinChannel(general, by: actor($0))).membershipSeq != nil }
        #expect(joined == count && rig.machine.channels[general]?.record.memberCount == count + 2)

        var seen: [UserID] = []
        var after: UserID?
        var pages = 0
        while true {
            guard
                case .answer(.members(let page)) = rig.answer(
                    .members(general, viewer: actor(ada), after: after, limit: 200))
            else {
                Issue.record("no page")
                return
            }
            guard let last = page.last else { break }
            #expect(page.count <= 200)
            seen += page.map(\.user)
            after = last.user
            pages += 1
            // Somebody behind the cursor goes: nobody else is missed or met twice.
            if pages == 100 { #expect(apply(.leaveChannel(general, by: actor(1_000))).membershipSeq != nil) }
        }
        #expect(Set(seen) == Set(people.map(user) + [user(ada), user(grace)]) && seen.count == Int(count) + 2)
        #expect(pages == (Int(count) + 2 + 199) / 200)
    }
}
