import Foundation
import HistoryChecker

// verdict.txt: for people.

extension Verdict {
    package var text: String {
        let figures = self.findings.figures
        var lines = [
            "\(self.run.name): \(self.headline)",
            "acked \(figures.acked)   lost \(figures.lost)   doubled \(figures.doubled)   "
                + "reordered \(figures.reordered)   phantom \(figures.phantom)   gaps \(figures.gaps)   "
                + "unknown \(figures.unresolved) (\(figures.unresolvedPresent) of them present)",
            "\(Self.seconds(self.run.loadEnd - self.run.loadBegin)) s, "
                + "\(Int(self.ackedPerSecond.rounded())) acked/s, "
                + "\(Int(self.calmAckedPerSecond.rounded())) before the first fault; "
                + "\(Self.percent(self.successShare)) succeeded; "
                + "ack p50 \(Self.short(self.latency.median)), p99 \(Self.short(self.latency.p99)), "
                + "max \(Self.short(self.latency.longest))",
            "attempts \(figures.attempts): refused \(figures.refused), denied \(figures.denied), "
                + "unknown \(figures.unknown); keys retried \(figures.retried)",
            "messages \(figures.messages), deliveries \(figures.deliveries), resets \(figures.resets), "
                + "reads \(figures.reads) (\(figures.failedReads) failed), final logs \(figures.finalLogs)",
        ]
        if figures.operations > 0 {
            lines.append(
                "lively channels: operations \(figures.operations) (refused \(figures.operationsRefused), "
                    + "unknown \(figures.operationsUnknown)), events \(figures.livelyEvents); held against the logs: "
                    + "sidebar rows \(figures.sidebarRows), messages \(figures.livelyMessages) with "
                    + "\(figures.reactionGroups) groups of reactions, member lists \(figures.memberLists), "
                    + "threads \(figures.threadViews), pins \(figures.pins), "
                    + "entries of inboxes \(figures.inboxEntries)")
        }
        lines += self.remarks.prefix(20).map { "remark: \($0)" }
        if !self.availability.impacts.isEmpty { lines += self.faultLines }
        lines += self.violationLines
        return lines.joined(separator: "\n") + "\n"
    }

    private var headline: String {
        if !self.passed {
            let total = Rule.allCases.reduce(0) { $0 + self.findings.count($1) }
            return "FAILED, \(total) violations"
        }
        return self.doesNotCount.map { "held, but the run does not count: \($0)" } ?? "passed"
    }

    private var faultLines: [String] {
        var lines = ["", "write gaps of shards (in quiet times at most \(Self.short(Int(self.availability.quiet))))"]
        lines.append(Self.row("at", "took", "fault", "target", "median", "longest", "shard", "all shards"))
        for impact in self.availability.impacts {
            let fault = impact.fault
            lines.append(
                Self.row(
                    "\(Self.seconds(fault.begin - self.run.loadBegin)) s",
                    fault.end.map { "\(Self.seconds($0 - fault.begin)) s" } ?? "-", fault.name, fault.target,
                    Self.short(Int(impact.median)), Self.short(Int(impact.longest?.length ?? 0)),
                    impact.longest.map { "\($0.shard)" } ?? "-", Self.short(Int(impact.whole))))
        }
        lines.append("")
        for kind in self.kinds {
            lines.append(
                "\(kind.name): \(kind.times) times, longest gap median \(Self.short(Int(kind.medianGap))), "
                    + "max \(Self.short(Int(kind.longestGap)))")
        }
        return lines
    }

    private var violationLines: [String] {
        var lines: [String] = []
        for rule in Rule.allCases.sorted() where self.findings.count(rule) > 0 {
            lines += ["", "\(rule.rawValue): \(self.findings.count(rule)) violations"]
            for located in self.findings.violations.filter({ $0.violation.rule == rule }).prefix(10) {
                let place = located.channel.map { "\(self.channelIDs[$0]) (shard \(self.shards[$0])): " } ?? ""
                lines.append("  \(place)\(located.violation)")
            }
        }
        return lines
    }

    private static func row(_ cells: String...) -> String {
        let widths = [9, 9, 28, 12, 9, 9, 6, 10]
        return zip(cells, widths).map { cell, width in
            cell.count >= width ? cell : cell + String(repeating: " ", count: width - cell.count)
        }.joined(separator: " ").trimmingCharacters(in: .whitespaces)
    }

    /// Microseconds, short.
    static func short(_ time: Int) -> String {
        switch time {
        case ..<1_000: "\(time) us"
        case ..<10_000_000: "\((Double(time) / 1e3).rounded() == 0 ? 1 : Int((Double(time) / 1e3).rounded())) ms"
        default: "\((Double(time) / 1e5).rounded() / 10) s"
        }
    }

    private static func percent(_ share: Double) -> String { "\((share * 1_000).rounded() / 10) %" }
}
