/// The end of one run of one seed.
package struct SimulationReport: Sendable {
    package let seed: UInt64
    package let events: Int
    package let simulated: VirtualTime
    package let trace: TraceHash
    /// What was broken, in words; nil when every invariant held to the end.
    package let violation: String?
    /// What happened how often, in a fixed order, for the summary.
    package let counts: [(name: String, count: Int)]

    package init(
        seed: UInt64, events: Int, simulated: VirtualTime, trace: TraceHash, violation: String?,
        counts: [(name: String, count: Int)]
    ) {
        self.seed = seed
        self.events = events
        self.simulated = simulated
        self.trace = trace
        self.violation = violation
        self.counts = counts
    }
}

/// A protocol under test: one seed in, one report out, and nothing else that could matter.
package protocol SimulationSubject {
    /// As `--subject` names it.
    static var name: String { get }
    /// - Parameter narrate: gets one line per event, when somebody wants to read.
    static func run(seed: UInt64, narrate: ((String) -> Void)?) -> SimulationReport
}

/// Lines of a narration: time, node, verb and details, each at its column.
package enum Narration {
    package static func line(_ time: VirtualTime, _ node: String, _ verb: String, _ details: String) -> String {
        Self.right(time.description, 9) + "  " + Self.left(node, 4) + Self.left(verb, 12) + details
    }

    package static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
    package static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
