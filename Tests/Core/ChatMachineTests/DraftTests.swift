import ChatModel
import ClusterModel
import MemoryProjection
import Testing

@testable import ChatMachine

@Suite struct DraftTests {
    static func rig() -> Rig {
        var rig = Rig()
        rig.apply(.createUser(account(ada)))
        return rig
    }

    static func draft(_ channel: ChannelID, _ text: String, root: UInt64? = nil) -> Draft {
        Draft(channel: channel, thread: root.map { MessageID(channel: channel, seq: $0) }, text: text, at: .zero)
    }

    static func list(_ rig: Rig) throws -> [Draft] {
        let answer: QueryAnswer
        switch rig.answer(.drafts(user(ada))) {
        case .answer(let given): answer = given
        case .needsHistory(let request): answer = try rig.rows.answer(request)
        }
        guard case .drafts(let drafts) = answer else { return [] }
        return drafts
    }

    @Test func `one draft waits a channel and thread, with the log's time`() throws {
        var rig = Self.rig()
        #expect(try Self.list(rig).isEmpty)
        rig.apply(.putDraft(user(ada), Self.draft(secret, "b")))
        rig.apply(.putDraft(user(ada), Self.draft(general, "in the thread", root: 7)))
        rig.apply(.putDraft(user(ada), Self.draft(general, "a")))
        rig.pass(milliseconds: 5)
        #expect(rig.apply(.putDraft(user(ada), Self.draft(general, "a, longer"))) == .done)
        #expect(rig.effects.notices.map(\.1) == [.draftUpdated(general)])
        let drafts = try Self.list(rig)
        #expect(drafts.map(\.text) == ["a, longer", "in the thread", "b"])
        #expect(drafts.map(\.thread?.seq) == [nil, 7, nil])
        #expect(drafts.first?.at == rig.now)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `an empty text removes, and so does removing`() throws {
        var rig = Self.rig()
        rig.apply(.putDraft(user(ada), Self.draft(general, "a")))
        rig.apply(.putDraft(user(ada), Self.draft(secret, "b")))
        #expect(rig.apply(.putDraft(user(ada), Self.draft(general, ""))) == .done)
        #expect(rig.apply(.removeDraft(user(ada), secret, thread: nil)) == .done)
        #expect(rig.apply(.removeDraft(user(ada), secret, thread: nil)) == .done)
        #expect(try Self.list(rig).isEmpty)
        #expect(rig.rows.items.isEmpty)
        #expect(try rig.restored() == rig.machine)
    }

    @Test func `there are a hundred at most, and those can still change`() throws {
        var rig = Self.rig()
        for number in 1...100 as ClosedRange<UInt64> {
            #expect(rig.apply(.putDraft(user(ada), Self.draft(channel(number), "x"))) == .done)
        }
        #expect(rig.apply(.putDraft(user(ada), Self.draft(channel(101), "x"))) == .refused(.quota))
        #expect(rig.apply(.putDraft(user(ada), Self.draft(channel(100), "y"))) == .done)
        #expect(rig.apply(.putDraft(user(ada), Self.draft(general, "x", root: 0))) == .refused(.invalid))
        #expect(rig.apply(.putDraft(user(9), Self.draft(general, "x"))) == .refused(.notFound))
        #expect(try rig.restored() == rig.machine)
    }
}
