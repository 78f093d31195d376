import ChatMachine
import ChatModel
import ClusterModel
import Testing

@testable import Projections

/// What a score is made of, and the two steps of a search.
@Suite struct SearchScoreTests {
    private let folder: Folder

    init() throws { self.folder = try Folder() }

    private func request(_ words: [SearchWords], order: SearchOrder = .relevance, limit: UInt32 = 50) -> SearchRequest {
        SearchRequest(
            terms: words.map { SearchTerm(words: $0, isExcluded: false) }, channels: [], order: order, limit: limit)
    }

    private func search(
        _ shard: Shard, _ request: SearchRequest, _ step: SearchStep = .everything
    ) -> ShardSearch {
        let channels = [ShardSearch.Channel(id: general, head: shard.machine.head(of: general) ?? 0)]
        return ShardSearch(channels: channels, request: request, step: step)
    }

    private func hits(
        _ shard: Shard, _ request: SearchRequest, _ step: SearchStep = .everything
    ) throws -> [SearchHit] {
        let answer = try shard.projection.answer(.search(self.search(shard, request, step)))
        guard case .hits(let hits, isComplete: true) = answer else {
            Issue.record("\(answer)")
            return []
        }
        return hits
    }

    private func secret(_ texts: [String], _ shard: inout Shard) throws {
        shard.apply(.createChannel(channel(2), name: "two", type: .private, topic: "", by: actor(1), nil))
        for text in texts {
            let content = MessageContent(text: text, clientID: nil, thread: nil)
            shard.apply(.postMessage(channel(2), content, by: actor(1), nil))
        }
        try shard.write()
    }

    @Test func `messages that the reader does not see change no score and no order`() throws {
        let texts = ["merger talks", "budget talks and more talks", "merger of the budget", "talks"]
        var shard = try self.folder.shard(texts)
        let requests = [
            [SearchWords.word("talks")], [.word("merger")], [.prefix("bud")], [.word("merger"), .word("budget")],
        ]
        let before = try requests.map { try self.hits(shard, self.request($0)) }
        #expect(before.map(\.count) == [3, 2, 2, 1])
        // Half a thousand private messages, in which one of the words is as common as can be.
        try self.secret((0..<500).map { "merger merger \($0)" }, &shard)
        while try shard.projection.index() {}
        #expect(try requests.map { try self.hits(shard, self.request($0)) } == before)
    }

    @Test func `a score is of the text's length, the word's times, and the day`() throws {
        var shard = try self.folder.shard(["plum", "plum plum", "plum and nine other words that are not looked for"])
        let fit: [Int64] = [320, 640, 320].enumerated().map { place, times in
            times * 1_000_000 / (times + 96 + 10 * [1, 2, 10][place])
        }
        let found = try self.hits(shard, self.request([.word("plum")]))
        #expect(found.map(\.message.id.seq) == [3, 2, 4])
        for hit in found {
            #expect(-hit.score == fit[Int(hit.message.id.seq) - 2] + hit.message.createdAt.milliseconds / 86_400)
        }
        // The same words a day later are a thousandth of the best fit better.
        shard.now = shard.now.advanced(byMilliseconds: 86_400_000 - 1)
        shard.post("plum and nine other words that are not looked for")
        try shard.write()
        let later = try self.hits(shard, self.request([.word("plum")]))
        #expect(later.map(\.message.id.seq) == [3, 2, 5, 4])
        #expect(later[3].score - later[2].score == 1_000)
    }

    @Test func `words that stand side by side as they are asked for come first`() throws {
        let shard = try self.folder.shard([
            "green round tea and apples", "apples and green round tea", "green tea round and apples",
            "tea green round and apples",
        ])
        let found = try self.hits(shard, self.request([.word("green"), .word("tea")]))
        #expect(found.first?.message.id.seq == 4 && found.count == 4)
        // Of the others only the time differs.
        #expect(Set(found.dropFirst().map(\.score)).count == 1)
    }

