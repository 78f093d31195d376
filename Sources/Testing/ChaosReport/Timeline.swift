import HistoryChecker

/// A run over time, in bins: what a picture of it shows.
package struct Timeline: Sendable {
    /// One stretch of time.
    package struct Bin: Sendable {
        package var acked = 0
        package var failed = 0
        package var retried = 0
        /// Of the acks, microseconds; nil without one.
        package var median: Microseconds?
        package var p99: Microseconds?
    }
    /// Something with a length, on a row.
    package struct Bar: Sendable {
        package let label: String
        package let begin: Microseconds
        package let end: Microseconds
    }

    package let title: String
    package let subtitle: String
    /// Times are from the begin of the load.
    package let length: Microseconds
    package let binLength: Microseconds
    package let bins: [Bin]
    /// A row for every node that was named, and one for what concerns none.
    package let rows: [(name: String, bars: [Bar])]
    package let gaps: [Bar]
    package let gapThreshold: Microseconds

    private static let binLengths: [Microseconds] = [
        50_000, 100_000, 200_000, 250_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
    ]

    package init(_ run: RecordedRun) {
        let begin = run.description.loadBegin
        let lastFault = run.history.faults.map { $0.end ?? $0.begin }.max() ?? begin
        let end = max(run.description.loadEnd, min(lastFault, run.description.loadEnd + 30_000_000), begin + 1_000_000)
        let length = end - begin
        self.length = length
        let binLength = Self.binLengths.first { length / $0 <= 360 } ?? length / 360
        self.binLength = binLength
        self.bins = Self.bins(run.samples, begin: begin, length: length, binLength: binLength)

        let names = run.description.servers.map { String($0.prefix { $0 != "=" }) }
        self.rows = Self.rows(run.history.faults, names: names, begin: begin, end: end)
        let availability = Availability(run)
        self.gapThreshold = availability.threshold
        self.gaps = Self.merged(availability.notable, begin: begin)
        let acked = run.samples.count { $0.kind == .acked }
        self.title = run.description.name
        let seconds = Double(run.description.loadEnd - begin) / 1e6
        self.subtitle =
            "\(run.description.startedAt)   \(acked) acknowledged in \((seconds * 10).rounded() / 10) s, "
            + "\(Int((Double(acked) / max(seconds, 0.001)).rounded())) a second; \(run.history.faults.count) faults"
    }

    private static func bins(
        _ samples: [HistoryReader.Sample], begin: Microseconds, length: Microseconds, binLength: Microseconds
    ) -> [Bin] {
        let count = Int((length + binLength - 1) / binLength)
        var bins = Array(repeating: Bin(), count: count)
        var latencies = Array(repeating: [UInt32](), count: count)
        for sample in samples where sample.at >= begin && sample.at - begin < length {
            let bin = Int((sample.at - begin) / binLength)
            if sample.isRetry { bins[bin].retried += 1 }
            switch sample.kind {
            case .acked:
                bins[bin].acked += 1
                latencies[bin].append(sample.latency)
            case .failed, .unknown: bins[bin].failed += 1
            }
        }
        for bin in bins.indices where !latencies[bin].isEmpty {
            let sorted = latencies[bin].sorted()
            bins[bin].median = Microseconds(sorted[sorted.count / 2])
            bins[bin].p99 = Microseconds(sorted[min(sorted.count * 99 / 100, sorted.count - 1)])
        }
        return bins
    }

    /// A fault stands on the row of each node that its target names.
    private static func rows(
        _ faults: [Fault], names: [String], begin: Microseconds, end: Microseconds
    ) -> [(name: String, bars: [Bar])] {
        var bars: [String: [Bar]] = [:]
        for fault in faults {
            let bar = Bar(label: fault.name, begin: fault.begin - begin, end: (fault.end ?? end) - begin)
            let words = Set(fault.target.split { !$0.isLetter && !$0.isNumber }.map(String.init))
            let hit = words.contains("all") ? names : names.filter { words.contains($0) }
            if hit.isEmpty {
                bars["", default: []].append(
                    Bar(label: "\(fault.name) \(fault.target)", begin: bar.begin, end: bar.end))
            }
            for name in hit { bars[name, default: []].append(bar) }
        }
        let rows = names.map { (name: $0, bars: bars[$0] ?? []) }
        return bars[""].map { rows + [(name: "elsewhere", bars: $0)] } ?? rows
    }

    /// Gaps of several shards at one time become one bar, as long as the longest.
    private static func merged(_ gaps: [Availability.Gap], begin: Microseconds) -> [Bar] {
        var groups: [(begin: Microseconds, end: Microseconds, longest: Microseconds, shards: Set<Int>)] = []
        for gap in gaps {
            if let last = groups.last, gap.begin < last.end {
                groups[groups.count - 1].end = max(last.end, gap.end)
                groups[groups.count - 1].longest = max(last.longest, gap.length)
                groups[groups.count - 1].shards.insert(gap.shard)
            } else {
                groups.append((gap.begin, gap.end, gap.length, [gap.shard]))
            }
        }
        return groups.map { group in
            let shards = group.shards.count == 1 ? "shard \(group.shards.first ?? 0)" : "\(group.shards.count) shards"
            return Bar(
                label: "\(Verdict.short(Int(group.longest))) \(shards)", begin: group.begin - begin,
                end: group.end - begin)
        }
    }
}
