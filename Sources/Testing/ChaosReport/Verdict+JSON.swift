import Foundation
import HistoryChecker

// verdict.json: the names are stable, programs read them.

extension Verdict {
    package func json() throws -> Data {
        let figures = self.findings.figures
        var fields: [String: Any] = [
            "passed": self.passed, "counts": self.doesNotCount == nil, "name": self.run.name,
            "seconds": Self.seconds(self.run.loadEnd - self.run.loadBegin), "acked": figures.acked,
            "lost": figures.lost, "doubled": figures.doubled, "reordered": figures.reordered,
            "phantom": figures.phantom, "gaps": figures.gaps, "unknown": figures.unresolved,
            "unknown_present": figures.unresolvedPresent, "unknown_attempts": figures.unknown,
            "retried": figures.retried, "attempts": figures.attempts, "refused_attempts": figures.refused,
            "denied": figures.denied, "messages": figures.messages, "deliveries": figures.deliveries,
            "resets": figures.resets, "reads": figures.reads, "failed_reads": figures.failedReads,
            "final_logs": figures.finalLogs, "operations": figures.operations,
            "operations_refused": figures.operationsRefused, "operations_unknown": figures.operationsUnknown,
            "lively_events": figures.livelyEvents, "sidebar_rows": figures.sidebarRows,
            "lively_messages": figures.livelyMessages, "reaction_groups": figures.reactionGroups,
            "member_lists": figures.memberLists, "thread_views": figures.threadViews, "pins": figures.pins,
            "inbox_entries": figures.inboxEntries,
            "acked_per_s": self.ackedPerSecond.rounded(), "calm_acked_per_s": self.calmAckedPerSecond.rounded(),
            "success_share": (self.successShare * 10_000).rounded() / 10_000,
            "latency_us": ["p50": self.latency.median, "p99": self.latency.p99, "max": self.latency.longest],
            "quiet_gap_ms": Self.milliseconds(self.availability.quiet), "remarks": self.remarks,
        ]
        if let reason = self.doesNotCount { fields["does_not_count"] = reason }
        fields["rules"] = Dictionary(
            uniqueKeysWithValues: Rule.allCases.map { ($0.rawValue, self.findings.count($0)) })
        fields["violations"] = self.findings.violations.map { located in
            var entry: [String: Any] = [
                "rule": located.violation.rule.rawValue, "text": located.violation.description,
            ]
            if let channel = located.channel { entry["channel"] = self.channelIDs[channel] }
            return entry
        }
        fields["faults"] = self.availability.impacts.map { self.json($0) }
        fields["fault_kinds"] = self.kinds.map { kind in
            [
                "fault": kind.name, "times": kind.times, "gap_median_ms": Self.milliseconds(kind.medianGap),
                "gap_max_ms": Self.milliseconds(kind.longestGap),
            ] as [String: Any]
        }
        return try JSONSerialization.data(
            withJSONObject: fields, options: [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes])
    }

    private func json(_ impact: Availability.Impact) -> [String: Any] {
        let fault = impact.fault
        var entry: [String: Any] = [
            "fault": fault.name, "target": fault.target, "detail": fault.detail,
            "at_s": Self.seconds(fault.begin - self.run.loadBegin), "whole_gap_ms": Self.milliseconds(impact.whole),
            "gap_median_ms": Self.milliseconds(impact.median),
            "gaps": impact.gaps.prefix(8).map { gap in
                ["shard": gap.shard, "ms": Self.milliseconds(gap.length)]
            },
        ]
        if let end = fault.end { entry["took_s"] = Self.seconds(end - fault.begin) }
        if let longest = impact.longest { entry["gap_max_ms"] = Self.milliseconds(longest.length) }
        return entry
    }

    static func seconds(_ time: Microseconds) -> Double { (Double(time) / 1e4).rounded() / 100 }
    static func milliseconds(_ time: Microseconds) -> Int { Int((Double(time) / 1e3).rounded()) }
}
