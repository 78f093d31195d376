import ChatModel
import ClusterModel
import Testing

@testable import Routing

/// Where the hits of several nodes stand becomes one page.
@Suite struct GatheredHitsTests {
    private let nodes = (1...3).map { NodeID(high: 0, low: $0) }

    private func position(_ rank: Int64, _ channel: UInt64, _ seq: UInt64) -> SearchPosition {
        SearchPosition(rank: rank, message: MessageID(channel: ChannelID(high: 2, low: channel), seq: seq))
    }

    private func hit(_ position: SearchPosition) -> SearchHit {
        SearchHit(
            message: MessageView(
                id: position.message, author: UserID(high: 1, low: 1), createdAt: .zero,
                content: MessageContent(text: "x", clientID: nil, thread: nil)), highlight: "x", score: 0)
    }

    @Test func `the newest of all are the page, whoever answers first`() {
        let found = [
            [self.position(9, 1, 4), self.position(3, 1, 2)], [self.position(9, 2, 1), self.position(8, 2, 1)],
            [self.position(1, 3, 1)],
        ]
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            var gathered = GatheredHits(order: .newest, limit: 3)
            for place in order { gathered.take(found[place], from: self.nodes[place]) }
            #expect(gathered.found.map(\.position) == [found[1][0], found[0][0], found[1][1]])
            #expect(gathered.isFull && gathered.last == found[1][1])
            #expect(
                gathered.byNode == [
                    self.nodes[0]: [found[0][0].message], self.nodes[1]: found[1].map(\.message),
                ])
        }
    }

    @Test func `by relevance the lowest ranks are the page, and among equals the greatest ids`() {
        let found = [
            [self.position(-50, 1, 4), self.position(-10, 1, 5)], [self.position(-10, 2, 1)],
            [self.position(-70, 3, 1), self.position(-1, 3, 9)],
        ]
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            var gathered = GatheredHits(order: .relevance, limit: 4)
            for place in order { gathered.take(found[place], from: self.nodes[place]) }
            #expect(gathered.found.map(\.position) == [found[2][0], found[0][0], found[1][0], found[0][1]])
        }
    }

    @Test func `the first of all parts are the first of everything, in any parts and any order`() {
        for seed in 1...40 as ClosedRange<UInt64> {
            var state = seed
            func number(below limit: UInt64) -> UInt64 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return (state >> 33) % limit
            }
            // Few ranks for many messages, so that equals stand at the border of nearly every page.
            let all = (1...200).map { self.position(Int64(number(below: 20)), number(below: 9), UInt64($0)) }
            let limit = Int(number(below: 25)) + 1
            for order in SearchOrder.allCases {
                var gathered = GatheredHits(order: order, limit: limit)
                var rest = all[...]
                while !rest.isEmpty {
                    let part = rest.prefix(Int(number(below: 30)) + 1)
                    gathered.take(Array(part), from: self.nodes[Int(number(below: 3))])
                    rest = rest.dropFirst(part.count)
                }
                #expect(
                    gathered.found.map(\.position) == all.sorted { order.comesFirst($0, $1) }.prefix(limit).map { $0 })
            }
        }
    }

    @Test func `a page has what is still a hit, in its order, with the rank it was found at`() {
        let positions = [self.position(-9, 1, 1), self.position(-7, 1, 2), self.position(-5, 2, 1)]
        var gathered = GatheredHits(order: .relevance, limit: 5)
        gathered.take(positions, from: self.nodes[0])
        #expect(!gathered.isFull)
        let hits = [positions[2], positions[0]].map { self.hit($0) }
        let page = gathered.page(Dictionary(uniqueKeysWithValues: hits.map { ($0.message.id, $0) }))
        #expect(page.map(\.message.id) == [positions[0].message, positions[2].message])
        #expect(page.map(\.score) == [-9, -5])
        var newest = GatheredHits(order: .newest, limit: 5)
        newest.take(positions, from: self.nodes[0])
        #expect(newest.page([positions[0].message: self.hit(positions[0])]).map(\.score) == [0])
    }
}
