import ChatMachine
import ChatModel
import ClusterModel
import Foundation
import GRDB
import Synchronization
import Testing

@testable import Projections

/// What comes first among hits, and what a search costs those who do not search.
@Suite struct SearchOrderTests {
    private let folder: Folder

    init() throws { self.folder = try Folder() }

    private func request(_ words: String..., order: SearchOrder = .relevance, limit: UInt32 = 50) -> SearchRequest {
        SearchRequest(
            terms: words.map { SearchTerm(words: .word($0), isExcluded: false) }, channels: [], order: order,
            limit: limit)
    }

    private func hits(_ shard: Shard, _ request: SearchRequest) throws -> [SearchHit] {
        let channels = [ShardSearch.Channel(id: general, head: shard.machine.head(of: general) ?? 0)]
        let answer = try shard.projection.answer(.search(ShardSearch(channels: channels, request: request)))
        guard case .hits(let hits, isComplete: true) = answer else {
            Issue.record("\(answer)")
            return []
        }
        return hits
    }

    @Test func `what says it most and says little else comes first`() throws {
        let long = "one word of " + (0..<60).map { "filler\($0)" }.joined(separator: " ") + " budget"
        let shard = try self.folder.shard(["budget budget budget", "nothing", long, "the budget of today"])
        let found = try self.hits(shard, self.request("budget"))
        #expect(found.map(\.message.id.seq) == [2, 5, 4])
        #expect(found.map(\.score) == found.map(\.score).sorted() && found.allSatisfy { $0.score < 0 })
        #expect(try self.hits(shard, self.request("budget", order: .newest)).map(\.message.id.seq) == [5, 4, 2])
    }

    @Test func `pages by relevance go on where they ended, among equals too`() throws {
        var chance = SeededGenerator(seed: 5)
        let shard = try self.folder.shard(
            (0..<120).map { _ in
                Array(repeating: "plum", count: Int(chance.next() % 3) + 1).joined(separator: " ")
                    + String(repeating: " pear", count: Int(chance.next() % 4))
            })
        let all = try self.hits(shard, self.request("plum", limit: 200))
        #expect(all.count == 120 && Set(all.map(\.score)).count < 20)
        var request = self.request("plum", limit: 7)
        var paged: [SearchHit] = []
        for _ in 0..<20 {
            let page = try self.hits(shard, request)
            paged += page
            guard let last = page.last else { break }
            request.position = SearchPosition(rank: last.score, message: last.message.id)
        }
        #expect(paged == all)
    }

    @Test func `the newest two thousand are ranked, and a better one before them is not`() throws {
        let shard = try self.folder.shard(
            ["apple apple apple"] + (0..<ShardProjection.rankedMax).map { "apple and number \($0)" })
        while try shard.projection.index() {}
        let found = try self.hits(shard, self.request("apple", limit: 200))
        #expect(found.count == 200 && !found.contains { $0.message.id.seq == 2 })
        #expect(try self.hits(shard, self.request("apple", order: .newest, limit: 1)).count == 1)
    }

    @Test func `without words all are equal, the last of them first`() throws {
        let shard = try self.folder.shard(["a", "b", "c"])
        var request = self.request(limit: 2)
        let page = try self.hits(shard, request)
        #expect(page.map(\.message.id.seq) == [4, 3] && page.allSatisfy { $0.score == 0 })
        request.position = SearchPosition(rank: 0, message: MessageID(channel: general, seq: 3))
        #expect(try self.hits(shard, request).map(\.message.id.seq) == [2])
    }

    @Test func `a page is full though some hits are gone from it`() throws {
        // A viewer whose right ended at seq 6 sees neither the edited text of 3 nor of 5, which the index has.
        var shard = try self.folder.shard((0..<8).map { "pine \($0)" })
        for seq in [3, 5] as [UInt64] {
            let snapshot = MessageSnapshot(
                content: MessageContent(text: "pine anew", clientID: nil, thread: nil), editedAt: .zero, version: 20)
            shard.pending.append(
                .keep(
                    .messageText, key: ItemKey.of(MessageID(channel: general, seq: seq)), value: snapshot.encoded))
        }
        shard.index = shard.index.next()
        try shard.write()
        for order in [SearchOrder.newest, .relevance] {
            let search = ShardSearch(
                channels: [.init(id: general, head: 6)], request: self.request("pine", order: order, limit: 3))
            guard case .hits(let hits, isComplete: true) = try shard.projection.answer(.search(search)) else {
                Issue.record("not complete")
                continue
            }
            #expect(Set(hits.map(\.message.id.seq)) == [6, 4, 2], "\(order)")
        }
    }

    // MARK: What it costs

    @Test func `a word that nobody wrote costs a look at the index and no message is read`() throws {
        let shard = try self.folder.shard((0..<50).map { "birch \($0)" })
        #expect(try self.hits(shard, self.request("birch", order: .newest, limit: 1)).count == 1)
        var statements: [String] = []
        try shard.projection.readForSearch { db in
            db.trace { statements.append("\($0)") }
        }
        #expect(try self.hits(shard, self.request("alder", order: .newest)).isEmpty)
        let asked = statements
        #expect(asked.contains { $0.contains("search MATCH") })
        #expect(!asked.contains { $0.contains("FROM run") || $0.contains("FROM item") || $0.contains("FROM record") })
        // And what is found reads the runs of its page.
        #expect(try self.hits(shard, self.request("birch", order: .newest, limit: 1)).count == 1)
        #expect(statements.contains { $0.contains("FROM run") })
        try shard.projection.readForSearch { db in db.trace(nil) }
    }

    @Test func `a page of history does not wait for a search`() throws {
        let shard = try self.folder.shard(["here"])
        let projection = shard.projection
        let isOver = Mutex(false)
        let (hasBegun, mayEnd, hasEnded) = (
            DispatchSemaphore(value: 0), DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)
        )
        Thread.detachNewThread {
            // A search that takes longer than the page. Without its own connection the page would wait for the bound.
            let search = Result {
                try projection.readForSearch { _ in
                    hasBegun.signal()
                    _ = mayEnd.wait(timeout: .now() + 10)
                    isOver.withLock { $0 = true }
                }
            }
            if case .failure(let error) = search { Issue.record("\(error)") }
            hasEnded.signal()
        }
        hasBegun.wait()
        #expect(try projection.history(general, .newest, limit: 10).count == 1)
        #expect(isOver.withLock { !$0 })
        mayEnd.signal()
        hasEnded.wait()
    }
}
