import ClusterModel

/// What a replica must never forget: its term and vote (Raft, figure 2), and, to save work at a start,
/// how far the log was known to be committed.
package struct HardState: Hashable, Sendable {
    package var term: Term
    package var votedFor: ReplicaID?
    /// Written along with other records only, so it may lag. It never runs ahead.
    package var commitIndex: LogIndex

    package init(term: Term, votedFor: ReplicaID?, commitIndex: LogIndex) {
        self.term = term
        self.votedFor = votedFor
        self.commitIndex = commitIndex
    }

    package static let initial = HardState(term: .zero, votedFor: nil, commitIndex: .zero)
}

extension HardState: Wire {
    package func encode(into writer: inout ByteWriter) {
        writer.write(self.term)
        writer.write(self.votedFor)
        writer.write(self.commitIndex)
    }
    package init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            term: try reader.readTerm(), votedFor: try reader.readOptional(), commitIndex: try reader.readIndex())
    }
}

/// What the host read back from its disk. Everything in it counts as durable.
///
/// The replica hands out `.committed` for the entries above `hardState.commitIndex`; what lies between
/// the host's own applied index and that is the host's to read and apply. A host that would rather be
/// handed those entries too may lower `hardState.commitIndex` to its applied index and lengthen `tail`.
package struct RecoveredLog: Sendable {
    package var hardState: HardState
    /// The index and term just before the log: (0, 0) while no log is cut at its front.
    package var baseIndex: LogIndex
    package var baseTerm: Term
    /// Where each term's entries begin, oldest first, from the first entry of the log on.
    package var termRuns: [(first: LogIndex, term: Term)]
    package var lastIndex: LogIndex
    /// The newest entries, contiguous up to `lastIndex`; at least all above `hardState.commitIndex`.
    package var tail: [Entry]
    /// The configuration in force at `baseIndex`, at its own index or at `baseIndex`, then every configuration
    /// entry of the log, oldest first.
    package var configurations: [(LogIndex, Configuration)]
    /// The disk may have lost entries that this replica has acknowledged: it grants no ordinary vote and does not
    /// campaign on its own until a leader has given them back (`.repaired`). The host keeps the mark over
    /// restarts until then. A replica whose term or vote may be lost must not be started at all.
    package var isDamaged: Bool

    package init(
        hardState: HardState, baseIndex: LogIndex = .zero, baseTerm: Term = .zero,
        termRuns: [(first: LogIndex, term: Term)], lastIndex: LogIndex, tail: [Entry],
        configurations: [(LogIndex, Configuration)], isDamaged: Bool = false
    ) {
        self.hardState = hardState
        self.baseIndex = baseIndex
        self.baseTerm = baseTerm
        self.termRuns = termRuns
        self.lastIndex = lastIndex
        self.tail = tail
        self.configurations = configurations
        self.isDamaged = isDamaged
    }

    /// A whole log that fits in memory, as tests and the simulator have it.
    package init(hardState: HardState, entries: [Entry]) {
        self.init(
            hardState: hardState, termRuns: [], lastIndex: entries.last?.index ?? .zero, tail: entries,
            configurations: [])
        for entry in entries {
            if self.termRuns.last?.term != entry.term { self.termRuns.append((first: entry.index, term: entry.term)) }
            if case .configuration(let configuration) = entry.payload {
                self.configurations.append((entry.index, configuration))
            }
        }
    }

    /// A replica that has yet to hear from its leader.
    package static var empty: RecoveredLog { RecoveredLog(hardState: .initial, entries: []) }

    /// The first replica of a new group: one configuration entry at index 1 of term 1. The host writes
    /// both (`tail` and `hardState`) to its disk before it starts the replica.
    package static func founding(_ configuration: Configuration) -> RecoveredLog {
        RecoveredLog(
            hardState: HardState(term: Term(1), votedFor: nil, commitIndex: .zero),
            entries: [Entry(index: LogIndex(1), term: Term(1), payload: .configuration(configuration))])
    }
}
