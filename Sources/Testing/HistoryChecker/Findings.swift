/// What a check found: every violation counted, the first of each rule kept, and the figures of the run.
package struct Findings: Sendable {
    package struct Located: Sendable {
        /// The index of the channel in the history; nil for what concerns a group.
        package let channel: Int?
        package let violation: Violation
    }

    /// A broken run would fill the report with echoes of one fault.
    package static let keptPerRuleMax = 100

    package private(set) var violations: [Located] = []
    package private(set) var counts: [Rule: Int] = [:]
    package var figures = Figures()
    /// What was not judged, as sentences: a replica that gave no log at the end.
    package var remarks: [String] = []

    package init() {}

    package var isClean: Bool { self.counts.isEmpty }
    package func count(_ rule: Rule) -> Int { self.counts[rule] ?? 0 }

    mutating func add(_ violation: Violation, channel: Int?) {
        let rule = violation.rule
        self.counts[rule, default: 0] += 1
        self.figures.count(violation)
        if self.counts[rule] ?? 0 <= Self.keptPerRuleMax {
            self.violations.append(Located(channel: channel, violation: violation))
        }
    }
}

/// Counts over a run.
package struct Figures: Sendable, Hashable {
    package var attempts = 0
    /// Keys that were acknowledged.
    package var acked = 0
    /// Keys that needed more than one attempt.
    package var retried = 0
    /// Attempts without a verdict.
    package var unknown = 0
    package var refused = 0
    /// Keys all of whose attempts were refused, and not because the author may not.
    package var refusedKeys = 0
    package var denied = 0
    /// Keys that never got a verdict, and how many of them are in the log.
    package var unresolved = 0
    package var unresolvedPresent = 0
    /// Messages in the logs.
    package var messages = 0
    package var reads = 0
    package var failedReads = 0
    package var deliveries = 0
    package var resets = 0
    package var finalLogs = 0

    // Of lively channels.
    package var operations = 0
    package var operationsRefused = 0
    package var operationsUnknown = 0
    package var livelyEvents = 0
    // What nodes showed that was held against the logs.
    package var sidebarRows = 0
    package var livelyMessages = 0
    package var reactionGroups = 0
    package var memberLists = 0
    /// Threads as they were shown to each member, pins that were listed, entries of inboxes.
    package var threadViews = 0
    package var pins = 0
    package var inboxEntries = 0

    // The four words of the verdict; gaps of delivery are the fifth.
    package var lost = 0
    package var doubled = 0
    package var reordered = 0
    package var phantom = 0
    package var gaps = 0

    package init() {}

    mutating func count(_ violation: Violation) {
        switch violation {
        case .lost, .moved: self.lost += 1
        case .keyTwice, .ackedTwice, .deliveryRepeat: self.doubled += 1
        case .inversion: self.reordered += 1
        case .phantom, .refusedButPresent, .otherText: self.phantom += 1
        case .deliveryGap, .deliveryIncomplete, .logGap, .replicaLacks, .readGap: self.gaps += 1
        case .lively(_, .lost), .lively(_, .textGone): self.lost += 1
        case .lively(_, .doubled): self.doubled += 1
        case .lively(_, .phantom), .lively(_, .otherText), .lively(_, .otherThread): self.phantom += 1
        case .lively(_, .logGap): self.gaps += 1
        default: break
        }
    }
}
