import ClusterModel
import Testing

@testable import Fanout

@Suite struct ChannelFeedTests {
    private typealias Feed = ChannelFeed<UInt64>

    private func effects(_ feed: inout Feed, _ input: Feed.Input) -> [Feed.Effect] {
        var effects: [Feed.Effect] = []
        feed.step(input, into: &effects)
        return effects
    }

    @Test func `the next event is delivered and a repeated one is dropped`() {
        var feed = Feed(after: 4)
        #expect(self.effects(&feed, .event(seq: 5, 5)) == [.deliver(5)])
        #expect(self.effects(&feed, .event(seq: 5, 5)) == [])
        #expect(self.effects(&feed, .event(seq: 3, 3)) == [])
        #expect(feed.head == 5)
    }

    @Test func `a gap asks the source once to go on from where the feed stands`() {
        var feed = Feed(after: 0)
        #expect(self.effects(&feed, .event(seq: 3, 3)) == [.subscribe(after: 0)])
        #expect(self.effects(&feed, .event(seq: 4, 4)) == [])
        #expect(self.effects(&feed, .event(seq: 1, 1)) == [.deliver(1)])
    }

    @Test func `a request for the missing that is lost itself is repeated, ever more patiently`() {
        var feed = Feed(after: 0)
        _ = self.effects(&feed, .event(seq: 2, 2))
        var asked: [Int] = []
        for tick in 1...40 where self.effects(&feed, .tick) == [.subscribe(after: 0)] { asked.append(tick) }
        #expect(asked == [2, 6, 14, 30])
    }

    @Test func `a head that somebody else has seen is missed after a while`() {
        var feed = Feed(after: 0)
        _ = self.effects(&feed, .head(seq: 1))
        #expect(self.effects(&feed, .tick) == [])
        #expect(self.effects(&feed, .tick) == [.subscribe(after: 0)])
        #expect(self.effects(&feed, .event(seq: 1, 1)) == [.deliver(1)])
        for _ in 0..<100 { #expect(self.effects(&feed, .tick) == []) }
    }

    @Test func `a reset leaps forward and never back`() {
        var feed = Feed(after: 0)
        _ = self.effects(&feed, .event(seq: 1, 1))
        #expect(self.effects(&feed, .reset(head: 9)) == [.leapt(head: 9), .subscribe(after: 9)])
        #expect(self.effects(&feed, .reset(head: 5)) == [])
        #expect(feed.page(after: 1, limit: 10) == .older(through: 9))
        #expect(self.effects(&feed, .event(seq: 10, 10)) == [.deliver(10)])
    }

    @Test func `a reader gets what it misses from the ring or is sent to the log`() {
        var feed = ChannelFeed<UInt64>(after: 0, ringMax: 4)
        for seq in 1...10 as ClosedRange<UInt64> { _ = self.effects(&feed, .event(seq: seq, seq)) }
        #expect(feed.page(after: 10, limit: 9) == .current)
        #expect(feed.page(after: 12, limit: 9) == .current)
        #expect(feed.page(after: 8, limit: 9) == .events([9, 10]))
        #expect(feed.page(after: 6, limit: 3) == .events([7, 8, 9]))
        #expect(feed.page(after: 5, limit: 9) == .older(through: 6))
    }

    /// Ordered, Unique, Reliable and Resumable, whatever the source does: batches are repeated, lost, cut and
    /// shuffled, and readers come and go with cursors of their own.
    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func `every reader gets every event once and in order under a faulty source`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let total = UInt64.random(in: 50...400, using: &generator)
        var feed = ChannelFeed<UInt64>(after: 0, ringMax: 16)
        var readers: [[UInt64]] = [[]]
        var inFlight: [ClosedRange<UInt64>] = [1...total]
        var effects: [ChannelFeed<UInt64>.Effect] = []

        func handOut() {
            for effect in effects {
                switch effect {
                case .deliver(let event):
                    for index in readers.indices where readers[index].count + 1 == Int(event) {
                        // A reader that is not listening just now stays where it is.
                        if Bool.random(using: &generator) { readers[index].append(event) }
                    }
                case .subscribe(let seq): if seq < total { inFlight.append(seq + 1...total) }
                case .leapt: Issue.record("no reset was sent")
                }
            }
            effects.removeAll()
        }

        var turns = 0
        while feed.head < total, turns < 100_000 {
            turns += 1
            guard let index = inFlight.indices.randomElement(using: &generator) else {
                feed.step(.head(seq: total), into: &effects)
                feed.step(.tick, into: &effects)
                handOut()
                continue
            }
            let batch = inFlight[index]
            let fate = Int.random(in: 0..<10, using: &generator)
            if fate != 0 { inFlight.remove(at: index) }
            // 1: lost. 2: only its end arrives. Else: its beginning, and the rest stays on the way.
            guard fate != 1 else { continue }
            let cut = UInt64.random(in: batch, using: &generator)
            let arriving = fate == 2 ? cut...batch.upperBound : batch.lowerBound...cut
            if fate > 4, cut < batch.upperBound { inFlight.append(cut + 1...batch.upperBound) }
            for seq in arriving {
                feed.step(.event(seq: seq, seq), into: &effects)
                handOut()
            }
            if turns % 7 == 0, readers.count < 8 { readers.append(Array(1..<feed.next)) }
        }
        #expect(feed.head == total, "seed \(seed)")
        for reader in readers {
            var events = reader
            while true {
                switch feed.page(after: UInt64(events.count), limit: 5) {
                case .current: break
                case .events(let missed): events += missed; continue
                case .older(let through): events += Array(UInt64(events.count) + 1...through); continue
                }
                break
            }
            #expect(events == Array(1...total), "seed \(seed)")
        }
    }
}
