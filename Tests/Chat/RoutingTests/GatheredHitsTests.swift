import ChatModel
import ChatService
import ClusterModel
import Testing

@testable import Routing

/// Pages of several shards become one.
@Suite struct GatheredHitsTests {
    private func hit(_ at: Int64, _ channel: UInt64, _ seq: UInt64, score: Int64 = 0) -> SearchHit {
        let id = MessageID(channel: ChannelID(high: 2, low: channel), seq: seq)
        return SearchHit(
            message: MessageView(
                id: id, author: UserID(high: 1, low: 1), createdAt: Timestamp(milliseconds: at),
                content: MessageContent(text: "x", clientID: nil, thread: nil)), highlight: "x", score: score)
    }

    @Test func `the newest of all shards are the page, whoever answers first`() throws {
        let pages = [
            [self.hit(9, 1, 4), self.hit(3, 1, 2)], [], [self.hit(9, 2, 1), self.hit(8, 2, 1)], [self.hit(1, 3, 1)],
        ]
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
            var gathered = GatheredHits(awaited: 4, order: .newest, limit: 3)
            for place in order.dropLast() {
                #expect(gathered.take(.success(.hits(pages[place], isComplete: true))) == nil)
            }
            let last = try #require(order.last)
            let answer = gathered.take(.success(.hits(pages[last], isComplete: true)))
            #expect(
                answer == .success(.hits([self.hit(9, 2, 1), self.hit(9, 1, 4), self.hit(8, 2, 1)], isComplete: true)))
        }
    }

    @Test func `by relevance the lowest scores are the page, and among equals the greatest ids`() throws {
        let pages = [
            [self.hit(1, 1, 4, score: -50), self.hit(9, 1, 5, score: -10)], [self.hit(2, 2, 1, score: -10)],
            [self.hit(3, 3, 1, score: -70), self.hit(8, 3, 9, score: -1)],
        ]
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            var gathered = GatheredHits(awaited: 3, order: .relevance, limit: 4)
            let answers = order.map { gathered.take(.success(.hits(pages[$0], isComplete: true))) }
            let page = [pages[2][0], pages[0][0], pages[1][0], pages[0][1]]
            #expect(answers.last == .success(.hits(page, isComplete: true)))
        }
    }

    @Test func `more pages may be awaited while one is, and none after the answer`() {
        var gathered = GatheredHits(awaited: 1, order: .newest, limit: 3)
        gathered.await(more: 1)
        #expect(gathered.take(.success(.hits([self.hit(1, 1, 1)], isComplete: true))) == nil && gathered.isOpen)
        let answer = gathered.take(.success(.hits([self.hit(2, 1, 2)], isComplete: true)))
        #expect(answer == .success(.hits([self.hit(2, 1, 2), self.hit(1, 1, 1)], isComplete: true)))
        gathered.await(more: 1)
        #expect(!gathered.isOpen && gathered.take(.success(.hits([], isComplete: true))) == nil)
    }

    @Test func `a full page of the newest narrows what others look for, and keeps equals`() {
        let request = SearchRequest(terms: [], channels: [], after: Timestamp(milliseconds: 3), limit: 2)
        var gathered = GatheredHits(awaited: 3, order: .newest, limit: 2)
        #expect(gathered.narrowed(request) == request)
        _ = gathered.take(.success(.hits([self.hit(9, 1, 3)], isComplete: true)))
        #expect(gathered.narrowed(request) == request, "the page is not full")
        _ = gathered.take(.success(.hits([self.hit(7, 2, 3), self.hit(2, 2, 1)], isComplete: true)))
        #expect(gathered.narrowed(request).after == Timestamp(milliseconds: 6), "7 may still come, by its id")
        var later = request
        later.after = Timestamp(milliseconds: 8)
        #expect(gathered.narrowed(later) == later)
        var ranked = GatheredHits(awaited: 2, order: .relevance, limit: 1)
        _ = ranked.take(.success(.hits([self.hit(9, 1, 3, score: -5)], isComplete: true)))
        #expect(ranked.narrowed(request) == request)
    }

    @Test func `waves grow, each begins when the one before has answered`() {
        var asked: [UInt16] = []
        let waves = SearchWaves((1...30).map { ShardID($0) }, order: .newest) { asked.append($0.rawValue) }
        waves.next()
        #expect(asked == [1, 2, 3, 4])
        for _ in 0..<3 { waves.answered() }
        #expect(asked.count == 4)
        waves.answered()
        #expect(asked == Array(1...16))
        for _ in 0..<12 { waves.answered() }
        #expect(asked == Array(1...30))
        for _ in 0..<14 { waves.answered() }
        #expect(asked.count == 30)
        var atOnce: [UInt16] = []
        SearchWaves((1...30).map { ShardID($0) }, order: .relevance) { atOnce.append($0.rawValue) }.next()
        #expect(atOnce.count == 30)
    }

    @Test func `the page of narrowed waves is the page of everything`() {
        // Few milliseconds for many messages, so that equals stand at the border of nearly every page.
        for seed in 1...40 as ClosedRange<UInt64> {
            var state = seed
            func number(below limit: UInt64) -> UInt64 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return (state >> 33) % limit
            }
            let shards = (1...40).map { shard in
                (0..<number(below: 30)).map { self.hit(Int64(number(below: 60)), UInt64(shard), $0 + 1) }
            }
            let request = SearchRequest(terms: [], channels: [], limit: UInt32(number(below: 25) + 1))
            var gathered = GatheredHits(awaited: 40, order: .newest, limit: Int(request.limit))
            var answer: Result<QueryAnswer, ServiceError>?
            var shown = 0
            var asked: [ShardID] = []
            let waves = SearchWaves((1...40).map { ShardID($0) }, order: .newest) { asked.append($0) }
            waves.next()
            while !asked.isEmpty {
                for shard in asked {
                    let after = gathered.narrowed(request).after ?? Timestamp(milliseconds: -1)
                    let found = shards[Int(shard.rawValue) - 1].filter { $0.message.createdAt > after }
                        .sorted { SearchOrder.newest.comesFirst($0, $1) }.prefix(Int(request.limit))
                    shown += found.count
                    answer = gathered.take(.success(.hits(Array(found), isComplete: true)))
                }
                let count = asked.count
                asked = []
                for _ in 0..<count { waves.answered() }
            }
            let all = shards.flatMap { $0 }.sorted { SearchOrder.newest.comesFirst($0, $1) }
            #expect(answer == .success(.hits(Array(all.prefix(Int(request.limit))), isComplete: true)))
            #expect(shown < all.count, "nothing was spared")
        }
    }

    @Test func `waves that are stopped ask nobody else`() {
        var asked = 0
        let waves = SearchWaves((1...30).map { ShardID($0) }, order: .newest) { _ in asked += 1 }
        waves.next()
        waves.stop()
        for _ in 0..<4 { waves.answered() }
        #expect(asked == 4)
    }

    @Test func `one shard that is behind makes the page incomplete`() {
        var gathered = GatheredHits(awaited: 2, order: .newest, limit: 3)
        #expect(gathered.take(.success(.hits([], isComplete: false))) == nil)
        #expect(gathered.take(.success(.hits([], isComplete: true))) == .success(.hits([], isComplete: false)))
    }

    @Test func `one shard that does not answer fails the search, once`() {
        var gathered = GatheredHits(awaited: 3, order: .newest, limit: 3)
        #expect(gathered.take(.success(.hits([], isComplete: true))) == nil)
        let failure = Result<QueryAnswer, ServiceError>.failure(.unavailable(retryAfterSeconds: 1))
        #expect(gathered.take(failure) == failure)
        #expect(gathered.take(failure) == nil)
    }
}