    @Test func `a cursor holds while others write`() throws {
        var shard = try self.folder.shard((0..<30).map { "fig" + String(repeating: " leaf", count: $0 % 7) })
        let all = try self.hits(shard, self.request([.word("fig")]))
        var request = self.request([.word("fig")], limit: 10)
        let first = try self.hits(shard, request)
        #expect(first == Array(all.prefix(10)))
        let last = try #require(first.last)
        for number in 0..<50 { shard.post("leaf \(number) fig fig fig") }
        try shard.write()
        request.position = SearchPosition(rank: last.score, message: last.message.id)
        let rest = try self.hits(shard, request).filter { $0.message.id.seq <= 31 }
        #expect(rest == Array(all.dropFirst(10).prefix(rest.count)) && !rest.isEmpty)
    }

    @Test func `excluded words are no part of a score`() throws {
        let shard = try self.folder.shard(["pear", "pear tree", "pear stone"])
        var request = self.request([.word("pear")])
        let all = try self.hits(shard, request)
        request.terms.append(SearchTerm(words: .word("stone"), isExcluded: true))
        #expect(try self.hits(shard, request) == all.filter { $0.message.id.seq != 4 })
    }

    // MARK: Steps

    @Test func `where hits stand is what is read later, in both orders`() throws {
        let shard = try self.folder.shard((0..<40).map { "oak \($0)" + String(repeating: " x", count: $0 % 5) })
        for order in SearchOrder.allCases {
            var request = self.request([.word("oak")], order: order, limit: 7)
            for _ in 0..<6 {
                let hits = try self.hits(shard, request)
                let found = try shard.projection.positions(of: self.search(shard, request, .positions))
                #expect(found.isComplete && found.positions.map(\.message) == hits.map(\.message.id))
                let read = try self.hits(shard, request, .messages(found.positions.map(\.message)))
                #expect(read.map(\.message) == hits.map(\.message) && read.map(\.highlight) == hits.map(\.highlight))
                request.position = found.positions.last
            }
        }
    }

    @Test func `what does not fit any more, or never did, is not read`() throws {
        var shard = try self.folder.shard(["elm one", "elm two", "ash", "elm three"])
        while try shard.projection.index() {}
        var request = self.request([.word("elm")], order: .newest)
        func read(_ seqs: [UInt64]) throws -> Set<UInt64> {
            let messages = seqs.map { MessageID(channel: general, seq: $0) }
            return Set(try self.hits(shard, request, .messages(messages)).map(\.message.id.seq))
        }
        #expect(try read([2, 4, 5, 99]) == [2, 5])
        request.terms.append(SearchTerm(words: .word("one"), isExcluded: true))
        #expect(try read([2, 3]) == [3])
        request.terms = [SearchTerm(words: .word("elm"), isExcluded: true)]
        #expect(try read([2, 3, 4]) == [4])
        request.terms = []
        request.features = SearchRow.link
        #expect(try read([2, 3]) == [])
        request.features = 0
        #expect(try read([1, 2, 3]) == [2, 3])
        // A text that has changed since it was found: the index has the old one, or the new one, and neither is shown.
        request = self.request([.word("elm")], order: .newest)
        let snapshot = MessageSnapshot(
            content: MessageContent(text: "birch", clientID: nil, thread: nil), editedAt: .zero, version: 5)
        shard.pending.append(
            .keep(.messageText, key: ItemKey.of(MessageID(channel: general, seq: 3)), value: snapshot.encoded))
        shard.index = shard.index.next()
        try shard.write()
        #expect(try read([2, 3]) == [2])
        while try shard.projection.index() {}
        #expect(try read([2, 3]) == [2])
        // And no message of a channel that is not seen.
        try self.secret(["elm"], &shard)
        while try shard.projection.index() {}
        let other = MessageID(channel: channel(2), seq: 2)
        #expect(try self.hits(shard, request, .messages([other])).isEmpty)
    }
}
