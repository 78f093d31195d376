import HistoryChecker
import Testing

// The linear scans against the definition, over all pairs, on small random histories.

@Suite struct `Against brute force` {
    private struct Small {
        var channel = ChannelHistory(id: "chn_small")
        var acks: [(begin: Microseconds, end: Microseconds, seq: UInt64)] = []
        var reads: [(begin: Microseconds, end: Microseconds, shown: UInt64)] = []

        init(seed: UInt64) {
            var generator = SplitMix(seed: seed)
            let count = Int.random(in: 1...6, using: &generator)
            let digest = TextDigest(rawValue: 1)
            let order = (0..<count).shuffled(using: &generator)
            for number in 0..<count {
                let begin = Microseconds.random(in: 0...100, using: &generator)
                let end = begin + Microseconds.random(in: 0...40, using: &generator)
                guard let place = order.firstIndex(of: number) else { continue }
                let seq = UInt64(place) + 1
                self.acks.append((begin, end, seq))
                self.channel.appends.append(
                    Append(
                        key: MessageKey(client: 0, number: UInt32(number)), digest: digest, begin: begin, end: end,
                        outcome: .acked(seq: seq, shown: digest)))
            }
            let log = order.enumerated().map { place, number in
                LogEntry(seq: UInt64(place) + 1, .message(MessageKey(client: 0, number: UInt32(number)), digest))
            }
            self.channel.finals = [FinalLog(node: "n1", consistency: .linearizable, isFull: true, entries: log)]
            for _ in 0..<Int.random(in: 0...2, using: &generator) {
                let begin = Microseconds.random(in: 0...140, using: &generator)
                let end = begin + Microseconds.random(in: 0...20, using: &generator)
                let shown = UInt64.random(in: 0...UInt64(count), using: &generator)
                self.reads.append((begin, end, shown))
                self.channel.reads.append(
                    Read(
                        client: 9, node: "n1", begin: begin, end: end, consistency: .linearizable,
                        outcome: .entries(Array(log.prefix(Int(shown))), reachesHead: true)))
            }
        }
    }

    @Test func `the order of 20,000 small histories is judged as by all pairs`() {
        var inversions = 0
        for seed in 0..<20_000 as Range<UInt64> {
            var small = Small(seed: seed)
            small.channel.reads = []
            let violated = small.acks.contains { one in
                small.acks.contains { other in one.end < other.begin && one.seq > other.seq }
            }
            let found = HistoryCheck.check(History(channels: [small.channel])).count(.realTimeOrder) > 0
            #expect(found == violated, "seed \(seed)")
            if violated { inversions += 1 }
        }
        #expect(
            (2_000...18_000).contains(inversions), "the histories must be of both kinds, \(inversions) were inverted")
    }

    @Test func `the reads of 20,000 small histories are judged as by all pairs`() {
        var stale = 0
        for seed in 20_000..<40_000 as Range<UInt64> {
            let small = Small(seed: seed)
            // Known by its ack, or by a read that showed it.
            func knownBefore(_ time: Microseconds) -> UInt64 {
                let byAcks = small.acks.filter { $0.end < time }.map(\.seq).max() ?? 0
                let byReads = small.reads.filter { $0.end < time }.map(\.shown).max() ?? 0
                return max(byAcks, byReads)
            }
            let violated = small.reads.contains { $0.shown < knownBefore($0.begin) }
            let found = HistoryCheck.check(History(channels: [small.channel])).violations.contains {
                if case .staleRead = $0.violation { true } else { false }
            }
            #expect(found == violated, "seed \(seed)")
            if violated { stale += 1 }
        }
        #expect((1_000...19_000).contains(stale), "the histories must be of both kinds, \(stale) were stale")
    }
}
