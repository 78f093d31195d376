import Foundation
import HistoryChecker

/// What is said of a run: whether it held, whether it counts, and its figures.
package struct Verdict: Sendable {
    /// The impact of all faults of one kind.
    package struct Kind: Sendable {
        package let name: String
        package let times: Int
        /// Of the longest gap of each.
        package let medianGap: Microseconds
        package let longestGap: Microseconds
    }

    package let run: RunDescription
    package let findings: Findings
    package let availability: Availability
    package let kinds: [Kind]
    package let channelIDs: [String]
    package let shards: [Int]
    package let remarks: [String]
    package let ackedPerSecond: Double
    /// Before the first fault, or in all where there was none.
    package let calmAckedPerSecond: Double
    /// Acknowledged keys among all keys whose author was allowed.
    package let successShare: Double
    /// First attempt to ack, microseconds.
    package let latency: (median: Int, p99: Int, longest: Int)

    package var passed: Bool { self.findings.isClean }

    /// Why the run proves little, though nothing was found: nil where it counts. A cluster that takes no writes
    /// loses none.
    package var doesNotCount: String? {
        if self.calmAckedPerSecond < 100 {
            return "only \(Int(self.calmAckedPerSecond)) acknowledged a second before the first fault, 100 are due"
        }
        if self.successShare < 0.5 {
            return "only \(Int(self.successShare * 100)) % of the sends succeeded, half are due"
        }
        return nil
    }

    package init(_ run: RecordedRun) {
        self.run = run.description
        let findings = HistoryCheck.check(run.history)
        self.findings = findings
        let availability = Availability(run)
        self.availability = availability
        self.channelIDs = run.history.channels.map(\.id)
        self.shards = run.history.channels.map(\.shard)
        self.remarks = run.remarks + findings.remarks
        let acks = run.samples.filter { $0.kind == .acked }
        let begin = run.description.loadBegin
        let end = max(run.description.loadEnd, begin + 1)
        self.ackedPerSecond = Double(acks.count { $0.at <= end }) * 1e6 / Double(end - begin)
        let calmEnd = min(run.history.faults.map(\.begin).filter { $0 > begin }.min() ?? end, end)
        self.calmAckedPerSecond =
            calmEnd > begin ? Double(acks.count { $0.at <= calmEnd }) * 1e6 / Double(calmEnd - begin) : 0
        let figures = findings.figures
        let keys = max(figures.acked + figures.unresolved + figures.refusedKeys, 1)
        self.successShare = Double(figures.acked) / Double(keys)
        let latencies = acks.map(\.latency).sorted()
        func quantile(_ share: Double) -> Int {
            latencies.isEmpty ? 0 : Int(latencies[min(Int(Double(latencies.count) * share), latencies.count - 1)])
        }
        self.latency = (quantile(0.5), quantile(0.99), Int(latencies.last ?? 0))
        self.kinds = Dictionary(grouping: availability.impacts, by: \.fault.name).map { name, impacts in
            let longest = impacts.map { $0.longest?.length ?? 0 }.sorted()
            return Kind(
                name: name, times: impacts.count, medianGap: longest[longest.count / 2],
                longestGap: longest.last ?? 0)
        }.sorted { $0.name < $1.name }
    }
}
