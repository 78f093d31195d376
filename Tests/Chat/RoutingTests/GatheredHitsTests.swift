import ChatModel
import ChatService
import ClusterModel
import Testing

@testable import Routing

/// Pages of several shards become one.
@Suite struct GatheredHitsTests {
    private func hit(_ at: Int64, _ channel: UInt64, _ seq: UInt64) -> SearchHit {
        let id = MessageID(channel: ChannelID(high: 2, low: channel), seq: seq)
        return SearchHit(
            message: MessageView(
                id: id, author: UserID(high: 1, low: 1), createdAt: Timestamp(milliseconds: at),
                content: MessageContent(text: "x", clientID: nil, thread: nil)), highlight: "x", score: 0)
    }

    @Test func `the newest of all shards are the page, whoever answers first`() throws {
        let pages = [
            [self.hit(9, 1, 4), self.hit(3, 1, 2)], [], [self.hit(9, 2, 1), self.hit(8, 2, 1)], [self.hit(1, 3, 1)],
        ]
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
            var gathered = GatheredHits(awaited: 4, limit: 3)
            for place in order.dropLast() {
                #expect(gathered.take(.success(.hits(pages[place], isComplete: true))) == nil)
            }
            let last = try #require(order.last)
            let answer = gathered.take(.success(.hits(pages[last], isComplete: true)))
            #expect(
                answer == .success(.hits([self.hit(9, 2, 1), self.hit(9, 1, 4), self.hit(8, 2, 1)], isComplete: true)))
        }
    }

    @Test func `one shard that is behind makes the page incomplete`() {
        var gathered = GatheredHits(awaited: 2, limit: 3)
        #expect(gathered.take(.success(.hits([], isComplete: false))) == nil)
        #expect(gathered.take(.success(.hits([], isComplete: true))) == .success(.hits([], isComplete: false)))
    }

    @Test func `one shard that does not answer fails the search, once`() {
        var gathered = GatheredHits(awaited: 3, limit: 3)
        #expect(gathered.take(.success(.hits([], isComplete: true))) == nil)
        let failure = Result<QueryAnswer, ServiceError>.failure(.unavailable(retryAfterSeconds: 1))
        #expect(gathered.take(failure) == failure)
        #expect(gathered.take(failure) == nil)
    }
}
