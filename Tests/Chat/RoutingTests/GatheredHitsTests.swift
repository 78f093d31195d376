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
