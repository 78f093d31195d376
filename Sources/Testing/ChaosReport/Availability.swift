import HistoryChecker

/// Rule C13: how long writes stood still, per shard and fault.
///
/// A gap is the time between two acknowledgements in one shard that follow each other, as far as somebody waited for
/// one meanwhile: a shard that nobody writes to stands still for nobody's harm. A shard that never comes back has a gap
/// up to the last attempt. A gap belongs to every fault that was under way during it, or had ended less than `grace` before it began with no other
/// fault begun since. Its length has meaning only against the gaps of quiet times.
package struct Availability: Sendable {
    package struct Gap: Sendable, Hashable {
        package let shard: Int
        package let begin: Microseconds
        package let end: Microseconds
        package var length: Microseconds { self.end - self.begin }
    }

    /// What one fault did to writes.
    package struct Impact: Sendable {
        package let fault: Fault
        /// The longest gap of each shard that had one, by falling length.
        package let gaps: [Gap]
        /// The longest time without an acknowledgement from any shard.
        package let whole: Microseconds
        package var longest: Gap? { self.gaps.first }
        package var median: Microseconds { self.gaps.isEmpty ? 0 : self.gaps[self.gaps.count / 2].length }
    }

    package static let grace: Microseconds = 5_000_000

    package let impacts: [Impact]
    /// The longest gap of any shard that no fault explains.
    package let quiet: Microseconds
    /// All gaps of shards above the threshold, by their begin.
    package let notable: [Gap]
    package let threshold: Microseconds

    package init(_ run: RecordedRun) {
        let end = max(run.description.loadEnd, run.samples.last?.at ?? 0)
        var shards: [Int: [HistoryReader.Sample]] = [:]
        for sample in run.samples where run.history.channels.indices.contains(Int(sample.channel)) {
            shards[run.history.channels[Int(sample.channel)].shard, default: []].append(sample)
        }
        let spans = run.history.faults.map { fault in
            let end = fault.end ?? end
            let next = run.history.faults.map(\.begin).filter { $0 >= end }.min() ?? .max
            return (fault: fault, low: fault.begin, high: min(end + Self.grace, next))
        }
        let gaps = shards.keys.sorted().map { Self.gaps(shards[$0] ?? [], shard: $0) }
        let wholeGaps = Self.gaps(run.samples, shard: -1)
        self.impacts = spans.map { span in
            let longest = gaps.compactMap { Self.longest($0, from: span.low, to: span.high) }
            let whole = Self.longest(wholeGaps, from: span.low, to: span.high)
            return Impact(
                fault: span.fault, gaps: longest.sorted { ($1.length, $0.shard) < ($0.length, $1.shard) },
                whole: whole?.length ?? 0)
        }
        let unexplained = gaps.joined().filter { gap in
            !spans.contains { gap.end > $0.low && gap.begin < $0.high }
        }
        self.quiet = unexplained.map(\.length).max() ?? 0
        // Above what quiet times show; a run without quiet times must not hide its gaps.
        let threshold = min(max(250_000, self.quiet + self.quiet / 4), 1_000_000)
        self.threshold = threshold
        self.notable = gaps.joined().filter { $0.length >= threshold }.sorted { $0.begin < $1.begin }
    }

    /// - Parameter samples: By rising time.
    private static func gaps(_ samples: [HistoryReader.Sample], shard: Int) -> [Gap] {
        let acks = samples.filter { $0.kind == .acked }
        guard let lastAck = acks.last else { return [] }
        // The earliest begin of what was acknowledged at this index or later.
        var waiting = Array(repeating: Microseconds.max, count: acks.count)
        var earliest = Microseconds.max
        for index in acks.indices.reversed() {
            earliest = min(earliest, acks[index].at - Microseconds(acks[index].latency))
            waiting[index] = earliest
        }
        var gaps: [Gap] = []
        for index in acks.indices {
            let begin = index == 0 ? waiting[0] : max(acks[index - 1].at, waiting[index])
            if acks[index].at - begin >= 1_000 { gaps.append(Gap(shard: shard, begin: begin, end: acks[index].at)) }
        }
        if let lastTry = samples.last, lastTry.at - lastAck.at >= 1_000 {
            gaps.append(Gap(shard: shard, begin: lastAck.at, end: lastTry.at))
        }
        return gaps
    }

    /// - Parameter gaps: Rising and apart from each other.
    private static func longest(_ gaps: [Gap], from low: Microseconds, to high: Microseconds) -> Gap? {
        var begin = 0
        var end = gaps.count
        while begin < end {
            let middle = (begin + end) / 2
            if gaps[middle].end <= low { begin = middle + 1 } else { end = middle }
        }
        return gaps[begin...].prefix { $0.begin < high }.max { $0.length < $1.length }
    }
}
