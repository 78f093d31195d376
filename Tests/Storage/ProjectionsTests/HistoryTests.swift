import ChatMachine
import ChatModel
import ClusterModel
import Testing

@testable import Projections

@Suite struct HistoryTests {
    private func pages(_ position: HistoryPosition, _ limit: Int, head: UInt64 = .max) throws -> [UInt64] {
        let folder = try Folder()
        let shard = try Shard.withHistory(folder.file)
        return try shard.projection.history(general, position, limit: limit, head: head).map(\.id.seq)
    }

    @Test func `the newest page is the last messages, oldest first`() throws {
        #expect(try self.pages(.newest, 3) == [30, 31, 32])
        #expect(try self.pages(.newest, 12) == [20, 21] + Array(23...32))
        #expect(try self.pages(.newest, 1000) == Array(2...21) + Array(23...32))
    }

    @Test func `before and after exclude their seq`() throws {
        #expect(try self.pages(.before(24), 3) == [20, 21, 23])
        #expect(try self.pages(.before(2), 3) == [])
        #expect(try self.pages(.before(0), 3) == [])
        #expect(try self.pages(.before(.max), 2) == [31, 32])
        #expect(try self.pages(.after(20), 3) == [21, 23, 24])
        #expect(try self.pages(.after(0), 2) == [2, 3])
        #expect(try self.pages(.after(32), 2) == [])
        #expect(try self.pages(.after(.max), 2) == [])
    }

    @Test func `around includes its seq and fills the page from both sides`() throws {
        #expect(try self.pages(.around(10), 4) == [8, 9, 10, 11])
        #expect(try self.pages(.around(10), 5) == [8, 9, 10, 11, 12])
        #expect(try self.pages(.around(22), 4) == [20, 21, 23, 24])
        #expect(try self.pages(.around(2), 4) == [2, 3, 4, 5])
        #expect(try self.pages(.around(32), 4) == [29, 30, 31, 32])
        #expect(try self.pages(.around(0), 2) == [2, 3])
        #expect(try self.pages(.around(.max), 2) == [31, 32])
        #expect(try self.pages(.around(10), 1) == [10])
    }

    @Test func `nothing after the head is shown`() throws {
        #expect(try self.pages(.newest, 2, head: 20) == [19, 20])
        #expect(try self.pages(.after(18), 5, head: 20) == [19, 20])
        #expect(try self.pages(.around(20), 4, head: 20) == [17, 18, 19, 20])
    }

    @Test func `events come whole and in order`() throws {
        let folder = try Folder()
        let shard = try Shard.withHistory(folder.file)
        let events = try shard.projection.events(general, after: 20, limit: 3)
        #expect(events.map(\.seq) == [21, 22, 23])
        #expect(events[0].body == .messageCreated(MessageContent(text: "m21", clientID: "k21", thread: nil)))
        #expect(events[1].body == .memberJoined(user(2), .member))
        #expect(events[1].actor == user(2) && events[0].channel == general)
        #expect(try shard.projection.events(general, after: 0, limit: 1000).count == 32)
        #expect(try shard.projection.events(channel(9), after: 0, limit: 10).isEmpty)
    }

    @Test func `requests of the machine are answered`() throws {
        let folder = try Folder()
        let shard = try Shard.withHistory(folder.file)
        let answer = try shard.projection.answer(.message(general, seq: 5, head: 32))
        guard case .views(let views, head: 32) = answer else { Issue.record("\(answer)"); return }
        #expect(views.map(\.id.seq) == [5])
        #expect(try shard.projection.answer(.message(general, seq: 22, head: 32)) == .refused(.notFound))
        #expect(try shard.projection.answer(.message(general, seq: 99, head: 32)) == .refused(.notFound))
        #expect(try shard.projection.answer(.events(general, after: 32, limit: 5, head: 32)) == .events([], head: 32))
    }

    @Test func `channels do not see each other's rows`() throws {
        let folder = try Folder()
        var shard = try Shard.withHistory(folder.file)
        shard.apply(.createChannel(channel(2), name: "two", type: .public, topic: "", by: actor(1), nil))
        try shard.write()
        #expect(try shard.projection.history(channel(2), .newest, limit: 10).isEmpty)
        #expect(try shard.projection.events(channel(2), after: 0, limit: 10).map(\.seq) == [1])
        #expect(try shard.projection.events(general, after: 30, limit: 10).map(\.seq) == [31, 32])
    }
}
