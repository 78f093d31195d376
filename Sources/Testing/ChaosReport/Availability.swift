import HistoryChecker

/// Rule C13: how long writes stood still, per shard and fault.
///
/// A gap is the time between two acknowledgements in one shard that follow each other, or to the end of the load.
/// It belongs to every fault that was under way during it, or had ended less than `grace` before it began with no other
/// fault begun since. Its length has meaning only against the gaps of quiet times, which the load's own spacing makes.
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
        let window = run.description.loadBegin...max(run.description.loadEnd, run.description.loadBegin)
        var shards: [Int: [Microseconds]] = [:]
        var all: [Microseconds] = []
        for sample in run.samples where sample.kind == .acked && window.contains(sample.at) {
            guard run.history.channels.indices.contains(Int(sample.channel)) else { continue }
            shards[run.history.channels[Int(sample.channel)].shard, default: []].append(sample.at)
            all.append(sample.at)
        }
        let spans = run.history.faults.map { fault in
            let end = fault.end ?? window.upperBound
            let next = run.history.faults.map(\.begin).filter { $0 >= end }.min() ?? .max
            return (fault: fault, low: fault.begin, high: min(end + Self.grace, next))
        }
        let gaps = shards.keys.sorted().map { Self.gaps(shards[$0] ?? [], shard: $0, window) }
        let wholeGaps = Self.gaps(all, shard: -1, window)
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

    /// - Parameter times: Rising.
    private static func gaps(
        _ times: [Microseconds], shard: Int, _ window: ClosedRange<Microseconds>
    ) -> [Gap] {
        // Before the first acknowledgement the load may not have reached the shard: no gap.
        guard var last = times.first else { return [] }
        var gaps: [Gap] = []
        for time in times.dropFirst() {
            if time - last >= 1_000 { gaps.append(Gap(shard: shard, begin: last, end: time)) }
            last = time
        }
        if window.upperBound > last { gaps.append(Gap(shard: shard, begin: last, end: window.upperBound)) }
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
